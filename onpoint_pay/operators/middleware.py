"""Around every request under /operators/, and no other: its session, the guard against forged forms, and who it is."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware

from merchants.models import User
from merchants.services import operator_sign_in
from onpoint_pay.kit.api import problem_answer
from onpoint_pay.kit.errors import Problem
from onpoint_pay.operators.answers import page_for

PREFIX = "/operators/"
# Under this name the session holds what tells its operator.
FACTS = "operator"


class OperatorsMiddleware:
    """The API's requests pay one comparison of their path for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._guard = CsrfViewMiddleware(MessageMiddleware(self._as_operator))
        self._pages = SessionMiddleware(self._guard)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIX):
            return self.get_response(request)
        if settings.HAS_HTTPS and not request.is_secure():
            return problem_answer(Problem("https_required", "Operators come by https."), request)
        if "\x00" in request.path_info or "%00" in request.META.get("QUERY_STRING", ""):
            # The database takes no such letter, and no page asks for one.
            return problem_answer(Problem("parameter_invalid", "The address cannot be read."), request)
        answer = self._pages(request)
        assert isinstance(answer, HttpResponse)  # noqa: S101 - the admin streams nothing
        return answer

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        if not request.path_info.startswith(PREFIX):
            return None
        return self._guard.process_view(request, view, args, kwargs)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return page_for(request, error) if request.path_info.startswith(PREFIX) else None

    def _as_operator(self, request: HttpRequest) -> HttpResponse:
        place_operator(request)
        return self.get_response(request)


def place_operator(request: HttpRequest) -> None:
    """Put the session's operator where pages look; a session that is over is emptied, and its cookie goes."""
    request.operator = None  # type: ignore[attr-defined]
    request.user = AnonymousUser()
    facts = request.session.get(FACTS)
    if facts is None:
        return
    card = operator_sign_in.card_of(facts)
    if card is None:
        request.session.flush()
        return
    if changes := operator_sign_in.seen_again(facts):
        request.session[FACTS] = {**facts, **changes}
    request.operator = card  # type: ignore[attr-defined]
    request.user = User.objects.get(id=card.user_id)  # type: ignore[assignment]
