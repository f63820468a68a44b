"""The order behind a try that sends money out, locked: operations first, then what they belong to."""

from uuid import UUID

from payments.models import MoneyOp
from payments.services.out_order import Order
from payments.services.payout_order import lock_payout_order
from payments.services.refund_order import lock_refund_order


def lock_order(op_id: UUID) -> Order:
    """Must run inside a transaction."""
    refund_id, payout_id = MoneyOp.objects.values_list("refund_id", "payout_id").get(id=op_id)
    if refund_id is not None:
        return lock_refund_order(refund_id)
    assert payout_id is not None  # noqa: S101 - money goes out for refunds and payouts only
    return lock_payout_order(payout_id)
