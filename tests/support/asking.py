"""Runs that only ask, for tests that kill them: no network is trained.

``python -m tests.support.asking`` takes orders, a line each: a plan, as JSON, starts a run in a
process of its own, ``kill`` ends it by SIGKILL, and ``wait`` lets it finish; both of these print
its exit status. A run prints what the ledger's ``begin`` told, and ``done`` at its end. A plan is
``{"ledger", "run", "url", "images", "in_flight", "batch"}``, and may have ``step``, -1 to ask in
the opposite order, ``read_timeout``, and ``patience`` in place of the teacher's own. All imports
are done once, so that a life takes a tenth of a second.
"""

import dataclasses
import json
import os
import signal
import sys
import traceback
from pathlib import Path

import numpy as np

from amkd import ledger
from amkd.config.teacher_answers import Pixels
from amkd.config.teacher_services import OipSettings
from amkd.querying import client
from amkd.querying.request_policy import RequestPolicy
from amkd.teachers import Teacher
from amkd.teachers.http import oip
from amkd.teachers.http.connection import Connection
from amkd.teachers.image_spec import ImageSpec

SHAPE, CLASSES, PRICE = (8, 8, 1), 10, 0.25
ROUND = 100  # images asked about at once


def some_images(count: int) -> np.ndarray:
    """Distinct images, always the same."""
    return np.random.default_rng(1).integers(0, 256, (count, *SHAPE), np.uint8)


def teacher_of(plan: dict) -> Teacher:
    connection = Connection(
        plan["url"], 1.0, plan.get("read_timeout", 30.0), in_flight=plan["in_flight"]
    )
    found = oip.load(
        OipSettings(model="digits", version="", input="", output="", binary="auto"),
        connection=connection,
        pixels=Pixels(layout="auto", dtype="auto"),
        images=ImageSpec(SHAPE, CLASSES),
        identity="service",
        batch=plan["batch"],
    )
    return dataclasses.replace(found, patience=plan.get("patience", found.patience))


def main(plan: dict) -> None:
    book = ledger.Ledger(Path(plan["ledger"]))
    teacher = teacher_of(plan)
    print(book.begin_run(plan["run"], "asks", "nowhere"), flush=True)
    images = some_images(plan["images"])[:: plan.get("step", 1)]
    policy = RequestPolicy(
        plan["in_flight"], first_wait=0.01, longest_wait=0.1, price=PRICE, currency="EUR"
    )
    query_client = client.QueryClient(
        teacher=teacher,
        ledger=book,
        run=plan["run"],
        budget=len(images),
        classes=CLASSES,
        batch=plan["batch"],
        policy=policy,
    )
    for number, start in enumerate(range(0, len(images), ROUND)):
        client.ask(
            query_client,
            images[start : start + ROUND],
            client.DISTILL,
            round_=number,
            progress=lambda answered: None,
        )
    book.close()
    print("done", flush=True)


def begin(plan: dict) -> int:
    """Starts a run; returns its process."""
    if child := os.fork():
        return child
    try:
        main(plan)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def serve() -> None:
    child = 0
    for order in map(str.strip, sys.stdin):
        if order.startswith("{"):
            child = begin(json.loads(order))
            continue
        if order == "kill":
            os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
