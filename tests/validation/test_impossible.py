"""What cannot work is refused before it costs anything."""

import pytest

from tests.support.configuring import complaint

IMPOSSIBLE = {
    "one real image": ({"n_real": 1}, "config.n_real=1"),
    "budget below n_real": ({"budget": 199}, "config.budget=199", "n_real=200"),
    "budget of n_real": ({"budget": 200}, "budget"),
    "negative budget": ({"budget": -5}, "config.budget=-5"),
    "more than the pool": ({"n_real": 10, "budget": 56, "rounds": 1}, "config.budget=56", "45"),
    "more than max_pairs": ({"search__max_pairs": 799}, "config.budget=1000", "799"),
    "lam_low 0": ({"search__lam_low": 0.0}, "config.search.lam_low=0.0"),
    "lam_high 1": ({"search__lam_high": 1.0}, "config.search.lam_high=1.0"),
    "lam_low nan": ({"search__lam_low": float("nan")}, "config.search.lam_low=nan"),
    "lam_low above lam_high": (
        {"search__lam_low": 0.8, "search__lam_high": 0.25},
        "config.search.lam_low=0.8",
        "lam_high=0.25",
    ),
    "lam_low next to 0": ({"search__lam_low": 1e-6}, "config.search.lam_low=1e-06"),
    "mixes and labels": (
        {"teacher__kind": "labels"},
        "config.method='active_mixup': the labels teacher (teacher.kind='labels') can answer only",
    ),
    "too many variants": (
        {"search__variants": 25},
        "config.search.variants=25",
        "24 different shifts",
    ),
    "no lambda": ({"search__lam_count": 0}, "config.search.lam_count=0"),
    "minimiser": (
        {"search__minimiser": "refine"},
        "config.search.minimiser='refine'",
        "did you mean 'refined'?",
    ),
    "no evaluation": ({"search__evaluations": 0}, "config.search.evaluations=0"),
    "all of the k lowest": (
        {"search__recall": 1.0},
        "config.search.recall=1.0",
        "'refined' leaves nothing out",
    ),
    "none of the k lowest": ({"search__recall": 0.0}, "config.search.recall=0.0"),
    "a warm start and a committee": (
        {"warm_start": True, "search__acquisition": "ensemble", "search__candidates": 2.0},
        "config.warm_start=True",
        "'ensemble' compares the student with others",
    ),
    "no rounds": ({"rounds": 0}, "config.rounds=0"),
    "negative max_pairs": ({"search__max_pairs": -1}, "config.search.max_pairs=-1"),
    "chunk -1": ({"search__chunk": -1}, "config.search.chunk=-1"),
    "negative tile": ({"search__tile": -1}, "config.search.tile=-1"),
    "negative table": ({"search__table_bytes": -1}, "config.search.table_bytes=-1"),
    "method": (
        {"method": "active_mixxup"},
        "config.method='active_mixxup'",
        "did you mean 'active_mixup'?",
    ),
    "student": ({"student": "lenet"}, "config.student='lenet'", "did you mean 'lenet5'?"),
    "teacher.kind": (
        {"teacher__kind": "flux"},
        "config.teacher.kind='flux'",
        "did you mean 'flax'?",
    ),
    "teacher.model": (
        {"teacher__model": "alexnot"},
        "config.teacher.model='alexnot'",
        "did you mean 'alexnet'?",
    ),
    "teacher.evaluate": (
        {"teacher__evaluate": "yess"},
        "config.teacher.evaluate='yess'",
        "did you mean 'yes'?",
    ),
    "nothing like it": ({"student": "42"}, "config.student='42'", "lenet5_half", "resnet18_224"),
    "python without a function": (
        {"teacher__kind": "python"},
        "config.teacher.function=''",
        "'python' needs it",
    ),
    "a function without a module": (
        {"teacher__kind": "python", "teacher__function": "answer"},
        "config.teacher.function='answer'",
        "module:function",
    ),
    "an unknown kind": (
        {"teacher__kind": "onyx"},
        "config.teacher.kind='onyx'",
        "did you mean 'onnx'?",
    ),
    "onnx without a file": ({"teacher__kind": "onnx"}, "config.teacher.onnx.path=''"),
    "oip without an address": (
        {"teacher__kind": "oip", "teacher__oip__model": "m"},
        "config.teacher.http.url=''",
    ),
    "oip without a model": (
        {"teacher__kind": "oip", "teacher__http__url": "http://h"},
        "config.teacher.oip.model=''",
    ),
    "an address for no service": (
        {"teacher__http__url": "http://h"},
        "config.teacher.http.url",
        "oip",
    ),
    "a file for no onnx": (
        {"teacher__onnx__path": "a.onnx"},
        "config.teacher.onnx.path='a.onnx'",
        "kind=onnx",
    ),
    "a limit without a price": (
        {"teacher__max_cost": 5.0},
        "config.teacher.max_cost=5.0",
        "config.teacher.price",
    ),
    "a negative price": ({"teacher__price": -1.0}, "config.teacher.price=-1.0"),
    "no request in flight": ({"teacher__in_flight": 0}, "config.teacher.in_flight=0"),
    "no attempt": ({"teacher__attempts": 0}, "config.teacher.attempts=0"),
    "a rate of infinity": (
        {"teacher__rate": float("inf")},
        "config.teacher.rate=inf",
        "0 for no limit",
    ),
    "no time to read": (
        {"teacher__http__read_timeout": 0.0},
        "config.teacher.http.read_timeout=0.0",
    ),
    "an unknown form": (
        {"teacher__answers__form": "labels"},
        "config.teacher.answers.form='labels'",
        "'label'?",
    ),
    "a temperature of 0": (
        {"teacher__answers__temperature": 0.0},
        "config.teacher.answers.temperature=0.0",
    ),
    "none of the top": ({"teacher__answers__top_k": -1}, "config.teacher.answers.top_k=-1"),
    "an unknown layout": (
        {"teacher__pixels__layout": "chw"},
        "config.teacher.pixels.layout='chw'",
        "nchw",
    ),
    "pixels over 0": ({"teacher__pixels__divide": 0.0}, "config.teacher.pixels.divide=0.0"),
    "a folder of another data set": (
        {"data__folder": "p"},
        "config.data.folder='p'",
        "config.dataset=folder",
    ),
    "a folder without a name": (
        {"dataset": "folder"},
        "config.data.folder=''",
        "config.data.size=0",
    ),
    "a folder without classes": (
        {"dataset": "folder", "data__folder": "p"},
        "config.data.classes=''",
    ),
    "a folder for a local teacher": (
        {"dataset": "folder"},
        "config.teacher.kind='flax'",
        "labeled",
    ),
    "an unknown crop": ({"data__resize": "cut"}, "config.data.resize='cut'", "crop"),
    "an unknown format": ({"export__formats": "onnx,tflite"}, "config.export.formats='tflite'"),
    "negative seed": ({"seed": -1}, "config.seed=-1"),
    "negative teacher seed": ({"teacher__seed": -3}, "config.teacher.seed=-3"),
    "accuracy in percent": ({"teacher__min_accuracy": 95.0}, "config.teacher.min_accuracy=95.0"),
    "negative accuracy": ({"teacher__min_accuracy": -0.5}, "config.teacher.min_accuracy=-0.5"),
    "teacher.batch 0": ({"teacher__batch": 0}, "config.teacher.batch=0"),
    "validation 0": ({"teacher__validation": 0}, "config.teacher.validation=0"),
    "negative images": ({"teacher__images": -1}, "config.teacher.images=-1"),
    "width of arrays": ({"data__width": 12}, "config.data.width=12", "applies to image files"),
    "student_width alone": ({"student_width": 12}, "config.student_width=12", "student_size"),
    "negative size": ({"data__size": -28}, "config.data.size=-28"),
    "negative test images": ({"data__test_images": -1}, "config.data.test_images=-1"),
    "negative seconds": ({"checkpoint__seconds": -1.0}, "config.checkpoint.seconds=-1.0"),
    "schedule in words": (
        {"search__schedule": "evenly"},
        "config.search.schedule='evenly'",
        "'equal'",
        "'doubling'",
    ),
    "schedule of fractions": ({"search__schedule": "1.5,2,3"}, "config.search.schedule='1.5,2,3'"),
    "schedule with a hole": ({"search__schedule": "100,,200"}, "config.search.schedule='100,,200'"),
    "empty schedule": ({"search__schedule": ""}, "config.search.schedule=''"),
    "schedule too short": (
        {"search__schedule": "100,200"},
        "config.search.schedule='100,200'",
        "rounds=3",
    ),
    "schedule too long": (
        {"search__schedule": "1,2,3,4"},
        "config.search.schedule='1,2,3,4'",
        "rounds=3",
    ),
    "schedule of nothing": (
        {"search__schedule": "0,400,400"},
        "config.search.schedule='0,400,400'",
    ),
    "negative schedule": (
        {"search__schedule": "-1,400,400"},
        "config.search.schedule='-1,400,400'",
    ),
    "schedule beyond the budget": (
        {"search__schedule": "300,300,201"},
        "300,300,201",
        "801",
        "budget=1000 minus n_real=200 leaves 800",
    ),
    "more rounds than mixes": ({"budget": 202}, "rounds=3"),
    "too many rounds to double": (
        {"budget": 210, "rounds": 5, "search__schedule": "doubling"},
        "'doubling'",
        "rounds",
    ),
}


@pytest.mark.parametrize("case", IMPOSSIBLE)
def test_impossible_values_are_named(case: str) -> None:
    fields, *expected = IMPOSSIBLE[case]
    message = complaint(**fields)
    for part in expected:
        assert part in message


def test_all_problems_are_told_at_once() -> None:
    message = complaint(
        rounds=0, method="x", search__lam_count=0, train__momentum=2.0, teacher__train__dtype="int8"
    )
    for name in (
        "rounds=0",
        "method='x'",
        "search.lam_count=0",
        "train.momentum=2.0",
        "teacher.train.dtype='int8'",
    ):
        assert f"config.{name}" in message
    assert len(message.splitlines()) == 6
