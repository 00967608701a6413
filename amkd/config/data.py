"""The ``data.*`` group: which images there are."""

import dataclasses

from amkd.config.fields import field

HUB = "hf:"  # begins the name of a data set of Hugging Face
TFDS_FOLDER = "tfds:"  # begins the folder of a prepared TFDS data set
LANE_FOLDERS = ("tusimple", "culane")  # in the form in which these benchmarks are published
LANES = ("roads", *LANE_FOLDERS)


def source_of(dataset: str) -> str:
    """Returns what kind of source a data set's name means.

    It is ``digits``, ``memory``, ``folder``, ``manifest``, ``roads``, ``tusimple``, ``culane``,
    ``hf`` or ``tfds``.
    """
    if dataset in ("digits", "memory", "folder", "manifest", *LANES):
        return dataset
    return "hf" if dataset.startswith(HUB) else "tfds"


def is_of_files(dataset: str) -> bool:
    """Tells whether the images of a data set are decoded from picture files."""
    return source_of(dataset) in ("folder", "manifest", "hf", *LANE_FOLDERS)


def is_of_lanes(dataset: str) -> bool:
    """Tells whether the labels of a data set are lanes, and not classes."""
    return source_of(dataset) in LANES


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """Where the images come from, and what is done to them before anything else."""

    real: str = field(
        "",
        "Out of domain: draw the real images from this data set instead, brought to the size and"
        " the colours of the teacher's. Empty for the teacher's own.",
    )
    dir: str = field(
        "",
        "TFDS directory. Empty for TFDS_DATA_DIR or TFDS's own default.",
        identity=False,
        path=True,
    )
    size: int = field(
        0,
        "Height and width of the images in pixels; data.resize says how pictures of other"
        " proportions get it. Of a TFDS data set the middle square is taken. 0 keeps images as they"
        " are.",
        least=0,
    )
    width: int = field(
        0,
        "folder, manifest, hf: width of the images in pixels; data.size is then their height. 0"
        " for squares. All images of a run have one size, since pairs of them are mixed.",
        least=0,
    )
    test_images: int = field(0, "Evaluate on this many test images only; 0 for all.", least=0)
    judge: str = field(
        "test",
        "On which images the student is evaluated: test, or train. With train, as many images of"
        " the training set as there are test images are held out: they are not drawn as real"
        " images, and the student is compared with the teacher's answers to them. That allows to"
        " choose a recipe without the test set.",
        choices=("test", "train"),
    )
    folder: str = field(
        "",
        "folder: the folder of your pictures, unlabeled. Subfolders are read too and mean nothing."
        " It may be in a bucket: s3://BUCKET/FOLDER or gs://BUCKET/FOLDER. tusimple, culane: the"
        " folder of the benchmark.",
        identity=False,
        path=True,
    )
    test_folder: str = field(
        "",
        "folder: pictures with labels for the final evaluation, one subfolder per class. Empty for"
        " none.",
        identity=False,
        path=True,
    )
    manifest: str = field(
        "",
        "manifest: the table that lists your pictures, .csv, .tsv, .jsonl or .parquet: a column"
        " path, and if you like label, split (train, test) and the teacher's answers; see"
        " docs/data.md.",
        identity=False,
        path=True,
    )
    image_column: str = field(
        "",
        "manifest, hf: the column of the pictures. Empty for path in a manifest, and for the only"
        " column of pictures of a Hugging Face data set.",
        identity=False,
    )
    label_column: str = field(
        "",
        "manifest, hf: the column of the true labels. Empty for label in a manifest, and for the"
        " only column of classes of a Hugging Face data set.",
        identity=False,
    )
    classes: str = field(
        "",
        "folder, manifest: the classes, in the teacher's order: names ('cat,dog'), a file with one"
        " name a line, or their number. Empty takes the subfolders of test_folder, or the labels of"
        " the manifest: in the order of their numbers where all their names are numbers, else in"
        " the order of text.",
    )
    held_out: int = field(
        200,
        "folder without test_folder, manifest, hf, tusimple and culane without test pictures:"
        " pictures held out to judge the student. Where they have no labels, the teacher is asked"
        " about them too: these queries come on top of the budget and are counted apart.",
        least=0,
    )
    resize: str = field(
        "crop",
        "folder, manifest, hf: how a picture gets data.size: crop (the largest part of its middle"
        " with these proportions), pad (all of it in its own proportions, and black beside it) or"
        " stretch.",
        choices=("crop", "pad", "stretch"),
    )
    mode: str = field(
        "rgb",
        "folder, manifest, hf: colours of the pictures, rgb or grey.",
        choices=("rgb", "grey"),
    )
    broken: str = field(
        "refuse",
        "folder, manifest, hf: pictures that cannot be read are listed, and then: refuse (stop) or"
        " skip.",
        choices=("skip", "refuse"),
        identity=False,
    )
