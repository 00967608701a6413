"""What a run will ask, and what that will cost."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from amkd.config.settings import Settings
from amkd.core.digest import image_digest
from amkd.core.errors import UserError
from amkd.data.dataset import DataSet
from amkd.ledger import accounts, reader
from amkd.querying import client
from amkd.run import workdir
from amkd.teachers import Teacher


class Held(NamedTuple):
    """What the ledger holds already.

    Attributes:
      images: real and judging images whose answers are there.
      mixes: mixes whose answers this run has had.
      spent: what this run has spent.
    """

    images: int = 0
    mixes: int = 0
    spent: float = 0.0

    @property
    def answers(self) -> int:
        """Answers that will not be asked for again."""
        return self.images + self.mixes


class Bill(NamedTuple):
    """What will be sent.

    Attributes:
      total: images whose answers the run uses.
      judging: images that judge the student; 0 if the teacher is not asked about them.
      both: real images that judge, too: they are sent once.
      held: what is there already.
      price: of one image.
      currency: what the price is counted in.
    """

    total: int
    judging: int
    both: int
    held: Held
    price: float
    currency: str

    @property
    def to_send(self) -> int:
        """Images to be sent, at most: mixes that another run happened to ask for are found, too."""
        return self.total + self.judging - self.both - self.held.answers

    @property
    def cost(self) -> float:
        """Of what is to be sent."""
        return self.to_send * self.price


def held(
    config: Settings, data: DataSet, real: np.ndarray, folder: Path | None, teacher: Teacher | None
) -> Held:
    """What the ledger holds; a workdir of this run adds what it has used.

    Raises:
      UserError: the workdir is of another run, or the ledger is damaged.
    """
    run = workdir.owner(config, folder) if folder else ""
    if teacher is None:
        return Held()
    if folder and (folder / "config.json").exists():
        workdir.claim(config, folder, run, teacher.identity, data.key)  # which then only checks
    if folder is None and not config.ledger.path:
        return Held()
    path = workdir.ledger_path(config, folder or Path())
    if not path.exists():
        return Held()
    with reader.open_read_only(path) as book:
        named = _digests(real) | _digests(_judging(config, data))
        mixes = accounts.used(book, run, client.DISTILL, identity=teacher.identity) - named
        return Held(
            accounts.held(book, teacher.identity, named), len(mixes), accounts.spent(book, run)
        )


def _digests(pictures: np.ndarray) -> set[bytes]:
    """Addresses of images: copies of one image have one."""
    return {image_digest(image) for image in pictures}


def _judging(config: Settings, data: DataSet) -> np.ndarray:
    return (
        data.test_images
        if config.asks_for_evaluation(data.test_labels is not None)
        else data.test_images[:0]
    )


def make_bill(config: Settings, data: DataSet, real: np.ndarray, held: Held) -> Bill:
    """What will be sent: images that occur twice are sent once.

    Args:
      config: the settings.
      data: the data set.
      real: ``uint8[..., H, W, C]``, what round 0 asks about; none where there are too few to draw
        it from. What is made with the teacher's network is counted, unseen.
      held: what is there already.
    """
    addresses, judging = _digests(real), _digests(_judging(config, data))
    copies = len(real) - len(addresses)
    total = config.first_queries(data.pool_size) - copies + sum(config.queries_per_round())
    both = len(addresses & judging)
    price = 0.0 if config.uses_labels else config.teacher.price
    return Bill(total, len(judging), both, held, price, config.teacher.currency)


def check_cost(config: Settings, bill: Bill) -> None:
    """Refuses what is dearer than ``teacher.max_cost``.

    Raises:
      UserError: it is.
    """
    limit, spent = config.teacher.max_cost, bill.held.spent
    if limit and spent + bill.cost > limit * (1 + 1e-9):
        before = f", and {spent:,.2f} are spent already" if spent else ""
        raise UserError(
            f"config.teacher.max_cost={limit:g}: {bill.to_send:,} images at {bill.price:g} cost"
            f" {bill.cost:,.2f}"
            f" {bill.currency}{before}; raise it, or lower budget"
        )
