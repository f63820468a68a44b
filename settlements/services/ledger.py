"""Posting to the ledger: Python's only way to move a balance."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import orjson
from django.db import connection

from settlements.chart import KINDS, PLATFORM, Leg, stripe_of
from settlements.errors import LedgerRefused

# A payment's own time says whether its merchant's money was spread when it was made, so that the same fact posted again
# names the same row whatever was switched since.
OPEN = """
SELECT ledger_open_account(owner::uuid, kind, CASE WHEN stripe <> '' AND EXISTS (
    SELECT 1 FROM ledger_pending_striping s WHERE s.merchant_id = owner::uuid AND s.mode = %(mode)s
      AND tstzrange(s.since, s.until) @> uuid_extract_timestamp(spread_by::uuid)
  ) THEN stripe ELSE sub END, %(currency)s, %(mode)s)
FROM unnest(%(owners)s::text[], %(kinds)s::text[], %(subs)s::text[], %(stripes)s::text[], %(spread_by)s::text[])
  WITH ORDINALITY AS legs(owner, kind, sub, stripe, spread_by, n) ORDER BY n
"""
POST = """
SELECT ledger_post(%(idem)s, %(kind)s, %(merchant)s, %(currency)s, %(mode)s,
  (SELECT array_agg((account, side, amount)::ledger_leg)
   FROM unnest(%(accounts)s::bigint[], %(sides)s::text[], %(amounts)s::bigint[]) AS l(account, side, amount)),
  coalesce(%(occurred_at)s, now()), %(reverses)s, %(reason)s, %(actor)s)
"""


POST_ALL = """
SELECT ledger_post(t->>'idem', %(kind)s, %(merchant)s, %(currency)s, %(mode)s,
  (SELECT array_agg(((l->>0)::bigint, (l->>1)::char(1), (l->>2)::bigint)::ledger_leg)
   FROM jsonb_array_elements(t->'legs') l))
FROM jsonb_array_elements(%(transfers)s::jsonb) t
"""


def post_transfers(
    named: Mapping[str, Sequence[Leg]], *, kind: str, merchant_id: UUID, currency: str, mode: str
) -> None:
    """As `post_transfer`, of many facts of one kind by their `idem`, in two statements; none of their legs is spread."""
    for idem, legs in named.items():
        _check(legs, idem=idem)
    places = list({(leg.kind, leg.sub): leg for legs in named.values() for leg in legs}.values())
    opened = _open_accounts(places, merchant_id=merchant_id, currency=currency, mode=mode)
    account = {(leg.kind, leg.sub): key for leg, key in zip(places, opened, strict=True)}
    transfers = [
        {"idem": idem, "legs": [(account[leg.kind, leg.sub], leg.side, leg.amount) for leg in legs]}
        for idem, legs in named.items()
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            POST_ALL,
            {
                "kind": kind,
                "merchant": merchant_id,
                "currency": currency,
                "mode": mode,
                "transfers": orjson.dumps(transfers).decode(),
            },
        )


def _check(legs: Sequence[Leg], *, idem: str) -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("a transfer is posted in the transaction of the change it belongs to")
    difference = sum(leg.amount if leg.side == "D" else -leg.amount for leg in legs)
    if difference or len(legs) < 2:
        raise LedgerRefused(f"{idem}: debits and credits differ by {difference} in {len(legs)} entries")


def post_transfer(
    legs: Sequence[Leg],
    *,
    idem: str,
    kind: str,
    merchant_id: UUID | None,
    currency: str,
    mode: str,
    occurred_at: datetime | None = None,
    reverses: UUID | None = None,
    reason: str = "",
    actor: str = "system",
) -> UUID:
    """Post one business fact and return its transfer's key; the same fact again returns the same key.

    Amounts are minor units. `reverses` is the transfer that this one takes back; each is taken back once at most.
    Must run inside the transaction of the change it belongs to.
    Raises LedgerRefused when debits and credits differ, and the database's own error when it finds worse.
    """
    _check(legs, idem=idem)
    accounts = _open_accounts(legs, merchant_id=merchant_id, currency=currency, mode=mode)
    with connection.cursor() as cursor:
        cursor.execute(
            POST,
            {
                "idem": idem,
                "kind": kind,
                "merchant": merchant_id,
                "currency": currency,
                "mode": mode,
                "accounts": accounts,
                "sides": [leg.side for leg in legs],
                "amounts": [leg.amount for leg in legs],
                "occurred_at": occurred_at,
                "reverses": reverses,
                "reason": reason,
                "actor": actor,
            },
        )
        transfer: UUID = cursor.fetchone()[0]
    return transfer


def _open_accounts(legs: Sequence[Leg], *, merchant_id: UUID | None, currency: str, mode: str) -> list[int]:
    owners = [None if KINDS[leg.kind].owner == PLATFORM else str(merchant_id) for leg in legs]
    with connection.cursor() as cursor:
        cursor.execute(
            OPEN,
            {
                "owners": owners,
                "kinds": [leg.kind for leg in legs],
                "subs": [leg.sub for leg in legs],
                "stripes": [stripe_of(leg.spread_by) if leg.spread_by else "" for leg in legs],
                "spread_by": [str(leg.spread_by) if leg.spread_by else None for leg in legs],
                "currency": currency,
                "mode": mode,
            },
        )
        return [row[0] for row in cursor.fetchall()]
