"""A merchant's money over time: balances at an instant and what moved between two, by bucket, from the entries."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from settlements.selectors.settlement_terms import Shop

# What the columns of a statement stand for; everything is seen from the merchant, so a debt is negative.
BUCKETS = ("pending", "available", "reserve", "held", "owed")
BUCKET = "CASE WHEN a.kind LIKE '%%\\_hold' THEN 'held' ELSE a.kind END"
SIGNED = "sum(CASE e.side WHEN 'C' THEN e.amount ELSE -e.amount END)"
# Constants of this module.
BALANCES = f"""
SELECT {BUCKET}, {SIGNED} FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
  JOIN ledger_transfer t ON t.id = e.transfer_id
WHERE a.merchant_id = %(merchant)s AND a.mode = %(mode)s AND a.currency = %(currency)s
  AND t.posted_at < %(end)s AND coalesce(pg_visible_in_snapshot(t.xid, %(snapshot)s::pg_snapshot), true)
GROUP BY 1
"""  # noqa: S608
MOVEMENTS = f"""
SELECT id, posted_at, kind, idem, json_object_agg(bucket, amount) FROM (
  SELECT t.id, t.posted_at, t.kind, t.idem, {BUCKET} AS bucket, {SIGNED} AS amount
  FROM ledger_transfer t JOIN ledger_entry e ON e.transfer_id = t.id JOIN ledger_account a ON a.id = e.account_id
  WHERE t.merchant_id = %(merchant)s AND t.mode = %(mode)s AND t.currency = %(currency)s
    AND t.posted_at >= %(start)s - interval '7 days' AND t.posted_at < %(end)s AND a.merchant_id = t.merchant_id
    AND coalesce(pg_visible_in_snapshot(t.xid, %(snapshot)s::pg_snapshot), true)
    AND NOT (t.posted_at < %(start)s AND coalesce(pg_visible_in_snapshot(t.xid, %(earlier)s::pg_snapshot), true))
  GROUP BY 1, 2, 3, 4, 5) x
GROUP BY 1, 2, 3, 4 ORDER BY posted_at, id
"""  # noqa: S608


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One transfer as a merchant sees it: what it did to each bucket, in minor units."""

    at: datetime
    transfer_id: UUID
    kind: str
    source: str
    amounts: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """The end of a day in the books: what was posted before `end`, and committed by `snapshot`; None: by now."""

    end: datetime
    snapshot: str | None


def balances_at(shop: Shop, cut: Cut) -> dict[str, int]:
    """What was in each bucket at the end of a day, and the total; minor units."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCES, _values(shop) | {"end": cut.end, "snapshot": cut.snapshot})
        return with_total({bucket: int(amount) for bucket, amount in cursor.fetchall()})


def movements(shop: Shop, *, after: Cut, until: Cut) -> Iterator[Movement]:
    """Everything up to the end of one day that was not yet there at the end of the day before; oldest first.

    No transaction is open for a week: what was committed later than that is nowhere, and the proof of the chain of days
    finds it.
    """
    cuts = {"start": after.end, "earlier": after.snapshot, "end": until.end, "snapshot": until.snapshot}
    with connection.cursor() as cursor:
        cursor.execute(MOVEMENTS, _values(shop) | cuts)
        for key, at, kind, source, amounts in cursor.fetchall():
            yield Movement(at=at, transfer_id=key, kind=kind, source=source, amounts=with_total(amounts))


def with_total(amounts: dict[str, int]) -> dict[str, int]:
    """All buckets, empty ones too, and their sum."""
    found = {bucket: amounts.get(bucket, 0) for bucket in BUCKETS}
    return found | {"total": sum(found.values())}


def _values(shop: Shop) -> dict[str, Any]:
    return {"merchant": shop.merchant_id, "mode": shop.mode, "currency": shop.currency}
