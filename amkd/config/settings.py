"""A whole configuration as one frozen value."""

import dataclasses

from amkd.config.assistant import AssistantSettings
from amkd.config.data import DataSettings
from amkd.config.fields import field, group
from amkd.config.outputs import (
    CheckpointSettings,
    ExportSettings,
    LedgerSettings,
    ReportSettings,
    ServeSettings,
)
from amkd.config.recipe import Recipe
from amkd.config.search import SearchSettings
from amkd.config.synthesis import FskdSettings, ZskdSettings
from amkd.config.teacher import TeacherSettings


@dataclasses.dataclass(frozen=True)
class Settings:
    """A run: what it distils, and all that decides how."""

    seed: int = field(
        0,
        "Seed of all random numbers; seed, round and purpose determine every random stream.",
        least=0,
        below=2**32,
    )
    dataset: str = field(
        "digits",
        "digits (embedded), folder (your own image files, see data.folder), manifest (image files"
        " that a table lists, see data.manifest), hf:OWNER/NAME (Hugging Face; @REVISION after it"
        " names a version) or hf:FOLDER (saved with save_to_disk), tfds:FOLDER (prepared for TFDS),"
        " or any TFDS image-classification data set: mnist, cifar10:3.0.2, ... With lanes instead"
        " of classes: roads (made by the package), tusimple and culane (folders of these"
        " benchmarks, see data.folder).",
    )
    n_real: int = field(
        200,
        "Real, unlabeled images drawn by seed: N. 0 means all, or as many as the budget allows. The"
        " rest of the budget is then for images that the method makes, such as mixes; if nothing"
        " is left, the method is real_only. With active_labelling, 0 means as many images in round"
        " 0 as in each later round.",
        least=0,
    )
    budget: int = field(
        1000, "Maximum number of queries of the run, including the first n_real: a hard limit."
    )
    rounds: int = field(
        3,
        "Rounds after round 0. Each selects, queries and trains. Methods that select nothing ignore"
        " it.",
        least=1,
        remedy="with method=real_only there is no round after round 0",
    )
    method: str = field(
        "active_mixup",
        "How the queries are spent. auto (what the measurements in results/README.md support:"
        " random pairs; with teacher.kind=labels whole images); active_mixup (the paper's);"
        " random_mixup (random pairs); pooled_mixup (some of many random mixes); vanilla_al (the"
        " lowest C1 of all single mixes); random_crops, pastes (an image with a rectangle of"
        " another) and flips (flipped images) instead of mixes; real_only (no mixes);"
        " active_labelling (whole images, some in every round); full_kd (all images of the data set"
        " instead of n_real, no mixes); zskd (images made from the teacher's own network); fskd"
        " (images made from n_real others by gradients of the teacher's network); sskd (each real"
        " image and its three rotations). With ground-truth labels, as references: supervised_real,"
        " supervised_full. Your own method is module:NAME, as in amkd/methods/base.py.",
    )
    student: str = field(
        "lenet5_half",
        "Student network: lenet5 lenet5_half alexnet alexnet_half vgg16 resnet18 resnet18_224"
        " row_anchor row_anchor_half (both for lanes); with published weights: resnet18_imagenet"
        " resnet50_imagenet efficientnet_lite0 tf_efficientnet_lite0 mobilenetv3_small_100"
        " convnext_atto convnext_tiny"
        " vit_small_patch16_224 vit_small_patch14_dinov2. Your own network is module:build, as in"
        " amkd/models/user_network.py.",
    )
    student_weights: str = field(
        "",
        "Source of the student's initial weights, except those of the last layer: a file"
        " *.safetensors of timm, hf:OWNER/NAME@COMMIT on the Hugging Face hub (without @COMMIT the"
        " newest), or your own function, module:load, which takes the network's variables and"
        " returns others. Empty for random weights.",
        path=True,
    )
    student_size: int = field(
        0,
        "Height in pixels at which the student sees the images, 0 for their own size. The"
        " teacher gets images of data.size, and the student's network begins with an antialiased"
        " resize. Augmentation works at data.size.",
        least=0,
    )
    student_width: int = field(
        0,
        "Width in pixels at which the student sees the images; student_size is then the height. 0"
        " keeps the proportions of the images, so that squares stay squares.",
        least=0,
    )
    warm_start: bool = field(
        False, "True: each round continues from the last student. The paper trains a new student."
    )
    last_epochs: int = field(
        0,
        "Epochs of the last round's training; 0 for the same as in the other rounds. The rounds"
        " before it only need a student that chooses well.",
        least=0,
    )
    deterministic: bool = field(
        False,
        "GPUs: the same bits in every run on the same kind of GPU, at some cost in speed (XLA's"
        " xla_gpu_deterministic_ops). Runs on CPUs and TPUs always repeat their bits.",
    )
    cache_dir: str = field(
        "~/.cache/amkd",
        "Where decoded data sets and trained teachers are kept for later runs.",
        identity=False,
        path=True,
    )
    data: DataSettings = group(DataSettings, "The images.")
    teacher: TeacherSettings = group(TeacherSettings, "The black box.")
    search: SearchSettings = group(SearchSettings, "How the images of a round are chosen.")
    train: Recipe = group(Recipe, "The student's recipe, the same in every round.")
    assistant: AssistantSettings = group(
        AssistantSettings, "A network that answers further images for the student, without queries."
    )
    zskd: ZskdSettings = group(ZskdSettings, "zskd: how images are made from noise.")
    fskd: FskdSettings = group(FskdSettings, "fskd: how images are made from real ones.")
    ledger: LedgerSettings = group(LedgerSettings, "The answers that were paid for.")
    checkpoint: CheckpointSettings = group(CheckpointSettings, "How often a run is saved.")
    report: ReportSettings = group(ReportSettings, "What a run shows.")
    export: ExportSettings = group(ExportSettings, "The student as files for other programs.")
    serve: ServeSettings = group(ServeSettings, "The student as a service: --mode=serve.")
