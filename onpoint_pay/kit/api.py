"""The HTTP surface every room shares: parsing, the error answer, lists by cursor, and the merchant-scoped viewset."""

import base64
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, cast
from uuid import UUID

import orjson
import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.functional import cached_property
from rest_framework import exceptions, viewsets
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from onpoint_pay.kit.asker import keep_sent
from onpoint_pay.kit.caller import PUBLISHABLE, Caller
from onpoint_pay.kit.errors import CODES, Fault, Invalid, NotFound, Problem, RateLimited
from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from onpoint_pay.kit.proxies import client_block
from onpoint_pay.kit.ratelimit import count
from onpoint_pay.kit.strict_json import DecimalText as DecimalText
from onpoint_pay.kit.strict_json import plain_number as plain_number

log = structlog.get_logger(__name__)
PROBLEM_TYPE = "application/problem+json"


def json_answer(body: Mapping[str, Any] | bytes, status: int = 200) -> HttpResponse:
    """An answer whose bytes are made once; bytes are passed through, as for a stored first answer."""
    content = body if isinstance(body, bytes) else orjson.dumps(body, default=str)
    return HttpResponse(content, status=status, content_type="application/json")


# --- problems -----------------------------------------------------------------------------------------------------


def problem_body(problem: Problem, request: HttpRequest | None) -> dict[str, Any]:
    """The one error shape of the API."""
    doc_url = f"{settings.ERROR_DOCS_URL}{problem.code}"
    return {
        "type": doc_url,
        "title": problem.title,
        "status": problem.http_status,
        "detail": problem.detail,
        "instance": request.path if request is not None else "",
        "code": problem.code,
        "param": problem.param,
        "errors": [{"param": fault.param, "code": fault.code, "detail": fault.detail} for fault in problem.faults],
        "customer_message": problem.customer_message,
        "next_step": problem.next_step,
        "retryable": problem.retryable,
        "request_id": getattr(request, "request_id", None),
        "doc_url": doc_url,
        **problem.extra,
    }


def problem_answer(problem: Problem, request: HttpRequest | None) -> HttpResponse:
    answer = HttpResponse(
        orjson.dumps(problem_body(problem, request), default=str),
        status=problem.http_status,
        content_type=PROBLEM_TYPE,
    )
    if problem.retry_after_seconds is not None:
        answer["Retry-After"] = str(problem.retry_after_seconds)
    if problem.http_status == 401:
        answer["WWW-Authenticate"] = 'Bearer realm="onpoint-pay"'
    return answer


FRAMEWORK_CODES: list[tuple[type[Exception], str]] = [
    (exceptions.NotAuthenticated, "authentication_required"),
    (exceptions.AuthenticationFailed, "token_invalid"),
    (exceptions.PermissionDenied, "permission_denied"),
    (exceptions.NotFound, "resource_missing"),
    (exceptions.MethodNotAllowed, "method_not_allowed"),
    (exceptions.NotAcceptable, "not_acceptable"),
    (exceptions.UnsupportedMediaType, "unsupported_media_type"),
    (exceptions.ParseError, "invalid_json"),
    (PermissionDenied, "permission_denied"),
    (Http404, "resource_missing"),
    (RequestDataTooBig, "body_too_large"),
    (TooManyFieldsSent, "body_too_large"),
]


def to_problem(error: Exception) -> Problem | None:
    """The problem an exception stands for; None for one that is a fault of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, exceptions.ValidationError):
        return Invalid(faults_of(error.get_full_details()))
    if isinstance(error, exceptions.Throttled):
        return RateLimited(retry_after_seconds=math.ceil(getattr(error, "wait", None) or 1))
    for kind, code in FRAMEWORK_CODES:
        if isinstance(error, kind):
            return Problem(code)
    return None


def handle_exception(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """The API's only exception handler: a problem answer, or None so that the crash is logged and answered as 500."""
    problem = to_problem(error)
    request = context["request"]._request if context.get("request") is not None else None
    return None if problem is None else problem_answer(problem, request)


SERIALIZER_CODES = {"required": "parameter_missing", "null": "parameter_missing", "blank": "parameter_missing"}


def _deeper(path: str, name: str | int) -> str:
    if name == "non_field_errors":
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{name}" if path else name


def faults_of(details: Any, path: str = "") -> list[Fault]:
    """Every fault in a serializer's errors, with the path of its parameter (`metadata.order_id`, `items[2].amount`)."""
    if isinstance(details, dict) and "message" in details and "code" in details:
        code = SERIALIZER_CODES.get(details["code"], details["code"])
        known = code if code in CODES else "parameter_invalid"
        return [Fault(param=path or None, code=known, detail=str(details["message"]))]
    if isinstance(details, dict):
        found = []
        for name, inner in details.items():
            found += faults_of(inner, _deeper(path, name))
        return found
    if isinstance(details, list):
        found = []
        for position, inner in enumerate(details):
            is_leaf = isinstance(inner, dict) and "message" in inner and "code" in inner
            found += faults_of(inner, path if is_leaf else f"{path}[{position}]")
        return found
    return []


# --- input --------------------------------------------------------------------------------------------------------


