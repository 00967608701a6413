"""What every test runs under: four CPU devices, strict JAX, hypothesis without a clock."""

import functools
import json
import os
import pathlib
import subprocess
import sys

from tests.support.compiling import COUNT_FLAG, xla_flags

if COUNT_FLAG not in os.environ.get("XLA_FLAGS", ""):  # before JAX is imported for the first time
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {xla_flags(4)}".strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Set already, so that no command of a test starts its process a second time.
os.environ.setdefault("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1")

import hypothesis
import jax
import pytest

from amkd.core import devices
from tests.support import command
from tests.support.ports import free_port

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

hypothesis.settings.register_profile("amkd", deadline=None, max_examples=25, derandomize=True)
hypothesis.settings.load_profile("amkd")

ROOT = pathlib.Path(__file__).parent.parent


@pytest.fixture
def as_accelerated(monkeypatch):
    """Work takes the form for accelerators, on these CPU devices."""
    monkeypatch.setattr(devices, "accelerated", lambda: True)


@pytest.fixture
def tfds_dir():
    """The directory of prepared TFDS data sets."""
    path = os.environ.get("TFDS_DATA_DIR")
    if not path:
        pytest.skip("TFDS_DATA_DIR is not set: it must name a directory of prepared TFDS data sets")
    if not os.path.isdir(path):
        pytest.skip(f"TFDS_DATA_DIR={path!r} is not a directory")
    return path


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory):
    """Folder of a finished run (``run``) through the command line, and of what it asked
    (``asked.txt``).
    """
    folder = tmp_path_factory.mktemp("tiny")
    done = command.run(
        command.arguments(folder / "run", **command.PRICED), command.environment(folder)
    )
    assert done.returncode == 0, done.stderr
    return folder


def _environment(count, quick):
    flags = xla_flags(count, quick=quick)
    return {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


@functools.cache
def _on_devices(count, module, function, *args, quick=False):
    code = f"import json; from {module} import {function} as f; print(json.dumps(f(*{args!r})))"
    env = _environment(count, quick)
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=480,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def on_devices():
    """Calls ``function(*args)`` of a test module in a process of its own with ``count`` CPU
    devices; unless ``quick``, it compiles as a user's run does.
    """
    return _on_devices


def _member(port, count, own, module, function, args):
    return f"""
import json, jax
jax.config.update("jax_cpu_collectives_implementation", "gloo")
jax.distributed.initialize("localhost:{port}", num_processes={count}, process_id={own})
from {module} import {function} as f
print(json.dumps(f(*{args!r})))
"""


def _on_processes(count, devices, module, function, *args, quick=False):
    port = free_port()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _member(port, count, own, module, function, args)],
            cwd=ROOT,
            env=_environment(devices, quick=quick),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for own in range(count)
    ]
    try:
        output = [process.communicate(timeout=300) for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert [process.returncode for process in started] == [0] * count, "\n".join(
        err[-3000:] for _, err in output
    )
    return [json.loads(out.splitlines()[-1]) for out, _ in output]


@pytest.fixture(scope="session")
def on_processes():
    """Calls ``function(*args)`` of a test module in ``count`` processes that know each other; lists
    the results. Unless ``quick``, they compile as a user's run does.
    """
    return _on_processes
