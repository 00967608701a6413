"""What a workdir may be resumed with."""

from amkd.config.fields import flatten
from amkd.config.identity import differences, differing, identifying
from amkd.config.names import field_names, former_names, renamed
from amkd.config.settings import Settings
from amkd.validation import from_config
from tests.support.configuring import changed, default

FREE = (
    *(
        "cache_dir",
        "data.dir",
        "data.folder",
        "data.test_folder",
        "data.manifest",
        "data.image_column",
        "data.label_column",
        "data.broken",
        "ledger.path",
        "search.chunk",
    ),
    *(
        "teacher.batch",
        "teacher.in_flight",
        "teacher.rate",
        "teacher.attempts",
        "teacher.first_wait",
    ),
    *(
        "teacher.longest_wait",
        "teacher.price",
        "teacher.currency",
        "teacher.max_cost",
        "teacher.max_lost",
        "teacher.sentinel",
        "teacher.oip.binary",
    ),
    *(
        "teacher.http.url",
        "teacher.http.connect_timeout",
        "teacher.http.read_timeout",
        "teacher.http.auth_header",
    ),
    *(
        "teacher.http.auth_scheme",
        "teacher.http.auth_env",
        "teacher.http.auth_file",
        "teacher.http.ca_file",
    ),
    *(
        "teacher.http.idempotency_header",
        "teacher.http.fresh_connections",
        "teacher.http.max_reply_mib",
        "teacher.longest_retry_after",
    ),
    *("teacher.labels", "teacher.onnx.path", "checkpoint.seconds"),
    # What a profile sets are fields of their own, which belong to the run.
    *("teacher.profile", "teacher.probe_images", "teacher.http.busy"),
    *("teacher.http.aws_service", "teacher.http.aws_region", "report.cascade_agreement"),
    *("export.int8_loss", "serve.threshold", "serve.student", "serve.max_batch"),
    *("serve.wait_seconds", "serve.pause_seconds"),
    *("report.progress", "report.tensorboard", "report.plots", "report.html", "report.private"),
    *("report.beat_seconds", "report.prometheus_port", "report.wandb", "report.mlflow"),
    *("export.formats", "export.license", "export.plain_csv"),
)


def test_differences_name_what_matters_and_nothing_else() -> None:
    old = flatten(from_config(default()))
    assert differences(old, dict(old)) == []
    for name, value in old.items():
        found = differences(old, {**old, name: "other"})
        assert found == ([] if name in FREE else [f"config.{name}: {value!r} -> 'other'"])
    assert set(FREE) <= old.keys()


def test_differences_of_several_fields_and_of_absent_ones() -> None:
    old = {"seed": 0, "budget": 10, "data.dir": "a", "gone": 1}
    new = {"seed": 1, "budget": 20, "data.dir": "b", "new": 2}
    assert differences(old, new) == [
        "config.seed: 0 -> 1",
        "config.budget: 10 -> 20",
        "config.gone: 1 -> 'absent'",
        "config.new: 'absent' -> 2",
    ]


def test_values_kept_under_a_former_name_are_found() -> None:
    assert former_names() == {
        "assistant.pictures": "assistant.real_images",
        "data.judge": "data.evaluate_on",
        "search.per_image": "search.max_per_image",
    }
    assert set(former_names()).isdisjoint(field_names())
    assert renamed({"search.per_image": 4, "seed": 1}) == {"search.max_per_image": 4, "seed": 1}


def test_values_that_make_a_run_and_those_that_are_not_the_defaults() -> None:
    config = from_config(changed(seed=3, cache_dir="/tmp", teacher__batch=7))
    assert identifying(config).keys() == flatten(config).keys() - set(FREE)
    assert differing(config) == {"seed": 3}
    assert differing(config, ("teacher.batch",)) == {"seed": 3, "teacher.batch": 7}
    assert differing(Settings()) == {}
