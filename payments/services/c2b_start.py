"""Starting a payment that the payer makes by hand: a code to type, and nobody called."""

from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from merchants.models import ProviderAccount
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import fetch_one
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_reference, to_public
from onpoint_pay.kit.money import Money
from payments import schedule, statements
from payments.errors import duplicate_reference
from payments.models import MoneyOp, Payment
from payments.serializers.payments import C2B_METHOD, payment_body
from payments.services.c2b_accounts import free_code, shortcode_of
from payments.services.c2b_ops import CHANNEL, make_c2b_op
from payments.services.initiate import check_amount, event_json, initiate_payment, row_json
from payments.services.intent import make_payment
from payments.services.limits import check_size, limit_reached, sums_of
from payments.services.replay import Claim, Stored, known_claim, replay
from payments.states import AWAITING_CUSTOMER, INITIATED, PENDING
from webhooks.bell import ring_on_commit

DRAWS = 5


def start_payment(
    caller: Caller, request: dict[str, Any], *, request_id: str, claim: Claim | None, scenario: str | None = None
) -> Stored:
    """Start a payment by any method; as initiate_payment, which sends the prompts."""
    if request["payment_method"] != C2B_METHOD:
        return initiate_payment(caller, request, request_id=request_id, claim=claim, scenario=scenario)
    where = shortcode_of(caller)
    check_amount(request["money"])
    payment = _make(caller, request, where, request_id=request_id, key=claim.key if claim else None)
    try:
        check_size(request["money"], caller)
    except Problem:
        found = known_claim(claim, payment)
        if found is None:
            raise
        return replay(caller, found, claim)
    for _ in range(DRAWS):
        payment.account_reference = free_code(where)
        payment.customer_message = _message(payment)
        op = make_c2b_op(payment, client_ref=f"{payment.reference}-{payment.attempts}", at=payment.created_at)
        op.next_check = schedule.next_list_check(payment.expires_at, since=payment.created_at)
        with transaction.atomic():
            begun = _begin(caller, payment, op, claim)
            if begun is not None and begun["outcome"] == "begun":
                return _open(payment, op, claim)
        if begun is not None:
            return replay(caller, begun, claim)
        payment.reference = new_reference("TXN", payment.created_at)
    raise Problem("internal_error", "No free reference was found; ask again.")


def _make(
    caller: Caller, request: dict[str, Any], where: ProviderAccount, *, request_id: str, key: str | None
) -> Payment:
    payment = make_payment(caller, request, request_id=request_id, idempotency_key=key)
    payment.provider, payment.channel, payment.shortcode = where.provider, CHANNEL, where.shortcode
    payment.provider_account_id = None if where.merchant_id is None else where.id
    payment.simulated = where.is_simulated
    paid_to = {"till": where.till} if where.till else {"paybill": where.shortcode}
    payment.provider_details = {"shortcode": where.shortcode, **paid_to}
    return payment


def _begin(caller: Caller, payment: Payment, op: MoneyOp, claim: Claim | None) -> dict[str, Any] | None:
    """Payment, operation, event and key; or the stored key of a repeat; None when a drawn name was taken.

    Raises Problem duplicate_reference and limit_exceeded.
    """
    row = fetch_one(
        statements.CALL_BEGIN,
        {
            "payment": row_json(payment),
            "op": row_json(op),
            "claim": claim.as_json() if claim else None,
            "event": event_json(payment, previous=None, name="created"),
            "limits": sums_of(caller),
        },
    )
    assert row is not None  # noqa: S101 - the function always answers
    if row["outcome"] == "limit_exceeded":
        raise limit_reached(orjson.loads(row["earlier"]), payment.currency)
    if row["outcome"] == "duplicate_reference":
        raise duplicate_reference(to_public("pay", UUID(orjson.loads(row["earlier"])["id"])))
    if row["outcome"] == "collision":
        return None
    earlier: dict[str, Any] = orjson.loads(row["earlier"]) if row["outcome"] == "replay" else {}
    return earlier | {"outcome": row["outcome"]}


def _open(payment: Payment, op: MoneyOp, claim: Claim | None) -> Stored:
    """In the same commit: nobody has to take it over, so the payer may pay at once."""
    at = now()
    payment.status, payment.pending_reason, payment.submitted_at = PENDING, AWAITING_CUSTOMER, at
    payment.version += 1
    body = orjson.dumps(payment_body(payment), default=str)
    row = fetch_one(
        statements.CALL_HANDED_OVER,
        {
            "op": op.id,
            "provider_ref": None,
            "details": orjson.dumps(payment.provider_details).decode(),
            "message": payment.customer_message,
            "next_check": op.next_check,
            "event": event_json(payment, previous={"status": INITIATED}, name="pending"),
            "claim": claim.key if claim else None,
            "status": 201,
            "body": body.decode(),
        },
    )
    assert row is not None  # noqa: S101 - the function always answers
    if row["deliveries"]:
        ring_on_commit()
    return Stored(status=201, body=body, location=payment.id)


def _message(payment: Payment) -> str:
    """What the payer is told, in the payment's language."""
    amount = f"{payment.currency} {Money(payment.amount, payment.currency).whole_units()}"
    details, is_swahili = payment.provider_details, payment.language == "sw"
    if "till" in details:
        words = "Lipa {amount} kwa till {till}." if is_swahili else "Pay {amount} to till {till}."
        return words.format(amount=amount, till=details["till"])
    words = (
        "Lipa {amount} kwa paybill {paybill}, akaunti {account}."
        if is_swahili
        else "Pay {amount} to paybill {paybill}, account {account}."
    )
    return words.format(amount=amount, paybill=details["paybill"], account=payment.account_reference)
