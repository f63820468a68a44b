"""The daily proof of an account: the ledger at the end of a day against the provider's closing balance, to the cent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction

from audit.services import record
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import NAIROBI, now
from settlements.models import FloatProof
from settlements.services.recon_charges import cash_of

# What the books said at the instant, by our own clock.
LEDGER = """
SELECT coalesce(sum(CASE e.side WHEN 'D' THEN e.amount ELSE -e.amount END), 0)::bigint
FROM ledger_account a JOIN ledger_entry e ON e.account_id = a.id JOIN ledger_transfer t ON t.id = e.transfer_id
WHERE a.kind = %(cash)s AND (a.sub = %(name)s OR a.sub LIKE %(name)s || ':%%') AND a.currency = %(currency)s
  AND a.mode = %(mode)s AND t.posted_at < %(end)s
"""

# What the provider said: the closing balance of a statement that ends then; else the balance after the last line of
# one that goes on. Of the lines of one second the last is the one whose balance no other begins with.
CLOSING = """
SELECT closing FROM recon_file WHERE account = %(account)s AND mode = %(mode)s AND currency = %(currency)s
  AND closing IS NOT NULL AND ends_at = %(end)s ORDER BY imported_at DESC LIMIT 1
"""
COVERED = """
SELECT EXISTS (SELECT 1 FROM recon_file WHERE account = %(account)s AND mode = %(mode)s AND currency = %(currency)s
  AND source <> 'pull' AND starts_at < %(end)s AND ends_at > %(end)s)
"""
LAST_LINE = """
WITH last AS (SELECT l.*, balance_after - CASE direction WHEN 'in' THEN amount ELSE -amount END AS balance_before
    FROM recon_line l WHERE account = %(account)s AND mode = %(mode)s AND currency = %(currency)s
      AND family = 'statement' AND balance_after IS NOT NULL AND occurred_at = (SELECT max(occurred_at) FROM recon_line
        WHERE account = %(account)s AND mode = %(mode)s AND currency = %(currency)s AND family = 'statement'
          AND occurred_at < %(end)s))
SELECT balance_after FROM last a
  ORDER BY EXISTS (SELECT 1 FROM last b WHERE b.balance_before = a.balance_after AND b.id <> a.id), line_no DESC LIMIT 1
"""
# Nothing had moved since the statement began.
FIRST_OPENING = """
SELECT opening FROM recon_file WHERE account = %(account)s AND mode = %(mode)s AND currency = %(currency)s
  AND source <> 'pull' AND starts_at < %(end)s AND ends_at > %(end)s AND opening IS NOT NULL ORDER BY starts_at LIMIT 1
"""

# Why they may differ, each signed as ledger less provider. Lines that are ours and were booked on the other side of
# the instant; lines nobody has looked at; and exceptions, unless what settled them was posted by then. Of what an
# exception says is ours, only what the ledger had by then counts.
PARTS = """
SELECT 'booked_later', -coalesce(sum(CASE l.direction WHEN 'in' THEN l.amount ELSE -l.amount END), 0)::bigint, count(*)
  FROM recon_line l JOIN recon_match m ON m.line_id = l.id AND m.state <> 'rejected'
    JOIN ledger_transfer t ON t.id = m.transfer_id
  WHERE l.account = %(account)s AND l.mode = %(mode)s AND l.currency = %(currency)s AND l.family = 'statement'
    AND l.occurred_at < %(end)s AND t.posted_at >= %(end)s
UNION ALL
SELECT 'booked_before', coalesce(sum(CASE l.direction WHEN 'in' THEN l.amount ELSE -l.amount END), 0)::bigint, count(*)
  FROM recon_line l JOIN recon_match m ON m.line_id = l.id AND m.state <> 'rejected'
    JOIN ledger_transfer t ON t.id = m.transfer_id
  WHERE l.account = %(account)s AND l.mode = %(mode)s AND l.currency = %(currency)s AND l.family = 'statement'
    AND l.occurred_at >= %(end)s AND t.posted_at < %(end)s
UNION ALL
SELECT 'not_reconciled', -coalesce(sum(CASE l.direction WHEN 'in' THEN l.amount ELSE -l.amount END), 0)::bigint,
    count(*)
  FROM recon_line l
  WHERE l.account = %(account)s AND l.mode = %(mode)s AND l.currency = %(currency)s AND l.family = 'statement'
    AND l.occurred_at < %(end)s AND (l.state = 'new' OR (l.state = 'proposed' AND NOT EXISTS (SELECT 1
      FROM recon_match m WHERE m.line_id = l.id AND m.state = 'proposed' AND m.transfer_id IS NOT NULL)))
