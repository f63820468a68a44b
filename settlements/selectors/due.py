"""What falls due, read from the entries of pending: transfers that are in no batch yet."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from settlements.schedule import CARD, MOBILE, end_of
from settlements.selectors.settlement_terms import Shop

# Everything counts from the moment it was posted, but a capture when the days of its method are over: money that a card
# provider owes us has a class of its own. `fee` is what was ours of a transfer.
_DUE = """
WITH touched AS (
  SELECT e.transfer_id AS id, sum(CASE e.side WHEN 'C' THEN e.amount ELSE -e.amount END) AS amount
  FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id
  WHERE a.merchant_id = %(merchant)s AND a.kind = 'pending' AND a.mode = %(mode)s AND a.currency = %(currency)s
    AND NOT EXISTS (SELECT 1 FROM settlement_line l WHERE l.transfer_id = e.transfer_id)
  GROUP BY e.transfer_id),
named AS (
  SELECT t.id, x.amount, t.posted_at, CASE WHEN t.kind = 'capture' THEN 'capture'
      WHEN t.kind LIKE 'refund%%' THEN 'refund' WHEN t.kind = 'c2b_unmatch' THEN 'reversal'
      WHEN t.kind LIKE 'dispute%%' THEN 'dispute' ELSE 'adjustment' END AS kind
  FROM touched x JOIN ledger_transfer t ON t.id = x.id
  WHERE x.amount <> 0 AND t.kind <> 'settlement_release' AND t.posted_at < %(cut_off)s),
due AS (
  SELECT n.*, coalesce((SELECT sum(CASE e.side WHEN 'C' THEN e.amount ELSE -e.amount END) FROM ledger_entry e
      JOIN ledger_account a ON a.id = e.account_id AND a.kind IN ('fee_income', 'tax_payable')
      WHERE e.transfer_id = n.id), 0) AS fee
  FROM named n
  WHERE n.kind <> 'capture' OR n.posted_at < CASE WHEN EXISTS (SELECT 1 FROM ledger_entry e
      JOIN ledger_account a ON a.id = e.account_id AND a.kind = 'provider_receivable' WHERE e.transfer_id = n.id)
    THEN %(card_before)s ELSE %(mobile_before)s END)
"""
SUMS = (
    _DUE  # noqa: S608 - our own constants
    + """
SELECT count(*), coalesce(sum(amount), 0)::bigint, coalesce(sum(fee), 0)::bigint FROM due"""
)
INSERT = (
    _DUE  # noqa: S608 - our own constants
    + """
INSERT INTO settlement_line (settlement_id, transfer_id, kind, amount, fee)
SELECT %(settlement)s, id, kind, amount, fee FROM due ORDER BY id"""
)
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


def bounds(shop: Shop, *, day: date, last_days: Mapping[str, date]) -> dict[str, Any]:
    """The values of the queries: `last_days` is the last day of captures that are due, by class of method."""
    return {
        "merchant": shop.merchant_id,
        "mode": shop.mode,
        "currency": shop.currency,
        "cut_off": end_of(day),
        "mobile_before": end_of(min(last_days[MOBILE], day)),
        "card_before": end_of(min(last_days[CARD], day)),
    }


def since_opened(shop: Shop, at: datetime) -> dict[str, Any]:
    """The same for everything up to now."""
    whole = {"merchant": shop.merchant_id, "mode": shop.mode, "currency": shop.currency, "cut_off": at}
    return whole | {"mobile_before": at, "card_before": at}


def due_sums(values: Mapping[str, Any]) -> Due:
    """What a batch with these bounds would hold; nothing is written."""
    with connection.cursor() as cursor:
        cursor.execute(SUMS, values)
        lines, total, fee = cursor.fetchone()
    return Due(lines=lines, total=total, fee=fee)
