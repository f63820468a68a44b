"""The answer of the API to an exception, and the link that it leaves when somebody was not allowed."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse

from audit.services.refusals import note_refusal
from onpoint_pay.kit import api
from onpoint_pay.kit.caller import Caller


def handle_exception(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """The API's exception handler: answers as kit.api does, and writes down that somebody was not allowed."""
    problem, request = api.to_problem(error), context.get("request")
    # Asking for `auth` would try to find out once more who is calling.
    caller = getattr(request, "_auth", None)
    if problem is not None and problem.http_status == 403 and isinstance(caller, Caller):
        needed = problem.extra.get("required_scope")
        note_refusal(
            merchant_id=caller.merchant_id,
            actor=caller.actor,
            code=problem.code,
            place=_place(context),
            detail={"mode": caller.mode} | ({"required_scope": needed} if needed else {}),
        )
    return api.handle_exception(error, context)


def _place(context: Mapping[str, Any]) -> str:
    """The method and the name of the route, which holds no id."""
    request = context["request"]._request
    match = request.resolver_match
    return f"{request.method} {match.url_name}" if match else str(request.method)
