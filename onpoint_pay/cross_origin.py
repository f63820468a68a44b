"""Pages of merchants that ask us from a browser: only where publishable keys go, and only for them."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_vary_headers

# A secret key must not be in a browser: its answers stay unreadable there.
FOR_PAGES = "bearer pk_"
MAY_SEND = "Authorization, OnPoint-Version, X-Request-Id, traceparent"
MAY_READ = "Request-Id, Retry-After, RateLimit, RateLimit-Policy"
REMEMBERED_SECONDS = 600


class CrossOriginMiddleware:
    """Answers what browsers ask beforehand, and lets a page read what a publishable key was answered, refusals too.

    Which pages may use a key is its own list of origins, held where the key is read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        if "onpoint.for_pages" in request.META:
            patch_vary_headers(answer, ("Origin",))
            origin = request.headers.get("Origin")
            if origin and (_asks_beforehand(request) or _with_publishable_key(request)):
                answer["Access-Control-Allow-Origin"] = origin
                answer["Access-Control-Expose-Headers"] = MAY_READ
        return answer

    def process_view(
        self, request: HttpRequest, view: Any, _args: tuple[Any, ...], _named: dict[str, Any]
    ) -> HttpResponse | None:
        methods = _methods_for_pages(view)
        if not methods:
            return None
        request.META["onpoint.for_pages"] = True
        return _told_beforehand(methods) if _asks_beforehand(request) else None


def _methods_for_pages(view: Any) -> list[str]:
    """The methods of a route whose actions a publishable key reaches."""
    public = getattr(getattr(view, "cls", None), "public_actions", ())
    return [method.upper() for method, action in getattr(view, "actions", {}).items() if action in public]


def _asks_beforehand(request: HttpRequest) -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _with_publishable_key(request: HttpRequest) -> bool:
    return request.headers.get("Authorization", "").strip().lower().startswith(FOR_PAGES)


def _told_beforehand(methods: list[str]) -> HttpResponse:
    answer = HttpResponse(status=204)
    answer["Access-Control-Allow-Methods"] = ", ".join(methods)
    answer["Access-Control-Allow-Headers"] = MAY_SEND
    answer["Access-Control-Max-Age"] = str(REMEMBERED_SECONDS)
    return answer
