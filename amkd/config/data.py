"""The ``data.*`` group: which images there are."""

import dataclasses

from amkd.config.fields import field

HUB = "hf:"  # begins the name of a data set of Hugging Face
TFDS_FOLDER = "tfds:"  # begins the folder of a prepared TFDS data set
LANE_FOLDERS = ("tusimple", "culane")  # in the form in which these benchmarks are published
LANES = ("roads", *LANE_FOLDERS)


def source_of(dataset: str) -> str:
    """Returns the kind of source that a data set's name stands for.

    It is ``digits``, ``memory``, ``folder``, ``manifest``, ``roads``, ``tusimple``, ``culane``,
    ``hf`` or ``tfds``.
    """
    if dataset in ("digits", "memory", "folder", "manifest", *LANES):
        return dataset
    return "hf" if dataset.startswith(HUB) else "tfds"


def is_of_files(dataset: str) -> bool:
    """Returns whether the images of a data set are decoded from image files."""
    return source_of(dataset) in ("folder", "manifest", "hf", *LANE_FOLDERS)


def is_of_lanes(dataset: str) -> bool:
    """Returns whether the labels of a data set are lanes instead of classes."""
    return source_of(dataset) in LANES


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """Where the images come from, and what is done to them before anything else."""

    real: str = field(
        "",
        "Out of domain: draw the real images from this data set instead, and convert them to the"
        " size and the colours of the teacher's images. Empty for the teacher's own data set.",
    )
    dir: str = field(
        "",
        "TFDS directory. Empty for TFDS_DATA_DIR or TFDS's own default.",
        identity=False,
        path=True,
    )
    size: int = field(
        0,
        "Height and width of the images in pixels; data.resize sets how images of other"
        " proportions are converted. From images of a TFDS data set, the middle square is taken. 0"
        " keeps images unchanged.",
        least=0,
    )
    width: int = field(
        0,
        "folder, manifest, hf: width of the images in pixels; data.size is then their height. 0"
        " for squares. All images of a run have one size, since pairs of them are mixed.",
        least=0,
    )
    test_images: int = field(
        0,
        "Evaluate on this many test images only; 0 for all. digits, roads and TFDS: the first ones;"
        " image files and arrays: drawn at random, always the same.",
        least=0,
    )
    evaluate_on: str = field(
        "test",
        "On which images the student is evaluated: test, or train. With train, as many images of"
        " the training set as there are test images are held out: they are not drawn as real"
        " images, and the student is compared with the teacher's answers to them. In this"
        " way, a recipe can be chosen without the test set.",
        choices=("test", "train"),
        was="judge",
    )
    folder: str = field(
        "",
        "folder: the folder of your unlabeled image files. Subfolders are also read; their names"
        " have no meaning. It may be in a bucket: s3://BUCKET/FOLDER or gs://BUCKET/FOLDER."
        " tusimple, culane: the folder of the benchmark.",
        identity=False,
        path=True,
    )
    test_folder: str = field(
        "",
        "folder: labeled image files for the final evaluation, in one subfolder per class. Empty"
        " for none.",
        identity=False,
        path=True,
    )
    manifest: str = field(
        "",
        "manifest: the table that lists your image files, .csv, .tsv, .jsonl or .parquet. It has a"
        " column path, and optionally columns for label, split (train, test) and the teacher's"
        " answers; see docs/data.md.",
        identity=False,
        path=True,
    )
    image_column: str = field(
        "",
        "manifest, hf: the column of the images. Empty for path in a manifest, and for the only"
        " image column of a Hugging Face data set.",
        identity=False,
    )
    label_column: str = field(
        "",
        "manifest, hf: the column of the ground-truth labels. Empty for label in a manifest, and"
        " for the only column of classes of a Hugging Face data set.",
        identity=False,
    )
    classes: str = field(
        "",
        "folder, manifest: the classes, in the teacher's order: names ('cat,dog'), a file with one"
        " name a line, or their number. Empty for the subfolders of test_folder, or the labels of"
        " the manifest: in numerical order if all names are numbers, otherwise in text order.",
    )
    held_out: int = field(
        200,
        "folder without test_folder, and manifest, hf, tusimple and culane without test images:"
        " number of images held out for evaluation. If they have no ground-truth labels, they are"
        " also sent to the teacher; these queries are in addition to the budget and are counted"
        " separately.",
        least=0,
    )
    resize: str = field(
        "crop",
        "folder, manifest, hf: how an image is brought to data.size: crop (the largest central"
        " part with these proportions), pad (the whole image in its own proportions, with black"
        " margins) or stretch.",
        choices=("crop", "pad", "stretch"),
    )
    mode: str = field(
        "rgb",
        "folder, manifest, hf: colours of the images, rgb or grey.",
        choices=("rgb", "grey"),
    )
    broken: str = field(
        "refuse",
        "folder, manifest, hf: image files that cannot be read are listed; then: refuse (stop) or"
        " skip.",
        choices=("skip", "refuse"),
        identity=False,
    )
