"""What merchants receive: the `webhooks` of the OpenAPI document, and an example object of every type."""

from collections.abc import Mapping
from typing import Any

from onpoint_pay import openapi_texts as texts
from onpoint_pay import openapi_texts_c2b as c2b_texts
from onpoint_pay import openapi_texts_webhooks as webhook_texts
from onpoint_pay.kit.caller import LIVE
from webhooks.events import EMITTED, TEST_PING

SENT_EXAMPLES: dict[str, dict[str, Any]] = {
    sent["type"]: sent for sent in (*texts.SENT_EXAMPLES, *c2b_texts.SENT_EXAMPLES, *webhook_texts.SENT_EXAMPLES)
}
EXAMPLE_TYPES = tuple(webhook_texts.OBJECTS)
ANY_EXAMPLE = {name: value for name, value in texts.EVENT_EXAMPLE.items() if name != "sequence"}


def example_object(type: str, *, mode: str) -> Mapping[str, Any]:
    """The object of an event of one of EXAMPLE_TYPES, as the documentation shows it, in `mode`."""
    return webhook_texts.OBJECTS[type] | {"livemode": mode == LIVE}


def describe_webhooks(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Adds the `webhooks` of the OpenAPI document: every event as a merchant's backend receives it."""
    result["webhooks"] = {kind: {"post": _described(kind, meaning)} for kind, meaning in EMITTED.items()}
    return result


def _described(kind: str, meaning: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Event"}
    media = {"schema": schema, "example": SENT_EXAMPLES.get(kind) or _sent(kind)}
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


def _sent(kind: str) -> dict[str, Any]:
    """An event of this type as a receiver gets it; a ping is about the endpoint it is sent to."""
    shown = webhook_texts.ENDPOINT_EXAMPLE if kind == TEST_PING else webhook_texts.OBJECTS[kind]
    before = webhook_texts.STATUS_BEFORE.get(kind)
    return ANY_EXAMPLE | {
        "type": kind,
        "livemode": shown["livemode"],
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": shown, "previous": {"status": before} if before else None},
    }
