"""The lines of a plan about the profile of a service: its source, and what it sets."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from amkd.config.teacher import TeacherSettings
from amkd.core.redaction import bare_url
from amkd.planning.aligned_lines import line, wrapped
from amkd.teachers.profiles import PROFILES, TERMS, settings_of


def profile_lines(teacher: TeacherSettings) -> Iterator[str]:
    """Yields lines about the profile of a teacher; none without a profile."""
    if not teacher.profile:
        return
    profile = PROFILES[teacher.profile]
    yield line("profile", f"{teacher.profile}: {profile.title}")
    yield from wrapped(
        f"written from {profile.documentation}, and never tested with the service itself"
    )
    for setting in settings_of(teacher):
        other = f" (set by you; the profile has {setting.profile!r})"
        yours = "" if setting.value == setting.profile else other
        yield line("", f"{setting.name}={setting.value!r}{yours}")
    if _is_elsewhere(teacher):
        yield from wrapped(
            "your URL is not the service's own: the request, with its key, and the reading of the"
            " reply still follow the profile; for another service use configs/http.py, or"
            " configs/photos.py:http"
        )
    for name, text in (
        ("labels", profile.labels),
        ("top-k", profile.top_k),
        ("rounding", profile.rounding),
        ("note", profile.limits),
    ):
        yield from wrapped(f"{name}: {text}")
    yield from wrapped(TERMS)


def _is_elsewhere(teacher: TeacherSettings) -> bool:
    """Returns whether the user sends to another host than the service's own."""
    own, given = (
        urlsplit(bare_url(url)).hostname
        for url in (PROFILES[teacher.profile].fields.get("http.url", ""), teacher.http.url)
    )
    return own not in (None, "localhost", given)