UNION ALL
SELECT 'exception:' || x.kind, sum(x.float_effect - CASE WHEN o.posted_at >= %(end)s
        THEN CASE x.detail->>'direction' WHEN 'in' THEN 1 ELSE -1 END * (x.detail->>'our_amount')::bigint
        ELSE 0 END)::bigint, count(*)
  FROM recon_exception x LEFT JOIN ledger_transfer t ON t.id = x.transfer_id
    LEFT JOIN ledger_transfer o ON o.id = (x.detail->>'our_transfer')::uuid
  WHERE x.account = %(account)s AND x.mode = %(mode)s AND x.currency = %(currency)s AND x.occurred_at < %(end)s
    AND x.float_effect <> 0 AND (t.id IS NULL OR t.posted_at >= %(end)s)
  GROUP BY x.kind
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Balances in minor units. `gap` is ledger less provider, `parts` what explains it, `unexplained` the rest.

    Without a statement that reaches the end of the day there is no provider's balance, and no green.
    """

    account: str
    day: date
    ledger_balance: int
    provider_balance: int | None
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def gap(self) -> int | None:
        return None if self.provider_balance is None else self.ledger_balance - self.provider_balance

    @property
    def unexplained(self) -> int | None:
        return None if self.gap is None else self.gap - sum(self.parts.values())

    @property
    def is_green(self) -> bool:
        return self.unexplained == 0

    def report(self) -> dict[str, Any]:
        """As JSON has it; amounts in minor units."""
        return {
            "account": self.account,
            "day": self.day.isoformat(),
            "is_green": self.is_green,
            "ledger_balance": self.ledger_balance,
            "provider_balance": self.provider_balance,
            "gap": self.gap,
            "parts": dict(sorted(self.parts.items())),
            "unexplained": self.unexplained,
        }


def prove_float(provider: str, shortcode: str, day: date, *, mode: str = LIVE, currency: str = "KES") -> Proof:
    """Prove one float at the end of a day in Nairobi and keep what was found; a later proof of the day replaces it."""
    return prove_account(f"{provider}:{shortcode}", day, mode=mode, currency=currency)


def prove_account(account: str, day: date, *, mode: str, currency: str = "KES") -> Proof:
    """As prove_float, for `provider:shortcode` or `bank:` and a name."""
    end = datetime.combine(day + timedelta(days=1), time(), NAIROBI).astimezone(UTC)
    place = {"account": account, "mode": mode, "currency": currency, "end": end} | cash_of(account)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '60s'")
            proof = Proof(
                account=account,
                day=day,
                ledger_balance=_one(cursor, LEDGER, place) or 0,
                provider_balance=_closing(cursor, place),
                parts=_parts(cursor, place),
            )
        _keep(proof, mode=mode, currency=currency)
    return proof


def last_proof(account: str, *, mode: str, currency: str = "KES") -> FloatProof | None:
    """The proof of the latest day."""
    rows = FloatProof.objects.filter(account=account, mode=mode, currency=currency)
    found: FloatProof | None = rows.order_by("-day").first()
    return found


def _one(cursor: Any, sql: str, place: Mapping[str, Any]) -> int | None:
    cursor.execute(sql, place)
    row = cursor.fetchone()
    return None if row is None else row[0]


def _closing(cursor: Any, place: Mapping[str, Any]) -> int | None:
    told = _one(cursor, CLOSING, place)
    if told is None and _one(cursor, COVERED, place):
        told = _one(cursor, LAST_LINE, place)
        told = _one(cursor, FIRST_OPENING, place) if told is None else told
    return told


def _parts(cursor: Any, place: Mapping[str, Any]) -> dict[str, int]:
    cursor.execute(PARTS, place)
    return {name: effect for name, effect, count in cursor.fetchall() if count and effect}


def _keep(proof: Proof, *, mode: str, currency: str) -> None:
    found = {
        "ledger_balance": proof.ledger_balance,
        "provider_balance": proof.provider_balance,
        "gap": proof.gap,
        "unexplained": proof.unexplained,
        "parts": dict(proof.parts),
        "is_green": proof.is_green,
        "proved_at": now(),
    }
    place: dict[str, Any] = {"account": proof.account, "mode": mode, "currency": currency, "day": proof.day}
    FloatProof.objects.update_or_create(**place, defaults=found)
    record(
        merchant_id=None,
        actor="system",
        action="reconciliation.proved",
        detail={"account": proof.account, "mode": mode, "day": proof.day.isoformat(), "is_green": proof.is_green},
    )
