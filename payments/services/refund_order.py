"""Refunds as the shared flows of money that goes out see them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payments.models import MoneyOp, Payment, Refund
from payments.services.out_order import Ending, NextTry, Order
from payments.services.refund_closing import complete_refund, fail_refund, freeze_tries_of_others, has_room
from payments.services.refund_next import NextStep, next_step, send_again_later
from payments.services.refund_rows import Locked, lock_refund
from payments.states import REFUND_PENDING
from providers.types import Failure


class RefundOrder(Order):
    """A refund with its payment and its tries, locked."""

    noun = "refund"

    def __init__(self, locked: Locked) -> None:
        self.locked = locked
        self.ops = locked.ops
        self.refund = locked.refund

    @property
    def reference(self) -> str:
        return str(self.refund.reference)

    @property
    def phone(self) -> str | None:
        return self.refund.phone

    def receipt_of(self, op: MoneyOp) -> str | None:
        return self.refund.receipt

    def rivals(self, op: MoneyOp) -> list[MoneyOp]:
        return [other for other in self.ops if other.id != op.id]

    @property
    def is_open(self) -> bool:
        return self.refund.status == REFUND_PENDING

    def why_no_room(self, op: MoneyOp, *, by_people: bool = False) -> str:
        if has_room(self.refund, self.locked.payment):
            return ""
        freeze_tries_of_others(self.refund)
        return "the payment has been refunded otherwise since"

    def receipt_doubt(self, op: MoneyOp, receipt: str) -> str:
        others = Refund.objects.scoped(self.refund.merchant_id, self.refund.mode).filter(receipt=receipt)
        if others.exclude(id=self.refund.id).exists():
            return "the receipt belongs to another refund"
        place = {"provider": op.provider, "mode": op.mode, "receipt": receipt}
        if MoneyOp.objects.filter(**place, payout__isnull=False).exists():
            return "the receipt belongs to a payout"
        return "the receipt is that of a payment" if Payment.objects.filter(**place).exists() else ""

    def fill_receipt(self, op: MoneyOp, receipt: str) -> bool:
        if self.refund.receipt is not None:
            return False
        self.refund.receipt = receipt
        self.refund.version += 1
        self.refund.save(update_fields=["receipt", "version"])
        return True

    def complete(self, ending: Ending) -> None:
        complete_refund(self.locked, ending.op, outcome=ending.outcome, event=ending.event, actor=ending.actor)

    def fail(self, ending: Ending) -> None:
        fail_refund(self.locked, outcome=ending.outcome, event=ending.event, actor=ending.actor)

    def next_try(self, op: MoneyOp, *, failure: Failure, is_refusal: bool, at: datetime) -> NextTry | None:
        step = next_step(self.locked, op, failure=failure, is_refusal=is_refusal, at=at)
        return None if step is None else RefundTry(locked=self.locked, step=step)

    def same_again(self, op: MoneyOp, at: datetime) -> NextTry:
        return RefundTry(locked=self.locked, step=send_again_later(self.locked, op, at))

    def wait_because(self, reason: str) -> None:
        refund = self.refund
        if refund.status == REFUND_PENDING and refund.pending_reason != reason:
            refund.pending_reason = reason
            refund.version += 1
            refund.save(update_fields=["pending_reason", "version"])


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundTry:
    """One more try of a locked refund."""

    locked: Locked
    step: NextStep

    @property
    def note(self) -> str:
        return self.step.note

    def take(self) -> None:
        self.step.take(self.locked)


def lock_refund_order(refund_id: UUID) -> RefundOrder:
    return RefundOrder(lock_refund(refund_id))
