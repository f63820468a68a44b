"""What merchants receive: the `webhooks` of the OpenAPI document, and an example object of every type."""

from collections.abc import Mapping
from typing import Any

from onpoint_pay import openapi_texts as texts
from onpoint_pay import openapi_texts_c2b as c2b_texts
from onpoint_pay import openapi_texts_webhooks as webhook_texts
from onpoint_pay.kit.caller import LIVE
from webhooks.events import EMITTED

SENT_EXAMPLES: dict[str, dict[str, Any]] = {
    sent["type"]: sent for sent in (*texts.SENT_EXAMPLES, *c2b_texts.SENT_EXAMPLES, *webhook_texts.SENT_EXAMPLES)
}
EXAMPLE_TYPES = tuple(webhook_texts.OBJECTS)


def example_object(type: str, *, mode: str) -> Mapping[str, Any]:
    """The object of an event of one of EXAMPLE_TYPES, as the documentation shows it, in `mode`."""
    return webhook_texts.OBJECTS[type] | {"livemode": mode == LIVE}


def describe_webhooks(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Adds the `webhooks` of the OpenAPI document: every event as a merchant's backend receives it."""
    result["webhooks"] = {kind: {"post": _described(kind, meaning)} for kind, meaning in EMITTED.items()}
    return result


def _described(kind: str, meaning: str) -> dict[str, Any]:
    media: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Event"}}
    if kind in SENT_EXAMPLES:
        media["example"] = SENT_EXAMPLES[kind]
    return {
        "operationId": f"on_{kind.replace('.', '_')}",
        "summary": meaning,
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            {"in": "header", "name": name, "required": True, "description": words, "schema": {"type": "string"}}
            for name, words in texts.SENT_HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": media}},
        "responses": {"2XX": {"description": "Taken. Anything else within 15 seconds, or nothing, is tried again."}},
    }
