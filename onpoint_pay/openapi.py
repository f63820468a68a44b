"""The OpenAPI document: what drf-spectacular cannot see by itself."""

import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from drf_spectacular.drainage import get_override
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import get_doc, get_lib_doc_excludes, is_list_serializer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.fields import ListField, empty

from onpoint_pay.kit.api import InputSerializer
from onpoint_pay.kit.errors import CODES
from onpoint_pay.openapi_problems import (
    RESPONSES,
    SIGNED_IN_CODES,
    problem_answers,
    problem_example,
    problem_schema,
    shared_answers,
    told_codes,
)
from onpoint_pay.openapi_texts import INTRODUCTION, SECURITY, TAGS

PROBLEM_CODES = "x-problem-codes"
IDEMPOTENCY_HEADER = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 8, "maxLength": 255, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    required=False,
    description="8 to 255 visible ASCII characters; a repeat with the same key gets the first answer. Kept 7 days.",
)
REQUIRED_IDEMPOTENCY_HEADER = OpenApiParameter(
    IDEMPOTENCY_HEADER.name,
    IDEMPOTENCY_HEADER.type,
    OpenApiParameter.HEADER,
    required=True,
    description=IDEMPOTENCY_HEADER.description,
)
REPLAYED_HEADER = {
    "description": "`true` when this is the stored first answer to an earlier request with the same key.",
    "schema": {"type": "string", "enum": ["true"]},
}
LIMIT = OpenApiParameter(
    "limit", {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}, description="Objects on a page."
)
CURSOR = OpenApiParameter(
    "cursor", OpenApiTypes.STR, description="`next_cursor` of the page before, or `previous_cursor` of the one after."
)
INCLUDE = OpenApiParameter(
    "include",
    OpenApiTypes.STR,
    enum=["total"],
    description="total: adds how many there are, exact up to 10,000, beyond which `total_is_estimate`.",
)


def sort_by(*fields: str) -> OpenApiParameter:
    """How a list may be sorted, its usual order first."""
    words = f"{', '.join(fields)}; with a minus for descending. What has no such value is left out."
    return OpenApiParameter("sort", OpenApiTypes.STR, description=words, default=f"-{fields[0]}")


BODY_CODES = ("invalid_json", "parameter_missing", "parameter_invalid", "validation_failed")
# A repeat is compared with the first request, so that its body is read even where none is asked for.
KEY_CODES = ("invalid_json", "idempotency_key_invalid", "idempotency_in_progress", "idempotency_key_reused")


def refuses(*codes: str) -> dict[str, Any]:
    """`extensions` of an operation: the problem codes it answers besides those that its shape implies."""
    return {PROBLEM_CODES: list(codes)}


# --- the schema of one view ---------------------------------------------------------------------------------------


class CallerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """API keys and dashboard tokens travel in the same header."""

    target_class = "merchants.authentication.CallerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": SECURITY}


