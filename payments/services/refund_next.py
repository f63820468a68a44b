"""What follows a try of which no money left: the other way, the same again later, or nothing."""

from dataclasses import dataclass
from datetime import datetime

from onpoint_pay.kit.jobs import nudge
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp
from payments.services.out_again import Again, again_after, later, may_be_repeated
from payments.services.refund_routes import B2C, REVERSAL, can_go_to_phone
from payments.services.refund_rows import Locked, add_try
from providers.types import Failure, FailureCode

SEND_REFUNDS = "payments.send_refunds"


@dataclass(frozen=True, slots=True, kw_only=True)
class NextStep:
    """One more try: by which way, when, and why the merchant waits meanwhile."""

    kind: str
    at: datetime
    pending_reason: str
    note: str

    def take(self, locked: Locked) -> None:
        """Store the try beside the refund's new reason to wait, in the transaction that ended the one before."""
        refund = locked.refund
        add_try(refund, locked.payment, kind=self.kind, at=self.at)
        refund.route, refund.pending_reason = self.kind, self.pending_reason
        refund.version += 1
        refund.save(update_fields=["route", "pending_reason", "version"])
        nudge(SEND_REFUNDS)


def next_step(locked: Locked, op: MoneyOp, *, failure: Failure, is_refusal: bool, at: datetime) -> NextStep | None:
    """What to do after a definite no to `op`; None when the refund has failed.

    `is_refusal`: it was refused at once, so the provider has never had it.
    """
    if may_be_repeated(failure):
        asked_at = locked.refund.created_at
        again = again_after(failure, is_refusal=is_refusal, tries=len(locked.ops), asked_at=asked_at, at=at)
        return None if again is None else _same(op, again)
    if op.kind == REVERSAL and _may_go_to_phone(locked, failure):
        note = "the reversal was refused; the money is sent to the payer's phone"
        return NextStep(kind=B2C, at=at, pending_reason="awaiting_provider", note=note)
    return None


def send_again_later(locked: Locked, op: MoneyOp, at: datetime) -> NextStep:
    """The same way again: the provider has not taken anything."""
    return _same(op, later(len(locked.ops), at))


def _same(op: MoneyOp, again: Again) -> NextStep:
    return NextStep(kind=op.kind, at=again.at, pending_reason=again.pending_reason, note=again.note)


def _may_go_to_phone(locked: Locked, failure: Failure) -> bool:
    """The payer can be reached, and the refusal was not about our own credentials, which would fail again."""
    if failure.code is FailureCode.CREDENTIALS_REJECTED:
        return False
    refund = locked.refund
    return can_go_to_phone(phone=refund.phone, amount=Money(refund.amount, refund.currency))
