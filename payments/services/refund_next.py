"""What follows a try of which no money left: the other way, the same again later, or nothing."""

from dataclasses import dataclass
from datetime import datetime

from onpoint_pay.kit.jobs import nudge
from onpoint_pay.kit.money import Money
from payments import schedule
from payments.models import MoneyOp
from payments.services.refund_routes import B2C, REVERSAL, can_go_to_phone
from payments.services.refund_rows import Locked, add_try
from providers.types import Failure, FailureCode, RetryAdvice

SEND_REFUNDS = "payments.send_refunds"
# Refusals that say nothing against the order itself, only against the moment.
LATER = (RetryAdvice.NOW, RetryAdvice.WAIT)
MOST_REFUSALS = 6


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
    if failure.code is FailureCode.INSUFFICIENT_FUNDS:
        return _wait_for_float(locked, op, at)
    if failure.retry_advice in LATER:
        # Told later, it says that something went wrong inside: too little to send the money another way.
        return send_again_later(locked, op, at) if is_refusal and len(locked.ops) < MOST_REFUSALS else None
    if op.kind == REVERSAL and _may_go_to_phone(locked, failure):
        note = "the reversal was refused; the money is sent to the payer's phone"
        return NextStep(kind=B2C, at=at, pending_reason="awaiting_provider", note=note)
    return None


def send_again_later(locked: Locked, op: MoneyOp, at: datetime) -> NextStep:
    """The same way again: the provider has not taken anything."""
    return NextStep(
        kind=op.kind,
        at=schedule.resend_at(at, tries=len(locked.ops)),
        pending_reason="awaiting_provider",
        note="nothing was taken; sent again later",
    )


def _wait_for_float(locked: Locked, op: MoneyOp, at: datetime) -> NextStep | None:
    again = schedule.float_retry_at(locked.refund.created_at, at, tries=len(locked.ops))
    if again is None:
        return None
    note = "our account at the provider holds too little; sent again when it may hold more"
    return NextStep(kind=op.kind, at=again, pending_reason="insufficient_float", note=note)


def _may_go_to_phone(locked: Locked, failure: Failure) -> bool:
    """The payer can be reached, and the refusal was not about our own credentials, which would fail again."""
    if failure.code is FailureCode.CREDENTIALS_REJECTED:
        return False
    refund = locked.refund
    return can_go_to_phone(phone=refund.phone, amount=Money(refund.amount, refund.currency))
