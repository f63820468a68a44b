"""Starting a payment: intent committed first, the prompt sent with no transaction open, the answer committed after."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.conf import settings

from merchants.services.provider_accounts import account_of, provider_for
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import fetch_one
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.money import Money
from payments import schedule, statements
from payments.errors import duplicate_reference, payment_refused, provider_unavailable
from payments.models import MoneyOp, Payment
from payments.serializers.payments import payment_body
from payments.services import hand_over
from payments.services.intent import make_charge, make_payment, redraw_references
from payments.services.limits import check_size, limit_reached, sums_of
from payments.services.replay import Claim, Stored, finish, forget, known_claim, replay
from payments.services.throttle import return_prompt, take_prompt
from payments.states import AWAITING_CUSTOMER, FAILED, INITIATED, PENDING
from providers.base import Provider
from providers.errors import ProviderRejected, ProviderTimeout, ProviderUnavailable
from providers.types import ChargeRequest, Outcome, OutcomeStatus
from webhooks.bell import ring_on_commit
from webhooks.events import event_body, event_key

log = structlog.get_logger(__name__)
# API word: the provider that serves the method and how it reaches the payer.
ROUTES = {"mpesa": ("daraja", "stk_push"), "mpesa_c2b": ("daraja", "c2b")}


@dataclass(slots=True, kw_only=True)
class Start:
    """A payment about to be made: rows not yet stored, and what is needed to send the prompt."""

    payment: Payment
    op: MoneyOp
    token: str
    payee: str
    claim: Claim | None
    provider: Provider
    # The merchant's own, where they differ.
    rates: Mapping[str, str]


def initiate_payment(
    caller: Caller, request: dict[str, Any], *, request_id: str, claim: Claim | None, scenario: str | None = None
) -> Stored:
    """Ask a payer for money; returns the HTTP status and body to answer, and whether they are a replay.

    `request` is InitiateSerializer's validated input. Raises Invalid, and Problem provider_not_configured,
    limit_exceeded, duplicate_reference, prompt_throttled, payment_failed, provider_unavailable,
    idempotency_in_progress, idempotency_key_reused.
    A hand-over without a clear answer is no error: the payment is pending, and its outcome is found out.
    """
    code, channel = ROUTES[request["payment_method"]]
    account_id = account_of(caller, code)
    provider = provider_for(code, caller.mode, account_id)
    check_amount(request["money"])
    start = _prepare(caller, request, provider=provider, channel=channel, request_id=request_id, claim=claim)
    start.payment.provider_account_id = start.op.provider_account_id = account_id
    found = begin_within_limits(caller, start.payment, start.claim, begin=lambda: _begin(start, caller))
    if found is not None:
        return replay(caller, found, start.claim)
    return send_prompt(start, scenario=scenario)


def begin_within_limits(
    caller: Caller, payment: Payment, claim: Claim | None, *, begin: Callable[[], dict[str, Any] | None]
) -> dict[str, Any] | None:
    """What `begin` returns, the stored key of a repeat or None; a prompt is counted only when it did begin.

    Raises RateLimited when the phone has had its prompts and Problem limit_exceeded when the payment is too large,
    unless the request is a repeat: that sends nothing.
    """
    try:
        check_size(Money(payment.amount, payment.currency), caller)
        take_prompt(payment, own=caller.rates)
    except Problem:
        found = known_claim(claim, payment)
        if found is None:
            raise
        return found
    try:
        found = begin()
    except Exception:
        return_prompt(payment, own=caller.rates)
        raise
    if found is not None:
        return_prompt(payment, own=caller.rates)
    return found


def check_amount(money: Money) -> None:
    """Raises Invalid for an amount nobody can ask for."""
    limits = (settings.MPESA_MIN_AMOUNT * 100, settings.MPESA_MAX_AMOUNT * 100)
    fault = None
    if money.minor < limits[0]:
        fault = ("amount_too_small", f"The smallest amount is {Money(limits[0], money.currency).decimal_text()}.")
    elif money.minor > limits[1]:
        fault = ("amount_too_large", f"The largest amount is {Money(limits[1], money.currency).decimal_text()}.")
    elif money.minor % 100:
        fault = ("amount_not_whole", f"M-Pesa takes whole shillings; {money.decimal_text()} has cents.")
    if fault:
        raise Invalid([Fault(param="amount", code=fault[0], detail=fault[1])])


def _prepare(
    caller: Caller,
    request: dict[str, Any],
    *,
    provider: Provider,
    channel: str,
    request_id: str,
    claim: Claim | None,
) -> Start:
    token = secrets.token_hex(16)
    payment = make_payment(caller, request, request_id=request_id, idempotency_key=claim.key if claim else None)
    payment.provider, payment.channel = provider.code, channel
    payment.shortcode, payment.simulated = provider.float_name, provider.is_simulated
    op = make_charge(payment, token_hash=sha256(token.encode()).digest())
    payee = caller.merchant.business_name
    return Start(payment=payment, op=op, token=token, payee=payee, claim=claim, provider=provider, rates=caller.rates)


def _begin(start: Start, caller: Caller) -> dict[str, Any] | None:
    """First commit: payment, operation, event and key. The stored key when this request is a repeat."""
    for _ in range(3):
        row = fetch_one(
            statements.CALL_BEGIN,
            {
                "payment": row_json(start.payment),
                "op": row_json(start.op),
                "claim": start.claim.as_json() if start.claim else None,
                "event": event_json(start.payment, previous=None, name="created"),
                "limits": sums_of(caller),
            },
        )
        assert row is not None  # noqa: S101 - the function always answers
        if row["outcome"] == "begun":
            return None
        if row["outcome"] == "replay":
            found: dict[str, Any] = orjson.loads(row["earlier"])
            return found
        if row["outcome"] == "limit_exceeded":
            raise limit_reached(orjson.loads(row["earlier"]), start.payment.currency)
        if row["outcome"] == "duplicate_reference":
            raise duplicate_reference(to_public("pay", UUID(orjson.loads(row["earlier"])["id"])))
        # Six random letters met a reference of the same day: draw again.
        redraw_references(start.payment, start.op)
    raise Problem("internal_error", "No free reference was found; ask again.")


def row_json(row: Payment | MoneyOp) -> str:
    """Every column of a row as JSON, for `jsonb_populate_record`; binary as PostgreSQL's hex form."""
    values: dict[str, Any] = {}
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        values[field.column or field.attname] = (
            "\\x" + bytes(value).hex() if isinstance(value, (bytes, memoryview)) else value
        )
    return orjson.dumps(values, default=str).decode()


