"""Around every request: its id, the address it came from, the log line, and the answers nobody else gives."""

import re
import time
from collections.abc import Callable
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse

from onpoint_pay.kit.api import PROBLEM_TYPE, problem_answer
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.origin import serving
from onpoint_pay.kit.proxies import FORWARDED, SCHEME, origin_of
from onpoint_pay.kit.ratelimit import headers as rate_limit_headers
from onpoint_pay.kit.ratelimit import telling
from onpoint_pay.kit.redact import query_holds_secret
from onpoint_pay.kit.uploads.refusal import file_too_large

log = structlog.get_logger("access")
QUIET_PATHS = ("/api/v1/health/", "/static/")
KEY_IN_ADDRESS = (
    "A key or token in the address ends up in logs: send it in the Authorization header, and replace this one."
)
# What a callback address has in place of a signature.
TOKEN_IN_PATH = re.compile(r"(?<=/)[0-9a-f]{32}(?=/|$)")


def without_tokens(path: str) -> str:
    """The path as it may be logged: whoever knows the token of a callback address can speak as the provider."""
    return TOKEN_IN_PATH.sub("****", path)


def place_origin(request: HttpRequest) -> None:
    """Put the client's true address and scheme where everybody looks, and drop what an untrusted peer said of them."""
    meta = request.META
    origin = origin_of(meta, trusted=settings.TRUSTED_PROXIES)
    if not origin.is_told:
        for name in FORWARDED:
            meta.pop(name, None)
    meta["REMOTE_ADDR"] = origin.address
    if origin.scheme is not None:
        meta[SCHEME] = origin.scheme


class RequestContextMiddleware:
    """Gives each request an id, serves API paths with or without their closing slash, writes one line per request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        request.request_id = to_public("req", new_id())  # type: ignore[attr-defined]
        place_origin(request)
        if request.path_info.startswith("/api/") and not request.path_info.endswith("/"):
            request.path_info += "/"
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.request_id)  # type: ignore[attr-defined]
        with (
            telling(),
            serving(
                request.request_id,  # type: ignore[attr-defined]
                address=request.META["REMOTE_ADDR"],
                user_agent=request.headers.get("User-Agent", ""),
            ),
        ):
            answer = self._answer(request)
            self._stamp(request, answer)
        if not request.path.startswith(QUIET_PATHS):
            self._write_line(request, answer, started)
        return answer

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > _largest_body(request):
            return problem_answer(_too_large(request), request)
        if not _is_for_us(request):
            return problem_answer(Problem("parameter_invalid", "We do not answer to this host name."), request)
        if query_holds_secret(request.META.get("QUERY_STRING", "")):
            return problem_answer(Problem("api_key_invalid", KEY_IN_ADDRESS), request)
        return _in_one_shape(request, self.get_response(request))

    def _stamp(self, request: HttpRequest, answer: HttpResponse) -> None:
        answer["Request-Id"] = request.request_id  # type: ignore[attr-defined]
        if not answer.streaming and not answer.has_header("Content-Length"):
            answer["Content-Length"] = str(len(answer.content))
        if request.path_info.startswith("/api/"):
            answer["OnPoint-Version"] = settings.API_VERSION
            answer.setdefault("Cache-Control", "no-store")
            for name, value in rate_limit_headers().items():
                answer[name] = value

    def _write_line(self, request: HttpRequest, answer: HttpResponse, started: float) -> None:
        log.info(
            "request",
            method=request.method,
            path=without_tokens(request.path),
            status=answer.status_code,
            ms=round((time.monotonic() - started) * 1000, 1),
            address=request.META["REMOTE_ADDR"],
            client_request_id=request.headers.get("X-Request-Id", "")[:64] or None,
        )

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """A crash outside or inside a view: logged with its traceback, answered in the one error shape."""
        if isinstance(error, (Http404, SuspiciousOperation)):
            return None  # no crash: the handlers below answer it
        log.error("crash", exc_info=error, path=without_tokens(request.path))
        return problem_answer(Problem("internal_error"), request)


def _takes_file(request: HttpRequest) -> bool:
    return request.path_info in settings.FILE_PATHS


def _largest_body(request: HttpRequest) -> int:
    """In bytes: a form with a file in it may be as large as the file and what stands around it."""
    is_form = _takes_file(request) and request.content_type == "multipart/form-data"
    return settings.MAX_BODY_BYTES + (settings.MAX_FILE_BYTES if is_form else 0)


def _too_large(request: HttpRequest) -> Problem:
    return file_too_large() if _takes_file(request) else Problem("body_too_large")


def _is_for_us(request: HttpRequest) -> bool:
    """Whether the Host header names this installation; health checks come by whatever address the machine has."""
    if request.path.startswith(QUIET_PATHS):
        return True
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


def _in_one_shape(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """Django's own views answer a wrong method without a body; the API has one shape for every refusal."""
    if answer.status_code != 405 or answer.get("Content-Type") == PROBLEM_TYPE:
        return answer
    problem = problem_answer(Problem("method_not_allowed"), request)
    problem["Allow"] = answer.get("Allow", "")
    return problem


def route_not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return problem_answer(Problem("route_not_found", f"There is nothing at {request.path[:120]}."), request)


def crashed(request: HttpRequest) -> HttpResponse:
    return problem_answer(Problem("internal_error"), request)


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return problem_answer(Problem("parameter_invalid", "The request cannot be read."), request)
