"""The benchmarks' own arithmetic: turns, rows, the document, the worker, and PyTorch's networks
beside Flax's.
"""

import importlib.util
import json

import numpy as np
import pytest

from amkd.reporting import provenance
from benchmarks import (
    memory,
    minimisers,
    operations,
    our_side,
    pool,
    results,
    search,
    students,
    train,
    turns,
    worker,
)

needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="PyTorch is not installed: make bench-install"
)


class Echo:
    """What the tests ask of a worker."""

    def __init__(self, word):
        self.word = word

    def say(self, times):
        return self.word * times

    def fail(self):
        raise ValueError("no such word")

    def end(self):
        raise SystemExit(3)


def sides(order):
    """Two sides of constant speed that write down when they are called."""
    ours, theirs = iter([10.0, 40.0, 20.0]), iter([5.0, 10.0, 8.0])
    return (
        lambda: order.append("ours") or next(ours),
        lambda: order.append("theirs") or next(theirs),
    )


def test_sides_take_turns_and_each_goes_first_in_every_second_one():
    order = []
    rates = turns.alternate(*sides(order), turns=3, pause=0)
    assert order == ["ours", "theirs", "theirs", "ours", "ours", "theirs"]
    assert rates == [(10, 5), (40, 10), (20, 8)]


def test_a_row_has_medians_of_rates_and_of_the_turns_ratios():
    row = turns.compared("search", "net", "evaluations/s", rates=[(10, 5), (40, 10), (20, 8)])
    assert (row.ours, row.theirs, row.against) == (20, 8, "PyTorch")
    assert (row.low, row.ratio, row.high, row.turns) == (2, 2.5, 4, 3)


def test_rows_are_written_with_machine_versions_and_command(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["x", "--turns=3", "--json=out.json"])
    path = tmp_path / "new" / "out.json"
    turns.write(path, [turns.Measurement("cost", "tiny", "s", 1.5)], {"jax_device": "one"})
    (row,) = json.loads(path.read_text())
    assert (row["name"], row["model"], row["ours"]) == ("cost", "tiny", 1.5)
    assert row["theirs"] is row["ratio"] is row["low"] is row["high"] is None
    assert row["machine"]["jax_device"] == "one" and row["machine"]["cores"] == provenance.cores()
    assert row["versions"]["numpy"] == np.__version__
    assert row["command"].endswith(" --turns=3")


def rows_of(*rows):
    common = {"machine": {"cores": 2}, "versions": {"jax": "1.2"}, "date": "2026-01-02"}
    return [{**vars(row), **common, "command": f"python -m {row.name}"} for row in rows]


def test_the_document_has_a_table_for_every_kind_of_row():
    found = results.render(
        rows_of(
            turns.Measurement(
                *("search", "a", "evaluations/s", 123456.0, 50000.0, "PyTorch"),
                *(2.469, 2.4, 2.5, 5, {"lams": 11}),
            ),
            turns.Measurement(
                "search",
                "b",
                "evaluations/s",
                1.25,
                details={"c2_difference": 1.23e-7, "tried": ["x"]},
            ),
            turns.Measurement("sample", "", "ranks/s", 7.0, details={"of": 3_199_960_000}),
        )
    )
    lines = found.splitlines()
    assert lines[0] == "# Results of the benchmarks"
    assert lines[2:5] == ["- date: 2026-01-02", "- machine: cores 2", "- versions: jax 1.2"]
    assert lines[6:10] == ["```", "python -m search", "python -m sample", "```"]
    assert "## Searching the pool" in lines and "## Drawing a sample of the pool" in lines
    assert (
        "| model | ours, evaluations/s | PyTorch | ratio | turns | lams | c2 difference |" in lines
    )
    assert "| a | 123,000 | 50,000 | 2.47 (2.40 to 2.50) | 5 | 11 | - |" in lines
    assert "| b | 1.25 | - | - | 1 | - | 1.23e-07 |" in lines
    assert "| ours, ranks/s | of |" in lines
    assert "| 7 | 3,199,960,000 |" in lines


def test_a_worker_answers_and_passes_on_what_is_raised():
    with worker.Worker("tests.benchmarks.test_benchmarks:Echo", "ab") as other:
        assert other.call("say", 2) == "abab"
        with pytest.raises(worker.Failed, match="no such word"):
            other.call("fail")
        assert other.call("say", 1) == "ab"  # it lives on
        with pytest.raises(worker.Failed, match="exit status 3"):
            other.call("end")


def test_peak_memory_counts_what_is_touched():
    before = memory.peak()
    block = np.ones(200 * memory.MIB, np.uint8)
    assert block.nbytes == 200 * memory.MIB and memory.peak() > before + 100


def test_pools_have_at_least_the_pairs_that_are_asked_for():
    assert [pool.images_for(size) for size in (1, 3, 4, 10_000)] == [2, 3, 4, 142]


def test_every_model_has_logits_that_leave_room_for_confidence():
    for model in ("lenet5_half", "alexnet_half", "tiny"):
        student = students.make(model, 8)
        found = students.logits(student, student.images)
        assert found.shape == (8, 10) and 1.9 < found.std() < 2.1


