"""The providers' door: no merchant signs in here, so nothing that comes in is believed as it stands."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from onpoint_pay.kit.api import problem_answer
from onpoint_pay.kit.errors import Problem, RateLimited
from payments.services.callbacks import receive_callback
from providers.registry import parser_for
from providers.types import InboundRequest

MAX_BODY = 64 * 1024
KEPT_HEADERS = ("Content-Type", "User-Agent", "X-Forwarded-For", "Content-Length")


@csrf_exempt
@require_POST
def collect(request: HttpRequest, token: str | None = None) -> HttpResponse:
    """The result of a prompt. Stored first, answered at once, applied by a worker.

    A token that is not ours answers 404, yet the claim is kept and we ask the provider ourselves.
    """
    return _receive(request, provider="daraja", door="collect", token=token)


def _receive(request: HttpRequest, *, provider: str, door: str, token: str | None) -> HttpResponse:
    if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY:
        return problem_answer(Problem("body_too_large", "A callback has at most 64 KiB."), request)
    body = request.read(MAX_BODY + 1)
    if len(body) > MAX_BODY:
        return problem_answer(Problem("body_too_large", "A callback has at most 64 KiB."), request)
    inbound = InboundRequest(
        body=body,
        headers={name: request.headers[name][:200] for name in KEPT_HEADERS if name in request.headers},
        token=token,
        source_ip=request.META["REMOTE_ADDR"] or None,
        door=door,
    )
    receipt = receive_callback(provider, inbound)
    if receipt.outcome == "refused":
        return problem_answer(RateLimited(retry_after_seconds=60), request)
    if not receipt.token_ok:
        return _answer_stranger(request, provider, token)
    return _acknowledge(provider)


def _answer_stranger(request: HttpRequest, provider: str, token: str | None) -> HttpResponse:
    """The documented address has no token and is acknowledged; a wrong token is told nothing."""
    if token is not None:
        return problem_answer(Problem("route_not_found"), request)
    return _acknowledge(provider)


def _acknowledge(provider: str) -> HttpResponse:
    reply = parser_for(provider).reply_to_callback()
    return HttpResponse(reply.body, status=reply.status, content_type=reply.content_type)
