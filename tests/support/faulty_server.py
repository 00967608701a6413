"""A classification service for tests that misbehaves on order, and counts every image.

It speaks the Open Inference Protocol (model ``digits``) and a JSON service's form (``JSON``) on one
loopback port::

    def answer(images):            # uint8[B, H, W, C] -> probabilities float[B, Y]
        ...

    with FaultyServer(answer, shape=(8, 8, 1), faults=["429:0.2", "ok", "500*3"]) as server:
        server.url                 # config.teacher.http.url for the Open Inference Protocol
        server.json_url            # config.teacher.http.url for the JSON form
        server.requests            # every POST, as Asked(path, headers, images, fault, status)
        server.received            # Counter: an image's sha256 -> how often it came
        server.answered            # Counter: an image's sha256 -> how often bytes of a reply of
                                   # status 200 left for it

Each POST takes the next fault; after the last one all is well. ``seeded(seed, share, kinds,
count)`` draws a list of faults at random, always the same for one seed. With ``token="..."`` a
request without ``Authorization: Bearer ...`` gets status 401, whose body repeats the header it came
with. Faults, ``name[:number][*times]``:

==================  ============================================================================
ok                  answers well
slow:seconds        answers well, later (default 0.3)
hang                answers nothing until the client or the server ends
drip:seconds        sends one byte of its answer every so many seconds (default 0.05)
reset               cuts the connection once it has the request
429:seconds         refuses, with Retry-After
503:seconds         refuses, with Retry-After; without a number, without it
500 (or any)        answers that status
truncated           promises the whole answer, sends half and hangs up
garbled             status 200, half of the JSON as if that were all
rows                one row too few
classes             one class too many
nan                 NaN for the first score
sum                 probabilities that sum to 2
shuffled            entries in another order (JSON form with ids)
duplicate           an entry twice (JSON form with ids)
contradiction       an entry twice, the second one different (JSON form with ids)
stranger            the reply's id, or its first entry's, is another request's
==================  ============================================================================
"""

import base64
import collections
import contextlib
import hashlib
import io
import json
import math
import random
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

import numpy as np
from PIL import Image

# config.teacher.json.* for the JSON form; "label" is the best class's name.
JSON = {
    "request": '{"requests": [{"id": "$id", "image": {"content": "$image"}}]}',
    "entries": "responses",
    "scores": "labels[].score",
    "labels": "labels[].name",
    "id": "id",
}
HARD = {**JSON, "scores": "", "labels": "label"}
_BINARY_LENGTH = "Inference-Header-Content-Length"


class Asked(NamedTuple):
    """One POST that came."""

    path: str
    headers: dict
    images: list  # sha256 of each
    fault: str  # as it was ordered, with its number
    status: int  # 0: none was sent


def seeded(seed, share, kinds, count):
    """``count`` faults, of which a share is drawn from ``kinds`` and the rest is well."""
    draw = random.Random(seed)
    return [draw.choice(kinds) if draw.random() < share else "ok" for _ in range(count)]


def digest(image):
    """What an image is counted under."""
    return hashlib.sha256(np.ascontiguousarray(image).tobytes()).hexdigest()


class FaultyServer:
    """See the top of this file.

    ``datatype`` is the input's type in the Open Inference Protocol (values 0 to 255 in any case),
    ``binary`` whether tensors may travel as bytes, ``version`` the model's, ``top`` how many labels
    the JSON form answers with (0: all).
    """

    def __init__(
        self,
        answer,
        shape,
        faults=(),
        token="",
        names=(),
        datatype="UINT8",
        binary=False,
        version="1",
        top=0,
    ):
        self.answer, self.shape, self.token, self.names = answer, tuple(shape), token, list(names)
        self.datatype, self.binary, self.version, self.top = datatype, binary, version, top
        self.requests, self.received, self.answered = (
            [],
            collections.Counter(),
            collections.Counter(),
        )
        self.faults = collections.deque(fault for text in faults for fault in _repeated(text))
        self.closing, self._lock = threading.Event(), threading.Lock()
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.005,), daemon=True)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self.json_url = f"{self.url}/classify"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def take_fault(self):
        with self._lock:
            return self.faults.popleft() if self.faults else "ok"

    def count(self, counter, images):
        with self._lock:
            counter.update(map(digest, images))

    def record(self, asked):
        with self._lock:
            self.requests.append(asked)

    def metadata(self):
        return {
            "name": "digits",
            "versions": [self.version],
            "platform": "numpy",
            "inputs": [{"name": "images", "datatype": self.datatype, "shape": [-1, *self.shape]}],
            "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, -1]}],
        }


