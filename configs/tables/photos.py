"""Photographs: which images to query next, and the effect of a pretrained student.

Images:   42 categories of Caltech-101; teacher EfficientNet-Lite2 at 260 pixels; student
          EfficientNet-Lite0 at 160 pixels. With ``:trashnet``, five materials of TrashNet; the
          teacher is a linear layer on features of EfficientNet-Lite2 at 256 pixels. ``python -m
          benchmarks.photo_set`` and ``benchmarks.trash_set`` make them in the folder ``photos``,
          from which the command below is run.
Story:    500 photographs are answered (300 with ``:trashnet``). The same number of further queries
          is spent on more photographs (at random, or chosen), on mixes (at random, or chosen), on
          crops, or on pastes.
Command:  python launch.py --config=configs/tables/photos.py --workdir=runs/photos
          the same with --mode=table --output=results, after the runs have ended
Cost:     two minutes for each run on 2 CPU cores, most of it for the teacher and for features,
          which runs share; a quarter of an hour for an AlexNet-half that is trained from random
          values for 60 epochs; an hour for ResNet-18 and for a student that is fine-tuned.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, row, table

_LABELLING = "method=active_labelling"
# A simple baseline: features of the unchanged photographs, and a last layer.
PLAIN = ("train.views=1", "train.crop=0", "train.flip=False", "train.mix_share=0.0")
# From random values: the whole network learns.
SCRATCH = (
    *("student_weights=", "train.freeze=", "train.views=0", "student_size=64", "train.crop=4"),
    *("train.epochs=60", "train.min_steps=0", "train.learning_rate=0.002"),
)


def ways(first: int) -> dict[str, tuple[str, ...]]:
    """Returns the ways; each spends twice as many queries as there are first photographs."""
    both = f"n_real={2 * first}"
    return {
        "real": (_LABELLING, "search.acquisition=random"),
        "real_k_center": (_LABELLING, "search.acquisition=k_center"),
        "real_margin": (_LABELLING, "search.acquisition=margin"),
        "real_learning_loss": (_LABELLING, "search.acquisition=learning_loss"),
        "mixes": ("method=random_mixup", "search.random_lam=half"),
        "mixes_c2": ("method=pooled_mixup", "search.acquisition=lowest", "search.candidates=4.0"),
        "crops": ("method=random_crops", "search.acquisition=random"),
        "pastes": ("method=pastes", "search.acquisition=random"),
        "none": ("method=real_only", f"budget={first}"),
        "none_plain": ("method=real_only", f"budget={first}", *PLAIN),
        "real_plain": (_LABELLING, "search.acquisition=random", *PLAIN),
        "fine_tuned": (
            *("method=real_only", both, "train.freeze=", "train.views=0"),
            *("train.backbone_rate=0.1", "train.epochs=8", "train.min_steps=0"),
            "train.learning_rate=0.001",
        ),
        "scratch_alexnet": (*SCRATCH, "method=real_only", both, "student=alexnet_half"),
        "scratch_resnet": (
            *SCRATCH,
            *("method=real_only", both, "student=resnet18"),
            *("train.epochs=30", "train.min_steps=0"),
        ),
    }


def get_config(preset: str = "") -> ConfigDict:
    """Returns the table. Presets: trashnet (other photographs, only with cached features)."""
    check(preset, "trashnet")
    first = 300 if preset else 500
    title = f"Photographs: {first} answered, and {first} answers more"
    config = table("photos", preset, title, ways(first), "real")
    config.seeds, config.measure = (0, 1, 2), "agreement"
    config.set = (*config.set, "report.html=False")
    if preset:
        for way in ("fine_tuned", "scratch_alexnet", "scratch_resnet"):
            del config.ways[way]
        config.rows.trashnet = photo_row("photos/trashnet", 256, "n_real=300", "budget=600")
    else:
        for way in ("mixes", "none", "none_plain", "fine_tuned"):
            # These ways do not use this field, but their kept runs had it.
            config.ways[way] = (*config.ways[way], "search.acquisition=k_center")
        config.rows.caltech = photo_row("photos", 260, "n_real=500")
    return config


def photo_row(folder: str, size: int, *fields: str) -> ConfigDict:
    """Makes a row of the photographs in a folder."""
    return row(
        "photos.py",
        *(f"data.folder={folder}/pictures", f"data.test_folder={folder}/test"),
        *(f"data.classes={folder}/classes.txt", f"data.size={size}"),
        *("teacher.kind=onnx", f"teacher.onnx.path={folder}/teacher.onnx", "teacher.evaluate=yes"),
        *("student=tf_efficientnet_lite0", "student_weights=photos/student.safetensors"),
        *fields,
    )
