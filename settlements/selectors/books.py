"""The caller's books: balances, accounts, entries in pages, one transfer, and the proof of a range."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.db import fetch_one
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import (
    CREATED,
    PAGED,
    Conditions,
    Order,
    Page,
    Place,
    Readers,
    among,
    key_of,
    mark_of,
    number_of,
    one_of,
    page_by,
    read_filters,
    turn_to,
    whole_number,
)
from settlements.chart import KINDS, MERCHANT
from settlements.models import LedgerAccount, LedgerEntry, LedgerTransfer

MERCHANT_KINDS = tuple(name for name, kind in KINDS.items() if kind.owner == MERCHANT)
# What an answer calls it: the kinds of account it sums.
SHOWN_AS: dict[str, tuple[str, ...]] = {
    "available": ("available",),
    "pending": ("pending",),
    "reserved": ("reserve", "dispute_hold"),
    "in_flight": ("refund_hold", "payout_hold"),
    "owed": ("owed",),
}

# One statement, so that all figures are of one instant. Suspense is kept by shortcode: a merchant is told of what waits
# on shortcodes that are theirs and nobody else's.
BALANCES = """
SELECT currency, kind, sum(CASE normal WHEN 'C' THEN credits - debits ELSE debits - credits END)::bigint
FROM ledger_account WHERE merchant_id = %(merchant)s AND mode = %(mode)s GROUP BY 1, 2
UNION ALL
SELECT a.currency, 'suspense', sum(a.credits - a.debits)::bigint FROM ledger_account a
WHERE a.merchant_id IS NULL AND a.kind = 'suspense' AND a.mode = %(mode)s AND a.sub IN (
  SELECT provider || ':' || shortcode FROM merchants_provider_account WHERE mode = %(mode)s
  GROUP BY 1 HAVING bool_and(merchant_id IS NOT DISTINCT FROM %(merchant)s::uuid))
GROUP BY 1
"""

# From each account as many as a page may hold, so that the cost does not grow with what others post.
ENTRIES = """
SELECT found.id FROM ledger_account a CROSS JOIN LATERAL (
  SELECT e.id FROM ledger_entry e JOIN ledger_transfer t ON t.id = e.transfer_id
  WHERE e.account_id = a.id
    AND (%(before)s::bigint IS NULL OR e.id < %(before)s::bigint)
    AND (%(after)s::bigint IS NULL OR e.id > %(after)s::bigint)
    AND (%(transfer)s::uuid IS NULL OR e.transfer_id = %(transfer)s::uuid)
    AND (%(date_from)s::timestamptz IS NULL OR t.posted_at >= %(date_from)s::timestamptz)
    AND (%(date_to)s::timestamptz IS NULL OR t.posted_at < %(date_to)s::timestamptz)
    AND (%(created_after)s::timestamptz IS NULL OR t.posted_at > %(created_after)s::timestamptz)
    AND (%(created_before)s::timestamptz IS NULL OR t.posted_at < %(created_before)s::timestamptz)
  ORDER BY e.id DESC LIMIT %(limit)s) found
WHERE a.merchant_id = %(merchant)s AND a.mode = %(mode)s
  AND (%(account)s::bigint IS NULL OR a.id = %(account)s::bigint)
  AND (%(kind)s::text[] IS NULL OR a.kind = ANY (%(kind)s::text[]))
ORDER BY found.id DESC LIMIT %(limit)s
"""
OLDEST_FIRST = ENTRIES.replace("DESC", "ASC")
ACCOUNT_CONDITIONS: Conditions = {"kind": one_of("kind", MERCHANT_KINDS)}
ENTRY_READERS: Readers[Any] = {
    "account": number_of("led"),
    "kind": among(MERCHANT_KINDS),
    "transfer": key_of("trf"),
    **CREATED,
}

# Each entry must go on exactly where the one before it in its account ended, and each account must stand where its last
# entry left it.
VERIFY = """
WITH own AS (SELECT * FROM ledger_account WHERE merchant_id = %(merchant)s AND mode = %(mode)s),
  entries AS (
    SELECT e.* FROM ledger_transfer t JOIN ledger_entry e ON e.transfer_id = t.id JOIN own ON own.id = e.account_id
    WHERE t.merchant_id = %(merchant)s AND t.mode = %(mode)s
      AND t.posted_at >= %(start)s AND t.posted_at < %(end)s),
  faults AS (
    SELECT 1 AS rank, own.id AS account, NULL::bigint AS entry, NULL::uuid AS transfer,
      'account_differs_from_entries' AS fault
    FROM own LEFT JOIN LATERAL (
      SELECT * FROM ledger_entry e WHERE e.account_id = own.id ORDER BY account_version DESC LIMIT 1) last ON true
    WHERE (own.debits, own.credits, own.version) IS DISTINCT FROM
      (coalesce(last.debits_after, 0), coalesce(last.credits_after, 0), coalesce(last.account_version, 0))
    UNION ALL
    SELECT 2, e.account_id, e.id, e.transfer_id, 'running_balance_broken'
    FROM entries e LEFT JOIN ledger_entry p
      ON p.account_id = e.account_id AND p.account_version = e.account_version - 1
    WHERE (p.id IS NULL) <> (e.account_version = 1)
      OR e.debits_after <> coalesce(p.debits_after, 0) + CASE e.side WHEN 'D' THEN e.amount ELSE 0 END
      OR e.credits_after <> coalesce(p.credits_after, 0) + CASE e.side WHEN 'C' THEN e.amount ELSE 0 END
    UNION ALL
    SELECT 3, NULL, NULL, l.transfer_id, 'transfer_not_balanced'
    FROM ledger_entry l WHERE l.transfer_id IN (SELECT transfer_id FROM entries) GROUP BY l.transfer_id
    HAVING count(*) < 2 OR sum(CASE l.side WHEN 'D' THEN l.amount ELSE -l.amount END) <> 0)
