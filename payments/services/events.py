"""Telling the world about a payment's change: the merchant's webhook and the audit chain, in the same transaction."""

from typing import Any

from audit.services import record
from onpoint_pay.kit.ids import to_public
from payments.models import Payment
from payments.serializers.payments import payment_body
from webhooks.services.outbox import publish_event


def announce(payment: Payment, *, previous: dict[str, Any], evidence_id: int | None, actor: str) -> None:
    """Publish `payment.<status>` once for this payment and write its audit event. Amounts in minor units.

    The audit link holds no personal data: only states, money and the number of the evidence.
    """
    publish_event(
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        type=f"payment.{payment.status}",
        object_id=payment.id,
        body_object=payment_body(payment),
        previous=previous,
        request_id=payment.request_id,
        idempotency_key=payment.idempotency_key,
        inline_endpoint_id=payment.callback_endpoint,
    )
    record(
        merchant_id=payment.merchant_id,
        actor=actor,
        action=f"payment.{payment.status}",
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
