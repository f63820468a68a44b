"""What lies behind one payment, for an operator's eyes: its tries, claims, postings, and what the merchant was sent."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from django.db.models import QuerySet

from onpoint_pay.kit.ids import PublicIdInvalid, from_public
from payments.models import DoubtDecision, MoneyOp, Payment, ProviderEvent, Refund
from payments.selectors.timeline import (
    event_keys_of,
    event_keys_of_refund,
    transfer_names_of,
    transfer_names_of_refund,
)
from settlements.models import LedgerTransfer
from settlements.selectors.postings import transfers_named
from webhooks.models import Delivery

# Each kind of reference has an index of its own; one question for all of them would use none.
NAMES = ("reference", "merchant_reference", "account_reference", "shown_reference", "provider_reference")
FOUND_AT_MOST = 200


def tries_of(payment: Payment) -> list[MoneyOp]:
    """Of the payment and of its refunds, oldest first."""
    rows = MoneyOp.objects.filter(payment_id=payment.id) | MoneyOp.objects.filter(refund__payment_id=payment.id)
    return list(rows.order_by("id"))


def claims_of(ops: Sequence[MoneyOp]) -> list[ProviderEvent]:
    """Everything providers said of these tries, without the bodies."""
    return list(ProviderEvent.objects.filter(op_id__in=[op.id for op in ops]).defer("body", "headers").order_by("id"))


def tries_of_refund(refund: Refund) -> list[MoneyOp]:
    return list(MoneyOp.objects.filter(refund_id=refund.id).order_by("id"))


def transfers_of_refund(refund: Refund) -> list[LedgerTransfer]:
    return transfers_named(transfer_names_of_refund(refund))


def decisions_on(op: MoneyOp) -> list[DoubtDecision]:
    """What people said about a try in doubt, oldest first."""
    return list(DoubtDecision.objects.filter(op=op).order_by("id"))


def refunds_of(payment: Payment) -> list[Refund]:
    return list(Refund.objects.filter(payment_id=payment.id).order_by("id"))


def transfers_of(payment: Payment, refunds: Sequence[Refund]) -> list[LedgerTransfer]:
    """Their postings, each with its entries and accounts."""
    of_refunds = [name for refund in refunds for name in transfer_names_of_refund(refund)]
    return transfers_named([*transfer_names_of(payment), *of_refunds])


def deliveries_of(payment: Payment, refunds: Sequence[Refund]) -> list[Delivery]:
    """What the merchant was sent of them, one per event and endpoint, without the bodies."""
    keys = [*event_keys_of(payment), *[key for refund in refunds for key in event_keys_of_refund(refund)]]
    rows = Delivery.objects.filter(event__key__in=keys).select_related("event", "endpoint")
    return list(rows.defer("event__body").order_by("id"))


def matching(rows: QuerySet[Payment], text: str) -> QuerySet[Payment]:
    """Payments of any merchant by a reference or receipt that somebody was told; never by who paid.

    The gateway's reference or id, the merchant's reference, what stands on the payer's statement, the receipt, or the
    provider's id of a prompt.
    """
    if "\x00" in text:
        return rows.none()
    found: set[UUID] = set()
    for name in NAMES:
        found.update(_keys(Payment.objects.filter(**{name: text})))
    found.update(_keys(Payment.objects.filter(receipt=text.upper())))
    earlier = MoneyOp.objects.filter(provider_ref=text, payment__isnull=False)
    found.update(key for key in earlier.values_list("payment_id", flat=True)[:FOUND_AT_MOST] if key)
    with suppress(PublicIdInvalid):
        found.add(from_public("pay", text))
    return rows.filter(id__in=found)


def _keys(rows: QuerySet[Payment]) -> list[UUID]:
    return list(rows.values_list("id", flat=True)[:FOUND_AT_MOST])
