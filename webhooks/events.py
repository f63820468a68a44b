"""The catalogue of event types and the one shape of an event's body."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public

TEST_PING = "test.ping"
ENDPOINT_DISABLED = "webhook_endpoint.disabled"
MAX_BODY_BYTES = 64 * 1024

# type: what has happened when it is published
EMITTED: dict[str, str] = {
    "payment.created": "A payment was accepted and nothing has been sent to the payer yet.",
    "payment.pending": "The payer has been asked; the outcome is open.",
    "payment.completed": "The money has arrived.",
    "payment.failed": "The payment failed for the reason in `failure`; no money moved.",
    "payment.cancelled": "The payer or the merchant called it off; no money moved.",
    "payment.expired": "The payer did not answer in time; no money moved.",
    "payment.reversed": "The money is gone again: taken back by the network, or found to belong to somebody else.",
    "payment.prompt_resent": "A closed payment is asked for again; its new prompt is on its way.",
    "payment.amount_mismatch": "The provider reports another amount than was asked for.",
    "c2b.received": "Money came that a payer sent by themselves.",
    "c2b.matched": "Money that a payer sent has found its account or payment, and is yours.",
    "c2b.suggested": "Money that a payer sent may be for one of the `suggestions`: a person decides.",
    "c2b.unmatched": "Money that a payer sent has no owner: nothing fits, or a person took the match back.",
    "c2b.claimed": "A claim was accepted: the receipt belongs to its account or payment.",
    "refund.requires_approval": "Money is to be given back; it is held until a second person has agreed.",
    "refund.created": "Money is to be given back; it is held and on its way.",
    "refund.completed": "The payer has the money back.",
    "refund.failed": "The refund failed for the reason in `failure`; no money left, and the hold is undone.",
    "refund.cancelled": "The refund was called off before anything was sent; the hold is undone.",
    "payout.created": "A payout was asked for; amount and fee are held.",
    "payout.requires_approval": "The payout waits for a second person.",
    "payout.approved": "A second person agreed; the payout is on its way.",
    "payout.completed": "The receiver has all of the money.",
    "payout.failed": "Money of the payout did not leave, for the reason in `failure`, and is in the balance again.",
    "payout.cancelled": "The payout was called off before it was approved; amount and fee are in the balance again.",
    "payout.returned": "Money of a payout came back, all or a part (`amount_returned`), and is in the balance again.",
    "payout_batch.completed": "Every payout of the batch is closed; each says what became of it.",
    "settlement.created": "A day's batch was opened: its lines say what is due.",
    "settlement.closed": "What was due has left your pending balance and may be used or paid out.",
    "settlement.paid": "The money of the batch has been paid out.",
    "settlement.failed": "Its payout failed, or everything in it was refunded before it was released.",
    "export.ready": "A file you asked for can be fetched for 24 hours.",
    "reconciliation.exception": "A line of your shortcode's statement does not fit the books: somebody looks into it.",
    "reconciliation.completed": "The statements of your shortcode were compared with the books.",
    "kyc.submitted": "Documents are handed in and wait for a reviewer.",
    "kyc.approved": "The business is verified: live mode is open.",
    "kyc.rejected": "A document was rejected, for its `reasons`; send another in its place.",
    "kyc.expiring": "A document ends soon, told 30 days, 7 days and a day before; send another in its place.",
    "merchant.suspended": "The operator has suspended the business: its keys and people are refused from now on.",
    "merchant.restored": "The business may work again.",
    "api_key.created": "There is a new API key.",
    "api_key.rotated": "An API key was replaced by `rotated_to`; it works until `overlap_ends_at`.",
    "api_key.revoked": "An API key was ended: by a person of yours, or because it was reported as leaked.",
    "merchant.limits_changed": "What the business may take, or how often it may call, was changed.",
    ENDPOINT_DISABLED: "An endpoint was switched off: it failed for 5 days, or answered 410. Its deliveries are held.",
    TEST_PING: "Sent on request to try an endpoint.",
}
# Not published yet, accepted in subscriptions: an endpoint made today hears of them from the day they begin.
ANNOUNCED: dict[str, tuple[str, ...]] = {
    "payment": ("late",),
    "provider": ("outage_started", "outage_ended"),
}
TYPES = frozenset(EMITTED) | {f"{noun}.{past}" for noun, pasts in ANNOUNCED.items() for past in pasts}
# What an endpoint may subscribe to: everything, everything about one noun, or one type.
PATTERNS = TYPES | {"*"} | {f"{kind.partition('.')[0]}.*" for kind in TYPES}


class EventTypeUnknown(ValueError):
    """The type is not in the catalogue of what is published now."""


def event_key(type: str, object_id: UUID, *, nth: int = 1) -> str:
    """`<type>:<object id>`, unique in the database; `nth` tells apart what may truly happen again to one object."""
    return f"{type}:{object_id}" + (f":{nth}" if nth > 1 else "")


def event_body(
    event_id: UUID,
    type: str,
    *,
    merchant_id: UUID,
    mode: str,
    at: datetime,
    object: Mapping[str, Any],
    previous: Mapping[str, Any] | None,
    request_id: str | None,
    idempotency_key: str | None,
) -> str:
    """The JSON text that is stored, signed and sent. It has no `sequence`: that is given after commit.

    `object` is the API's own rendering of the object, `previous` the earlier values of what changed.
    Raises EventTypeUnknown.
    """
    if type not in EMITTED:
        raise EventTypeUnknown(type)
    body = {
        "id": to_public("evt", event_id),
        "object": "event",
        "type": type,
        "timestamp": rfc3339(at),
        "livemode": mode == LIVE,
        "api_version": settings.API_VERSION,
        "merchant": to_public("mer", merchant_id),
        "request": {"id": request_id, "idempotency_key": idempotency_key},
        "data": {"object": object, "previous": previous},
    }
    return orjson.dumps(body, default=str).decode()
