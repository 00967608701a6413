"""A real MLServer for tests: softmax regression on the digits, served on loopback by a process of
its own.

``serving`` starts and ends the server, whose process alone imports the package ``mlserver``.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
MODEL, VERSION = "digits", "v1.0"
_RUNTIME = '''
"""The model that the server runs."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Digits(MLModel):
    async def load(self):
        saved = np.load(self.settings.parameters.uri)
        self.weights, self.bias = saved["weights"], saved["bias"]
        return True

    async def predict(self, payload):
        images = NumpyCodec.decode_input(payload.inputs[0])
        logits = images.reshape(len(images), -1).astype(np.float32) / 255 @ self.weights + self.bias
        odds = np.exp(logits - logits.max(-1, keepdims=True))
        scores = (odds / odds.sum(-1, keepdims=True)).astype(np.float32)
        labels = scores.argmax(-1)
        pairs = (("scores", scores), ("label", labels))
        outputs = [NumpyCodec.encode_output(name, values) for name, values in pairs]
        wanted = [output.name for output in payload.outputs or outputs]
        kept = [output for output in outputs if output.name in wanted]
        return InferenceResponse(
            model_name=self.name, model_version=self.version, outputs=kept
        )
'''
_TENSORS = {
    "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 8, 8, 1]}],
    "outputs": [
        {"name": "scores", "datatype": "FP32", "shape": [-1, 10]},
        {"name": "label", "datatype": "INT64", "shape": [-1, 1]},
    ],
}


def digits():
    """Images ``uint8[M, 8, 8, 1]`` and their labels ``int64[M]``."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return np.rint(found.images * (255 / 16)).astype(np.uint8)[..., None], found.target


def train(steps=300, rate=0.5):
    """Weights ``float32[64, 10]`` and bias ``float32[10]`` after plain gradient descent."""
    images, labels = digits()
    inputs, wanted = images.reshape(len(images), -1) / 255, np.eye(10)[labels]
    weights, bias = np.zeros((inputs.shape[1], 10)), np.zeros(10)
    for _ in range(steps):
        error = (_softmax(inputs @ weights + bias) - wanted) / len(inputs)
        weights, bias = weights - rate * inputs.T @ error, bias - rate * error.sum(0)
    return weights.astype(np.float32), bias.astype(np.float32)


def predict(weights, bias, images):
    """What the server is to answer, ``float32[B, 10]``."""
    return _softmax(images.reshape(len(images), -1).astype(np.float32) / 255 @ weights + bias)


def _softmax(logits):
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return odds / odds.sum(-1, keepdims=True)


@contextlib.contextmanager
def serving(folder, weights, bias):
    """Runs MLServer in a folder, with the models ``digits`` and, without metadata, ``silent``;
    gives its address.
    """
    port, grpc = free_port(), free_port()
    _write(folder, weights, bias, port, grpc)
    command = [str(Path(sys.executable).parent / "mlserver"), "start", str(folder)]
    with open(folder / "server.log", "w") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(os.environ), stdout=log, stderr=subprocess.STDOUT
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _await(url, process, folder / "server.log")
            yield url
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _write(folder, weights, bias, port, grpc):
    """The server's folder: settings, weights, and a folder for each model."""
    np.savez(folder / "weights.npz", weights=weights, bias=bias)
    settings = {"host": "127.0.0.1", "http_port": port, "grpc_port": grpc, "metrics_endpoint": None}
    (folder / "settings.json").write_text(
        json.dumps({**settings, "parallel_workers": 0, "debug": False})
    )
    for name, tensors in (("digits", _TENSORS), ("silent", {})):
        model = folder / name
        model.mkdir()
        (model / "runtime.py").write_text(_RUNTIME)
        parameters = {"uri": str(folder / "weights.npz"), "version": VERSION}
        card = {
            "name": name,
            "implementation": "runtime.Digits",
            "versions": [VERSION],
            "parameters": parameters,
        }
        (model / "model-settings.json").write_text(
            json.dumps({**card, **(tensors or {"versions": []})})
        )


def _await(url, process, log, seconds=60):
    """Waits until every model is ready."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()[-4000:]
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/v2/health/ready", trust_env=False).status_code == 200:
                return
        time.sleep(0.2)
    raise AssertionError(f"no MLServer within {seconds} s: {log.read_text()[-4000:]}")
