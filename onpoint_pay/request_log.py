"""Every call of somebody known goes to the request log: handed over after the answer is sent, stored by a worker."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import orjson
import structlog
from django.http import HttpRequest, HttpResponse

from onpoint_pay.kit.asker import Asker, asker_of, sent_by
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import sha256
from onpoint_pay.kit.ids import from_public
from onpoint_pay.kit.proxies import client_block
from onpoint_pay.kit.redact import MASK, redact, redact_text
from onpoint_pay.kit.request_queue import Call, add_call
from onpoint_pay.middleware import without_tokens

log = structlog.get_logger(__name__)
WRITES = ("POST", "PATCH", "PUT", "DELETE")
# First words of paths whose bodies are never kept: credentials, documents, and what tells of people.
NO_BODIES = ("auth", "api-keys", "kyc", "provider-accounts", "privacy", "team", "customers", "requests", "export-files")
# What tells of a person or their account, beside what kit.redact knows.
PERSONAL = frozenset(
    ("email", "name", "payer_name", "customer_name", "first_name", "last_name", "account_name", "account_number", "sms")
)
LONGEST_BODY = 4096
LONGEST_READ = 64 * 1024
LONGEST_PATH, LONGEST_WORD = 300, 64
LEFT_OUT = '{"left_out":"longer than 4096 characters"}'


class RequestLogMiddleware:
    """Adds nothing to the time to the answer but a look at who asked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        at, started = now(), time.monotonic()
        answer = self.get_response(request)
        asker = asker_of(request)
        if asker is not None:
            ms = round((time.monotonic() - started) * 1000)
            # Called by the server when the last byte of the answer is on its way.
            answer._resource_closers.append(  # type: ignore[attr-defined]
                partial(hand_over, request, answer, asker=asker, at=at, ms=ms)
            )
        return answer


def hand_over(request: HttpRequest, answer: HttpResponse, *, asker: Asker, at: datetime, ms: int) -> None:
    """Put the call into the list for the worker. Nobody waits for it any more, so it never fails."""
    try:
        if not add_call(_call(request, answer, asker=asker, at=at, ms=ms)):
            log.warning("request_log_full")
    except Exception as error:  # noqa: BLE001 - documented
        log.warning("request_not_logged", error=type(error).__name__)


def _call(request: HttpRequest, answer: HttpResponse, *, asker: Asker, at: datetime, ms: int) -> Call:
    caller = getattr(request, "auth", None)
    has_bodies = _has_bodies(request, answer)
    told = _answered(answer) if has_bodies or answer.status_code >= 400 else None
    return Call(
        id=from_public("req", request.request_id),  # type: ignore[attr-defined]
        at=at,
        merchant_id=asker.merchant_id,
        mode=asker.mode,
        actor=asker.actor,
        key_id=caller.key_id if isinstance(caller, Caller) else None,
        method=str(request.method),
        path=_plain(redact_text(without_tokens(request.path)), LONGEST_PATH),
        status=answer.status_code,
        ms=ms,
        address=client_block(request.META["REMOTE_ADDR"]),
        error_code=_error_code(answer, told),
        idempotency_digest=_digest(request.headers.get("Idempotency-Key", "")),
        client_request_id=_plain(redact_text(request.headers.get("X-Request-Id", "")), LONGEST_WORD),
        request_body=_kept(sent_by(request)) if has_bodies else None,
        answer_body=_kept(told) if has_bodies else None,
    )


def _plain(text: str, longest: int) -> str:
    return text.replace("\x00", "")[:longest]


def _digest(header: str) -> str:
    """As audit.selectors.requests looks it up: of the key without its quotes."""
    key = header.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    return sha256(key.encode()).hex()[:32] if key else ""


def _answered(answer: HttpResponse) -> Any:
    """The JSON of the answer; None for anything else, and for what is too long to be looked through."""
    is_json = answer.get("Content-Type", "").partition(";")[0].endswith("json")
    if answer.streaming or not is_json or len(answer.content) > LONGEST_READ:
        return None
    return orjson.loads(answer.content)


def _error_code(answer: HttpResponse, told: Any) -> str:
    code = told.get("code") if answer.status_code >= 400 and isinstance(told, dict) else None
    return code[:LONGEST_WORD] if isinstance(code, str) else ""


def _has_bodies(request: HttpRequest, answer: HttpResponse) -> bool:
    """Those of writes and of refusals; what was merely read is not kept a second time."""
    first = request.path.removeprefix("/api/v1/").partition("/")[0]
    return first not in NO_BODIES and (request.method in WRITES or answer.status_code >= 400)


def _kept(body: Any) -> str | None:
    """The JSON without secrets, phones and what tells of a person; a note in place of a long one."""
    if not isinstance(body, dict) or not body:
        return None
    text = orjson.dumps(redact(_impersonal(body)), default=str).decode()
    return text if len(text) <= LONGEST_BODY else LEFT_OUT


def _impersonal(value: Any, depth: int = 0) -> Any:
    if depth > 12:
        return MASK
    if isinstance(value, dict):
        return {name: _impersonal_member(name, item, depth + 1) for name, item in value.items()}
    return [_impersonal(item, depth + 1) for item in value] if isinstance(value, list) else value


def _impersonal_member(name: str, item: Any, depth: int) -> Any:
    """Metadata is the merchant's own, and nobody knows what it means: only the names in it stay."""
    if name == "metadata" and isinstance(item, dict):
        return dict.fromkeys(item, MASK)
    return MASK if name in PERSONAL and item is not None else _impersonal(item, depth)
