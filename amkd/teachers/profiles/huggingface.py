"""Hugging Face inference endpoints, image classification."""

from amkd.teachers.profiles.profile import CLOSED, EVERYTHING, Profile, json_service

PROFILE = Profile(
    title="Hugging Face inference endpoint, image classification",
    documentation="https://huggingface.co/docs/inference-providers/tasks/image-classification",
    fields=json_service(
        http__auth_env="HF_TOKEN",
        json__request='{"inputs": "$image", "parameters": {"top_k": 1000}}',
        json__scores="[].score",
        json__labels="[].label",
        answers__form="top_k",
        answers__top_k=EVERYTHING,
    ),
    needs={"http.url": "the address of the endpoint"},
    labels=CLOSED,
    top_k="every class if the endpoint supports top_k, otherwise its five best",
    rounding="none: floats of a softmax",
    limits=(
        "an endpoint that has scaled to zero answers 503 until it has started: allow"
        " teacher.attempts and longest_wait for it; for a model of several labels set"
        " answers.form=scores"
    ),
)
