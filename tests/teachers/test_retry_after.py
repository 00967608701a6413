"""How long a service asks to wait, in every form that HTTP allows, in any time zone."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from amkd.teachers.http.retry_after import seconds_to_wait

NOW = datetime(2026, 3, 8, 12, 0, 0, tzinfo=UTC)
SOON = NOW + timedelta(seconds=30)
DATE = NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")


@pytest.fixture(params=["UTC", "EST5", "XYZ-14", "America/New_York"])
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def wait(text, **headers):
    return seconds_to_wait(httpx.Headers({"Retry-After": text, **headers}))


@pytest.mark.parametrize(
    "form",
    [
        "%a, %d %b %Y %H:%M:%S GMT",
        "%A, %d-%b-%y %H:%M:%S GMT",  # RFC 850
        "%a %b %d %H:%M:%S %Y",  # asctime
        "%a, %d %b %Y %H:%M:%S",
        "%a, %d %b %Y %H:%M:%S -0000",
        "%a, %d %b %Y %H:%M:%S +0000",
        "%a, %d %b %Y %H:%M:%S UTC",
    ],
)
def test_a_date_without_a_zone_is_utc(form, zone, monkeypatch):
    monkeypatch.setattr(time, "time", NOW.timestamp)
    assert wait(SOON.strftime(form)) == 30
    assert wait((NOW - timedelta(days=4000)).strftime(form)) == 0


def test_a_zone_counts(zone):
    assert wait("Sun, 08 Mar 2026 14:00:30 +0200", Date=DATE) == 30


@pytest.mark.parametrize("minutes", [-60, 0, 60])
def test_a_date_counts_from_the_service_s_clock(minutes, monkeypatch):
    ours = NOW + timedelta(minutes=minutes)
    monkeypatch.setattr(time, "time", ours.timestamp)
    assert wait(SOON.strftime("%a, %d %b %Y %H:%M:%S GMT"), Date=DATE) == 30
    assert wait("7", Date=DATE) == 7


@pytest.mark.parametrize(("text", "seconds"), [("7", 7), ("0.5", 0.5), ("-3", 0), ("1e4", 10000)])
def test_numbers_are_seconds(text, seconds):
    assert wait(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "nan", "inf", "Sun, 99 Nov 2026 08:00:00 GMT", "Sun", "1 2 3 4 5 6 7"]
)
def test_what_cannot_be_read_asks_for_nothing(text):
    assert wait(text) is None


def test_a_service_s_own_date_that_cannot_be_read_is_left_out(monkeypatch):
    monkeypatch.setattr(time, "time", NOW.timestamp)
    assert wait(SOON.strftime("%a, %d %b %Y %H:%M:%S GMT"), Date="today") == 30
