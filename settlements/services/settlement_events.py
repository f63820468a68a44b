"""Telling the world about a batch: the merchant's webhook and the audit chain, in the same transaction."""

from audit.services import record
from onpoint_pay.kit.ids import to_public
from settlements.models import Settlement
from settlements.serializers.settlements import settlement_body
from webhooks.services.outbox import publish_event


def announce(settlement: Settlement, *, name: str, before: str | None, actor: str = "system", nth: int = 1) -> None:
    """Publish `settlement.<name>` and write its audit event."""
    publish_event(
        merchant_id=settlement.merchant_id,
        mode=settlement.mode,
        type=f"settlement.{name}",
        object_id=settlement.id,
        body_object=settlement_body(settlement),
        previous=None if before is None else {"status": before},
        request_id=None,
        nth=nth,
    )
    record(
        merchant_id=settlement.merchant_id,
        actor=actor,
        action=f"settlement.{name}",
        object_id=to_public("stl", settlement.id),
        detail={
            "from": before,
            "to": settlement.status,
            "day": settlement.day.isoformat(),
            "total": settlement.total,
            "available": settlement.available,
            "currency": settlement.currency,
        },
    )