def test_a_scan_counts_what_is_reported_after_the_first_time_and_stops(monkeypatch):
    def choose(of, k, lams, *, progress, chunk):
        for count in (chunk, chunk, 5):  # a last chunk is shorter
            seen.append(count)
            progress(count)

    seen = []
    monkeypatch.setattr(our_side, "choose", choose)
    assert our_side.scan(None, 1, 2, seconds=0.0, chunk=70)[0] == 70 and seen == [70, 70]
    assert our_side.scan(None, 1, 2, seconds=60.0, chunk=70)[0] == 75
    monkeypatch.setattr(our_side, "choose", lambda *_, progress, chunk: progress(9))
    with pytest.raises(ValueError, match="one chunk"):
        our_side.scan(None, 1, 2, seconds=0.0, chunk=70)


@needs_torch
@pytest.mark.parametrize("model", students.MODELS)
def test_pytorch_has_the_same_networks(model):
    import torch

    from benchmarks import torch_networks

    # resnet18_224 is fully convolutional: a small image is enough.
    images = students.patterns(3, (64, 64, 3)) if model == "resnet18_224" else None
    student = students.make(model, 3, images)
    network = torch_networks.build(
        model, students.CLASSES, student.images.shape[1:], variables=student.variables
    ).eval()
    x = torch.from_numpy(student.images).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        np.testing.assert_allclose(network(x), students.logits(student, student.images), atol=1e-4)


def test_operations_of_lenet5_half():
    first = 2 * 28 * 28 * 3 * 25
    rest = 2 * (10 * 10 * 8 * 25 * 3 + 200 * 120 + 120 * 84 + 84 * 10)
    assert operations.of_student(students.make("lenet5_half", 2)) == (first + rest, first)


@needs_torch
@pytest.mark.parametrize("variant", ["eager", "channels_last"])
def test_pytorchs_search_finds_what_ours_finds(variant):
    from benchmarks import torch_search

    student = students.make("alexnet_half", 5)
    side = torch_search.TorchSearch(1)
    lams = search.mixing.lam_of(our_side.grid(3))
    side.setup(
        student.model, students.CLASSES, student.images, variables=student.variables, lams=lams
    )
    side.choose(variant, 3)  # 10 pairs: the last block is short
    lowest, _ = side.search_all(4)
    np.testing.assert_allclose(lowest, our_side.choose(student, 4, 3).score, atol=1e-5)
    assert side.scan(0.0, 4)[0] == 3


@needs_torch
def test_the_search_is_compared_before_it_is_timed():
    student = students.make("lenet5_half", 6)
    lams = search.mixing.lam_of(our_side.grid(3))
    with worker.Worker("benchmarks.torch_search:TorchSearch", 1) as theirs:
        theirs.call(
            "setup",
            student.model,
            students.CLASSES,
            student.images,
            variables=student.variables,
            lams=lams,
        )
        assert search.compare(student, 3, theirs) < 1e-5
        with pytest.raises(AssertionError):
            search.compare(
                students.Student(student.model, student.images[::-1], student.variables), 3, theirs
            )


@needs_torch
def test_trainings_start_with_the_same_losses():
    lesson = our_side.lesson("lenet5_half", 7, 16, batch=8, augmented=False)  # for eight devices
    with worker.Worker("benchmarks.torch_train:TorchTrain", 1) as theirs:
        assert train.compare(lesson, theirs) < 1e-4


@needs_torch
def test_pytorchs_crops_and_mirrors_only_move_pixels():
    import torch

    from benchmarks import recipe, torch_train

    mixes = np.arange(8 * 28 * 28, dtype=np.uint32).astype(np.uint8).reshape(8, 28, 28, 1)
    records = (np.zeros(8, np.int64), np.zeros(8, np.int64), np.ones(8, np.float32))
    of = students.make("lenet5_half", 2)
    side = torch_train.TorchTrain(1)
    side.setup(
        *(of.model, 10, of.images),
        variables=of.variables,
        records=records,
        mixes=mixes,
        answers=np.ones((8, 10), np.float32),
    )
    side.restart(recipe.Recipe(4, "sgd", 0.9, 0.0, 2, True))
    torch.manual_seed(0)
    found = np.rint(side._batch(torch.full((40,), 5)).numpy() * 255)[:, 0]
    padded = np.pad(mixes[5, ..., 0], 2)
    views = [
        padded[r : r + 28, c : c + 28][:, ::step]
        for r in range(5)
        for c in range(5)
        for step in (1, -1)
    ]
    which = [[np.array_equal(one, view) for view in views].index(True) for one in found]
    assert len(set(which)) > 10 and {place % 2 for place in which} == {0, 1}


def test_methods_to_minimise_are_compared_on_a_student_of_a_run():
    """The grid is a part of the dense grid, so its minimum is never lower."""
    given = ["n_real=12", "budget=13", "rounds=1", "train.min_steps=2", "teacher.train.min_steps=2"]
    ((round_, inputs),) = minimisers.students("digits", given, [0])
    assert round_ == 0 and len(inputs.images) == 12
    rows = [*minimisers.excesses(inputs, "", counts=[3], size=50)]
    assert [row.details["way"] for row in rows] == ["grid", "refined, 3"]
    assert rows[0].ours >= -1e-6 and rows[1].ours > -0.01