SELECT (SELECT count(*) FROM own) AS accounts, (SELECT count(*) FROM entries) AS entries,
  first.fault, first.account, first.entry, first.transfer
FROM (SELECT 1) always
  LEFT JOIN LATERAL (SELECT * FROM faults ORDER BY entry NULLS LAST, rank, account, transfer LIMIT 1) first ON true
"""


def balances_by_currency(caller: Caller) -> dict[str, dict[str, int]]:
    """Name of the balance: currency: minor units, of one instant and exact over all sub-accounts."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCES, {"merchant": caller.merchant_id, "mode": caller.mode})
        rows = cursor.fetchall()
    names = {kind: name for name, kinds in SHOWN_AS.items() for kind in kinds} | {"suspense": "suspense"}
    found: dict[str, dict[str, int]] = {name: {"KES": 0} for name in (*SHOWN_AS, "suspense")}
    for currency, kind, minor in rows:
        by_currency = found[names[kind]]
        by_currency[currency] = by_currency.get(currency, 0) + minor
    return found


def accounts_of(caller: Caller) -> QuerySet[LedgerAccount]:
    return LedgerAccount.objects.filter(merchant_id=caller.merchant_id, mode=caller.mode)


def page_of_accounts(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[LedgerAccount]:
    """Newest first by `kind`, and the cursor of the next page. Raises Invalid, Problem cursor_invalid."""
    return page_by(accounts_of(caller), query, ACCOUNT_CONDITIONS, limit=limit, order=Order(read=whole_number))


def page_of_entries(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[LedgerEntry]:
    """Newest first by account, transfer and time. Raises Invalid, Problem cursor_invalid."""
    wanted: dict[str, Any] = dict.fromkeys((*ENTRY_READERS, "before", "after"))
    wanted |= read_filters(query, ENTRY_READERS, ignored=PAGED)
    wanted |= {"merchant": caller.merchant_id, "mode": caller.mode}

    def keys(place: Place | None, count: int) -> list[int]:
        goes_back = place is not None and place.back
        if place is not None:
            wanted["after" if goes_back else "before"] = place.value
        with connection.cursor() as cursor:
            cursor.execute(OLDEST_FIRST if goes_back else ENTRIES, wanted | {"limit": count})
            return [key for (key,) in cursor.fetchall()]

    def fetch(place: Place | None, count: int) -> list[LedgerEntry]:
        found = keys(place, count)
        rows = LedgerEntry.objects.select_related("account", "transfer").in_bulk(found)
        return [rows[key] for key in found]

    def count(most: int) -> int:
        wanted.update(before=None, after=None)
        return len(keys(None, most))

    mark = mark_of("entries", query)
    return turn_to(
        query, mark=mark, limit=limit, read=whole_number, shown=lambda row: str(row.pk), fetch=fetch, count=count
    )


def transfer_by_id(caller: Caller, transfer_id: UUID) -> tuple[LedgerTransfer, list[LedgerEntry]]:
    """A transfer about the caller's merchant and all its entries, debits first.

    Raises NotFound, also for another merchant's or mode's.
    """
    transfer = LedgerTransfer.objects.filter(id=transfer_id, merchant_id=caller.merchant_id, mode=caller.mode).first()
    if transfer is None:
        raise NotFound
    entries = LedgerEntry.objects.filter(transfer=transfer).select_related("account").order_by("-side", "id")
    return transfer, list(entries)


def verify_books(caller: Caller, *, start: datetime, end: datetime) -> dict[str, Any]:
    """The caller's accounts against their entries posted from `start` up to `end`, in one snapshot.

    Counts of accounts and entries looked at, and the first fault with its account, entry and transfer; None when all
    is well.
    """
    values = {"merchant": caller.merchant_id, "mode": caller.mode, "start": start, "end": end}
    found = fetch_one(VERIFY, values)
    assert found is not None  # noqa: S101 - the statement always answers one row
    return found
