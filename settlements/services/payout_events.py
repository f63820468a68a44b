"""Telling the world about a payout's change: the merchant's webhook and the audit chain, in the same transaction."""

from audit.services import record
from onpoint_pay.kit.ids import to_public
from settlements.models import Payout
from settlements.serializers.payouts import payout_body
from webhooks.services.outbox import publish_event


def announce_payout(payout: Payout, *, name: str, before: str | None, actor: str, reason: str = "") -> None:
    """Publish `payout.<name>` and write its audit event. Amounts in minor units.

    Neither holds what names a person: the event shows the destination masked, the audit link its type only.
    """
    publish_event(
        merchant_id=payout.merchant_id,
        mode=payout.mode,
        type=f"payout.{name}",
        object_id=payout.id,
        body_object=payout_body(payout),
        previous=None if before is None else {"status": before},
        request_id=payout.request_id,
    )
    record(
        merchant_id=payout.merchant_id,
        actor=actor,
        action=f"payout.{name}",
        object_id=to_public("po", payout.id),
        detail={
            "from": before,
            "to": payout.status,
            "amount": payout.amount,
            "fee": payout.fee,
            "paid": payout.paid,
            "released": payout.released,
            "returned": payout.given_back,
            "currency": payout.currency,
            "type": payout.destination["type"],
            "evidence": payout.evidence_id,
            **({"reason": reason} if reason else {}),
        },
    )
