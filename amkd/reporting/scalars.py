"""The scalars of a run for dashboards such as TensorBoard, from entries of metrics.jsonl."""

from typing import Any

from amkd.reporting import interval

# The groups of scalars, by what their step counts.
GROUPS = {
    "epoch": ("loss", "learning_rate"),
    "queries": ("round", "spend", "schedule", "seconds"),
}

# Figures of a round that are shown without a change. C1 or C2: the score of the method.
_AS_THEY_ARE = (
    *("student_accuracy", "agreement", "divergence", "loss"),
    *("calibration_error", "brier_score"),
    *("c1_lowest", "c1_highest", "c2_lowest", "c2_highest"),
)
_COUNTED = {"student_accuracy": "accuracy_images", "agreement": "agreement_images"}


def of_epoch(entry: dict[str, Any]) -> dict[str, float]:
    """Returns the scalars of an epoch; their step is the epoch."""
    names = {"loss": "loss", "learning_rate": "learning_rate"}
    return _known(
        {f"{group}/round_{entry['round']}": entry.get(name) for name, group in names.items()}
    )


def of_round(entry: dict[str, Any]) -> dict[str, float]:
    """Returns the scalars of a finished round; their step is the number of queries so far.

    ``round/`` contains the figures of the student, each share with its 95% interval; ``spend/``
    what was paid so far; ``schedule/`` the round and how many images it selected; ``seconds/`` the
    time of each phase.
    """
    found = {f"round/{name}": entry.get(name) for name in _AS_THEY_ARE}
    for name, images in _COUNTED.items():
        if entry.get(name) is not None and entry.get(images):
            low, high = interval.wilson(entry[name], entry[images])
            found |= {f"round/{name}_low": low, f"round/{name}_high": high}
    found |= {
        "spend/queries_paid": entry.get("queries_paid"),
        "spend/cost": entry.get("cost"),
        "schedule/round": entry["round"],
        "schedule/selected": entry.get("selected"),
    }
    seconds = entry.get("seconds", {})
    found |= {f"seconds/{phase}": value for phase, value in seconds.items()}
    return _known({**found, "seconds/round": sum(seconds.values()) if seconds else None})


def _known(values: dict[str, Any]) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}
