"""How payments refuse, beyond the shared problems."""

import math
from datetime import datetime
from typing import Any

from onpoint_pay.kit.clock import now, rfc3339
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.money import Money


def payment_missing() -> NotFound:
    return NotFound("There is no such payment for this key.", code="payment_not_found")


def duplicate_reference(existing: str) -> Problem:
    """409: the merchant's reference is open or paid already; `existing` is that payment's id."""
    return Problem(
        "duplicate_reference",
        f"A payment with this reference is already open or paid: {existing}.",
        param="reference",
        extra={"existing": existing},
    )


def payment_in_progress(existing: str, *, asked_again_at: datetime | None) -> Problem:
    """409: the last prompt may still be paid; `asked_again_at` is when the provider is asked about it next."""
    seconds = 1 if asked_again_at is None else max(math.ceil((asked_again_at - now()).total_seconds()), 1)
    return Problem(
        "payment_in_progress",
        "The last prompt may still be paid, so a new one could charge the payer twice. The provider is asked about it "
        "again; send a new prompt once the payment has closed.",
        retry_after_seconds=seconds,
        extra={"existing": existing, "asked_again_at": None if asked_again_at is None else rfc3339(asked_again_at)},
    )


def payment_refused(payment: dict[str, Any], *, original_request: str | None = None) -> Problem:
    """402: the provider said no at once; the answer carries the failed payment.

    A repeat of the answer names the `original_request`, so that its bytes are those of the first.
    """
    failure = payment["failure"] or {}
    return Problem(
        "payment_failed",
        failure.get("reason") or "The provider refused the payment.",
        customer_message=failure.get("customer_message"),
        extra={"payment": payment} | ({"request_id": original_request} if original_request else {}),
    )


def provider_unavailable(payment_id: str) -> Problem:
    """503: nothing was sent, so the same request may be made again."""
    return Problem(
        "provider_unavailable",
        "The provider could not be reached and nothing was sent; the payment was closed. Ask again in a moment.",
        extra={"existing": payment_id},
    )


def not_refundable(detail: str) -> Problem:
    """409: there is no money of this payment to give back."""
    return Problem("payment_not_refundable", detail, param="reference")


def refund_too_large(left: Money) -> Problem:
    """409: more is asked for than is left of the payment."""
    detail = f"{left.decimal_text()} of the payment can still be given back."
    return Problem("refund_exceeds_payment", detail, param="amount", extra={"amount_refundable": left.decimal_text()})


def refund_missing() -> NotFound:
    return NotFound("There is no such refund for this key.")
