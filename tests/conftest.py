"""What every test runs under: eight CPU devices, strict JAX, hypothesis without a clock."""

import functools
import json
import os
import pathlib
import subprocess
import sys

COUNT_FLAG = "--xla_force_host_platform_device_count"
if COUNT_FLAG not in os.environ.get("XLA_FLAGS", ""):  # before JAX is imported for the first time
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {COUNT_FLAG}=8".strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import hypothesis  # noqa: E402
import jax  # noqa: E402
import pytest  # noqa: E402

from tests import command  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")

hypothesis.settings.register_profile("amkd", deadline=None, max_examples=25, derandomize=True)
hypothesis.settings.load_profile("amkd")

ROOT = pathlib.Path(__file__).parent.parent


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
    """Folder of a finished run (``run``) through the command line, and of what it asked (``asked.txt``)."""
    folder = tmp_path_factory.mktemp("tiny")
    done = command.run(command.arguments(folder / "run", **command.PRICED), command.environment(folder))
    assert done.returncode == 0, done.stderr
    return folder


@functools.cache
def _on_devices(count, module, function, *args):
    code = f"import json; from {module} import {function} as f; print(json.dumps(f(*{args!r})))"
    flags = [flag for flag in os.environ["XLA_FLAGS"].split() if not flag.startswith(COUNT_FLAG)]
    env = {**os.environ, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": " ".join([*flags, f"{COUNT_FLAG}={count}"])}
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def on_devices():
    """Calls ``function(*args)`` of a test module in a process of its own with ``count`` CPU devices."""
    return _on_devices
