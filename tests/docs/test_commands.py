"""Every command on the pages works, or the page says why no test runs it.

A launch is parsed by the real parser of configurations and checked as a whole, so that a field,
a value or a mode that does not exist fails. A ledger's command is parsed by its own parser.
Targets of make, extras of pip and modules of benchmarks must exist. Blocks of Python run, with a
short training.
"""

import configparser
import importlib.util
import os
import re
import shlex
import subprocess
import sys

import pytest
from absl import flags
from ml_collections import config_flags

from amkd.cli import ledger, subcommands
from amkd.tables import table
from amkd.validation import from_config
from tests.docs.pages import PAGES, ROOT, blocks, name_of
from tests.support import command

FLAGS = ("workdir", "mode", "network", "images", "output", "shard", "host", "port", "log")
SHELL = ("cd", "export", "test", ".", "exit", "git")


def commands(text):
    """The commands of a block, as lists of words without comments and variables before them."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        while words and re.match(r"[A-Z_]+=", words[0]):
            words = words[1:]
        if words:
            yield words


def parsed(arguments, monkeypatch):
    """The flags of a launch: its configuration, and the others by name."""
    named = re.compile(r"--config=([a-z_0-9/]+)(:\w+)?$")  # of a shipped configuration
    argv = ["launch", *(named.sub(r"--config=configs/\1.py\2", one) for one in arguments)]
    monkeypatch.setattr(sys, "argv", argv)  # where overrides of fields are looked for
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", None, "", lock_config=True, flag_values=values)
    for name in FLAGS:
        flags.DEFINE_string(name, None, "", flag_values=values)
    left = values(argv)
    assert left == ["launch"], left[1:]
    return values["config"].value, {name: values[name].value for name in FLAGS}


def check_launch(arguments, help_text, monkeypatch):
    """Raises where a launch would be refused before it loads its data."""
    if arguments == ["--help"]:
        return
    monkeypatch.chdir(ROOT)
    held = not any(one.startswith("--config=") for one in arguments)  # by the workdir of its run
    arguments = ["--config=configs/default.py", *arguments] if held else arguments
    config, others = parsed(arguments, monkeypatch)
    modes = re.findall(r"^  (\w+)  ", help_text.split("Modes (--mode):")[1].split("\n\n")[0], re.M)
    assert "plan" in modes
    assert others["mode"] in (None, *modes), others["mode"]
    given = config.to_dict()
    if table.is_table(given):
        table.from_config(given)
        assert others["mode"] in (None, "plan", "table", "distill")
    else:
        from_config(given)
        assert others["mode"] != "table"
        assert others["workdir"], "--workdir is missing"


def check_ledger(arguments, help_text, monkeypatch):
    """Raises where a ledger's command, or the configuration behind it, would be refused."""
    args = ledger._parser().parse_args(arguments)
    if given := [one for one in getattr(args, "given", []) if one != "--keep_held"]:
        check_launch(given, help_text, monkeypatch)


def check_pip(arguments):
    """Installations are of this checkout, with extras that there are."""
    setup = configparser.RawConfigParser()
    setup.read(ROOT / "setup.cfg")
    (what,) = [one for one in arguments if one.startswith(".")]
    extra = re.fullmatch(r"\.(?:\[(\w+(?:,\w+)*)\])?", what)
    assert extra, what
    for one in filter(None, (extra[1] or "").split(",")):
        assert setup.has_option("options.extras_require", one), what


def check(words, help_text, monkeypatch):
    """Raises where a command cannot work."""
    program, rest = words[0].removeprefix(".venv/bin/"), words[1:]
    if (program, *rest[:1]) == ("amkd", "ledger"):
        check_ledger(rest[1:], help_text, monkeypatch)
    elif program == "amkd" and rest[0] in subcommands.NAMES:
        subcommands.parser().parse_args(rest)
    elif program == "amkd" or (program, *rest[:1]) == ("python", "launch.py"):
        check_launch(rest[program == "python" :], help_text, monkeypatch)
    elif (program, *rest[:2]) == ("python", "-m", "amkd.ledger"):
        check_ledger(rest[2:], help_text, monkeypatch)
    elif program == "python" and rest[0] == "-m":
        assert importlib.util.find_spec(rest[1]), rest[1]
    elif program == "python":
        assert (ROOT / rest[0]).exists(), rest[0]
    elif program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.M), rest[0]
    elif program == "pip":
        assert rest[0] == "install"
        check_pip(rest[1:])
    else:
        assert program in SHELL, f"{shlex.join(words)}: run it in a test, or say why not"