def validated(serializer: Serializer[Any], *, refuse_unknown: bool = True) -> dict[str, Any]:
    """The checked input. Raises Invalid with every fault together, unknown names included."""
    given = serializer.initial_data
    if not isinstance(given, dict):
        raise Problem("invalid_json", "The body must be one JSON object.")
    faults = []
    if refuse_unknown:
        unknown = [name for name in given if name not in serializer.fields]
        faults = [Fault(param=str(name)[:64], code="unknown_parameter", detail="Not a parameter.") for name in unknown]
    if not serializer.is_valid():
        faults = faults_of(serializer.errors_with_codes()) + faults  # type: ignore[attr-defined]
    if faults:
        raise Invalid(faults)
    checked: dict[str, Any] = serializer.validated_data
    return checked


class InputSerializer(Serializer[Any]):
    """Base of everything that comes in: remembers the code of each fault beside its words."""

    @cached_property
    def fields(self) -> Any:
        """One set for all instances of a class: copying them for each request costs as much as the check itself."""
        return (
            _fields_of(type(self)) if self.parent is None and not self.partial and not self._context else super().fields
        )

    def errors_with_codes(self) -> Any:
        return _with_codes(self.errors)


@cache
def _fields_of(kind: type[InputSerializer]) -> Any:
    """Bound to an instance that is never used: checking a value changes nothing in a field."""
    return Serializer.fields.func(kind())  # type: ignore[attr-defined]


def _with_codes(errors: Any) -> Any:
    if isinstance(errors, exceptions.ErrorDetail):
        return {"message": str(errors), "code": errors.code}
    if isinstance(errors, dict):
        return {name: _with_codes(inner) for name, inner in errors.items()}
    return [_with_codes(inner) for inner in errors]


def key_from(prefix: str, text: str, *, code: str = "resource_missing") -> UUID:
    """The key in a public id of the path. Raises NotFound for anything that is not one."""
    try:
        return from_public(prefix, text)
    except PublicIdInvalid:
        raise NotFound(code=code) from None


# --- lists --------------------------------------------------------------------------------------------------------


def encode_cursor(parts: list[str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def decode_cursor(text: str, *, length: int) -> list[str]:
    """Raises Problem cursor_invalid for anything we did not make."""
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError:
        parts = None
    if not isinstance(parts, list) or len(parts) != length or not all(isinstance(part, str) for part in parts):
        raise Problem("cursor_invalid", param="cursor")
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Where a list goes on from a page, and how much there is of it, if that was asked for."""

    next: str | None = None
    previous: str | None = None
    total: Mapping[str, Any] | None = None


ONLY_PAGE = Turn()


def list_answer(request: Request, data: list[dict[str, Any]], *, turn: Turn = ONLY_PAGE) -> Response:
    """One page: `data`, `has_more` and the cursors beside it, which a Link header has too."""
    body = {
        "object": "list",
        "url": request.path,
        "data": data,
        "has_more": turn.next is not None,
        "next_cursor": turn.next,
        "previous_cursor": turn.previous,
        **(turn.total or {}),
    }
    answer = Response(body)
    links = [_link(request, cursor, rel) for cursor, rel in ((turn.next, "next"), (turn.previous, "prev")) if cursor]
    if links:
        answer["Link"] = ", ".join(links)
    return answer


def _link(request: Request, cursor: str, rel: str) -> str:
    query = request.query_params.copy()
    query["cursor"] = cursor
    return f'<{settings.BASE_URL}{request.path}?{query.urlencode()}>; rel="{rel}"'


def request_id_of(request: Request) -> str:
    """The id the middleware gave this request."""
    return cast(str, getattr(request._request, "request_id", ""))


def page_size(request: Request) -> int:
    """`limit`, 1 to 100, 20 when absent. Raises Problem parameter_invalid."""
    given = request.query_params.getlist("limit")
    text = given[0] if given else "20"
    if len(given) > 1 or not (text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 100):
        raise Problem("parameter_invalid", "limit must be a whole number from 1 to 100.", param="limit")
    return int(text)


# --- views --------------------------------------------------------------------------------------------------------


class ApiViewSet(viewsets.ViewSet):
    """A viewset that is closed until it names a scope for each action, and counted against the caller's rate limits."""

    required_scopes: ClassVar[Mapping[str, str]] = {}
    # What a publishable key reaches; its answers hold nothing personal.
    public_actions: ClassVar[tuple[str, ...]] = ()
    # action: policies counted per merchant, besides the `api` policy counted per key
    rate_policies: ClassVar[Mapping[str, str]] = {}

    @property
    def caller(self) -> Caller:
        return cast(Caller, self.request.auth)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        caller = self.caller
        if caller.kind == PUBLISHABLE:
            # Everybody who opens the page has the key: one must not use up what is the others', or the merchant's.
            place = client_block(request.META["REMOTE_ADDR"])
            count(request._request, "checkout", key=place, own=caller.rates)
            return
        own = caller.rates
        count(request._request, "api", key=f"{caller.actor}:{caller.mode}", own=own)
        policy = self.rate_policies.get(self.action)
        if policy is not None:
            count(request._request, policy, key=f"{caller.merchant_id}:{caller.mode}", own=own)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        keep_sent(request._request, getattr(request, "_full_data", None))
        return super().finalize_response(request, response, *args, **kwargs)
