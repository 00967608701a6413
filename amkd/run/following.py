"""A process that follows process 0: it loads the same data, and computes what process 0 requests.

It writes nothing, sends no query, and ends when process 0 ends.
"""

import contextlib
import functools
from typing import Any, NoReturn

import numpy as np

from amkd.config.recipe import Recipe
from amkd.config.settings import Settings
from amkd.core import broadcast, checkpoint, mesh, processes
from amkd.core.broadcast import Message
from amkd.core.stopping import Stopped, StopSignal
from amkd.data.dataset import draw_real
from amkd.data.records import Records
from amkd.methods.first_images import FirstImageInputs
from amkd.run import checks, inputs, leading, round_state, rounds, student_training
from amkd.run.context import SharedContext, weights_identity
from amkd.run.targets import Targets
from amkd.search import pairs
from amkd.training.train import epochs_at_once, train_network


def follow(settings: Settings) -> NoReturn:
    """Executes the instructions of process 0.

    Raises:
      JobEnded: process 0 has ended, or was lost.
      UserError: the data of this process cannot be read.
    """
    stop = processes.signals()
    _expect(broadcast.receive(), leading.BEGIN)
    context = _load(settings, stop)
    leading.report_loaded(context.images, weights_identity(settings, context.data))
    while True:
        message = broadcast.receive()
        if message.kind == leading.SELECT:
            _select(context, message)
        else:
            _train(context, _expect(message, leading.TRAIN))


def _expect(message: Message, kind: str) -> Message:
    if message.kind != kind:
        raise RuntimeError(f"process 0 sent {message.kind!r} where {kind!r} was expected")
    return message


def _load(settings: Settings, stop: StopSignal) -> SharedContext:
    data = inputs.load_data(settings)
    settings = inputs.with_real_count(settings, data)
    checks.check_data(settings, data)
    facts = inputs.facts_of(settings, data)
    source = FirstImageInputs(
        settings=settings,
        shape=data.shape,
        classes=data.classes,
        real=draw_real(data, facts.real_count, settings.seed),
        stop=stop,
    )
    first = facts.method.first.provide(source).images
    images = facts.method.selector.images(data, first, settings)
    return SharedContext(
        settings=settings,
        facts=facts,
        data=data,
        images=images,
        pool=pairs.make_pair_pool(len(images), settings.search.max_pairs, settings.seed),
        stop=stop,
    )


def _records(message: Message) -> Records:
    return Records(*(message.arrays[name] for name in ("i", "j", "w")))


def _targets(message: Message) -> Targets:
    return Targets(
        message.arrays["answers"], message.arrays.get("features"), message.arrays.get("weights")
    )


def _select(context: SharedContext, message: Message) -> None:
    """Selects together with process 0; only process 0 keeps the result."""

    def progress(_: int) -> None:
        context.stop.check()

    def targets() -> Targets:
        return _targets(_expect(broadcast.receive(), leading.TARGETS))

    records = _records(message)
    state = round_state.RoundState(
        round=message.facts["round"],
        epoch=-1,
        records=records,
        score=np.full(len(records), np.nan, np.float32),
        variables=leading.nested(message.arrays, "variables"),
        training=None,
        seconds=round_state.NO_SECONDS,
        reports=(),
    )
    k = message.facts["k"]
    once = functools.cache(targets)
    scans = rounds.scans_of(context, state, lambda scans: None)  # process 0 saves them
    own = rounds.selection_inputs(context, state, k, progress=progress, targets=once, scans=scans)
    with mesh.together():
        context.facts.method.selector.select(own)


def _train(context: SharedContext, message: Message) -> None:
    """Trains together with process 0; only process 0 keeps the student or the assistant."""
    facts, saved = message.facts, leading.nested(message.arrays, "saved")
    fields: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value  # JSON has no tuples
        for name, value in facts["recipe"].items()
    }
    shown = _records(message), _targets(message)
    if facts["role"] == "assistant":
        training = student_training.of_assistant(context, *shown, facts["round"])
    else:
        training = student_training.of_round(
            context,
            *shown,
            Recipe(**fields),
            facts["round"],
            share=facts["share"],
            assisted=facts["assisted"],
        )
    stop = leading.EpochStop(context.stop, epochs_at_once(training))

    def on_epoch(epoch: int, *_: object) -> None:
        stop.after_epoch(epoch)
        if epoch < training.epochs:
            stop.check()

    with mesh.together(), contextlib.suppress(Stopped):  # process 0 saves, and reports the end
        train_network(
            training,
            first_variables=leading.nested(message.arrays, "first"),
            saved=checkpoint.leaves_of(saved) if saved is not None else None,
            first_epoch=facts["epoch"],
            on_epoch=on_epoch,
        )
