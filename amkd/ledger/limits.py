"""Limits what a run may send: by its money, and by images sent without a usable answer."""

from pathlib import Path

from amkd.config.teacher import TeacherSettings
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


def most_in_vain(teacher: TeacherSettings, budget: int) -> int:
    """Returns how many images of a run may be sent in vain; 0 for any number.

    Args:
      teacher: the teacher's settings.
      budget: queries of the run.
    """
    if teacher.max_lost:
        return teacher.max_lost
    free = teacher.kind in ("flax", "labels", "onnx") or (
        teacher.kind == "python" and not teacher.price
    )
    if free:  # answers that this machine computes are not billed
        return 0
    return max(budget // 5, 2 * min(teacher.batch, budget) * teacher.in_flight, 20)


def check_in_vain(charge: Charge, images: int, *, in_vain: int, in_flight: int, path: Path) -> None:
    """Refuses to send more images where too many were sent in vain, or may turn out to be.

    Args:
      charge: who pays, and how many images may be sent in vain.
      images: how many are to be sent.
      in_vain: images without a usable answer that the service may have billed.
      in_flight: images on their way.
      path: the ledger's file.

    Raises:
      UserError: there would be more than the run may send in vain.
    """
    most = charge.most_in_vain
    if not most or not in_vain or in_vain + in_flight + images <= most:
        return
    cost = f" ({in_vain * charge.price:g} {charge.currency})" if charge.price else ""
    raise UserError(
        f"config.teacher.max_lost={most}: {in_vain} images{cost} were sent in vain: their answers"
        " were lost on the way or could not be used, and the service may have billed them. The next"
        f" {images} may be lost, too; nothing more is sent. See what happens to the replies, allow"
        f" more (--config.teacher.max_lost={2 * max(most, in_vain + images)}) and run the same"
        f" command: what was answered is kept in {path}"
    )
