"""By which name the provider is asked about a try that sends money out."""

from payments.models import MoneyOp, ProviderEvent
from payments.services.refund_routes import REVERSAL

# Notes on claims and answers about a reversal that are no decision alone: the payment itself must tell.
ALREADY_REVERSED = "the payment was undone before; whether by us is asked"
DECLINED = "declined, and no reason told; whether the payment is undone is asked"


def names_to_ask_by(op: MoneyOp) -> dict[str, str | None]:
    """`receipt` or `original_reference`, the other one None.

    What was sent to a phone is known by our own name. A reversal is known by the provider's, if it told us one; else,
    and every second time, the payment it should have undone is asked about.
    """
    if op.kind != REVERSAL:
        return {"receipt": None, "original_reference": op.client_ref}
    assert op.refund is not None  # noqa: S101 - money goes out for refunds only
    by_payment = op.query_ref is None or op.checks % 2 == 0 and op.checks > 0 or is_noted(op)
    if by_payment:
        return {"receipt": op.refund.payment.receipt, "original_reference": None}
    return {"receipt": None, "original_reference": op.query_ref}


def is_noted(op: MoneyOp) -> bool:
    """The provider has said something about the try that only the payment itself can explain."""
    return ProviderEvent.objects.filter(op_id=op.id, note__in=(ALREADY_REVERSED, DECLINED)).exists()