@pytest.fixture(scope="module")
def help_text():
    """What ``python launch.py --help`` prints."""
    done = subprocess.run(
        [sys.executable, "launch.py", "--help"],
        cwd=ROOT,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_of_a_page(page, help_text, monkeypatch):
    for block in blocks(page, "sh"):
        if block.why is None:
            for words in commands(block.text):
                check(words, help_text, monkeypatch)


def test_help_has_every_flag(help_text):
    assert all(f"--{name} " in help_text for name in ("config", *FLAGS))


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("python launch.py --config=configs/digits.py --workdir=w --config.budgt=3", "budgt"),
        ("amkd --config=digits --workdir=w --config.method=none", "config.method='none'"),
        ("amkd --config=digits --workdir=w --mode=dance", "dance"),
        ("amkd --config=digits --workdir=w --colour=red", "colour"),
        ("amkd --config=nothing --workdir=w", "nothing"),
        ("amkd ledger import answers.csv --config=digits --workdir=w --config.budgt=3", "budgt"),
        ("amkd compare runs/a runs/b --colour=red", "colour"),
        ("make coffee", "coffee"),
        ("pip install '.[coffee]'", "coffee"),
        ("curl https://example.com", "curl"),
    ],
)
def test_wrong_commands_are_found(line, error, help_text, monkeypatch):
    with pytest.raises(Exception, match=error):
        for words in commands(line):
            check(words, help_text, monkeypatch)


def test_a_block_may_say_why_it_is_not_run(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: hours -->\n```sh\nmake coffee\n```\n\n```sh\nmake tea\n```\n")
    assert [(block.text, block.why) for block in blocks(page, "sh")] == [
        ("make coffee\n", "hours"),
        ("make tea\n", None),
    ]


def test_commands_stand_in_blocks_of_sh():
    """So that they are seen here."""
    for page in PAGES:
        assert not blocks(page, "bash") and not blocks(page, ""), name_of(page)


def test_shown_teacher_is_the_file():
    (block,) = blocks(ROOT / "docs" / "own_teacher.md", "python")
    name, text = block.text.split("\n", 1)
    assert text == (ROOT / name.removeprefix("# ")).read_text()


_QUICK = """
import runpy, sys, amkd.api
real, quick = amkd.api.distill, {"rounds": 1, "n_real": 16, "data.held_out": 20}
quick |= {"train.epochs": 1, "train.batch_size": 16, "search.max_pairs": 100}
quick |= {f"report.{name}": False for name in ("progress", "tensorboard", "plots")}
def distill(*args, budget, **named):
    return real(*args, budget=24, **{**named, "fields": {**named.get("fields", {}), **quick}})
amkd.distill = amkd.api.distill = distill
for path in sys.argv[1:]:
    runpy.run_path(path, run_name="__main__")
"""


@pytest.mark.parametrize(
    "page", ["README.md", pytest.param("docs/python.md", marks=pytest.mark.heavy)]
)
def test_python_of_a_page_runs(page, tmp_path):
    """As it stands, but for a shorter training; the images are those of examples/."""
    (block,) = blocks(ROOT / page, "python")
    (tmp_path / "example.py").write_text(block.text)
    ran = subprocess.run(
        [sys.executable, "-c", _QUICK, ROOT / "examples" / "make_pictures.py", "example.py"],
        cwd=tmp_path,
        env={**command.environment(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert ran.returncode == 0, ran.stderr
    # Its last line: three classes, and the agreement.
    assert re.fullmatch(r"\[\d \d \d\] (0\.\d+|1\.0)", ran.stdout.splitlines()[-1]), ran.stdout
