"""The providers' door: no merchant signs in here, so nothing that comes in is believed as it stands."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from onpoint_pay.kit.api import problem_answer
from onpoint_pay.kit.errors import Problem, RateLimited
from payments.services.c2b_validation import answer_validation
from payments.services.callbacks import receive_callback
from providers.registry import parser_for
from providers.types import InboundRequest

MAX_BODY = 64 * 1024
# What results and notices can be about.
ORDERS = ("b2c", "reversal", "status", "balance")
KEPT_HEADERS = ("Content-Type", "User-Agent", "X-Forwarded-For", "Content-Length")


@csrf_exempt
@require_POST
def collect(request: HttpRequest, token: str | None = None) -> HttpResponse:
    """The result of a prompt. Stored first, answered at once, applied by a worker.

    A token that is not ours answers 404, yet the claim is kept and we ask the provider ourselves.
    """
    return _receive(request, provider="daraja", door="collect", token=token)


@csrf_exempt
@require_POST
def result(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """What came of money we sent or of a question we put; stored and answered as at the other doors."""
    return _receive_about(request, f"result-{kind}", token=token)


@csrf_exempt
@require_POST
def timeout(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """The notice that a result is late: it decides nothing, it only makes us ask."""
    return _receive_about(request, f"timeout-{kind}", token=token)


@csrf_exempt
@require_POST
def confirm(request: HttpRequest, token: str | None = None) -> HttpResponse:
    """Money that a payer sent by themselves. As `collect`: whatever we answer, the money has moved."""
    return _receive(request, provider="daraja", door="confirm", token=token)


@csrf_exempt
@require_POST
def validate(request: HttpRequest, token: str | None = None) -> HttpResponse:
    """Money that a payer is about to send: decided here and now, because the provider waits for it."""
    return _receive(request, provider="daraja", door="validate", token=token)


def _receive_about(request: HttpRequest, door: str, *, token: str) -> HttpResponse:
    if door.partition("-")[2] not in ORDERS:
        return problem_answer(Problem("route_not_found"), request)
    return _receive(request, provider="daraja", door=door, token=token)


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
    if not receipt.token_ok and token is not None:
        # The documented address has no token and is answered; a wrong token is told nothing.
        return problem_answer(Problem("route_not_found"), request)
    return _reply(provider, inbound, receipt.event_id)


def _reply(provider: str, inbound: InboundRequest, event_id: int | None) -> HttpResponse:
    """A wish to pay is decided; everything else is acknowledged."""
    if inbound.door == "validate" and event_id is not None:
        reply = answer_validation(event_id, source_ip=inbound.source_ip)
    else:
        reply = parser_for(provider).reply_to_callback()
    return HttpResponse(reply.body, status=reply.status, content_type=reply.content_type)
