"""The payer's own tries: operations for money that came without being asked for at the provider."""

from datetime import datetime

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id
from payments.models import C2bReceipt, MoneyOp, Payment
from payments.states import OP_CREATED, OP_SENDING

CHANNEL = "c2b"


def make_op(row: C2bReceipt, payment: Payment) -> MoneyOp:
    """The payer's own try, stored as one that is on its way: the provider's word about it is at hand."""
    at = now()
    op = make_c2b_op(payment, client_ref=f"c2b:{row.id}:{row.version}", at=at)
    op.save(force_insert=True)
    op.status, op.sent_at = OP_SENDING, row.occurred_at or at
    op.save(update_fields=["status", "sent_at"])
    return op


def make_c2b_op(payment: Payment, *, client_ref: str, at: datetime) -> MoneyOp:
    """The unstored row of a payer's own try; nobody is called, so it has no address of its own."""
    return MoneyOp(
        id=new_id(),
        payment=payment,
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        provider=payment.provider,
        provider_account_id=payment.provider_account_id,
        kind=CHANNEL,
        amount=payment.amount,
        currency=payment.currency,
        client_ref=client_ref,
        status=OP_CREATED,
        next_check=at,
        checks=0,
        answered_checks=0,
        created_at=at,
    )
