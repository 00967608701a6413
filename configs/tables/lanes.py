"""Active labelling of lanes: F1 against annotations (Peng et al., 2021), on road images that the
package makes.

The annotator is the data set itself. A few images are annotated at first, and some of the remaining
ones in every round. distillation_gap is the paper's acquisition: a larger network, trained on the
annotated images, is the teacher of one more student.

Command:  python launch.py --config=configs/tables/lanes.py --workdir=runs/lanes
          the same with --mode=table --output=results; the curves are lanes.svg and
            lanes-curves.csv
Cost:     6 ways, 5 seeds, nothing to download; :cpu, 300 annotations, about half a minute for each
          run on one idle core, a minute for distillation_gap and ensemble (estimated).
Smoke:    :smoke, 40 annotations and 20 steps: one minute.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, row, table

_WAYS = ("random", "entropy", "ensemble", "acd", "learning_loss", "distillation_gap")
WAYS = {way: (f"search.acquisition={way}",) for way in _WAYS}


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: ``cpu`` and ``smoke``."""
    check(preset, "cpu", "smoke")
    config = table("lanes", preset, "Lanes: F1 at equal annotations", WAYS, "random")
    config.measure = "f1"
    if preset == "smoke":
        config.seeds = (0,)
        config.rows.roads = row("roads.py:smoke", "search.committee=2")
        return config
    if preset == "cpu":
        config.title += ", on 2 CPU cores"
        steps = tuple(f"{recipe}.min_steps=250" for recipe in ("train", "teacher.train"))
        size = ("n_real=60", "budget=300", "rounds=3", "search.committee=3")
        config.rows.roads = row("roads.py", *size, *steps)
        return config
    config.rows.roads = row("roads.py", "budget=1000", "rounds=9")
    return config
