"""The rows of a payment about to be made: nothing is stored here and nobody is called."""

from datetime import datetime, timedelta
from typing import Any

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, new_reference, random_letters
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment
from payments.states import INITIATED, OP_CREATED
from settlements.fees import Terms
from settlements.services.fee_plans import fee_of
from webhooks.services.endpoints import inline_endpoint

# The sweeper takes an operation for given up when its sender said nothing for this long.
SEND_LEASE = timedelta(seconds=60)
ACCOUNT_LETTERS = 10


def make_payment(caller: Caller, request: dict[str, Any], *, request_id: str, idempotency_key: str | None) -> Payment:
    """An initiated payment from InitiateSerializer's checked input; provider and channel are the caller's to fill.

    Raises Problem callback_url_invalid or callback_url_forbidden.
    """
    at = now()
    money: Money = request["money"]
    url = request.get("callback_url")
    method = request["payment_method"]
    own = Terms(bps=caller.merchant.fee_bps, flat=caller.merchant.fee_flat)
    price = fee_of(caller.merchant_id, method=method, amount=money, at=at, own=own)
    endpoint = inline_endpoint(merchant_id=caller.merchant_id, mode=caller.mode, url=url) if url else None
    return Payment(
        id=new_id(),
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        reference=new_reference("TXN", at),
        merchant_reference=request.get("reference"),
        reference_policy=caller.merchant.reference_policy,
        account_reference=random_letters(ACCOUNT_LETTERS),
        shown_reference=request.get("account_reference"),
        fee=price.fee.minor,
        fee_version_id=price.version_id,
        payment_method=method,
        phone=request.get("phone"),
        email=request.get("email"),
        description=request.get("description"),
        language=request["language"],
        metadata=request["metadata"],
        callback_url=url,
        callback_endpoint=endpoint,
        request_id=request_id,
        idempotency_key=idempotency_key,
        created_by=caller.actor,
        created_at=at,
        expires_at=at + timedelta(seconds=request["expires_in"]),
        **(NOTHING_YET | {"tax": price.tax.minor}),
        amount=money.minor,
        currency=money.currency,
    )


# What every payment begins with.
NOTHING_YET: dict[str, Any] = {
    "status": INITIATED,
    "tax": 0,
    "captured": 0,
    "refund_held": 0,
    "refunded": 0,
    "surplus": False,
    "late": False,
    "amount_check": "exact",
    "attempts": 1,
    "version": 1,
    "provider_details": {},
}


def make_charge(payment: Payment, *, token_hash: bytes, at: datetime | None = None) -> MoneyOp:
    """The operation that asks the payer; amount in minor units. `token_hash` is of its callback address's token.

    `at` is when it is made, by default when the payment was: a further attempt has a time of its own.
    """
    at = at or payment.created_at
    return MoneyOp(
        id=new_id(),
        payment=payment,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        provider=payment.provider,
        provider_account_id=payment.provider_account_id,
        kind="charge",
        amount=payment.amount,
        currency=payment.currency,
        client_ref=f"{payment.reference}-{payment.attempts}",
        token_hash=token_hash,
        status=OP_CREATED,
        lease_until=at + SEND_LEASE,
        next_check=at + SEND_LEASE,
        checks=0,
        answered_checks=0,
        created_at=at,
    )


def redraw_references(payment: Payment, op: MoneyOp) -> None:
    """New random letters for a payment whose first ones were taken."""
    payment.reference = new_reference("TXN", payment.created_at)
    payment.account_reference = random_letters(ACCOUNT_LETTERS)
    op.client_ref = f"{payment.reference}-{payment.attempts}"
