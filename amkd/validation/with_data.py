"""Checks a configuration once the size of its data set is known."""

from amkd import methods
from amkd.config.settings import Settings
from amkd.core.errors import UserError
from amkd.validation import real_images
from amkd.validation.rules import reasons


def check(settings: Settings, drawable: int) -> Settings:
    """Returns settings with the number of real images instead of ``n_real=0``.

    Args:
      settings: a configuration that was checked without data.
      drawable: images that the real ones are drawn from.

    Raises:
      UserError: with this number they cannot work; names every field, its value and the remedy.
    """
    found = real_images.with_real_count(settings, drawable)
    if found is settings:
        return settings
    if found.n_real < 2:
        given = f"budget={settings.budget} and {max(drawable, 0)} images to draw from give"
        remedy = "raise the budget, or add images"
        if methods.find(settings.method).selector.takes_images:
            given = (
                f"the smaller of budget={settings.budget} and {max(drawable, 0)} images to draw"
                f" from, divided by rounds + 1 = {settings.rounds + 1}, gives"
            )
            remedy = "raise the budget, lower the rounds, or add images"
        raise UserError(
            f"config.n_real=0: {given} {max(found.n_real, 0)} real images, but at least 2 are"
            f" needed; {remedy}"
        )
    problems = list(reasons(found))
    if problems:
        told = f"n_real=0 takes {found.n_real} of {drawable} images here, and therefore: "
        raise UserError("\n  ".join(told + problem for problem in problems))
    return found