class ApiSchema(AutoSchema):
    """Operations tagged by what they are about, each with the problems it can answer."""

    def get_tags(self) -> list[str]:
        first = self._tokenize_path()[0]
        return [next((tag for tag, (prefixes, _) in TAGS.items() if first in prefixes), first)]

    def get_description(self) -> str:  # type: ignore[override]
        """What the method says for itself; the words about its whole viewset would repeat on every operation."""
        text: str = get_doc(getattr(self.view, getattr(self.view, "action", ""), None))
        return text

    def get_override_parameters(self) -> list[Any]:
        """Whatever has pages can be counted."""
        found = list(super().get_override_parameters())  # type: ignore[no-untyped-call]
        return [*found, INCLUDE] if CURSOR in found else found

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is not None:
            codes = operation.pop(PROBLEM_CODES, [])
            answers = operation["responses"] | problem_answers([*self._implied_codes(operation, codes), *codes])
            operation["responses"] = dict(sorted(answers.items())) | {"default": {"$ref": f"{RESPONSES}Problem"}}
        return operation

    def _implied_codes(self, operation: dict[str, Any], named: list[str]) -> Iterator[str]:
        parameters = {
            (each["in"], each["name"]): each.get("required", False) for each in operation.get("parameters", [])
        }
        places = {place for place, _ in parameters}
        if operation.get("security") != [{}]:
            yield from SIGNED_IN_CODES
        if "path" in places and not any(CODES[code][0] == 404 for code in named):
            yield "resource_missing"
        if "requestBody" in operation:
            yield from BODY_CODES
        if "query" in places:
            yield from ("parameter_invalid", "validation_failed")
        if ("query", "cursor") in parameters:
            yield "cursor_invalid"
        if ("header", IDEMPOTENCY_HEADER.name) in parameters:
            yield from KEY_CODES
            if parameters["header", IDEMPOTENCY_HEADER.name]:
                yield "idempotency_key_required"

    def _get_response_for_code(self, serializer: Any, status_code: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        answer: dict[str, Any] = super()._get_response_for_code(serializer, status_code, *args, **kwargs)
        answer["description"] = answer["description"] or HTTPStatus(int(status_code)).phrase
        if any(getattr(each, "name", "") == IDEMPOTENCY_HEADER.name for each in self.get_override_parameters()):
            answer.setdefault("headers", {})["Idempotent-Replayed"] = REPLAYED_HEADER
        return answer

    def _get_examples(
        self, serializer: Any, direction: str, media_type: str, status_code: str | None = None, extras: Any = None
    ) -> dict[str, Any]:
        """What a serializer shows holds for every success; a list without an example shows one of what it lists."""
        status = "200" if direction == "response" and (status_code or "").startswith("2") else status_code
        found: dict[str, Any] = super()._get_examples(serializer, direction, media_type, status, extras)  # type: ignore[no-untyped-call]
        is_bare = not found and direction == "response" and media_type == "application/json"
        return self._example_of_list(serializer) if is_bare else found

    def _example_of_list(self, serializer: Any) -> dict[str, Any]:
        data = getattr(serializer, "fields", {}).get("data")
        shown = get_override(data.child, "examples", []) if is_list_serializer(data) else []
        if not shown:
            return {}
        page = {"object": "list", "url": self.path, "data": [shown[0].value], "has_more": False}
        page |= {"next_cursor": None, "previous_cursor": None}
        return {"APage": {"value": page, "summary": "A page"}}

    def _is_list_view(self, serializer: Any = None) -> bool:
        """Lists of this API are objects with `data`, described as such."""
        return bool(is_list_serializer(serializer))

    def _insert_field_validators(self, field: Any, schema: dict[str, Any]) -> None:
        super()._insert_field_validators(field, schema)
        if isinstance(field, ListField) and not field.allow_empty:
            schema["minItems"] = 1

    def _map_basic_serializer(self, serializer: Any, direction: str) -> dict[str, Any]:
        schema: dict[str, Any] = super()._map_basic_serializer(serializer, direction)
        return _as_answered(schema, serializer) if direction == "response" else schema


def _as_answered(schema: dict[str, Any], serializer: Any) -> dict[str, Any]:
    """Answers hold every member but those that say they may be absent; `object` is always the same word."""
    fields = serializer().fields if isinstance(serializer, type) else serializer.fields
    required = [name for name, field in fields.items() if field.required or field.default is not empty]
    word = schema["properties"].get("object", {}).pop("default", None)
    if word is not None:
        schema["properties"]["object"]["const"] = word
    return schema | {"required": sorted(required)}


# --- hooks --------------------------------------------------------------------------------------------------------


def no_library_words() -> list[Any]:
    """Classes whose docstrings say nothing about the API."""
    return [*get_lib_doc_excludes(), InputSerializer]


def only_public_api(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    return [endpoint for endpoint in endpoints if endpoint[0].startswith("/api/v1/")]


NAMELESS_CHOICE = re.compile(r"^\* `(.*)` - \1\n?", re.MULTILINE)


def finish_document(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Introduction, tags, the components every operation shares; choices that only repeat their name say nothing."""
    result["info"]["description"] = INTRODUCTION
    result["tags"] = [{"name": tag, "description": text} for tag, (_, text) in TAGS.items()]
    components = result["components"]
    components["responses"] = shared_answers()
    components["schemas"]["Problem"] = problem_schema()
    components["schemas"] = dict(sorted(components["schemas"].items()))
    told = told_codes(result)
    components["examples"] = {code: {"value": problem_example(code)} for code in CODES if code in told}
    for schema in components["schemas"].values():
        if "enum" in schema and not NAMELESS_CHOICE.sub("", schema.get("description", "")).strip():
            schema.pop("description", None)
    return result
