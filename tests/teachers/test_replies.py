"""Replies that are odd: no JSON, packed, too large, too long, with cookies, or two at once."""

import contextlib
import gzip
import json
import re
import socket
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from amkd.core.errors import UserError
from amkd.teachers import Refused, Unanswered
from amkd.teachers.http import reply_body
from amkd.teachers.http.reply_body import TooLarge, Undecodable
from amkd.teachers.http.reply_end import ReplyEnd
from tests.support.http_services import (
    closing,
    connection,
    json_teacher,
    load_oip,
    random_images,
    serve,
)
from tests.support.raw_server import RawServer, chunked, http

SCORES = [0.5, 0.25, 0.25]
GOOD = json.dumps({"scores": SCORES}).encode()
OTHER = json.dumps({"scores": [0, 0, 1]}).encode()
PACKED = gzip.compress(GOOD, mtime=0)  # a time would give tests another name in every process


def teacher_at(server, **fields):
    return closing(json_teacher(connection(server.url, **fields)))


@pytest.mark.parametrize(
    "reply",
    [
        http(b"<html>Sign in</html>", "Content-Type: text/html"),
        http('{"scores": "é"}'.encode("latin-1")),
        http(b""),
        http(GOOD[:-3]),
        http(b"[" * 100_000),
        http(b"9" * 5000),
        http(b"\0" + PACKED[1:], "Content-Encoding: gzip"),
        http(PACKED[:-9], "Content-Encoding: gzip"),
        http(PACKED + b"rubbish", "Content-Encoding: gzip"),
        http(GOOD, "Content-Encoding: br"),
        http(GOOD, "Content-Encoding: gzip, gzip"),
    ],
    ids=[
        *("html", "latin-1", "empty", "cut", "nested", "digits"),
        *("gzip-broken", "gzip-cut", "gzip-and-more", "brotli", "packed-twice"),
    ],
)
def test_what_came_whole_and_cannot_be_read_is_marked_so(reply):
    with RawServer(reply) as server, teacher_at(server) as teacher:
        with pytest.raises(Unanswered) as failed:
            teacher.ask(random_images(1))
    assert (failed.value.billed, failed.value.whole) == (True, True)


