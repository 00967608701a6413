"""The container's steps and the examples of deployment, as far as they can be checked without
Docker and without a cluster: every file, flag, field and exit status in them is there.
"""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import venv

import pytest
import yaml

from amkd.cli import ending, subcommands
from amkd.config import config_file
from amkd.validation import from_config
from tests.docs.pages import blocks
from tests.docs.test_commands import check, help_text  # noqa: F401, a fixture
from tests.packaging.test_metadata import ROOT, setup

DEPLOY = ROOT / "examples" / "deploy"
SCRIPTS = sorted(DEPLOY.glob("*.sh"))


def steps(text):
    """The steps of a Dockerfile: instruction and arguments, lines joined."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(None, 1)) for line in joined.splitlines()]


STEPS = steps((ROOT / "Dockerfile").read_text())


def sources():
    """What is copied from the checkout."""
    copied = [shlex.split(rest) for kind, rest in STEPS if kind == "COPY"]
    return [name for words in copied if "--from=wheel" not in words for name in words[:-1]]


def reaches_builder(name):
    """Whether .dockerignore lets a file through: the last line that fits counts."""
    through = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").removeprefix("**/")
        if (
            pattern
            and not line.startswith("#")
            and any(fnmatch.fnmatch(part, pattern) for part in (name, *name.split("/")))
        ):
            through = line.startswith("!")
    return through


def test_what_is_copied_is_there_and_reaches_the_builder():
    assert {"amkd", "configs", "constraints.txt", "setup.cfg"} <= set(sources())
    for name in sources():
        assert (ROOT / name).exists() and reaches_builder(name), name


def test_nothing_private_reaches_the_builder():
    for name in ("runs/x/ledger.sqlite", ".git", ".env", "pictures", "amkd/core/__pycache__"):
        assert not reaches_builder(name), name


def test_the_user_of_the_image_has_no_rights():
    (user,) = [rest for kind, rest in STEPS if kind == "USER"]
    assert user == "10001:10001"  # numbers: Kubernetes must see that it is not root
    after = [kind for kind, _ in STEPS][[kind for kind, _ in STEPS].index("USER") + 1 :]
    assert not {"RUN", "COPY", "ADD"} & set(after)
    assert "--uid 10001" in next(rest for _, rest in STEPS if rest.startswith("useradd"))


def test_the_image_starts_the_command_and_passes_its_status_on():
    (entry,) = [yaml.safe_load(rest) for kind, rest in STEPS if kind == "ENTRYPOINT"]
    assert entry == ["tini", "--", "amkd"]  # a list: no shell between them
    assert "amkd = amkd.__main__:run" in setup()["options.entry_points"]["console_scripts"]
    installed = " ".join(rest for kind, rest in STEPS if kind == "RUN")
    assert "tini" in installed and "--constraint /tmp/constraints.txt" in installed


@pytest.mark.parametrize(("extras", "wanted"), [("", "x/amkd-1.whl"), ("a,b", "x/amkd-1.whl[a,b]")])
def test_how_extras_are_named(extras, wanted, tmp_path):
    (line,) = [rest for _, rest in STEPS if rest.startswith("pip install")]
    word = re.search(r'"\$\(echo .*?\}"', line)[0].replace("/tmp/wheels", "x")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "amkd-1.whl").touch()
    shell = ["sh", "-c", f'EXTRAS="{extras}"; printf %s {word}']
    assert subprocess.check_output(shell, cwd=tmp_path, text=True) == wanted


@pytest.mark.heavy  # installs everything into an empty environment
def test_the_steps_install_the_command(tmp_path):
    """The two lines of pip, as they stand, with folders in the place of the image's."""
    image, source = tmp_path / "tmp", tmp_path / "source"
    for folder in (image, source):
        folder.mkdir()
    for name in sources():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    (source / "constraints.txt").rename(image / "constraints.txt")
    venv.create(tmp_path / "venv", with_pip=True)
    found = f"{tmp_path}/venv/bin:{os.environ['PATH']}"
    for line in (rest for kind, rest in STEPS if kind == "RUN" and rest.startswith("pip ")):
        line = line.replace("/tmp/", "/").replace("/wheels", f"{image}/wheels")
        line = line.replace("/constraints.txt", f"{image}/constraints.txt")
        env = {**os.environ, "PATH": found, "EXTRAS": ""}
        subprocess.run(["sh", "-ec", line], cwd=source, env=env, check=True, timeout=3600)
    told = subprocess.check_output([f"{tmp_path}/venv/bin/amkd", "--help"], cwd=tmp_path, text=True)
    assert "--config.NAME=VALUE" in told and not (image / "wheels").exists()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_sound(script, help_text, monkeypatch):  # noqa: F811
    subprocess.run(["bash", "-n", script], check=True)
    text = re.sub(r"\\?\$\{?\w+\}?", "1", script.read_text()).replace("\\\n", " ")
    found = re.findall(r"(?:^|[/ ])(amkd (?:--|status ).*)", text, re.MULTILINE)
    assert found
    for one in found:
        words = shlex.split(one.replace('"', ""))
        check(words, help_text, monkeypatch)


