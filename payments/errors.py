"""How payments refuse, beyond the shared problems."""

from typing import Any

from onpoint_pay.kit.errors import NotFound, Problem


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
