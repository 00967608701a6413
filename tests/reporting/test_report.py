"""What a person sees: the table, the round's line, metrics.jsonl, the plots."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from amkd.reporting import plots, report
from amkd.reporting.bars import bars

SECONDS = {"search": 12.4, "query": 3.0, "train": 65.6, "evaluate": 0.2}


def row(round_: int, queries: int, **more: Any) -> dict[str, Any]:
    return {
        "round": round_,
        "queries": queries,
        "student_accuracy": 0.5 + round_ / 10,
        "agreement": 0.4 + round_ / 10,
        "loss": 1.5 - round_ / 10,
        "c2_lowest": 0.25 if round_ else None,
        "c2_highest": 0.75 if round_ else None,
        "student_sha256": "0" * 64,
        "seconds": dict(SECONDS),
        **more,
    }


def epoch(round_: int, number: int) -> dict[str, Any]:
    return {"round": round_, "epoch": number, "loss": 2.0 - round_ / 10 - number / 100}


def summary(**more: Any) -> dict[str, Any]:
    return {
        "method": "active_mixup",
        "dataset": "digits",
        "seed": 7,
        "n_real": 200,
        "budget": 1000,
        "queries": 987,
        "queries_paid": 654,
        "evaluation_queries": 497,
        "cost": 0.0,
        "currency": "USD",
        "adrift": 0,
        "teacher": "flax:lenet5:0123456789abcdef",
        "student": "lenet5_half",
        "teacher_accuracy": 0.9512,
        "student_accuracy": 0.8421,
        "success_rate": 0.8853,
        "agreement": 0.8633,
        "seconds": dict(SECONDS),
        "peak_memory_mib": 321,
        "rounds": [row(0, 200, student_accuracy=0.1234), row(1, 987, agreement=0.8633)],
        "paths": {"student": "w/student", "summary": "w/summary.json", "plots": None},
        **more,
    }


# Text.


def test_the_table_tells_of_money_only_where_there_is_some() -> None:
    assert "cost" not in report.table(summary()) and "lost on the way" not in report.table(
        summary()
    )
    paid = report.table(summary(cost=1234.5, currency="EUR", adrift=12))
    assert "\ncost                 1,234.5 EUR\n" in paid
    assert (
        "\nlost on the way      12 images, which may have been billed without an answer\n" in paid
    )


def test_the_table_of_an_earlier_version_is_printed() -> None:
    before = {
        name: value
        for name, value in summary().items()
        if name not in ("cost", "currency", "adrift")
    }
    assert report.table(before) == report.table(summary())


def test_the_table_holds_every_figure() -> None:
    lines = report.table(summary()).splitlines()
    facts = {
        line[:21].strip(): line[21:] for line in lines if line[20:21] == " " and line[:1].isalpha()
    }
    assert facts["teacher accuracy"] == "95.12%"
    assert facts["student accuracy"] == "84.21%"
    assert facts["success rate"] == "88.53%"
    assert facts["agreement"] == "86.33%"
    assert facts["queries"].startswith("987 of 1000") and "654" in facts["queries"]
    assert facts["evaluation queries"].startswith("497")
    assert facts["peak memory"] == "321 MiB"
    assert facts["seconds"] == "search 12.4, query 3.0, train 65.6, evaluate 0.2"
    assert facts["student"] == "w/student"
    assert facts["summary"] == "w/summary.json"
    heading = next(line for line in lines if line)
    for part in ("active_mixup", "digits", "seed 7", "flax:lenet5:0123456789abcdef", "lenet5_half"):
        assert part in heading


def test_the_table_has_a_line_for_every_round() -> None:
    lines = [line.split() for line in report.table(summary()).splitlines()]
    assert ["0", "200", "12.34%", "40.00%"] in lines
    assert ["1", "987", "60.00%", "86.33%"] in lines


def test_the_tables_columns_stand_under_their_names() -> None:
    lines = report.table(summary()).splitlines()
    start = next(
        place for place, line in enumerate(lines) if line.split()[:2] == ["round", "queries"]
    )
    assert len({len(line) for line in lines[start : start + 3]}) == 1


def test_what_was_not_measured_is_shown_as_such() -> None:
    unknown = summary(
        teacher_accuracy=None,
        success_rate=None,
        agreement=None,
        rounds=[row(0, 200, agreement=None), row(1, 987)],
    )
    text = report.table(unknown)
    assert text.count("not measured") == 4
    assert "None" not in text.replace("plots                None", "")


def test_percent() -> None:
    assert report.percent(0.98765) == "98.77%"
    assert report.percent(1.0) == "100.00%"
    assert report.percent(0.0) == "0.00%"
    assert report.percent(None) == "not measured"


def test_the_line_of_a_round() -> None:
    assert report.round_line(row(2, 1234)) == (
        "round 2: queries 1234  student 70.00%  agreement 60.00%  C2 0.250..0.750  (search 12s,"
        " query 3s, train 66s)"
    )


def test_mixes_of_one_score_can_be_drawn(tmp_path: Path) -> None:
    """With two classes, the lowest C2 are all next to .5: a few steps of float32 apart."""
    scores = np.float32(0.5) + np.arange(5, dtype=np.float32) * np.float32(6e-8)
    lams = np.linspace(0.3, 0.7, 5, dtype=np.float32)
    plots.chosen([(scores, lams), (np.full(5, np.nan, np.float32), lams)], tmp_path / "chosen.png")
    assert (tmp_path / "chosen.png").stat().st_size > 5000


def test_the_line_of_a_screened_round_tells_what_was_found_for_sure() -> None:
    screened = {"evaluations": 9, "recall": {"low": 0.9625, "estimate": 0.98, "high": 0.99}}
    assert "  found 96.25% or more of the k lowest" in report.round_line(
        row(2, 1234, search=screened)
    )


def test_the_line_of_round_0_has_no_scores() -> None:
    line = report.round_line(row(0, 200, agreement=None))
    assert "C2" not in line
    assert "agreement not measured" in line
    assert line.startswith("round 0: queries 200  student 50.00%")


# metrics.jsonl.


def read(workdir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def write_run(workdir: Path, rounds: int, epochs: int, finished: int) -> None:
    """What a run leaves that has trained ``rounds`` rounds and finished the first few."""
    out = report.Report(workdir, progress=False, tensorboard=False)
    for number in range(rounds):
        for step in range(1, epochs + 1):
            out.epoch(epoch(number, step))
        if number < finished:
            out.round(row(number, 100 * (number + 1)))
    out.close()


def test_rows_are_written_as_they_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = report.Report(tmp_path, progress=False, tensorboard=False)
    out.epoch(epoch(0, 1))
    assert read(tmp_path) == [{"kind": "epoch", **epoch(0, 1)}]  # at once: a kill loses nothing
    out.epoch(epoch(0, 2))
    assert capsys.readouterr().out == ""
    out.round(row(0, 200))
    assert capsys.readouterr().out == report.round_line(row(0, 200)) + "\n"
    out.close()
    assert read(tmp_path) == [
        {"kind": "epoch", **epoch(0, 1)},
        {"kind": "epoch", **epoch(0, 2)},
        {"kind": "round", **row(0, 200)},
    ]


@pytest.mark.parametrize(
    ("round_", "done", "kept"),
    [
        (0, -1, []),
        (0, 0, []),
        (0, 2, [(0, 1), (0, 2)]),
        (1, -1, [(0, 1), (0, 2), (0, 3), (0, "round")]),
        (1, 0, [(0, 1), (0, 2), (0, 3), (0, "round")]),
        (1, 1, [(0, 1), (0, 2), (0, 3), (0, "round"), (1, 1)]),
        (
            2,
            2,
            [
                (0, 1),
                (0, 2),
                (0, 3),
                (0, "round"),
                (1, 1),
                (1, 2),
                (1, 3),
                (1, "round"),
                (2, 1),
                (2, 2),
            ],
        ),
    ],
)
def test_rewind_drops_exactly_what_is_beyond(
    tmp_path: Path, round_: int, done: int, kept: list[Any]
) -> None:
    write_run(tmp_path, rounds=3, epochs=3, finished=2)
    out = report.Report(tmp_path, progress=False, tensorboard=False)
    out.rewind([row(number, 100 * (number + 1)) for number in range(round_)], round_, done)
    assert read(tmp_path) == [
        {"kind": "round", **row(number, 100 * (number + 1))}
        if step == "round"
        else {"kind": "epoch", **epoch(number, step)}
        for number, step in kept
    ]


def test_rewind_survives_a_line_that_was_cut_off(tmp_path: Path) -> None:
    write_run(tmp_path, rounds=2, epochs=2, finished=1)
    path = tmp_path / "metrics.jsonl"
    whole = path.read_text()
    last = whole.splitlines()[-1]
    for cut in range(1, len(last)):
        path.write_text(whole[: -1 - cut])
        out = report.Report(tmp_path, progress=False, tensorboard=False)
        out.rewind([row(0, 100)], 1, 1)
        assert read(tmp_path) == [
            {"kind": "epoch", **epoch(0, 1)},
            {"kind": "epoch", **epoch(0, 2)},
            {"kind": "round", **row(0, 100)},
            {"kind": "epoch", **epoch(1, 1)},
        ]
        out.epoch(epoch(1, 2))  # and the run goes on
        assert read(tmp_path)[-1] == {"kind": "epoch", **epoch(1, 2)}


def test_rewind_writes_a_round_that_a_kill_kept_from_the_file(tmp_path: Path) -> None:
    """The state is saved before the round's row is written."""
    write_run(tmp_path, rounds=1, epochs=2, finished=0)
    report.Report(tmp_path, progress=False, tensorboard=False).rewind([row(0, 100)], 1, -1)
    assert [line["kind"] for line in read(tmp_path)] == ["epoch", "epoch", "round"]


