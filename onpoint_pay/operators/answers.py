"""What operators see when something is refused or not there: pages, in the words of the API's problems."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from audit.services.looks import note_refused
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.operator import operator_of

FORGED = "The form was too old, or came from somewhere else. Nothing was done: open the page again."


def problem_page(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A page with the problem's status; the menu is on it for whoever is signed in."""
    layout = "admin/base_site.html" if operator_of(request) else "unfold/layouts/unauthenticated.html"
    context = {**admin.site.each_context(request), "title": problem.title, "problem": problem, "layout": layout}
    answer = render(request, "operators/problem.html", context, status=problem.http_status)
    if problem.retry_after_seconds is not None:
        answer["Retry-After"] = str(problem.retry_after_seconds)
    return answer


def page_for(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """The page for what a view raised; None for a fault of ours."""
    if isinstance(error, Problem):
        return problem_page(request, error)
    if isinstance(error, Http404):
        return problem_page(request, Problem("resource_missing", "There is nothing here."))
    if isinstance(error, SuspiciousOperation):
        return problem_page(request, Problem("parameter_invalid", "The page cannot be asked for that."))
    if isinstance(error, PermissionDenied):
        _note(request, "permission_denied")
        return problem_page(request, Problem("permission_denied", "Your roles do not allow this."))
    return None


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Named in the settings: a POST without our token or from another site."""
    _note(request, "forged_request")
    return problem_page(request, Problem("permission_denied", FORGED))


def _note(request: HttpRequest, code: str) -> None:
    card, match = operator_of(request), request.resolver_match
    if card is not None:
        note_refused(card, code=code, place=f"{request.method} {match.url_name if match else ''}".strip())


def not_found(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """In place of the theme's and the admin's own doors that nobody needs here."""
    raise Http404
