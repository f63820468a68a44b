"""What falls due, read from the entries of pending: transfers that are in no batch yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Self

from django.db import connection

from settlements.schedule import CARD, MOBILE, end_of
from settlements.selectors.settlement_terms import Shop

# Everything counts from the moment it was posted, but a capture when the days of its method are over: money that a card
# provider owes us has a class of its own. `fee` is what was ours of a transfer.
#
# What a statement of the provider should tell of and does not is frozen: it stays in pending until people have looked.
_ASKED = """
WITH asked AS MATERIALIZED (
  SELECT * FROM unnest(%(merchants)s::uuid[], %(modes)s::text[], %(currencies)s::text[], %(cut_offs)s::timestamptz[],
    %(mobile_before)s::timestamptz[], %(card_before)s::timestamptz[])
    WITH ORDINALITY AS shop(merchant_id, mode, currency, cut_off, mobile_before, card_before, place)),
frozen AS MATERIALIZED (
  SELECT t.id FROM recon_exception x JOIN ledger_transfer t ON t.idem = 'pay:' || x.object_id || ':capture'
  WHERE x.kind = 'missing_there' AND x.status <> 'closed' AND x.object_type = 'payment')"""
_IS_DUE = """t.pending <> 0 AND t.posted_at < s.cut_off AND CASE t.kind
    WHEN 'capture' THEN t.posted_at < CASE WHEN t.by_card THEN s.card_before ELSE s.mobile_before END
    ELSE t.kind <> 'settlement_release' END"""
# Of each row of pending only the entries beyond its settlement_mark are read. OFFSET 0 makes PostgreSQL look each of
# them up by its key: it cannot know how few they are, and would read the whole ledger to find them.
_DUE = f"""{_ASKED},
fresh AS (
  SELECT DISTINCT s.place, e.transfer_id AS id
  FROM asked s JOIN ledger_account a USING (merchant_id, mode, currency)
    LEFT JOIN settlement_mark m ON m.account_id = a.id
    CROSS JOIN LATERAL (SELECT transfer_id FROM ledger_entry
      WHERE account_id = a.id AND account_version > coalesce(m.version, 0) OFFSET 0) e
  WHERE a.kind = 'pending' AND (SELECT 1 FROM settlement_line l WHERE l.transfer_id = e.transfer_id) IS NULL),
due AS (
  SELECT f.place, t.id, t.pending AS amount, t.fee, CASE WHEN t.kind = 'capture' THEN 'capture'
      WHEN t.kind LIKE 'refund%%' THEN 'refund' WHEN t.kind = 'c2b_unmatch' THEN 'reversal'
      WHEN t.kind LIKE 'dispute%%' THEN 'dispute' ELSE 'adjustment' END AS kind
  FROM fresh f JOIN asked s USING (place)
    CROSS JOIN LATERAL (SELECT id, kind, posted_at, pending, fee, by_card FROM ledger_transfer
      WHERE id = f.id OFFSET 0) t
  WHERE {_IS_DUE} AND t.id NOT IN (SELECT id FROM frozen))
"""  # noqa: S608 - our own constants, as below
SUMS = f"""{_DUE}
SELECT place, count(*), sum(amount)::bigint, sum(fee)::bigint FROM due GROUP BY place
"""  # noqa: S608
# The same of books in which most is not settled: one look at all transfers costs less than looking each of them up.
# Its guess of how many those are is far too low, and would have it sort them on disk. In a CASE, mode and currency
# are compared where the merchant is the same, and not hashed for every row.
HASHING = "SET LOCAL enable_sort = off; SET LOCAL enable_nestloop = off"
SUMS_OF_ALL = f"""{_ASKED}
SELECT s.place, count(*), sum(t.pending)::bigint, sum(t.fee)::bigint
FROM ledger_transfer t JOIN asked s USING (merchant_id)
WHERE CASE WHEN t.mode = s.mode AND t.currency = s.currency THEN {_IS_DUE} ELSE false END AND NOT EXISTS (SELECT FROM
  (SELECT transfer_id AS id FROM settlement_line UNION ALL SELECT id FROM frozen) x WHERE x.id = t.id)
