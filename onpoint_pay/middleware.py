"""Around every request: its id, the address it came from, the log line, and the answers nobody else gives."""

import ipaddress
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
from onpoint_pay.kit.ratelimit import headers_for

log = structlog.get_logger("access")
QUIET_PATHS = ("/api/v1/health/", "/static/")
# What a callback address has in place of a signature.
TOKEN_IN_PATH = re.compile(r"(?<=/)[0-9a-f]{32}(?=/|$)")


def client_address(request: HttpRequest) -> str:
    """The true peer; behind a configured trusted proxy the N-th address of X-Forwarded-For from the right."""
    peer: str = request.META.get("REMOTE_ADDR", "")
    if not settings.TRUSTED_PROXIES or not _is_trusted(peer):
        return peer
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    if len(hops) < settings.TRUSTED_PROXY_HOPS:
        return peer
    candidate = hops[-settings.TRUSTED_PROXY_HOPS]
    try:
        return str(ipaddress.ip_address(candidate))
    except ValueError:
        return peer


def without_tokens(path: str) -> str:
    """The path as it may be logged: whoever knows the token of a callback address can speak as the provider."""
    return TOKEN_IN_PATH.sub("****", path)


def _is_trusted(address: str) -> bool:
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(peer in ipaddress.ip_network(network, strict=False) for network in settings.TRUSTED_PROXIES)


class RequestContextMiddleware:
    """Gives each request an id, serves API paths with or without their closing slash, writes one line per request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.monotonic()
        request.request_id = to_public("req", new_id())  # type: ignore[attr-defined]
        request.META["REMOTE_ADDR"] = client_address(request)
        if request.path_info.startswith("/api/") and not request.path_info.endswith("/"):
            request.path_info += "/"
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request.request_id)  # type: ignore[attr-defined]
        answer = self._answer(request)
        self._stamp(request, answer)
        if not request.path.startswith(QUIET_PATHS):
            self._write_line(request, answer, started)
        return answer

    def _answer(self, request: HttpRequest) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > _largest_body(request):
            return problem_answer(Problem("body_too_large"), request)
        if not _is_for_us(request):
            return problem_answer(Problem("parameter_invalid", "We do not answer to this host name."), request)
        return _in_one_shape(request, self.get_response(request))

    def _stamp(self, request: HttpRequest, answer: HttpResponse) -> None:
        answer["Request-Id"] = request.request_id  # type: ignore[attr-defined]
        if not answer.streaming and not answer.has_header("Content-Length"):
            answer["Content-Length"] = str(len(answer.content))
        if request.path_info.startswith("/api/"):
            answer["OnPoint-Version"] = settings.API_VERSION
            answer.setdefault("Cache-Control", "no-store")
            for name, value in headers_for(request).items():
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


def _largest_body(request: HttpRequest) -> int:
    """In bytes: a form with a file in it may be as large as the file and what stands around it."""
    takes_file = request.path_info in settings.FILE_PATHS and request.content_type == "multipart/form-data"
    return settings.MAX_BODY_BYTES + (settings.MAX_FILE_BYTES if takes_file else 0)


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
