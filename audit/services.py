"""Writing the audit chain."""

from typing import Any
from uuid import UUID

import orjson
from django.db import connection

PLATFORM = "platform"
# audit_chain() replaces seq, at, prev and hash before the row is stored.
INSERT = """
INSERT INTO audit_event (stream, seq, at, actor, action, object, detail, prev, hash)
VALUES (%s, 0, now(), %s, %s, %s, %s, '', '')
"""


def record(
    *,
    merchant_id: UUID | None,
    actor: str,
    action: str,
    object_id: str = "",
    detail: dict[str, Any] | None = None,
) -> None:
    """Add one link to the merchant's chain (or the platform's). Call it inside the transaction of the change.

    `detail` must hold no personal data and no secret: links can never be removed. Raises RuntimeError outside a
    transaction, where the link could survive a change that did not.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("an audit event is written in the transaction of the change it tells of")
    stream = PLATFORM if merchant_id is None else f"m{merchant_id}"
    with connection.cursor() as cursor:
        cursor.execute(INSERT, [stream, actor, action, object_id, orjson.dumps(detail or {}).decode()])
