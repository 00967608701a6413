"""The plan tells all that is wrong in one go: configuration, images, teacher and cost."""

import pytest

from amkd.core.errors import UserError
from amkd.core.stopping import StopSignal
from amkd.planning import report
from amkd.planning.problems import Problems
from amkd.validation import examine, subject
from tests.support.configuring import changed

# Fields, what the command line has found already, and what must be told; nothing else is.
WRONG = {
    "everything is somewhere else": (
        {
            "seed": -1,
            "n_real": "many",
            "method": "mixup",
            "dataset": "folder",
            "data__folder": "/nowhere",
            "data__test_folder": "/nowhere/either",
            "data__size": 8,
            "data__classes": "cat",
            "teacher__kind": "python",
            "teacher__function": "no_such_module:answer",
        },
        ["config.budget='lots': must be a whole number"],
        [
            "config.budget='lots': must be a whole number",
            "config.n_real='many': must be a whole number",
            "config.seed=-1: must be at least 0",
            "config.method='mixup': must be one of",
            "config.data.folder='/nowhere': there is no such folder",
            "config.data.classes='cat': there is no file",
            "config.data.test_folder='/nowhere/either': there is no such folder",
            "config.teacher.function='no_such_module:answer' cannot be loaded",
        ],
    ),
    "no images, and a file that is missing": (
        {
            "dataset": "no_such_data",
            "teacher__kind": "onnx",
            "teacher__onnx__path": "/nowhere.onnx",
            "teacher__price": 1.0,
            "teacher__max_cost": 2.0,
            "search__lam_low": 0.9,
        },
        [],
        [
            "config.search.lam_low=0.9: must not exceed lam_high",
            "config.dataset='no_such_data'",
            "config.teacher.onnx.path='/nowhere.onnx' is not a file",
        ],
    ),
    "images that are too few for all that is asked": (
        {
            "n_real": 500,
            "teacher__validation": 9000,
            "teacher__price": 1.0,
            "teacher__max_cost": 2.0,
            "train__batch_size": 0,
        },
        [],
        [
            "config.train.batch_size=0",
            "config.n_real=500: digits has only 400 images",
            "config.teacher.validation=9000",
        ],
    ),
    # What only follows from another fault is not told: the default of n_real fits no such budget.
    "one fault that has consequences": (
        {"n_real": "many", "budget": 100},
        [],
        ["config.n_real='many': must be a whole number"],
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_all_at_once(case, tmp_path):
    fields, told, expected = WRONG[case]
    settings, problems = examine(changed(cache_dir=str(tmp_path), **fields), told)
    with pytest.raises(UserError) as caught:
        report.report(settings, tmp_path / "run", StopSignal(), problems)
    first, *lines = str(caught.value).splitlines()
    assert first == "the plan cannot work:"
    for part in expected:
        assert sum(line.startswith(f"  {part}") for line in lines) == 1, (part, lines)
    assert len(lines) == len(expected), lines


def test_a_problem_is_about_the_field_that_it_names_first():
    assert subject("config.train.batch_size=0: must be") == "train.batch_size"
    assert subject("config.budget=3: set --config.n_real=1") == "budget"
    assert subject("another process is at work") == ""


def test_what_fails_in_any_way_is_no_news_where_something_is_wrong():
    def fail():
        raise ZeroDivisionError

    problems = Problems(["config.n_real=1: must be 2 or more"])
    assert problems.attempt(fail) is None and len(problems.found) == 1
    with pytest.raises(ZeroDivisionError):
        Problems().attempt(fail)


@pytest.mark.parametrize("method", ["real_only", "supervised_real", "full_kd", "sskd", "zskd"])
def test_a_method_that_selects_nothing_ignores_rounds(method):
    _, problems = examine(changed(method=method, rounds=0, n_real=200, budget=200))
    assert not [problem for problem in problems if "rounds" in problem]
    _, problems = examine(changed(method="active_mixup", rounds=0))
    assert any("config.rounds=0: must be at least 1" in problem for problem in problems)
