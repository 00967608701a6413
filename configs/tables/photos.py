"""Photographs: what to ask about next, and what a pretrained student is worth.

Pictures: 42 categories of Caltech-101; teacher EfficientNet-Lite2 at 260 pixels; student
          EfficientNet-Lite0 at 160 pixels. ``python -m benchmarks.photo_set`` makes them all in the
          folder ``photos``, from which the command below is run.
Story:    500 photographs are answered. The next 500 answers go to more photographs (at random, or
          chosen), to mixes (at random, or chosen), to crops, or to pastes.
Command:  python launch.py --config=configs/tables/photos.py --workdir=runs/photos
          the same with --mode=table --output=results, once they are done
Cost:     two minutes a run on 2 CPU cores, most of it for the teacher and for features, which runs
          share; a quarter of an hour for AlexNet-half that is trained from random values, for 60
          epochs; an hour for ResNet-18 and for a student that is fine-tuned.
"""

from ml_collections import ConfigDict

from amkd.configs.tables import check, row, table

_LABELLING = "method=active_labelling"
# As one would do it by hand: features of the photographs as they are, and a last layer.
PLAIN = ("train.views=1", "train.crop=0", "train.flip=False", "train.mix_share=0.0")
# From random values: the whole network learns.
SCRATCH = (
    *("student_weights=", "train.freeze=", "train.views=0", "student_size=64", "train.crop=4"),
    *("train.epochs=60", "train.min_steps=0", "train.learning_rate=0.002"),
)
WAYS = {
    "real": (_LABELLING, "search.acquisition=random"),
    "real_k_center": (_LABELLING, "search.acquisition=k_center"),
    "real_margin": (_LABELLING, "search.acquisition=margin"),
    "real_learning_loss": (_LABELLING, "search.acquisition=learning_loss"),
    "mixes": ("method=random_mixup", "search.random_lam=half"),
    "mixes_c2": ("method=pooled_mixup", "search.acquisition=lowest", "search.candidates=4.0"),
    "crops": ("method=random_crops", "search.acquisition=random"),
    "pastes": ("method=pastes", "search.acquisition=random"),
    "none": ("method=real_only", "budget=500"),
    "none_plain": ("method=real_only", "budget=500", *PLAIN),
    "real_plain": (_LABELLING, "search.acquisition=random", *PLAIN),
    "fine_tuned": (
        *("method=real_only", "n_real=1000", "train.freeze=", "train.views=0"),
        *("train.backbone_rate=0.1", "train.epochs=8", "train.min_steps=0"),
        "train.learning_rate=0.001",
    ),
    "scratch_alexnet": (*SCRATCH, "method=real_only", "n_real=1000", "student=alexnet_half"),
    "scratch_resnet": (
        *SCRATCH,
        *("method=real_only", "n_real=1000", "student=resnet18"),
        *("train.epochs=30", "train.min_steps=0"),
    ),
}


def get_config(preset: str = "") -> ConfigDict:
    """Presets: none."""
    check(preset)
    config = table(
        "photos", preset, "Photographs: 500 answered, and 500 answers more", WAYS, "real"
    )
    config.seeds, config.measure = (0, 1, 2), "agreement"
    config.set = (*config.set, "report.html=False")
    config.rows.caltech = row(
        "photos.py",
        *("data.folder=photos/pictures", "data.test_folder=photos/test"),
        *("data.classes=photos/classes.txt", "data.size=260"),
        *("teacher.kind=onnx", "teacher.onnx.path=photos/teacher.onnx", "teacher.evaluate=yes"),
        *("student=tf_efficientnet_lite0", "student_weights=photos/student.safetensors"),
    )
    return config
