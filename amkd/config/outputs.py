"""The ``ledger``, ``checkpoint``, ``report`` and ``export`` groups: what a run leaves on disk."""

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
        "Save at the end of an epoch when this many seconds have passed since the last save.",
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
        "PNG plots: accuracy against queries, and contact sheets of chosen mixes.",
        identity=False,
    )
    html: bool = field(
        True,
        "report.html: the whole run on one page that needs no network, with the plots if there are"
        " any.",
        identity=False,
    )
    private: bool = field(
        True,
        "All files are for your user alone (0600, folders 0700). False: as the umask says.",
        identity=False,
    )


@dataclasses.dataclass(frozen=True)
class ExportSettings:
    """The ``export.*`` group."""

    formats: str = field(
        "stablehlo,onnx",
        "What --mode=export writes: one or more of stablehlo, onnx, with commas.",
        choices=("stablehlo", "onnx"),
        several=True,
        identity=False,
    )
    plain_csv: bool = field(
        False,
        "predict: write names into the CSV file as they are. Otherwise a name that a spreadsheet"
        " would run, such as =1+2, gets an apostrophe in front, and control characters are"
        " escaped.",
        identity=False,
    )
    license: str = field("", "The student's licence, for its model card.", identity=False)
