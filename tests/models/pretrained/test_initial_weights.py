"""Where first weights come from: files, the hub, functions of the user's own."""

import hashlib
import json
import sys
import types

import jax
import numpy as np
import pytest

from amkd import models
from amkd.core.errors import UserError
from amkd.models.pretrained import hub, initial_weights
from tests.support import timm_weights

NAME, SHAPE = "mobilenetv3_small_100", (32, 32, 3)
COMMIT = "0123456789" * 4


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    library = pytest.importorskip("safetensors.numpy", reason="safetensors is in the extra")
    values = timm_weights.arrays(timm_weights.shapes_of(models.build(NAME, 3, SHAPE), SHAPE))
    path = tmp_path_factory.mktemp("weights") / COMMIT / "model.safetensors"
    path.parent.mkdir()
    library.save_file(values, path)
    return path


def test_a_file_is_known_by_its_name_and_hash(file):
    found = initial_weights.load(str(file), NAME, 3, SHAPE)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert found.card_entry == {"source": "model.safetensors", "sha256": digest, "license": None}


def test_a_file_that_is_none_is_refused(tmp_path):
    pytest.importorskip("safetensors", reason="safetensors is in the extra")
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"not a file of weights")
    with pytest.raises(UserError, match="cannot be read as safetensors"):
        initial_weights.load(str(path), NAME, 3, SHAPE)


def test_the_hub_s_commit_and_licence_are_told(file, monkeypatch):
    (file.parent / "config.json").write_text(json.dumps({"architecture": NAME}))
    (file.parent / "README.md").write_text("---\ntags:\n- x\nlicense: apache-2.0\n---\n# Model\n")
    asked = []

    def hf_hub_download(repository, name, revision):
        asked.append((repository, name, revision))
        return str(file.parent / name)

    fake = types.SimpleNamespace(hf_hub_download=hf_hub_download)
    monkeypatch.setitem(sys.modules, "huggingface_hub", fake)
    found = initial_weights.load("hf:timm/some.a1_in1k", NAME, 3, SHAPE)
    assert (found.source, found.license) == (f"hf:timm/some.a1_in1k@{COMMIT}", "apache-2.0")
    assert asked[0] == ("timm/some.a1_in1k", "model.safetensors", None)
    assert {revision for _, _, revision in asked[1:]} == {COMMIT}
    (file.parent / "config.json").unlink()


def test_a_download_that_fails_names_the_remedy(monkeypatch):
    def fail(*_, **__):
        raise OSError("no connection")

    monkeypatch.setitem(sys.modules, "huggingface_hub", types.SimpleNamespace(hf_hub_download=fail))
    with pytest.raises(UserError, match=r"no connection.*student_weights=FILE"):
        hub.fetch("hf:timm/resnet18.a1_in1k")


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(UserError, match=r"pip install 'amkd\[pretrained\]'"):
        hub.fetch("hf:timm/resnet18.a1_in1k")


@pytest.mark.parametrize(
    ("spec", "student", "said"),
    [
        ("x.safetensors", "lenet5_half", "no published weights for student 'lenet5_half'"),
        ("x.safetensors", "my:build", "takes weights only from a function, module:load"),
        ("x.safetensors", NAME, "there is no such file"),
        ("x.pth", NAME, "must be a file"),
        ("hf:resnet18", NAME, "must be hf:OWNER/NAME"),
        ("hf:a/b@123", NAME, "all 40 digits"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_read(spec, student, said):
    (problem,) = initial_weights.problems(spec, student)
    assert f"config.student_weights={spec!r}" in problem and said in problem


def test_an_assistant_is_called_one():
    (problem,) = initial_weights.problems("x.safetensors", "lenet5_half", "assistant.weights")
    assert "config.assistant.weights='x.safetensors'" in problem
    assert "no published weights for assistant 'lenet5_half'" in problem


def test_nothing_is_wrong_with_nothing():
    assert initial_weights.problems("", "lenet5_half") == []
    assert initial_weights.load("", "lenet5_half", 3, (8, 8, 1)) is None


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Writes a module with a function ``load``; returns its name in a configuration."""

    def write(name, body):
        (tmp_path / f"{name}.py").write_text(f"import jax\ndef load(variables):\n    {body}\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        return f"{name}:load"

    return write


def test_a_function_of_the_user_s_own_gives_the_variables(own):
    spec = own("weights_doubled", "return jax.tree.map(lambda x: 2 * x, variables)")
    found = initial_weights.load(spec, "lenet5_half", 3, (8, 8, 1))
    placed = found.place({"params": {"fc": np.array([1.0, 3.0], np.float32)}})
    assert placed["params"]["fc"].tolist() == [2, 6]
    assert found.source == spec and len(found.sha256) == 64


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("weights_less", "return {}", "with the same structure as its argument"),
        ("weights_nan", "return jax.tree.map(lambda x: x / 0, variables)", "not finite"),
        ("weights_flat", "return jax.tree.map(lambda x: x.ravel(), variables)", "must have shape"),
        ("weights_fail", "raise KeyError('x')", "failed: KeyError"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_a_function_that_returns_something_else_is_refused(own, name, body, said):
    with pytest.raises(UserError, match=said):
        initial_weights.load(own(name, body), "lenet5_half", 3, (8, 8, 1))


def test_names_of_networks_without_three_channels_or_of_other_sizes_are_refused():
    with pytest.raises(UserError, match="3 channels"):
        models.build(NAME, 3, (32, 32, 1))
    with pytest.raises(UserError, match=r"multiples of 16.*student_size=32"):
        models.build("vit_small_patch16_224", 3, (36, 36, 3))
    with pytest.raises(UserError, match=r"data\.size=96 and --config\.data\.width=64$"):
        models.build("vit_small_patch16_224", 3, (100, 60, 3), field="teacher.model")
    with pytest.raises(UserError, match=r"student_size=96 and --config\.student_width=64$"):
        models.build("vit_small_patch16_224", 3, (9, 9, 3), side=(100, 60))
    with pytest.raises(UserError, match=r"assistant\.size=96$"):  # it has no width
        models.build("vit_small_patch16_224", 3, (100, 60, 3), field="assistant.model")
    with pytest.raises(UserError, match=r"at least 32 .*student_size=32"):
        models.build("convnext_atto", 3, (28, 28, 3))


def test_weights_are_placed_into_each_round_s_fresh_variables(file):
    found = initial_weights.load(str(file), NAME, 3, SHAPE)
    network = models.build(NAME, 3, SHAPE)
    template = jax.eval_shape(
        lambda: network.init(jax.random.key(0), np.zeros((1, *SHAPE), np.uint8))
    )
    for number in (1, 2):
        fresh = jax.tree.map(lambda leaf, n=number: np.full(leaf.shape, n, leaf.dtype), template)
        placed = found.place(fresh)
        assert np.all(placed["params"]["classifier"]["kernel"] == number)
        assert not np.any(placed["params"]["conv_stem"]["kernel"] == number)
