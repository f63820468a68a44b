"""What becomes of a key is told in the transaction of the change: to the audit trail and to the merchant's webhooks."""

from collections.abc import Mapping
from typing import Any

from audit.services import record
from merchants.models import ApiKey
from merchants.serializers.keys import api_key_body
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.origin import origin
from webhooks.services.outbox import publish_event


def note_key(key: ApiKey, *, actor: str, action: str, **detail: object) -> None:
    """A link of the merchant's chain, with the end of the key and its mode."""
    detail |= {"livemode": key.mode == LIVE, "last4": key.last4}
    record(merchant_id=key.merchant_id, actor=actor, action=action, object_id=key.public_id, detail=detail)


def publish_key(key: ApiKey, type: str, *, previous: Mapping[str, Any] | None = None) -> None:
    """The event `type` with the key as the API shows it, which never holds the key itself."""
    asked = origin()
    publish_event(
        merchant_id=key.merchant_id,
        mode=key.mode,
        type=type,
        object_id=key.id,
        body_object=api_key_body(key),
        previous=previous,
        request_id=asked.request_id if asked else None,
    )
