"""Publishing an event in the transaction of the change it tells of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import connection

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id
from webhooks.bell import ring_on_commit
from webhooks.events import event_body, event_key

PUBLISH = """
SELECT webhook_publish(%(event)s, %(key)s, %(merchant)s, %(mode)s, %(type)s, %(api_version)s, %(body)s, %(inline)s)
"""
PUBLISH_ALL = """
SELECT coalesce(sum(webhook_publish((e->>'event')::uuid, e->>'key', (e->>'merchant')::uuid, e->>'mode', e->>'type',
  e->>'api_version', e->>'body', NULL)), 0)
FROM jsonb_array_elements(%s::jsonb) e
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One event to be: what happened to which object, as in `publish_event`."""

    type: str
    object_id: UUID
    body_object: Mapping[str, Any]
    previous: Mapping[str, Any] | None
    request_id: str | None
    nth: int = 1


def publish_event(
    *,
    merchant_id: UUID,
    mode: str,
    type: str,
    object_id: UUID,
    body_object: Mapping[str, Any],
    previous: Mapping[str, Any] | None,
    request_id: str | None,
    idempotency_key: str | None = None,
    inline_endpoint_id: UUID | None = None,
    nth: int = 1,
) -> UUID:
    """Write the event and one delivery per endpoint that wants it; return the event's key. Workers wake after commit.

    Raises RuntimeError outside a transaction, EventTypeUnknown, and IntegrityError when this type was already published
    for this object for the `nth` time.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an event is published in the transaction of the change it tells of")
    event_id = new_id()
    body = event_body(
        event_id,
        type,
        merchant_id=merchant_id,
        mode=mode,
        at=now(),
        object=body_object,
        previous=previous,
        request_id=request_id,
        idempotency_key=idempotency_key,
    )
    values: dict[str, Any] = {
        "event": event_id,
        "key": event_key(type, object_id, nth=nth),
        "merchant": merchant_id,
        "mode": mode,
        "type": type,
        "api_version": settings.API_VERSION,
        "body": body,
        "inline": inline_endpoint_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(PUBLISH, values)
        deliveries: int = cursor.fetchone()[0]
    if deliveries:
        ring_on_commit()
    return event_id


def publish_events(news: Sequence[News], *, merchant_id: UUID, mode: str) -> None:
    """As `publish_event`, of many events of one merchant in their order, in one statement."""
    if not connection.in_atomic_block:
        raise RuntimeError("an event is published in the transaction of the change it tells of")
    at, values = now(), []
    for each in news:
        event_id = new_id()
        body = event_body(
            event_id,
            each.type,
            merchant_id=merchant_id,
            mode=mode,
            at=at,
            object=each.body_object,
            previous=each.previous,
            request_id=each.request_id,
            idempotency_key=None,
        )
        values.append(
            {
                "event": event_id,
                "key": event_key(each.type, each.object_id, nth=each.nth),
                "merchant": merchant_id,
                "mode": mode,
                "type": each.type,
                "api_version": settings.API_VERSION,
                "body": body,
            }
        )
    with connection.cursor() as cursor:
        cursor.execute(PUBLISH_ALL, [orjson.dumps(values).decode()])
        if cursor.fetchone()[0]:
            ring_on_commit()
