"""Text for a person about the part of the training set that an assistant answered."""

from typing import Any


def images(told: dict[str, Any]) -> str:
    """Returns how many images an assistant answered, such as ``10,000 fresh mixes``.

    Args:
      told: the entry about an assistant in ``summary.json``.
    """
    # Earlier versions stored the number of real images under another name.
    mixes, real = told["mixes"], told.get("real_images", told.get("pictures", 0))
    parts = [f"{mixes:,} fresh mixes"] if mixes else []
    parts += [f"{real:,} images that were not queried"] if real else []
    return " and ".join(parts)


def sentence(told: dict[str, Any]) -> str:
    """Returns what an assistant answered, and which share of a batch that is."""
    return (
        f"{told['model']} answered {images(told)}, without a query; they make up"
        f" {told['share']:.0%} of each of the student's batches"
    )
