"""Google's Gemini API, generateContent with an image."""

import json

from amkd.teachers.profiles import chat
from amkd.teachers.profiles.profile import Profile, json_service

_SCHEMA = {
    "type": "OBJECT",
    "properties": {
        "label": {"type": "STRING", "enum": "$classes"},
        "confidence": {"type": "NUMBER"},
    },
    "required": ["label", "confidence"],
}
_PARTS = [
    {"inlineData": {"mimeType": "$mime", "data": "$image"}},
    {"text": chat.QUESTION},
]
_REQUEST = {
    "contents": [{"role": "user", "parts": _PARTS}],
    "generationConfig": {"responseMimeType": "application/json", "responseSchema": _SCHEMA},
}

PROFILE = Profile(
    title="Google's Gemini API, generateContent with an image",
    documentation="https://ai.google.dev/gemini-api/docs/structured-output",
    fields={
        **json_service(
            http__url="https://generativelanguage.googleapis.com/v1beta/models/$model:generateContent",
            http__auth_header="X-Goog-Api-Key",
            http__auth_scheme="",
            http__auth_env="GEMINI_API_KEY",
            json__request=json.dumps(_REQUEST),
            json__text="candidates[0].content.parts[-1].text",
            json__error="promptFeedback.blockReason",
        ),
        **chat.answer(),
    },
    needs={"json.model": "the name of a model that accepts images"},
    labels=chat.LABELS,
    top_k=chat.TOP_K,
    rounding=chat.ROUNDING,
    limits=(
        "the price is by tokens: calculate that of one image from --mode=probe and the service's"
        " own bill; a long list of classes may make a schema that it refuses; with a free key, the"
        " service may keep your images"
    ),
)