def test_rewind_of_a_new_run(tmp_path: Path) -> None:
    report.Report(tmp_path, progress=False, tensorboard=False).rewind([], 0, -1)
    assert read(tmp_path) == []


def test_tensorboard_files_hold_the_scalars(tmp_path: Path) -> None:
    out = report.Report(tmp_path, progress=False, tensorboard=True)
    out.epoch(epoch(0, 1))
    out.round(row(0, 200, agreement=None))
    out.close()
    files = list((tmp_path / "tensorboard").iterdir())
    assert len(files) == 1
    content = files[0].read_bytes()
    assert b"loss/round_0" in content
    assert b"round/student_accuracy" in content
    assert b"round/agreement" not in content  # it was not measured


def test_no_tensorboard_files_without_tensorboard(tmp_path: Path) -> None:
    out = report.Report(tmp_path, progress=False, tensorboard=False)
    out.epoch(epoch(0, 1))
    out.close()
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


@pytest.mark.parametrize("progress", [True, False])
def test_bars_are_shown_only_where_wanted(
    progress: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with bars(progress)(3, "round 1 search", "pair") as advance:
        advance(1)
        advance(2, loss="0.5")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert ("round 1 search" in shown.err) is progress


# Plots.


def picture(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        image.load()
        return np.asarray(image.convert("RGB"))


def is_drawn(pixels: np.ndarray) -> bool:
    """Not one colour, and more of it than a frame."""
    return (
        len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10 and np.mean(pixels.min(-1) < 250) > 0.01
    )


@pytest.mark.parametrize("known", [True, False], ids=["teacher known", "teacher unknown"])
def test_the_accuracy_plot_is_drawn(tmp_path: Path, known: bool) -> None:
    rows = [
        row(number, 200 + 100 * number, **({} if known else {"agreement": None}))
        for number in range(4)
    ]
    path = tmp_path / "plots" / "accuracy.png"
    plots.accuracy(rows, 0.9 if known else None, "active_mixup on digits", path)
    assert is_drawn(picture(path))


def test_the_accuracy_plot_shows_the_values(tmp_path: Path) -> None:
    low, high = (
        [row(0, 200, student_accuracy=a), row(1, 300, student_accuracy=b)]
        for a, b in ((0.1, 0.9), (0.9, 0.1))
    )
    plots.accuracy(low, None, "", tmp_path / "low.png")
    plots.accuracy(high, None, "", tmp_path / "high.png")
    assert not np.array_equal(picture(tmp_path / "low.png"), picture(tmp_path / "high.png"))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("count", [1, 7])
def test_the_contact_sheet_is_drawn(tmp_path: Path, channels: int, count: int) -> None:
    rng = np.random.default_rng(0)
    shape = (8, 8, channels)
    triples = [tuple(rng.integers(0, 256, shape, np.uint8) for _ in range(3)) for _ in range(count)]
    scores = np.linspace(0.2, 0.9, count, dtype=np.float32)
    scores[0] = np.nan
    answers = rng.dirichlet(np.ones(10), count).astype(np.float32)
    path = tmp_path / "plots" / "round_01.png"
    plots.contact_sheet(triples, np.full(count, 0.5, np.float32), scores, answers, "round 1", path)  # type: ignore[arg-type]
    assert is_drawn(picture(path))


def test_the_contact_sheet_shows_the_images(tmp_path: Path) -> None:
    """A red, a green and a blue image are seen as such, side by side and in this order."""
    flat = [np.zeros((8, 8, 3), np.uint8) for _ in range(3)]
    for channel, image in enumerate(flat):
        image[..., channel] = 255
    answers = np.full((1, 4), 0.25, np.float32)
    path = tmp_path / "sheet.png"
    plots.contact_sheet([(flat[0], flat[1], flat[2])], np.ones(1), np.zeros(1), answers, "", path)
    pixels = picture(path).astype(int)
    centres = []
    for channel in range(3):
        others = [c for c in range(3) if c != channel]
        mask = (pixels[..., channel] > 200) & (pixels[..., others].max(-1) < 60)
        assert mask.sum() > 500
        centres.append(np.nonzero(mask)[1].mean())
    assert centres == sorted(centres)
