"""Which settlement holds a payment's capture."""

from collections.abc import Sequence

from payments.models import Payment
from settlements.models import SettlementLine


def with_settlements(payments: Sequence[Payment]) -> Sequence[Payment]:
    """The same payments, each with the settlement its capture stands in; one statement for all of them."""
    paid = {payment.capture_transfer_id: payment for payment in payments if payment.capture_transfer_id is not None}
    if paid:
        lines = SettlementLine.objects.filter(transfer_id__in=paid)
        for transfer_id, settlement_id in lines.values_list("transfer_id", "settlement_id"):
            paid[transfer_id].settlement_id = settlement_id
    return payments


def with_settlement(payment: Payment) -> Payment:
    """As with_settlements, of one."""
    return with_settlements([payment])[0]