def test_answers_to_someone_else_are_whole_too():
    with serve("stranger") as server, load_oip(server) as teacher:
        with pytest.raises(Unanswered, match="another id") as failed:
            teacher.ask(random_images(1))
    assert failed.value.whole


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (GOOD, ""),
        (GOOD, "identity"),
        (PACKED, "gzip"),
        (PACKED, "X-GZIP"),
        (zlib.compress(GOOD), "deflate"),
        (gzip.compress(GOOD[:9], mtime=0) + gzip.compress(GOOD[9:], mtime=0), "gzip"),
        (b"", "gzip"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_bodies_are_unpacked_however_they_are_cut(body, encoding, size):
    parts = [body[start : start + size] for start in range(0, len(body), size)]
    found = reply_body.read(parts, encoding=encoding, length="", limit=len(GOOD) * 3)
    assert found == (GOOD if body else b"")


@pytest.mark.parametrize("encoding", ["", "gzip"])
@pytest.mark.parametrize(("limit", "fits"), [(1000, True), (999, False)])
def test_the_limit_holds_before_and_after_unpacking(encoding, limit, fits):
    body = b"x" * 1000
    sent = gzip.compress(body) if encoding else body
    if fits:
        assert reply_body.read([sent], encoding=encoding, length="", limit=limit) == body
    else:
        with pytest.raises(TooLarge):
            reply_body.read([sent], encoding=encoding, length="", limit=limit)


def test_a_bomb_is_not_unpacked():
    bomb, taken = gzip.compress(bytes(50_000_000)), []
    with pytest.raises(TooLarge):
        reply_body.read(
            (
                taken.append(place) or bomb[place : place + 100]
                for place in range(0, len(bomb), 100)
            ),
            encoding="gzip",
            length="",
            limit=100_000,
        )
    assert len(taken) < 20


def test_a_length_above_the_limit_is_not_read():
    with pytest.raises(TooLarge):
        reply_body.read(iter(()), encoding="", length="101", limit=100)


def test_a_packing_that_was_not_asked_for_is_named():
    with pytest.raises(Undecodable, match="'zstd'"):
        reply_body.read([b""], encoding="zstd", length="", limit=100)


@pytest.mark.parametrize(
    ("reply", "fields", "said"),
    [
        (http(b" " * 2_000_000 + GOOD), {"max_reply_mib": 1.0}, "more than 1 MiB"),
        (http(b" " * 5_000_000 + GOOD), {}, "more than 4.07 MiB"),
        ([http(b"")[:-23] + b"\r\n\r\n", *[b" " * 100_000] * 100_000], {}, "more than 4.07 MiB"),
        (
            http(gzip.compress(b" " * 9_000_000 + GOOD, mtime=0), "Content-Encoding: gzip"),
            {},
            "more than 4.07 MiB",
        ),
    ],
    ids=["set", "from-what-was-asked", "endless", "bomb"],
)
def test_a_reply_that_is_too_large_stops_the_run(reply, fields, said):
    with RawServer(reply) as server, teacher_at(server, **fields) as teacher:
        with pytest.raises(UserError, match=rf"{said}.*http\.max_reply_mib") as failed:
            teacher.ask(random_images(1))
    assert not isinstance(failed.value, Refused)  # it may have been billed


def test_a_large_reply_is_fine_where_it_is_allowed():
    reply = http(b" " * 5_000_000 + GOOD)
    with RawServer(reply) as server, teacher_at(server, max_reply_mib=6.0) as teacher:
        assert teacher.ask(random_images(1)).tolist() == [SCORES]


def test_a_large_error_page_is_an_error_by_its_status():
    with RawServer(http(b"x" * 9_000_000, status=404)) as server, teacher_at(server) as teacher:
        with pytest.raises(Refused, match="status 404;"):
            teacher.ask(random_images(1))


@pytest.mark.parametrize("charset", ["base64", "rot13", "no-such", "utf-16", "latin-1"])
def test_an_error_page_of_any_charset_is_shown(charset):
    page = http(b"not \xe9 here \x1b[2J", f"Content-Type: text/html; charset={charset}", status=404)
    with RawServer(page) as server, teacher_at(server) as teacher:
        with pytest.raises(Refused, match=r"\(not . here \?\[2J\)"):
            teacher.ask(random_images(1))


@pytest.mark.parametrize("cookie", ["a=b", "name=caf\xe9; Path=/", "=", "a=b; Domain=127.0.0.1"])
def test_cookies_are_ignored_altogether(cookie):
    replies = http(GOOD, f"Set-Cookie: {cookie}"), http(GOOD)
    with RawServer(*replies) as server, teacher_at(server) as teacher:
        for _ in range(2):
            assert teacher.ask(random_images(1)).tolist() == [SCORES]
    assert server.headers("Cookie") == [None, None]


@pytest.mark.parametrize(
    "header",
    [
        "Location: https://caf\xe9.example/\xff",
        "Location: https://[bad",
        "Location: https://xn--\xe9.example:99999999/",
        "Retry-After: \xe9",
        "Retry-After: 1" + "0" * 400,
        "Date: \xff",
        "X-Odd: \xff\x80",
        "Content-Type: text/html; charset=\xe9",
    ],
)
@pytest.mark.parametrize("status", [200, 302, 429, 500])
def test_odd_headers_are_no_reason_to_fail(header, status):
    with RawServer(http(GOOD, header, status=status)) as server, teacher_at(server) as teacher:
        if status == 200:
            assert teacher.ask(random_images(1)).tolist() == [SCORES]
        else:
            with pytest.raises((Refused, Unanswered), match=f"status {status}"):
                teacher.ask(random_images(1))


@pytest.mark.parametrize("whole", [http, chunked])
@pytest.mark.parametrize("surplus", [http(OTHER), http(OTHER)[:20], b"\r\nx", b"x"])
def test_bytes_left_over_close_the_connection(whole, surplus):
    with RawServer(whole(GOOD) + surplus, whole(GOOD)) as server, teacher_at(server) as teacher:
        for _ in range(3):
            assert teacher.ask(random_images(1)).tolist() == [SCORES]
    assert [number for number, *_ in server.asked] == [1, 2, 2]


def test_bytes_that_come_later_close_the_connection():
    late = [http(GOOD), http(OTHER)]
    with RawServer(late, http(GOOD)) as server, teacher_at(server) as teacher:
        teacher.ask(random_images(1))
        for _ in late:
            server.parts.get(timeout=60)
        assert teacher.ask(random_images(1)).tolist() == [SCORES]
    assert server.connections == 2


@pytest.mark.parametrize("size", [1, 10, 10_000])
@pytest.mark.parametrize("whole", [http, chunked])
@pytest.mark.parametrize("surplus", [b"", http(OTHER)])
def test_the_end_of_a_reply_is_known(whole, surplus, size):
    end, sent = ReplyEnd(), b"HTTP/1.1 100 Continue\r\n\r\n" + whole(GOOD) + surplus
    assert not end.ended
    for start in range(0, len(sent), size):
        end.follow(sent[start : start + size])
    assert (end.ended, end.surplus) == (True, bool(surplus))


def test_what_is_no_http_is_left_to_its_reader():
    end = ReplyEnd()
    for part in (b"SSH-2.0 hello\r\n\r\n", b"more", b""):
        end.follow(part)
    assert not end.surplus


@pytest.mark.parametrize(("fresh", "connections"), [(True, 3), (False, 1)])
def test_a_connection_for_each_request(fresh, connections):
    with RawServer(http(GOOD)) as server, teacher_at(server, fresh_connections=fresh) as teacher:
        for _ in range(3):
            teacher.ask(random_images(1))
    assert server.connections == connections
    assert server.headers("Connection") == ["close" if fresh else None] * 3


def _is_whole(request):
    """Whether a request has come to the end of its body."""
    head, end, body = request.partition(b"\r\n\r\n")
    size = re.search(rb"content-length: (\d+)", head.lower())
    return bool(end) and len(body) >= int(size[1])


def test_no_request_leaves_before_the_last_reply_has_come():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        where = connection(f"http://127.0.0.1:{listener.getsockname()[1]}/x", in_flight=1)
        with closing(json_teacher(where)) as teacher, ThreadPoolExecutor(3) as threads:
            asked = [threads.submit(teacher.ask, random_images(1)) for _ in range(3)]
            with listener.accept()[0] as peer:
                for _ in range(3):
                    came = [peer.recv(2**16)]
                    while not _is_whole(b"".join(came)):
                        came.append(peer.recv(2**16))
                    time.sleep(0.2)  # for a next one
                    with contextlib.suppress(BlockingIOError):
                        came.append(peer.recv(2**16, socket.MSG_DONTWAIT))
                    peer.sendall(http(GOOD))
                    assert b"".join(came).count(b"POST ") == 1
                assert [future.result().tolist() for future in asked] == [[SCORES]] * 3


def test_what_is_asked_for_is_what_can_be_unpacked():
    with RawServer(http(GOOD)) as server, teacher_at(server) as teacher:
        teacher.ask(random_images(1))
    assert server.headers("Accept-Encoding") == ["gzip"]
