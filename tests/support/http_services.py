"""Services on loopback for tests of the teachers behind HTTP, and short ways to load such teachers.

Images are ``uint8[B, 2, 4, 1]`` of three classes, unless a test says otherwise.
"""

import contextlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from amkd.config.teacher_answers import Pixels
from amkd.config.teacher_services import OipSettings, Template
from amkd.teachers.http import json_service, oip
from amkd.teachers.http.connection import Connection
from amkd.teachers.image_spec import ImageSpec
from tests.support import faulty_server
from tests.support.faulty_server import FaultyServer

AUTO = Pixels(layout="auto", dtype="auto")
NAMES = ("ant", "Bee", "cat")
SHAPE = (2, 4, 1)
SECRET = 'hunter2/"very&secret'


class Canned:
    """A server of literal replies: ``{"POST /path": (status, headers, body)}``.

    A body is bytes, or a function from the request's body to bytes. ``asked`` lists what came:
    ``("POST /path", headers, body)``.
    """

    def __init__(self, replies, context=None):
        self.replies, self.asked = replies, []
        canned = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                name = f"{self.command} {self.path}"
                canned.asked.append((name, dict(self.headers), body))
                missing = (404, {}, b'{"error": "not here"}')
                status, headers, reply = canned.replies.get(name, missing)
                reply = reply(body) if callable(reply) else reply
                self.send_response(status)
                for key, value in {"Content-Length": len(reply), **headers}.items():
                    self.send_header(key, str(value))
                self.end_headers()
                self.wfile.write(reply)

            do_GET = do_POST = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads, self.server.block_on_close = True, False
        self.server.handle_error = lambda *_: None
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.005,))
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@contextlib.contextmanager
def closing(teacher):
    """Gives a teacher and closes its connections afterwards."""
    try:
        yield teacher
    finally:
        teacher.ask.close()


def connection(url, **fields):
    """A connection with short timeouts."""
    return Connection(
        url, **{"connect_timeout": 0.5, "read_timeout": 5.0, "in_flight": 4, **fields}
    )


def dumps(value):
    return json.dumps(value).encode()


def answer(images):
    """A classifier for the faulty server: the mean of the pixels says how likely class 1 is."""
    share = images.mean((1, 2, 3)) / 255
    return np.stack([(1 - share) / 2, share, (1 - share) / 2], -1)


def random_images(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE), np.uint8)


def serve(*faults, **options):
    return FaultyServer(answer, SHAPE, faults, **options)


def oip_settings(**fields):
    """``config.teacher.oip``: the model ``digits``, all else left to the server."""
    empty = {"version": "", "input": "", "output": "", "binary": "auto"}
    return OipSettings(**{"model": "digits", **empty, **fields})


def oip_teacher(where, *, shape=SHAPE, batch=1, **fields):
    """A teacher behind the Open Inference Protocol, from its connection."""
    return oip.load(
        oip_settings(**fields),
        connection=where,
        pixels=AUTO,
        images=ImageSpec(shape, 3),
        batch=batch,
    )


def json_teacher(where, template=None, *, names=NAMES, labels=None, hard_labels=False, batch=1):
    """A teacher behind a JSON service, from its connection."""
    return json_service.load(
        template or Template('{"x": "$image"}'),
        connection=where,
        images=ImageSpec(SHAPE, len(names), names),
        label_map=labels or {},
        hard_labels=hard_labels,
        batch=batch,
    )


def load_oip(server, batch=4, binary="auto", **fields):
    """A teacher at a faulty server, by the Open Inference Protocol."""
    return closing(oip_teacher(connection(server.url, **fields), batch=batch, binary=binary))


def load_json(
    server,
    template=None,
    hard_labels=False,
    labels=None,
    names=("0", "1", "2"),
    batch=4,
    **fields,
):
    """A teacher at a faulty server, by its JSON form."""
    form = faulty_server.HARD if hard_labels else faulty_server.JSON
    return closing(
        json_teacher(
            connection(server.json_url, **fields),
            template or Template(**form),
            names=names,
            labels=labels,
            hard_labels=hard_labels,
            batch=batch,
        )
    )
