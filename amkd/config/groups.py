"""The groups of a configuration, as frozen values; ``configs/default.py`` explains every field."""

import dataclasses
from typing import Any

from amkd.data.augment import Views
from amkd.querying.sending import Terms
from amkd.teachers.answers import Form
from amkd.teachers.http.connection import Connection
from amkd.teachers.http.template import Template
from amkd.teachers.pixels import Pixels
from amkd.training.recipe import Recipe, essence


@dataclasses.dataclass(frozen=True)
class DataSettings:
    """The ``data.*`` group."""

    real: str
    dir: str
    size: int
    test_images: int
    judge: str
    folder: str
    test_folder: str
    classes: str
    held_out: int
    resize: str
    mode: str
    broken: str


@dataclasses.dataclass(frozen=True)
class HttpSettings:
    """The ``teacher.http.*`` group."""

    url: str
    connect_timeout: float
    read_timeout: float
    auth_header: str
    auth_scheme: str
    auth_env: str
    auth_file: str
    ca_file: str

    def connection(self, in_flight: int) -> Connection:
        """The connection that it describes."""
        return Connection(**dataclasses.asdict(self), in_flight=in_flight)


@dataclasses.dataclass(frozen=True)
class OipSettings:
    """The ``teacher.oip.*`` group."""

    model: str
    version: str
    input: str
    output: str
    binary: str


@dataclasses.dataclass(frozen=True)
class TfservingSettings:
    """The ``teacher.tfserving.*`` group."""

    model: str
    version: str
    signature: str
    input: str
    output: str


@dataclasses.dataclass(frozen=True)
class OnnxSettings:
    """The ``teacher.onnx.*`` group."""

    path: str
    input: str
    output: str


@dataclasses.dataclass(frozen=True)
class TeacherSettings:
    """The ``teacher.*`` group."""

    kind: str
    model: str
    seed: int
    validation: int
    images: int
    min_accuracy: float
    function: str
    identity: str
    labels: str
    evaluate: str
    batch: int
    in_flight: int
    rate: float
    attempts: int
    first_wait: float
    longest_wait: float
    price: float
    currency: str
    max_cost: float
    answers: Form
    pixels: Pixels
    http: HttpSettings
    oip: OipSettings
    tfserving: TfservingSettings
    json: Template
    onnx: OnnxSettings
    train: Recipe

    def recipe_key(self) -> dict[str, Any]:
        """What the weights of a local teacher follow from, besides the data."""
        kept = ("model", "seed", "validation", "images")
        return {**{name: getattr(self, name) for name in kept}, "train": essence(self.train)}

    def terms(self) -> Terms:
        """How the teacher is treated."""
        return Terms(**{name: getattr(self, name) for name in Terms._fields})


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """The ``search.*`` group."""

    minimiser: str
    lam_low: float
    lam_high: float
    lam_count: int
    evaluations: int
    recall: float
    random_lam: str
    acquisition: str
    candidates: float
    per_image: int
    committee: int
    random_share: float
    variants: int
    variant_crop: int
    variant_flip: bool
    variant_rotate: float
    variant_zoom: float
    as_released: bool
    max_pairs: int
    schedule: str
    chunk: int
    tile: int
    table_bytes: int

    @property
    def views(self) -> Views:
        """How variants differ from the real images."""
        return Views(self.variant_crop, self.variant_flip, self.variant_rotate, self.variant_zoom)


@dataclasses.dataclass(frozen=True)
class ZskdSettings:
    """The ``zskd.*`` group."""

    steps: int
    batch: int
    learning_rate: float
    temperature: float
    betas: tuple[float, ...]
    copies: int
    as_released: bool


@dataclasses.dataclass(frozen=True)
class FskdSettings:
    """The ``fskd.*`` group."""

    doublings: int
    epochs: int
    ascent: str
    rate: float
    steps: int
    real_weight: float
    most_weight: float
    mean_weight: float


@dataclasses.dataclass(frozen=True)
class LedgerSettings:
    """The ``ledger.*`` group."""

    path: str


@dataclasses.dataclass(frozen=True)
class CheckpointSettings:
    """The ``checkpoint.*`` group."""

    seconds: float


@dataclasses.dataclass(frozen=True)
class ReportSettings:
    """The ``report.*`` group."""

    progress: bool
    tensorboard: bool
    plots: bool
    html: bool


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """The ``export.*`` group."""

    formats: str
    license: str
