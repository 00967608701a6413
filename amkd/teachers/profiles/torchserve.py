"""TorchServe with its own handler image_classifier."""

from amkd.teachers.profiles.profile import CLOSED, EVERYTHING, Profile, json_service

PROFILE = Profile(
    title="TorchServe, handler image_classifier",
    documentation="https://docs.pytorch.org/serve/inference_api.html",
    fields=json_service(
        http__url="http://localhost:8080/predictions/$model",
        json__body="file",
        json__scores="@",
        answers__form="top_k",
        answers__top_k=EVERYTHING,
    ),
    needs={"json.model": "the name under which the model is registered"},
    labels=CLOSED + "; without an index_to_name.json they are the numbers of the classes",
    top_k="the five best classes, unless the handler's topk is changed",
    rounding="none: floats of a softmax",
    limits="the project is archived; since version 0.11.1 a server may want a token: http.auth_env",
)
