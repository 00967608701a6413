"""What a run may still send: how much money is left, and what is said when there is none."""

from pathlib import Path

from amkd.core.errors import UserError
from amkd.ledger.charge import Charge

_ROUNDING = 1 + 1e-9  # sums of prices are rounded


class OutOfMoney(UserError):
    """Raised where the next images would cost more than the run may spend; nothing was sent."""


def affordable(charge: Charge, images: int, spent: float) -> int:
    """Returns how many of some images the run can still pay for.

    Args:
      charge: who pays, and how much at most.
      images: how many are wanted.
      spent: what the run has spent.
    """
    if not charge.price or not charge.limit:
        return images
    count = int(min(images, max(charge.limit * _ROUNDING - spent, 0) / charge.price + 1))
    while count and spent + count * charge.price > charge.limit * _ROUNDING:
        count -= 1
    return count


def out_of_money(charge: Charge, images: int, *, spent: float, path: Path) -> OutOfMoney:
    """Returns the error about images that the run cannot pay for.

    Args:
      charge: who pays, and how much at most.
      images: how many are left to send.
      spent: what the run has spent.
      path: the ledger's file.
    """
    return OutOfMoney(
        f"config.teacher.max_cost={charge.limit:g}: {f'{spent:g} {charge.currency}'.strip()} are"
        f" spent, and the next {images} images cost {images * charge.price:g} more; nothing was"
        f" sent. Raise it and run the same command: what was answered is kept in {path}"
    )
