"""The OpenAPI document: what drf-spectacular cannot see by itself."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

from onpoint_pay.kit.errors import CODES

PROBLEM = "application/problem+json"
IDEMPOTENCY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    required=False,
    description="8 to 255 visible ASCII characters; a repeat with the same key gets the first answer. Kept 7 days.",
)
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "A problem (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code", "retryable", "errors"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string", "examples": sorted(CODES)[:5]},
        "param": {"type": ["string", "null"]},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "param": {"type": ["string", "null"]},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
        "customer_message": {"type": ["string", "null"]},
        "next_step": {"type": ["string", "null"]},
        "retryable": {"type": "boolean"},
        "request_id": {"type": ["string", "null"]},
        "doc_url": {"type": "string", "format": "uri"},
    },
}


class CallerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """API keys and dashboard tokens travel in the same header."""

    target_class = "merchants.authentication.CallerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (sk_test_…) or a dashboard access token.",
        }


class ApiSchema(AutoSchema):
    """Tags by room, so that the reference reads like the product."""

    def get_tags(self) -> list[str]:
        room = self.view.__class__.__module__.partition(".")[0]
        return [room if room != "onpoint_pay" else "service"]


def only_public_api(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


def add_problem_answers(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Every operation may answer with a problem; one component describes it."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM_SCHEMA
    answer = {
        "description": "A problem: see `code`, `detail` and `next_step`.",
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for operations in result["paths"].values():
        for operation in operations.values():
            operation["responses"].setdefault("default", answer)
            if "402" in operation["responses"]:
                operation["responses"]["402"]["content"] = answer["content"]
    return result
