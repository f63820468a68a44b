"""What a statement shows to be undone: payments taken back past us, and payouts whose money came back."""

from collections.abc import Sequence
from typing import Any

import structlog
from django.db import connection

from onpoint_pay.kit.money import Money
from payments.services.payout_returns import ReturnedPayout, return_payout
from payments.services.refund_elsewhere import ASKED, OutsideReversal, book_outside_reversal

log = structlog.get_logger(__name__)
SOURCE = "statement"

# Each is offered to the books once: what they refuse stays an exception for a person.
UNDONE = """
SELECT x.id, x.kind, x.object_id, l.id, l.external_id, l.amount, l.currency, l.occurred_at
  FROM recon_exception x JOIN recon_line l ON l.id = x.line_id
  WHERE x.account = %(account)s AND x.mode = %(mode)s AND x.status = 'open' AND l.state = 'exception'
    AND l.kind = 'reversal' AND NOT x.detail ? 'offered'
    AND ((x.kind = 'state_differs' AND x.object_type = 'payment' AND l.direction = 'out')
      OR (x.kind = 'returned_payout' AND x.object_type = 'payout_op' AND l.direction = 'in'))
  ORDER BY l.id
"""
OFFERED = """
UPDATE recon_exception SET detail = detail || jsonb_build_object('offered', %(verdict)s::text) WHERE id = %(id)s
"""


def book_undone(*, account: str, mode: str) -> int:
    """Book what the statement shows to be undone; returns how many were offered to the books.

    A payment taken back becomes a refund made elsewhere, a payout's money is the merchant's again. What is in doubt
    because our own try is out is offered again next time.
    """
    with connection.cursor() as cursor:
        cursor.execute(UNDONE, {"account": account, "mode": mode})
        rows: Sequence[tuple[Any, ...]] = cursor.fetchall()
    for key, kind, object_id, *line in rows:
        try:
            verdict = (_take_back if kind == "state_differs" else _give_back)(object_id, line, account=account)
        except Exception:
            # One that cannot be booked must not hold up the rest: it stays open.
            log.exception("undone_not_booked", exception=str(key))
            continue
        if verdict != ASKED:
            with connection.cursor() as cursor:
                cursor.execute(OFFERED, {"id": key, "verdict": verdict})
    return len(rows)


def _take_back(payment_id: Any, line: Sequence[Any], *, account: str) -> str:
    number, receipt, amount, currency, at = line
    return book_outside_reversal(
        OutsideReversal(
            payment_id=payment_id,
            amount=Money(amount, currency),
            receipt=receipt or None,
            occurred_at=at,
            source=SOURCE,
            told={"account": account, "line": number},
        )
    )


def _give_back(op_id: Any, line: Sequence[Any], *, account: str) -> str:
    number, receipt, amount, currency, at = line
    return return_payout(
        ReturnedPayout(
            op_id=op_id,
            amount=Money(amount, currency),
            receipt=receipt or None,
            occurred_at=at,
            source=SOURCE,
            told={"account": account, "line": number},
        )
    )
