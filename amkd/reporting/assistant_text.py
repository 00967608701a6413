"""Text for a person about the part of the training set that an assistant answered."""

from typing import Any


def images(told: dict[str, Any]) -> str:
    """Returns how many images an assistant answered, such as ``10,000 fresh mixes``.

    Args:
      told: what ``summary.json`` says of an assistant.
    """
    mixes, pictures = told["mixes"], told["pictures"]
    parts = [f"{mixes:,} fresh mixes"] if mixes else []
    parts += [f"{pictures:,} pictures not asked about"] if pictures else []
    return " and ".join(parts)


def sentence(told: dict[str, Any]) -> str:
    """Returns what an assistant answered, and how much of a batch that is."""
    return (
        f"{told['model']} answered {images(told)}, at no query; they fill {told['share']:.0%} of"
        " each of the student's batches"
    )
