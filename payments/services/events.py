"""Telling the world about a payment's change: the merchant's webhook and the audit chain, in the same transaction."""

from typing import Any

from audit.services import record
from onpoint_pay.kit.ids import to_public
from payments.models import Payment
from payments.selectors.settled import with_settlement
from payments.serializers.payments import payment_body
from payments.states import REVERSED
from webhooks.services.outbox import publish_event


def announce(
    payment: Payment,
    *,
    previous: dict[str, Any],
    evidence_id: int | None,
    actor: str,
    news: str | None = None,
    nth: int | None = None,
) -> None:
    """Publish `payment.<news>` once for this attempt of the payment and write its audit event. Amounts in minor units.

    The news is its status unless told otherwise; `nth` counts news that one attempt may bring more than once. The audit
    link holds no personal data: only states, money and the number of the evidence.
    """
    kind = f"payment.{news or payment.status}"
    if payment.status == REVERSED:
        with_settlement(payment)
    publish_event(
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        type=kind,
        object_id=payment.id,
        body_object=payment_body(payment),
        previous=previous,
        request_id=payment.request_id,
        idempotency_key=payment.idempotency_key,
        inline_endpoint_id=payment.callback_endpoint,
        nth=nth or payment.attempts,
    )
    record(
        merchant_id=payment.merchant_id,
        actor=actor,
        action=kind,
        object_id=to_public("pay", payment.id),
        detail={
            "from": previous["status"],
            "to": payment.status,
            "amount": payment.amount,
            "currency": payment.currency,
            "captured": payment.captured,
            "late": payment.late,
            "evidence": evidence_id,
        },
    )


def note_surplus(original: Payment, surplus: Payment, *, evidence_id: int) -> None:
    """Tie a surplus payment to the one that was paid twice, in the audit chain."""
    record(
        merchant_id=original.merchant_id,
        actor="system",
        action="payment.paid_twice",
        object_id=to_public("pay", original.id),
        detail={"surplus": to_public("pay", surplus.id), "amount": surplus.amount, "evidence": evidence_id},
    )