def event_json(payment: Payment, *, previous: dict[str, Any] | None, name: str) -> str:
    """The webhook event `payment.<name>` of this attempt as the database functions publish it."""
    event_id, at = new_id(), now()
    kind = f"payment.{name}"
    body = event_body(
        event_id,
        kind,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        at=at,
        object=payment_body(payment),
        previous=previous,
        request_id=payment.request_id,
        idempotency_key=payment.idempotency_key,
    )
    return orjson.dumps(
        {
            "id": str(event_id),
            "key": event_key(kind, payment.id, nth=payment.attempts),
            "type": kind,
            "api_version": settings.API_VERSION,
            "body": body,
            "at": (payment.submitted_at or at).isoformat(),
        }
    ).decode()


def send_prompt(start: Start, *, scenario: str | None) -> Stored:
    """Hand over what is committed, and commit what the provider answered; raises what initiate_payment raises then."""
    try:
        outcome = start.provider.charge(_charge_request(start, scenario))
    except ProviderRejected as refusal:
        return _refused(start, refusal)
    except ProviderUnavailable as error:
        return_prompt(start.payment, own=start.rates)
        payment = hand_over.give_up_hand_over(start.op.id)
        forget(start.claim, payment)
        raise provider_unavailable(to_public("pay", payment.id)) from error
    except ProviderTimeout as error:
        log.warning("hand_over_in_doubt", payment=to_public("pay", start.payment.id), error=str(error)[:200])
        return _answer(start, hand_over.doubt_hand_over(start.op.id))
    return _handed_over(start, outcome)


def _charge_request(start: Start, scenario: str | None) -> ChargeRequest:
    payment = start.payment
    return ChargeRequest(
        reference=start.op.client_ref,
        amount=Money(payment.amount, payment.currency),
        phone=payment.phone or "",
        account_reference=payment.shown_reference or payment.account_reference,
        description=payment.description or "Payment",
        callback_url=callback_url_for(start.token),
        payee=start.payee,
        language=payment.language,
        scenario=scenario,
    )


def callback_url_for(token: str) -> str:
    """Where the provider is told to send the result; the configured one has no token and is only a claim."""
    return settings.MPESA_CALLBACK_URL or f"{settings.BASE_URL}/api/v1/hooks/{token}/collect/"


def _handed_over(start: Start, outcome: Outcome) -> Stored:
    """Second commit: the provider's ids, the state, the event and the answer to replay."""
    payment, at = start.payment, now()
    if outcome.status is not OutcomeStatus.PENDING or outcome.provider_reference is None:
        return _answer(start, hand_over.doubt_hand_over(start.op.id))
    payment.status, payment.pending_reason = PENDING, AWAITING_CUSTOMER
    payment.provider_reference, payment.provider_details = outcome.provider_reference, dict(outcome.details)
    payment.customer_message, payment.submitted_at = outcome.customer_message, at
    payment.version += 1
    body = orjson.dumps(payment_body(payment), default=str)
    row = fetch_one(
        statements.CALL_HANDED_OVER,
        {
            "op": start.op.id,
            "provider_ref": outcome.provider_reference,
            "details": orjson.dumps(payment.provider_details).decode(),
            "message": payment.customer_message,
            "next_check": schedule.next_check_at(at, at),
            "event": event_json(payment, previous={"status": INITIATED}, name="pending"),
            "claim": start.claim.key if start.claim else None,
            "status": 201,
            "body": body.decode(),
        },
    )
    assert row is not None  # noqa: S101 - the function always answers
    if row["deliveries"]:
        ring_on_commit()
    if row["moved"]:
        return Stored(status=201, body=body, location=payment.id)
    found = Payment.objects.scoped(payment.merchant_id, payment.mode).get(id=payment.id)
    return _answer(start, hand_over.accept_called_off(start.op.id) if found.status == INITIATED else found)


def _answer(start: Start, payment: Payment) -> Stored:
    stored = Stored(status=201, body=orjson.dumps(payment_body(payment), default=str), location=payment.id)
    finish(start.claim, payment, stored)
    return stored


def _refused(start: Start, refusal: ProviderRejected) -> Stored:
    payment = hand_over.refuse_hand_over(start.op.id, refusal.outcome, answer=refusal.raw)
    if payment.status != FAILED:
        return _answer(start, payment)
    body = payment_body(payment)
    finish(start.claim, payment, Stored(status=402, body=orjson.dumps(body, default=str)))
    raise payment_refused(body)
