"""Problems in the OpenAPI document: one schema, the answers that refuse, and an example of every code."""

from collections.abc import Iterable, Sequence
from typing import Any

from onpoint_pay.kit.api import PROBLEM_TYPE, problem_body
from onpoint_pay.kit.errors import CODES, Problem
from onpoint_pay.openapi_texts import ERRORS_ADDRESS, PROBLEM_EXTRAS, SHARED_ANSWERS, SHARED_WORDS

RESPONSES = "#/components/responses/"
EXAMPLES = "#/components/examples/"
PROBLEM_REF = {"$ref": "#/components/schemas/Problem"}

SIGNED_IN_CODES = (
    "authentication_required",
    "api_key_invalid",
    "api_key_expired",
    "api_key_revoked",
    "api_key_rotated",
    "token_invalid",
    "token_expired",
    "session_revoked",
    "insufficient_scope",
    "permission_denied",
    "ip_not_allowed",
    "https_required",
    "kyc_required",
    "merchant_suspended",
    "live_mode_disabled",
    "email_unverified",
    "rate_limited",
)
# What any request may meet, told as the `default` answer.
ANYWHERE_CODES = (
    "parameter_invalid",
    "method_not_allowed",
    "not_acceptable",
    "body_too_large",
    "unsupported_media_type",
    "internal_error",
)

NULLABLE_TEXT = {"type": ["string", "null"]}
FAULT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "description": "One thing wrong with one parameter; `param` is a path such as `metadata.order_id`.",
    "required": ["param", "code", "detail"],
    "properties": {"param": NULLABLE_TEXT, "code": {"type": "string"}, "detail": {"type": "string"}},
}


def problem_answers(codes: Iterable[str]) -> dict[str, Any]:
    """The answers of an operation that may refuse with `codes`, by HTTP status; usual sets as shared components."""
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(CODES[code][0], []).append(code)
    return {str(status): _problem_answer(status, found) for status, found in by_status.items()}


def _problem_answer(status: int, codes: list[str]) -> dict[str, Any]:
    usual = [code for code in SIGNED_IN_CODES if CODES[code][0] == status]
    if codes == usual and status in SHARED_ANSWERS:
        return {"$ref": f"{RESPONSES}{SHARED_ANSWERS[status]}"}
    return _described(codes)


def _described(codes: Sequence[str]) -> dict[str, Any]:
    lines = [f"- `{code}`: {CODES[code][1]}." for code in codes]
    examples = {code: {"$ref": f"{EXAMPLES}{code}"} for code in codes}
    return {"description": "\n".join(lines), "content": {PROBLEM_TYPE: {"schema": PROBLEM_REF, "examples": examples}}}


def problem_example(code: str) -> dict[str, Any]:
    """A problem as it is answered, with the address of an installation that is nobody's."""
    links = {name: f"{ERRORS_ADDRESS}{code}" for name in ("type", "doc_url")}
    body = problem_body(Problem(code), None)
    return body | links | SHARED_WORDS | PROBLEM_EXTRAS.get(code, {})


def problem_schema() -> dict[str, Any]:
    rows = [f"| `{code}` | {status} | {title} |" for code, (status, title, _) in CODES.items()]
    table = "\n".join(["| code | status | meaning |", "| --- | --- | --- |", *rows])
    return {
        "type": "object",
        "description": "Why a request was refused (RFC 9457).",
        "required": sorted(problem_body(Problem("internal_error"), None)),
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "instance": {"type": "string"},
            "code": {"type": "string", "description": f"Codes may be added.\n\n{table}"},
            "param": NULLABLE_TEXT | {"description": "The first parameter at fault."},
            "errors": {"type": "array", "items": FAULT_SCHEMA},
            "customer_message": NULLABLE_TEXT | {"description": "What the payer may be shown."},
            "next_step": NULLABLE_TEXT,
            "retryable": {"type": "boolean", "description": "The same request may be sent again."},
            "request_id": NULLABLE_TEXT,
            "doc_url": {"type": "string", "format": "uri"},
            "payment": {"$ref": "#/components/schemas/Payment", "description": "With `payment_failed`."},
            "existing": {"type": "string", "description": "The payment that holds the reference, or that was closed."},
            "asked_again_at": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "With `payment_in_progress`: when the provider is asked about the payment next.",
            },
            "amount_refundable": {"type": "string", "description": "With `refund_exceeds_payment`: what is left."},
            "candidates": {"type": "array", "items": {"type": "string"}, "description": "With `reference_ambiguous`."},
            "reason": {"type": "string", "description": "With `file_refused`: what is wrong with the file, in a word."},
            "required_scope": NULLABLE_TEXT | {"description": "With `insufficient_scope`."},
        },
    }


def shared_answers() -> dict[str, Any]:
    found = {
        name: _described([code for code in SIGNED_IN_CODES if CODES[code][0] == status])
        for status, name in SHARED_ANSWERS.items()
    }
    found["TooManyRequests"]["headers"] = {
        "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
    }
    return found | {"Problem": _described(ANYWHERE_CODES)}


def told_codes(node: Any) -> set[str]:
    """Every code some answer of the document refers to."""
    if isinstance(node, str):
        return {node.removeprefix(EXAMPLES)} if node.startswith(EXAMPLES) else set()
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return set().union(*(told_codes(each) for each in inner))