DOCUMENTS = {
    one["kind"]: one for one in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
}
POD = DOCUMENTS["Job"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def test_the_job_runs_a_configuration_that_works(tmp_path, help_text, monkeypatch):  # noqa: F811
    (tmp_path / "run.yaml").write_text(DOCUMENTS["ConfigMap"]["data"]["run.yaml"])
    settings = from_config(config_file.load(tmp_path / "run.yaml").to_dict())
    assert settings.teacher.max_cost and settings.cache_dir == "/cache"
    mounted = {volume["mountPath"] for volume in CONTAINER["volumeMounts"]}
    assert {"/config", "/runs", settings.cache_dir, settings.data.folder} <= mounted
    assert CONTAINER["args"][0] == "--config=/config/run.yaml"
    check(["amkd", "--config=service", *CONTAINER["args"][1:]], help_text, monkeypatch)
    volumes = {volume["name"] for volume in POD["volumes"]}
    assert {volume["name"] for volume in CONTAINER["volumeMounts"]} == volumes


def test_the_configuration_on_the_page_works(tmp_path):
    (block,) = blocks(ROOT / "docs" / "operations.md", "yaml")
    (tmp_path / "run.yaml").write_text(block.text)
    settings = from_config(config_file.load(tmp_path / "run.yaml").to_dict())
    assert (settings.n_real, settings.train.epochs, settings.train.views) == (400, 20, 2)


def test_the_job_knows_the_exit_statuses():
    rules = DOCUMENTS["Job"]["spec"]["podFailurePolicy"]["rules"]
    of_status = {
        status: rule["action"]
        for rule in rules
        if "onExitCodes" in rule
        for status in rule["onExitCodes"]["values"]
    }
    assert of_status == {
        ending.UNFINISHED: "Ignore",
        ending.MISTAKE: "FailJob",
        ending.TEACHER_FAILED: "FailJob",
    }
    assert POD["restartPolicy"] == "Never"  # what podFailurePolicy needs
    for rule in rules:
        assert rule.get("onExitCodes", {}).get("containerName", "amkd") == CONTAINER["name"]


def test_the_probes_ask_for_the_workdir_of_the_run():
    for name in ("startupProbe", "livenessProbe"):
        program, *words = CONTAINER[name]["exec"]["command"]
        args = subcommands.parser().parse_args(words)
        assert program == "amkd" and f"--workdir={args.workdir}" in CONTAINER["args"]


def test_the_pod_is_not_root():
    assert POD["securityContext"]["runAsNonRoot"]
    assert POD["securityContext"]["runAsUser"] == 10001
    assert CONTAINER["securityContext"]["capabilities"] == {"drop": ["ALL"]}
