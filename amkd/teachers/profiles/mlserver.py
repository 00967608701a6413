"""Seldon's MLServer."""

from amkd.teachers.profiles.profile import OIP_LABELS, OIP_ROUNDING, Profile, oip_server

PROFILE = Profile(
    title="MLServer, by HTTP",
    documentation="https://mlserver.readthedocs.io/en/stable/user-guide/index.html",
    fields=oip_server("http://localhost:8080"),
    needs={"oip.model": "the name of the model"},
    labels=OIP_LABELS,
    top_k="every class",
    rounding=OIP_ROUNDING,
    limits="a runtime without metadata needs oip.input, pixels.layout and pixels.dtype",
)
