"""Telling the world about a payout's change: the merchant's webhook and the audit chain, in the same transaction."""

from collections.abc import Sequence

from audit.services import Deed, record_all
from onpoint_pay.kit.ids import to_public
from settlements.models import Payout
from settlements.serializers.payouts import payout_body
from webhooks.services.outbox import News, publish_events


def announce_payout(
    payout: Payout, *, name: str, before: str | None, actor: str, reason: str = "", nth: int = 1
) -> None:
    """Publish `payout.<name>` and write its audit event. Amounts in minor units; `nth` of what may happen again.

    Neither holds what names a person: the event shows the destination masked, the audit link its type only.
    """
    announce_payouts([payout], name=name, before=before, actor=actor, reason=reason, nth=nth)


def announce_payouts(
    payouts: Sequence[Payout], *, name: str, before: str | None, actor: str, reason: str = "", nth: int = 1
) -> None:
    """The same of many payouts of one merchant, in their order, to which the same has happened."""
    previous = None if before is None else {"status": before}
    news = [
        News(
            type=f"payout.{name}",
            object_id=payout.id,
            body_object=payout_body(payout),
            previous=previous,
            request_id=payout.request_id,
            nth=nth,
        )
        for payout in payouts
    ]
    publish_events(news, merchant_id=payouts[0].merchant_id, mode=payouts[0].mode)
    deeds = [_deed(payout, name=name, before=before, actor=actor, reason=reason) for payout in payouts]
    record_all(deeds, merchant_id=payouts[0].merchant_id)


def _deed(payout: Payout, *, name: str, before: str | None, actor: str, reason: str) -> Deed:
    detail = {
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
    }
    return Deed(actor=actor, action=f"payout.{name}", object_id=to_public("pyt", payout.id), detail=detail)
