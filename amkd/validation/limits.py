"""What the data set and the devices cannot give."""

from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.data.dataset import DataSet


def check_devices(settings: Settings, devices: int) -> None:
    """Refuses batches that do not split evenly over the devices.

    Raises:
      UserError: names the field.
    """
    plans = {"train": settings.train}
    if settings.teacher.kind == "flax":
        plans["teacher.train"] = settings.teacher.train
    for group, plan in plans.items():
        if plan.batch_size % devices:
            raise UserError(
                f"config.{group}.batch_size={plan.batch_size}: must be a multiple of the {devices}"
                " devices"
            )


def check_data(settings: Settings, data: DataSet) -> None:
    """Refuses what the data cannot give.

    Raises:
      UserError: names the field.
    """
    real = settings.real_images(data.pool_size)
    if real > settings.budget:
        raise UserError(
            f"config.budget={settings.budget}: {settings.method} asks about all {real} images of"
            f" {settings.dataset}; set --config.budget={real}"
        )
    if real > data.pool_size:
        raise UserError(
            f"config.n_real={settings.n_real}: {settings.dataset} has only {data.pool_size} images"
            " to draw from; set"
            f" --config.n_real={data.pool_size} or less"
        )
    if not settings.way.mixes and settings.budget > data.pool_size:
        raise UserError(
            f"config.budget={settings.budget}: {settings.method} asks about images of"
            f" {settings.dataset}, which has"
            f" {data.pool_size} to draw from; lower the budget to that"
        )
    for reason in settings.way.showing.impossible(data.shape) if settings.way.showing else ():
        raise UserError(reason)
    labeled = len(data.teacher_images)
    needed = settings.teacher.validation + max(settings.teacher.images, 1)
    if settings.teacher.kind == "flax" and needed > labeled:
        raise UserError(
            f"config.teacher.validation={settings.teacher.validation} and"
            f" images={settings.teacher.images}:"
            f" {settings.dataset} has only {labeled} labeled images"
        )
    if settings.teacher.answers.form == "top_k" and settings.teacher.answers.top_k > data.classes:
        raise UserError(
            f"config.teacher.answers.top_k={settings.teacher.answers.top_k}: there are only"
            f" {data.classes} classes"
        )
