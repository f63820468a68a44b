"""What becomes of a payout, part by part: paid, not paid, returned. The caller has locked the payout."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.money import Money
from settlements.models import Payout
from settlements.services.payout_batches import close_batch_of
from settlements.services.payout_events import announce_payout
from settlements.services.payout_money import (
    book_payout,
    count_booked,
    hold_payout_again,
    is_booked,
    release_payout,
    return_payout_money,
)
from settlements.services.payouts import money_of
from settlements.states import (
    PAYOUT_COMPLETED,
    PAYOUT_FAILED,
    PAYOUT_PENDING,
    PAYOUT_RETURNED,
)

CHANGING = [
    "paid",
    "released",
    "given_back",
    "status",
    "pending_reason",
    "failure",
    "receipt",
    "evidence_id",
    "completed_at",
    "version",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEnd:
    """How one part ended: its number from 1, its amount in minor units, and the stored word that says so."""

    part: int
    amount: int
    evidence_id: int
    actor: str
    receipt: str | None = None
    occurred_at: datetime | None = None


def pay_part(payout: Payout, end: PartEnd) -> None:
    """The receiver has the money of this part. What was given back before is taken again, else as a debt."""
    money = money_of(payout, amount=end.amount, part=end.part)
    if is_booked(money, "undo"):
        hold_payout_again(money)
        payout.released -= end.amount
    book_payout(money, occurred_at=end.occurred_at)
    payout.paid += end.amount
    payout.receipt = payout.receipt or end.receipt
    _conclude(payout, end)


def fail_part(payout: Payout, end: PartEnd, *, failure: dict[str, Any]) -> None:
    """No money of this part left, and none will: it goes back; the fee too when nothing of the payout left."""
    is_last = payout.paid + payout.released + end.amount == payout.amount
    fee = payout.fee if is_last and payout.paid == 0 else 0
    release_payout(money_of(payout, amount=end.amount, part=end.part), fee=Money(fee, payout.currency))
    payout.released += end.amount
    payout.failure = failure
    _conclude(payout, end)


def return_part(payout: Payout, end: PartEnd) -> bool:
    """Money that was confirmed came back: it is the merchant's again. Returned is a payout when all of it came back.

    Each part is told of. False, and nothing changed, when this part came back before.
    """
    before, money = payout.status, money_of(payout, amount=end.amount, part=end.part)
    if is_booked(money, "return"):
        return False
    return_payout_money(money, occurred_at=end.occurred_at)
    payout.given_back += end.amount
    if payout.given_back == payout.amount:
        payout.status, payout.evidence_id = PAYOUT_RETURNED, end.evidence_id
    _save(payout)
    nth = count_booked(payout.id, "return")
    announce_payout(payout, name=PAYOUT_RETURNED, before=before, actor=end.actor, nth=nth)
    return True


def wait_because(payout: Payout, reason: str) -> None:
    """Why the merchant still waits; says nothing of a payout that is closed."""
    if payout.status == PAYOUT_PENDING and payout.pending_reason != reason:
        payout.pending_reason = reason
        payout.version += 1
        payout.save(update_fields=["pending_reason", "version"])


def _conclude(payout: Payout, end: PartEnd) -> None:
    before = payout.status
    name = _state_of(payout)
    if name != before:
        payout.status, payout.pending_reason, payout.evidence_id = name, None, end.evidence_id
    if name == PAYOUT_COMPLETED:
        payout.failure, payout.completed_at = None, now()
    _save(payout)
    if name != before:
        announce_payout(payout, name=name, before=before, actor=end.actor)
        close_batch_of(payout)


def _state_of(payout: Payout) -> str:
    """Completed when all has left, failed when all is decided and some of it has not."""
    if payout.paid == payout.amount:
        return PAYOUT_COMPLETED
    is_decided = payout.paid + payout.released == payout.amount
    return PAYOUT_FAILED if is_decided else payout.status


def _save(payout: Payout) -> None:
    payout.version += 1
    payout.save(update_fields=CHANGING)
