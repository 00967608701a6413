"""What a run will query, and what the queries will cost."""

import dataclasses
from pathlib import Path

import numpy as np

from amkd.config import run_record
from amkd.config.settings import Settings
from amkd.core.digest import image_digest
from amkd.core.text import money, plain
from amkd.data.dataset import DataSet
from amkd.ledger import accounts, reader
from amkd.querying import client, sentinel
from amkd.run import workdir
from amkd.run.context import weights_identity
from amkd.run.facts import RunFacts
from amkd.teachers import Teacher


@dataclasses.dataclass(frozen=True)
class Held:
    """What is already in the ledger.

    Attributes:
      images: images of round 0 and evaluation images whose answers are there.
      mixes: mixes whose answers this run has had.
      spent: what this run has spent.
      checked: images that this run's sentinel has sent again.
    """

    images: int = 0
    mixes: int = 0
    spent: float = 0.0
    checked: int = 0

    @property
    def answers(self) -> int:
        """Answers that are not queried again."""
        return self.images + self.mixes


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cost:
    """What a run sends to its teacher, and what that costs.

    Attributes:
      total: images whose answers the run learns from.
      evaluation_queries: evaluation images; 0 if they are not sent to the teacher.
      both: images of round 0 that are also evaluation images: they are sent once.
      again: maximum number of images that the sentinel sends again.
      held: what is in the ledger already.
      price: the price of one image.
      currency: unit of the price.
    """

    total: int
    evaluation_queries: int
    both: int
    again: int = 0
    held: Held
    price: float
    currency: str

    @property
    def to_send(self) -> int:
        """Images to be sent, at most: mixes that another run queried are not sent again."""
        left = self.total + self.evaluation_queries - self.both - self.held.answers
        return left + max(self.again - self.held.checked, 0) if left else 0

    @property
    def amount(self) -> float:
        """Price of all images that are to be sent."""
        return self.to_send * self.price


def held(
    settings: Settings,
    data: DataSet,
    *,
    facts: RunFacts,
    known: np.ndarray,
    folder: Path | None,
    teacher: Teacher | None,
) -> Held:
    """Returns what the ledger holds; a workdir of this run adds what the run has used.

    Args:
      settings: the configuration.
      data: the data set.
      facts: what is known of the run.
      known: ``uint8[M, H, W, C]``, the images of round 0 that are known.
      folder: the workdir, or None.
      teacher: the teacher; None if there is none yet.

    Raises:
      UserError: the workdir is of another run, or the ledger is damaged.
    """
    run = workdir.owner(settings, folder) if folder else ""
    if teacher is None:
        return Held()
    if folder and run_record.is_in(folder):
        sha256 = weights_identity(settings, data)
        workdir.claim(settings, folder, run, teacher.identity, data.key, sha256)  # only checks it
    if folder is None and not settings.ledger.path:
        return Held()
    path = workdir.ledger_path(settings, folder or Path())
    if not path.exists():
        return Held()
    named = _digests(known) | _digests(_evaluation_images(facts, data))
    with reader.open_read_only(path) as book:
        mixes = accounts.used(book, run, client.DISTILL, identity=teacher.identity) - named
        answered = accounts.held(book, teacher.identity, named)
        checked = accounts.answered(book, run, client.SENTINEL)
        return Held(answered, len(mixes), accounts.spent(book, run), checked)


def _digests(images: np.ndarray) -> set[bytes]:
    """Returns the digests of images; copies of one image have one digest."""
    return {image_digest(image) for image in images}


def _evaluation_images(facts: RunFacts, data: DataSet) -> np.ndarray:
    return data.test_images if facts.queries_evaluation_images else data.test_images[:0]


def cost_of(
    settings: Settings, data: DataSet, *, facts: RunFacts, known: np.ndarray, held: Held
) -> Cost:
    """Returns what will be sent; images that occur twice are sent once.

    Args:
      settings: the configuration.
      data: the data set.
      facts: what is known of the run.
      known: ``uint8[M, H, W, C]``, the images of round 0 that are known. Those that a method
        makes are only counted.
      held: what is in the ledger already.
    """
    digests, evaluated = _digests(known), _digests(_evaluation_images(facts, data))
    first = facts.first_count - (len(known) - len(digests))
    asks = (first, *facts.ks, len(evaluated))
    plan = settings.teacher
    return Cost(
        total=first + sum(facts.ks),
        evaluation_queries=len(evaluated),
        both=len(digests & evaluated),
        again=sum(sentinel.count(images, plan.batch, plan.sentinel) for images in asks),
        held=held,
        price=0.0 if facts.from_labels else settings.teacher.price,
        currency=settings.teacher.currency,
    )


def shortage(settings: Settings, cost: Cost) -> str:
    """Returns a warning if ``teacher.max_cost`` does not pay for all images; empty if it does."""
    limit, spent = settings.teacher.max_cost, cost.held.spent
    if not limit or not cost.price or spent + cost.amount <= limit * (1 + 1e-9):
        return ""
    before = f", and {money(spent)} are already spent" if spent else ""
    paid = max(int((limit - spent) / cost.price * (1 + 1e-9)), 0)
    return (
        f"config.teacher.max_cost={limit:.10g}: {cost.to_send:,} images at {plain(cost.price)}"
        f" cost {money(cost.amount)} {cost.currency}{before}. The limit pays for {paid:,} of them."
        " When the money is spent, the run ends early, with a student that was trained on the"
        " answers so far. To send all, raise config.teacher.max_cost, or lower config.budget"
    )
