"""Limits what a run may send: by its cost, and by the images sent without a usable answer."""

from pathlib import Path

from amkd.config.teacher import TeacherSettings
from amkd.core.errors import UserError
from amkd.core.text import plain
from amkd.ledger.charge import Charge

_ROUNDING = 1 + 1e-9  # sums of prices are rounded


class OutOfMoney(UserError):
    """Raised if the next images would cost more than the run may spend; nothing was sent."""


def affordable(charge: Charge, images: int, spent: float) -> int:
    """Returns how many of these images the run can still pay for.

    Args:
      charge: the account that pays, with its limit.
      images: how many images are wanted.
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
      charge: the account that pays, with its limit.
      images: how many images are left to send.
      spent: what the run has spent.
      path: the ledger's file.
    """
    money = f"{plain(spent)} {charge.currency}".strip()
    return OutOfMoney(
        f"config.teacher.max_cost={charge.limit:.10g}: {money} are spent, and the next {images}"
        f" images cost {plain(images * charge.price)} more; nothing was sent. Increase"
        " config.teacher.max_cost and run the same command again: all earlier answers are kept"
        f" in {path}"
    )


def most_in_vain(teacher: TeacherSettings, budget: int) -> int:
    """Returns how many images of a run may be sent without a usable answer; 0 for no limit.

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
    """Refuses to send more images if too many got, or may get, no usable answer.

    Args:
      charge: the account that pays, and how many images may be sent without a usable answer.
      images: how many images are to be sent.
      in_vain: images without a usable answer that the service may have billed.
      in_flight: images that were sent and are not answered yet.
      path: the ledger's file.

    Raises:
      UserError: more images than allowed could be without a usable answer.
    """
    most = charge.most_in_vain
    if not most or not in_vain or in_vain + in_flight + images <= most:
        return
    cost = f" ({plain(in_vain * charge.price)} {charge.currency})" if charge.price else ""
    raise UserError(
        f"config.teacher.max_lost={most}: {in_vain} images{cost} were sent without a usable answer:"
        " the replies were lost or could not be used, and the service may have billed them. The"
        f" next {images} images could also be lost, so nothing more is sent. Find out why the"
        " replies are lost or unusable, then allow more"
        f" (--config.teacher.max_lost={2 * max(most, in_vain + images)}) and run the same command"
        f" again: all earlier answers are kept in {path}"
    )
