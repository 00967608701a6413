"""OpenAI's chat completions with an image, and servers with the same form."""

import json

from amkd.teachers.profiles import chat
from amkd.teachers.profiles.profile import Profile, json_service

_SCHEMA = {
    "type": "object",
    "properties": {
        "label": {"type": "string", "enum": "$classes"},
        "confidence": {"type": "number"},
    },
    "required": ["label", "confidence"],
    "additionalProperties": False,
}
_CONTENT = [
    {"type": "text", "text": chat.QUESTION},
    {"type": "image_url", "image_url": {"url": "data:$mime;base64,$image", "detail": "low"}},
]
_REQUEST = {
    "model": "$model",
    "messages": [{"role": "user", "content": _CONTENT}],
    "response_format": {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": _SCHEMA},
    },
}

PROFILE = Profile(
    title="OpenAI's chat completions with an image, and servers of the same form",
    documentation="https://platform.openai.com/docs/guides/structured-outputs",
    fields={
        **json_service(
            http__url="https://api.openai.com/v1/chat/completions",
            http__auth_env="OPENAI_API_KEY",
            json__request=json.dumps(_REQUEST),
            json__text="choices[0].message.content",
            json__error="error || choices[0].message.refusal",
        ),
        **chat.answer(),
    },
    needs={"json.model": "the name of a model that accepts images"},
    labels=chat.LABELS,
    top_k=chat.TOP_K,
    rounding=chat.ROUNDING,
    limits=(
        "the price is by tokens: calculate that of one image from --mode=probe and the service's"
        " own bill; a schema may list 1,000 values at most; the service may replace the model"
        " of a name, so use the name of a dated version"
    ),
)