GROUP BY s.place
"""  # noqa: S608
# A look-up costs as much as reading so many transfers in turn.
LOOKUP_COST = 4
IS_MOSTLY_FRESH = """
SELECT coalesce(sum(a.version - coalesce(m.version, 0)), 0) * %(cost)s
  > (SELECT reltuples FROM pg_class WHERE oid = 'ledger_transfer'::regclass)
FROM unnest(%(merchants)s::uuid[], %(modes)s::text[], %(currencies)s::text[]) AS s(merchant_id, mode, currency)
  JOIN ledger_account a USING (merchant_id, mode, currency) LEFT JOIN settlement_mark m ON m.account_id = a.id
WHERE a.kind = 'pending'
"""
INSERT = f"""{_DUE}
INSERT INTO settlement_line (settlement_id, transfer_id, kind, amount, fee)
SELECT %(settlement)s, id, kind, amount, fee FROM due ORDER BY id
"""  # noqa: S608
# What was taken from pending since the batch was opened: it cannot be released any more.
INSERT_LATER_DEBITS = INSERT.replace("FROM due ORDER", "FROM due WHERE amount < 0 ORDER")
TOTALS = """
UPDATE settlement s SET total = x.total, fee = x.fee, gross = x.gross FROM (
  SELECT coalesce(sum(amount), 0) AS total, coalesce(sum(fee), 0) AS fee,
    coalesce(sum(amount + fee) FILTER (WHERE kind = 'capture'), 0) AS gross
  FROM settlement_line WHERE settlement_id = %(settlement)s AND kind <> 'reserve_return') x
WHERE s.id = %(settlement)s RETURNING s.total
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How many transfers are due, what they do to pending, and what was ours of them; minor units."""

    lines: int
    total: int
    fee: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What of a shop is due: all that was posted before `cut_off`, captures before the instants of their method."""

    shop: Shop
    cut_off: datetime
    mobile_before: datetime
    card_before: datetime

    @classmethod
    def of_day(cls, shop: Shop, *, day: date, last_days: Mapping[str, date]) -> Self:
        """By the end of `day`; `last_days` is the last day of captures that are due, by class of method."""
        mobile, card = (end_of(min(last_days[method], day)) for method in (MOBILE, CARD))
        return cls(shop=shop, cut_off=end_of(day), mobile_before=mobile, card_before=card)

    @classmethod
    def all_before(cls, shop: Shop, at: datetime) -> Self:
        """Everything, whatever its method."""
        return cls(shop=shop, cut_off=at, mobile_before=at, card_before=at)


def values_of(asked: Sequence[Bounds]) -> dict[str, Any]:
    """The values of the queries."""
    return {
        "merchants": [each.shop.merchant_id for each in asked],
        "modes": [each.shop.mode for each in asked],
        "currencies": [each.shop.currency for each in asked],
        "cut_offs": [each.cut_off for each in asked],
        "mobile_before": [each.mobile_before for each in asked],
        "card_before": [each.card_before for each in asked],
    }


def due_sums(asked: Sequence[Bounds]) -> dict[Shop, Due]:
    """What batches with these bounds would hold, for all shops in one query; nothing is written.

    To be asked in a transaction: what it tells the planner is to end with it.
    """
    with connection.cursor() as cursor:
        cursor.execute(IS_MOSTLY_FRESH, values_of(asked) | {"cost": LOOKUP_COST})
        (of_all,) = cursor.fetchone()
        if of_all:
            cursor.execute(HASHING)
        cursor.execute(SUMS_OF_ALL if of_all else SUMS, values_of(asked))
        found = {place: Due(lines=lines, total=total, fee=fee) for place, lines, total, fee in cursor.fetchall()}
    nothing = Due(lines=0, total=0, fee=0)
    return {each.shop: found.get(place, nothing) for place, each in enumerate(asked, 1)}
