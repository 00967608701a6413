"""The outputs of a run: ``ledger``, ``checkpoint``, ``report``, ``export``, and ``serve``."""

import dataclasses

from amkd.config.fields import field


@dataclasses.dataclass(frozen=True)
class LedgerSettings:
    """The ``ledger.*`` group."""

    path: str = field(
        "",
        "File of paid answers, which several runs may share. Empty for WORKDIR/ledger.sqlite.",
        identity=False,
        path=True,
    )


@dataclasses.dataclass(frozen=True)
class CheckpointSettings:
    """The ``checkpoint.*`` group."""

    seconds: float = field(
        60.0,
        "Seconds between two saves of a training, at the end of an epoch, or of a search.",
        least=0,
        identity=False,
    )


@dataclasses.dataclass(frozen=True)
class ReportSettings:
    """The ``report.*`` group."""

    progress: bool = field(True, "Progress bars.", identity=False)
    tensorboard: bool = field(True, "TensorBoard event files.", identity=False)
    plots: bool = field(
        True,
        "The curves and contact sheets of report.html as SVG files, in plots/.",
        identity=False,
    )
    html: bool = field(
        True,
        "report.html: the whole run on one page that needs no internet connection.",
        identity=False,
    )
    cascade_agreement: float = field(
        0.0,
        "Agreement with the teacher that student and teacher together must reach, such as 0.95: the"
        " report states the lowest confidence at which the student may answer alone"
        " (serve.threshold). This needs the teacher's answers to the evaluation images"
        " (teacher.evaluate). 0 to leave it out.",
        least=0,
        most=1,
        identity=False,
    )
    beat_seconds: float = field(
        10.0,
        "Seconds between two heartbeats in WORKDIR/progress.json, which contains the state of the"
        " run (amkd status WORKDIR). 0 for none.",
        least=0,
        most=3600,
        identity=False,
    )
    prometheus_port: int = field(
        0,
        "Port at which Prometheus can read the progress of the run, from this machine only:"
        " http://127.0.0.1:PORT/metrics. 0 for none.",
        least=0,
        most=65535,
        identity=False,
    )
    wandb: str = field(
        "",
        "Weights & Biases: the project that gets the curves of the run. Empty for none. Server, key"
        " and mode are set by wandb's environment variables, such as WANDB_API_KEY and"
        " WANDB_MODE=offline.",
        identity=False,
    )
    mlflow: str = field(
        "",
        "MLflow: the experiment that gets the curves of the run. Empty for none. The environment"
        " variable MLFLOW_TRACKING_URI names the server.",
        identity=False,
    )
    private: bool = field(
        True,
        "All files are accessible to your user only (0600, folders 0700). False: the umask"
        " applies.",
        identity=False,
    )


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """The ``export.*`` group."""

    formats: str = field(
        "stablehlo,onnx",
        "What --mode=export writes: one or more of stablehlo, onnx, onnx_int8, separated by"
        " commas."
        " onnx_int8 computes in 8 bits, calibrated on the run's real images.",
        choices=("stablehlo", "onnx", "onnx_int8"),
        several=True,
        identity=False,
    )
    int8_loss: float = field(
        2.0,
        "onnx_int8: points of agreement with the student in full precision that may be lost on"
        " evaluation images; a larger loss gives a warning in the model card.",
        least=0,
        most=100,
        identity=False,
    )
    plain_csv: bool = field(
        False,
        "predict: write names into the CSV file unchanged. Otherwise a name that a spreadsheet"
        " would execute, such as =1+2, gets an apostrophe in front, and control characters are"
        " escaped.",
        identity=False,
    )
    license: str = field("", "The student's licence, for its model card.", identity=False)


@dataclasses.dataclass(frozen=True)
class ServeSettings:
    """The ``serve.*`` group."""

    threshold: float = field(
        0.0,
        "The student answers an image if its highest probability is at least this; the paid teacher"
        " answers the others, within teacher.max_cost. 0: the student answers all.",
        least=0,
        most=1,
        identity=False,
    )
    student: str = field(
        "auto",
        "What computes the student's answers: onnx or onnx_int8 (the file in WORKDIR/export), jax"
        " (the saved network), or auto: the ONNX file if it is there and onnxruntime is installed,"
        " else jax.",
        choices=("auto", "jax", "onnx", "onnx_int8"),
        identity=False,
    )
    wait_seconds: float = field(
        30.0,
        "Longest time that a request waits for the teacher's answers to earlier requests; then the"
        " student answers it.",
        least=0,
        most=3600,
        identity=False,
    )
    pause_seconds: float = field(
        30.0,
        "If the teacher cannot be reached, or asks for a long wait: time in which nothing is sent"
        " to it, and the student answers at once.",
        least=0,
        most=3600,
        identity=False,
    )
    max_batch: int = field(
        64,
        "Maximum number of images in one request.",
        least=1,
        identity=False,
    )
