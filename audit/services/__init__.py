"""Writing the audit chain."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.origin import Origin, origin

PLATFORM = "platform"
# audit_chain() replaces seq, at, prev and hash before the row is stored.
INSERT = """
INSERT INTO audit_event (stream, seq, at, actor, action, object, detail, prev, hash)
VALUES """
ROW = "(%s, 0, now(), %s, %s, %s, %s, '', '')"
INSERT_WITH_ORIGIN = """
WITH link AS ({insert} RETURNING stream, seq)
INSERT INTO audit_origin (stream, seq, address, user_agent) SELECT stream, seq, %s, %s FROM link
"""


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

    `detail` must hold no personal data and no secret: links can never be removed. Inside a request its id and keyed
    digests of address and client are added as `origin`. Raises RuntimeError outside a transaction, where the link could
    survive a change that did not.
    """
    record_all([Deed(actor=actor, action=action, object_id=object_id, detail=detail or {})], merchant_id=merchant_id)


def record_all(deeds: Sequence[Deed], *, merchant_id: UUID | None) -> None:
    """As `record`, of many links of one chain in their order, in one statement."""
    if not connection.in_atomic_block:
        raise RuntimeError("an audit event is written in the transaction of the change it tells of")
    stream, source = stream_of(merchant_id), origin()
    more = {} if source is None else {"origin": _digests(source)}
    values: list[str] = []
    for deed in deeds:
        values += stream, deed.actor, deed.action, deed.object_id, orjson.dumps(deed.detail | more).decode()
    insert = INSERT + ", ".join([ROW] * len(deeds))
    if source is not None:
        insert = INSERT_WITH_ORIGIN.format(insert=insert)
        values += source.address, source.user_agent
    with connection.cursor() as cursor:
        cursor.execute(insert, values)


def stream_of(merchant_id: UUID | None) -> str:
    return PLATFORM if merchant_id is None else f"m{merchant_id}"


def _digests(source: Origin) -> dict[str, str]:
    return {
        "request": source.request_id,
        "address": origin_digest(source.address),
        "agent": origin_digest(source.user_agent),
    }


def origin_digest(text: str) -> str:
    """What the chain holds of an address or a client's name: the same for the same text, and no way back."""
    return keyed_digest(f"origin {text}").hex()[:32]
