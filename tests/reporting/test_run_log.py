"""metrics.jsonl and TensorBoard: as they are written, and after a restart."""

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from amkd.reporting.run_log import RunLog, read_epochs, read_rounds
from amkd.reporting.summary_text import round_line
from amkd.reporting.writers import tensorboard
from tests.support.summaries import epoch, row


def lines(workdir: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def read(workdir: Path) -> list[dict[str, Any]]:
    """The lines without their times."""
    found = lines(workdir)
    for entry in found:
        assert (
            datetime.datetime.fromisoformat(entry.pop("time")).utcoffset() == datetime.timedelta()
        )
    return found


def test_a_line_that_is_kept_keeps_its_time(tmp_path: Path) -> None:
    write_run(tmp_path, rounds=2, epochs=2, finished=2)
    before = lines(tmp_path)
    RunLog(tmp_path).rewind([row(0, 100), row(1, 200)], 2, -1)
    assert lines(tmp_path) == before
    moments = [entry["time"] for entry in before]
    assert moments == sorted(moments)


def test_lines_of_an_earlier_version_have_no_time_and_stay_so(tmp_path: Path) -> None:
    old = [{"kind": "epoch", **epoch(0, 1)}, {"kind": "round", **row(0, 100)}]
    text = "".join(json.dumps(entry) + "\n" for entry in old)
    (tmp_path / "metrics.jsonl").write_text(text)
    RunLog(tmp_path).rewind([row(0, 100)], 1, -1)
    assert lines(tmp_path) == old
    assert read_rounds(tmp_path) == [old[1]] and read_epochs(tmp_path) == [old[0]]


ROUND_0, ROUND_1 = ([(number, step) for step in (1, 2, 3, "round")] for number in (0, 1))


def write_run(workdir: Path, *, rounds: int, epochs: int, finished: int) -> None:
    """What a run leaves that has trained ``rounds`` rounds and finished the first few."""
    out = RunLog(workdir)
    for number in range(rounds):
        for step in range(1, epochs + 1):
            out.epoch(epoch(number, step))
        if number < finished:
            out.round(row(number, 100 * (number + 1)))
    out.close()


def test_rows_are_written_as_they_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = RunLog(tmp_path)
    out.epoch(epoch(0, 1))
    assert read(tmp_path) == [{"kind": "epoch", **epoch(0, 1)}]  # at once: a kill loses nothing
    out.epoch(epoch(0, 2))
    assert capsys.readouterr().out == ""
    out.round(row(0, 200))
    assert capsys.readouterr().out == round_line(row(0, 200)) + "\n"
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
        (1, -1, ROUND_0),
        (1, 0, ROUND_0),
        (1, 1, [*ROUND_0, (1, 1)]),
        (2, 2, [*ROUND_0, *ROUND_1, (2, 1), (2, 2)]),
    ],
)
def test_rewind_drops_exactly_what_is_beyond(
    tmp_path: Path, round_: int, done: int, kept: list[Any]
) -> None:
    write_run(tmp_path, rounds=3, epochs=3, finished=2)
    out = RunLog(tmp_path)
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
    for cut in range(1, len(last), 3):
        path.write_text(whole[: -1 - cut])
        out = RunLog(tmp_path)
        out.rewind([row(0, 100)], 1, 1)
        assert read(tmp_path) == [
            {"kind": "epoch", **epoch(0, 1)},
            {"kind": "epoch", **epoch(0, 2)},
            {"kind": "round", **row(0, 100)},
            {"kind": "epoch", **epoch(1, 1)},
        ]
        out.epoch(epoch(1, 2))  # and the run goes on
        assert read(tmp_path)[-1] == {"kind": "epoch", **epoch(1, 2)}


@pytest.mark.parametrize(
    "damage",
    [b"", bytes(40), b"\xff\xfe", b"null", b"[]", b"3", b"{}", b'{"kind": "epoch"}', b"[" * 100_000,
     b'{"kind": "epoch", "round": "0", "epoch": 1}', b'{"kind": "other", "round": 0}'],
    ids=lambda damage: damage[:20],
)  # fmt: skip
def test_rewind_leaves_damaged_lines_out_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: bytes
) -> None:
    write_run(tmp_path, rounds=1, epochs=2, finished=1)
    path = tmp_path / "metrics.jsonl"
    capsys.readouterr()
    sound = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([sound[0], damage, *sound[1:]]) + b"\n")
    RunLog(tmp_path).rewind([row(0, 100)], 1, -1)
    assert path.read_bytes().splitlines() == sound
    assert f"{path}: 1 damaged line" in capsys.readouterr().out


def test_rewind_writes_a_round_that_a_kill_kept_from_the_file(tmp_path: Path) -> None:
    """The state is saved before the round's row is written."""
    write_run(tmp_path, rounds=1, epochs=2, finished=0)
    RunLog(tmp_path).rewind([row(0, 100)], 1, -1)
    assert [line["kind"] for line in read(tmp_path)] == ["epoch", "epoch", "round"]


def test_rewind_of_a_new_run(tmp_path: Path) -> None:
    RunLog(tmp_path).rewind([], 0, -1)
    assert read(tmp_path) == []


def test_tensorboard_files_hold_the_scalars(tmp_path: Path) -> None:
    out = RunLog(tmp_path, writers=[tensorboard.EventFiles(tmp_path / "tensorboard")])
    out.epoch({**epoch(0, 1), "learning_rate": 0.1})
    out.round(row(1, 200, agreement=None, cost=0.5, selected=100))
    out.close()
    files = list((tmp_path / "tensorboard").iterdir())
    assert len(files) == 1
    content = files[0].read_bytes()
    assert b"loss/round_0" in content
    assert b"round/student_accuracy" in content
    for name in (b"seconds/train", b"round/c2_lowest", b"spend/cost", b"schedule/selected"):
        assert name in content
    assert b"learning_rate/round_0" in content
    assert b"round/agreement" not in content  # it was not measured


def test_no_tensorboard_files_without_tensorboard(tmp_path: Path) -> None:
    out = RunLog(tmp_path)
    out.epoch(epoch(0, 1))
    out.close()
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]
