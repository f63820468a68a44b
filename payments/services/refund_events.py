"""Telling the world about a refund's change: the merchant's webhook and the audit chain, in the same transaction."""

from audit.services import record
from onpoint_pay.kit.ids import to_public
from payments.models import Payment, Refund
from payments.serializers.refunds import refund_body
from webhooks.services.outbox import publish_event


def announce_refund(
    refund: Refund,
    payment: Payment,
    *,
    name: str,
    before: str | None,
    evidence_id: int | None,
    actor: str,
    deed: str | None = None,
) -> None:
    """Publish `refund.<name>` and write its audit event, under the word for what somebody did where it is another.

    Amounts in minor units.

    The audit link holds no personal data: only states, money and the number of the evidence.
    """
    publish_event(
        merchant_id=refund.merchant_id,
        mode=refund.mode,
        type=f"refund.{name}",
        object_id=refund.id,
        body_object=refund_body(refund),
        previous=None if before is None else {"status": before},
        request_id=refund.request_id,
        inline_endpoint_id=payment.callback_endpoint,
    )
    record(
        merchant_id=refund.merchant_id,
        actor=actor,
        action=f"refund.{deed or name}",
        object_id=to_public("ref", refund.id),
        detail={
            "payment": to_public("pay", payment.id),
            "from": before,
            "to": refund.status,
            "route": refund.route,
            "amount": refund.amount,
            "currency": refund.currency,
            "held_from": refund.held_from,
            "evidence": evidence_id,
        },
    )
