"""The limit of the framework: settings, addresses, one empty view and two small middlewares, and nothing else.

Served by the same gunicorn with the same configuration as the product, so that only our own work differs.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import path

SECRET_KEY = "signs nothing: no session, no cookie, no token here"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "bench.empty"
MIDDLEWARE = ["bench.empty.stamp_request", "bench.empty.stamp_answer"]
USE_TZ = True
USE_I18N = False

Handler = Callable[[HttpRequest], HttpResponse]


def stamp_request(get_response: Handler) -> Handler:
    """The first small middleware: gives the request a name."""

    def handle(request: HttpRequest) -> HttpResponse:
        request.request_id = "req_empty"  # type: ignore[attr-defined]
        return get_response(request)

    return handle


def stamp_answer(get_response: Handler) -> Handler:
    """The second: tells it in the answer."""

    def handle(request: HttpRequest) -> HttpResponse:
        answer = get_response(request)
        answer["Request-Id"] = request.request_id  # type: ignore[attr-defined]
        return answer

    return handle


def nothing(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


urlpatterns = [path("", nothing)]
