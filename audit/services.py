"""Writing the audit chain."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

PLATFORM = "platform"
# audit_chain() replaces seq, at, prev and hash before the row is stored.
INSERT = """
INSERT INTO audit_event (stream, seq, at, actor, action, object, detail, prev, hash)
VALUES """
ROW = "(%s, 0, now(), %s, %s, %s, %s, '', '')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One link to be: who did what to which object. `detail` as for `record`."""

    actor: str
    action: str
    object_id: str = ""
    detail: dict[str, Any] = field(default_factory=dict)


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
    record_all([Deed(actor=actor, action=action, object_id=object_id, detail=detail or {})], merchant_id=merchant_id)


def record_all(deeds: Sequence[Deed], *, merchant_id: UUID | None) -> None:
    """As `record`, of many links of one chain in their order, in one statement."""
    if not connection.in_atomic_block:
        raise RuntimeError("an audit event is written in the transaction of the change it tells of")
    stream = PLATFORM if merchant_id is None else f"m{merchant_id}"
    rows = [(stream, deed.actor, deed.action, deed.object_id, orjson.dumps(deed.detail).decode()) for deed in deeds]
    with connection.cursor() as cursor:
        cursor.execute(INSERT + ", ".join([ROW] * len(rows)), [cell for row in rows for cell in row])
