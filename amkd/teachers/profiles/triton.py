"""NVIDIA Triton Inference Server."""

from amkd.teachers.profiles.profile import OIP_LABELS, OIP_ROUNDING, Profile, oip_server

PROFILE = Profile(
    title="NVIDIA Triton Inference Server, by HTTP",
    documentation="https://github.com/triton-inference-server/server/tree/main/docs/protocol",
    fields=oip_server("http://localhost:8000"),
    needs={"oip.model": "the name of the model"},
    labels=OIP_LABELS,
    top_k="every class",
    rounding=OIP_ROUNDING,
    limits="a model with max_batch_size 0 takes one image per request: teacher.batch=1",
)