def _repeated(text):
    fault, _, times = text.partition("*")
    return [fault] * int(times or 1)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, *args):
        super().__init__(*args)
        self.connections = []

    def get_request(self):
        found = super().get_request()
        self.connections.append(found[0])
        return found

    def server_close(self):
        """Also ends the connections that clients keep open."""
        super().server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request, client_address):
        """A client that hung up is no news here."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    @property
    def owner(self):
        return self.server.owner

    def do_GET(self):
        if self._unauthorized():
            return
        known = {
            "/v2": {
                "name": "faulty",
                "extensions": ["binary_tensor_data"] if self.owner.binary else [],
            },
            "/v2/models/digits": self.owner.metadata(),
            f"/v2/models/digits/versions/{self.owner.version}": self.owner.metadata(),
        }
        found = known.get(self.path)
        self._send(200 if found else 404, json.dumps(found or {"error": "not found"}).encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self._unauthorized():
            return
        asked = _read_json_form(body) if self.path == "/classify" else _read_oip(body, self.headers)
        text = self.owner.take_fault()
        fault, _, number = text.partition(":")
        self.owner.count(self.owner.received, asked["images"])
        hashes = [digest(image) for image in asked["images"]]
        self.owner.record(Asked(self.path, dict(self.headers), hashes, text, _status(fault)))
        self._misbehave(fault, number, asked)

    def _unauthorized(self):
        given = self.headers.get("Authorization", "")
        if not self.owner.token or given == f"Bearer {self.owner.token}":
            return False
        self._send(401, json.dumps({"error": f"bad credentials: {given}"}).encode())
        return True

    def _misbehave(self, fault, number, asked):
        """Carries a fault out."""
        if fault == "hang":
            self.owner.closing.wait(60)
        if _status(fault) == 0:
            return self._hang_up()
        if fault.isdecimal():
            return self._send(
                _status(fault), b'{"error": "not now"}', {"Retry-After": number} if number else {}
            )
        if fault == "slow":
            self.owner.closing.wait(float(number or 0.3))
        reply, headers = self._reply(asked, fault)
        self.owner.count(self.owner.answered, asked["images"])
        if fault == "truncated":
            self._send(
                200, reply[: len(reply) // 2], {**headers, "Content-Length": str(len(reply))}
            )
            return self._hang_up()
        if fault == "drip":
            return self._drip(reply, headers, float(number or 0.05))
        return self._send(200, reply[: len(reply) // 2] if fault == "garbled" else reply, headers)

    def _reply(self, asked, fault):
        scores = np.array(self.owner.answer(np.stack(asked["images"])), np.float32)
        scores = _spoil(scores, fault)
        if self.path != "/classify":
            return self._oip_reply(asked, scores, fault)
        names = self.owner.names or [str(number) for number in range(scores.shape[1])]
        entries = [
            self._entry(name, row, names) for name, row in zip(asked["ids"], scores, strict=False)
        ]
        return json.dumps({"responses": _disorder(entries, fault)}).encode(), {}

    def _entry(self, name, row, names):
        order = np.argsort(-row, kind="stable")[: self.owner.top or len(row)]
        names = [*names, "one class too many"]
        labels = [{"name": names[number], "score": float(row[number])} for number in order]
        return {"id": name, "label": labels[0]["name"], "labels": labels}

    def _oip_reply(self, asked, scores, fault):
        output = {"name": "scores", "datatype": "FP32", "shape": list(scores.shape)}
        message = {"model_name": "digits", "model_version": self.owner.version, "outputs": [output]}
        message["id"] = "someone-else" if fault == "stranger" else asked["ids"][0]
        if not asked["binary"]:
            output["data"] = scores.ravel().tolist()
            return json.dumps(message).encode(), {}
        output["parameters"] = {"binary_data_size": scores.nbytes}
        head = json.dumps(message).encode()
        return head + scores.tobytes(), {
            _BINARY_LENGTH: str(len(head)),
            "Content-Type": "application/octet-stream",
        }

    def _send(self, status, body, headers=None):
        given = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }
        self.send_response(status)
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, body, headers, seconds):
        self.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        for byte in body:
            self.wfile.write(bytes([byte]))
            if self.owner.closing.wait(seconds):
                break

    def _hang_up(self):
        """Ends the connection with a reset instead of a farewell."""
        self.wfile.flush()
        time.sleep(0.01)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def _status(fault):
    """The status that a fault sends, 0 for none."""
    return 0 if fault in ("hang", "reset") else int(fault) if fault.isdecimal() else 200


def _spoil(scores, fault):
    if fault == "rows":
        return scores[:-1]
    if fault == "classes":
        return np.concatenate([scores, np.zeros((len(scores), 1), scores.dtype)], 1)
    if fault == "nan":
        scores[0, 0] = math.nan
    return scores * 2 if fault == "sum" else scores


def _disorder(entries, fault):
    if fault == "shuffled":
        return entries[::-1]
    if fault == "duplicate":
        return [*entries, entries[0]]
    if fault == "contradiction":
        return [*entries, {**entries[0], "label": "another", "labels": []}]
    if fault == "stranger":
        return [{**entries[0], "id": "someone-else"}, *entries[1:]]
    return entries


def _read_json_form(body):
    asked = json.loads(body)["requests"]
    files = [base64.b64decode(entry["image"]["content"], validate=True) for entry in asked]
    decoded = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
    images = [image.reshape(*image.shape[:2], -1) for image in decoded]
    return {"images": images, "ids": [entry["id"] for entry in asked], "binary": False}


def _read_oip(body, headers):
    length = int(headers.get(_BINARY_LENGTH, len(body)))
    message = json.loads(body[:length])
    tensor = message["inputs"][0]
    dtype = {"UINT8": "<u1", "FP16": "<f2", "FP32": "<f4", "FP64": "<f8"}[tensor["datatype"]]
    data = (
        np.asarray(tensor["data"], dtype)
        if "data" in tensor
        else np.frombuffer(body[length:], dtype)
    )
    images = list(np.rint(data).astype(np.uint8).reshape(tensor["shape"]))
    return {"images": images, "ids": [message.get("id", "")], "binary": "data" not in tensor}
