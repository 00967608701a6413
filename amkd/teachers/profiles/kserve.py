"""KServe with the Open Inference Protocol."""

from amkd.teachers.profiles.profile import OIP_LABELS, OIP_ROUNDING, Profile, oip_server

PROFILE = Profile(
    title="KServe, protocol version v2",
    documentation="https://kserve.github.io/website/docs/concepts/architecture/data-plane",
    fields=oip_server(""),
    needs={
        "http.url": "the address of the inference service",
        "oip.model": "the name of the model",
    },
    labels=OIP_LABELS,
    top_k="every class",
    rounding=OIP_ROUNDING,
    limits="a service of protocol version v1 uses TensorFlow Serving's form: kind=tfserving",
)
