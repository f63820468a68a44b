"""Payouts as the shared flows of money that goes out see them, and the order in which their rows are locked."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from onpoint_pay.kit.jobs import nudge
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment, Refund
from payments.services.evidence import failure_body
from payments.services.out_again import Again, again_after, later, may_be_repeated
from payments.services.out_order import Ending, NextTry, Order
from payments.services.payout_freeze import freeze, newest_retry
from payments.services.payout_tries import add_part_try
from payments.states import OP_OUT, OP_UNKNOWN
from providers.types import Failure
from settlements.models import Payout
from settlements.services.destinations import details_of
from settlements.services.payout_closing import PartEnd, fail_part, pay_part, wait_because
from settlements.services.payout_money import book_payout_charge
from settlements.services.payouts import SEND_PAYOUTS, money_of
from settlements.states import PAYOUT_OPEN, PAYOUT_PENDING

log = structlog.get_logger(__name__)


class PayoutOrder(Order):
    """A payout with its tries, locked. Its parts are sent, and end, apart."""

    noun = "payout"

    def __init__(self, payout: Payout, ops: list[MoneyOp]) -> None:
        self.payout = payout
        self.ops = ops

    @property
    def reference(self) -> str:
        return str(self.payout.reference)

    @property
    def phone(self) -> str | None:
        return details_of(self.payout).get("phone")

    def receipt_of(self, op: MoneyOp) -> str | None:
        return op.receipt

    def rivals(self, op: MoneyOp) -> list[MoneyOp]:
        return [other for other in self._tries_of(op) if other.id != op.id]

    def _tries_of(self, op: MoneyOp) -> list[MoneyOp]:
        return [other for other in self.ops if other.part == op.part]

    @property
    def is_open(self) -> bool:
        return self.payout.status == PAYOUT_PENDING

    def why_no_room(self, op: MoneyOp, *, by_people: bool = False) -> str:
        retry = newest_retry(self.payout)
        if retry is None or (by_people and retry.status not in PAYOUT_OPEN):
            return ""
        freeze(retry)
        return f"the payout was asked for again: {retry.reference}"

    def receipt_doubt(self, op: MoneyOp, receipt: str) -> str:
        others = MoneyOp.objects.filter(provider=op.provider, mode=op.mode, receipt=receipt)
        if others.exclude(id=op.id).exists():
            return "the receipt belongs to another payout, or to another part of it"
        if Refund.objects.scoped(op.merchant_id, op.mode).filter(receipt=receipt).exists():
            return "the receipt belongs to a refund"
        payments = Payment.objects.filter(provider=op.provider, mode=op.mode, receipt=receipt)
        return "the receipt is that of a payment" if payments.exists() else ""

    def fill_receipt(self, op: MoneyOp, receipt: str) -> bool:
        if op.receipt is not None:
            return False
        op.receipt = receipt
        op.save(update_fields=["receipt"])
        if self.payout.receipt is None:
            self.payout.receipt = receipt
            self.payout.version += 1
            self.payout.save(update_fields=["receipt", "version"])
        return True

    def complete(self, ending: Ending) -> None:
        op = ending.op
        if ending.outcome.receipt is not None:
            op.receipt = ending.outcome.receipt
            op.save(update_fields=["receipt"])
        pay_part(self.payout, part_end(ending))
        self._book_charge(op, ending.outcome.fee)

    def _book_charge(self, op: MoneyOp, charge: Money | None) -> None:
        """What the provider says it took for sending. Where it does not say, its statement tells."""
        if op.kind in OP_OUT and charge is not None and charge.is_positive and charge.currency == op.currency:
            book_payout_charge(money_of(self.payout, amount=op.amount, part=op.part or 1), charge=charge)

    def fail(self, ending: Ending) -> None:
        failure = ending.outcome.failure
        assert failure is not None  # noqa: S101 - a failed outcome carries its reason
        fail_part(self.payout, part_end(ending), failure=failure_body(failure, ending.outcome, language="en"))

    def next_try(self, op: MoneyOp, *, failure: Failure, is_refusal: bool, at: datetime) -> NextTry | None:
        if op.kind not in OP_OUT or not may_be_repeated(failure):
            return None
        tries, asked_at = len(self._tries_of(op)), self.payout.created_at
        again = again_after(failure, is_refusal=is_refusal, tries=tries, asked_at=asked_at, at=at)
        return None if again is None else PayoutTry(order=self, op=op, again=again)

    def same_again(self, op: MoneyOp, at: datetime) -> NextTry:
        return PayoutTry(order=self, op=op, again=later(len(self._tries_of(op)), at))

    def wait_because(self, reason: str) -> None:
        """One part of which nobody knows whether it left is what the merchant must hear of first."""
        is_in_doubt = any(op.status == OP_UNKNOWN for op in self.ops)
        wait_because(self.payout, "reconciling" if is_in_doubt else reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutTry:
    """One more try of one part of a locked payout."""

    order: PayoutOrder
    op: MoneyOp
    again: Again

    @property
    def note(self) -> str:
        return self.again.note

    def take(self) -> None:
        if self.again.pending_reason == "insufficient_float":
            log.error("float_too_small", account=self.order.payout.paid_from, payout=self.order.reference)
        self.order.ops.append(
            add_part_try(self.order.payout, self.op.part or 1, amount=self.op.amount, at=self.again.at)
        )
        self.order.wait_because(self.again.pending_reason)
        nudge(SEND_PAYOUTS)


def part_end(ending: Ending) -> PartEnd:
    """How the part ended that the try was for."""
    return PartEnd(
        part=ending.op.part or 1,
        amount=ending.op.amount,
        evidence_id=ending.event.id,
        actor=ending.actor,
        receipt=ending.outcome.receipt,
        occurred_at=ending.outcome.occurred_at,
    )


def lock_payout_order(payout_id: UUID) -> PayoutOrder:
    """Lock in the order of the house: operations, then the payout."""
    ops = _lock_ops(payout_id)
    payout = Payout.objects.select_for_update().get(id=payout_id)
    if MoneyOp.objects.filter(payout_id=payout_id).count() > len(ops):
        # While we waited for the first try, its owner has added another.
        ops = _lock_ops(payout_id)
    return PayoutOrder(payout, ops)


def _lock_ops(payout_id: UUID) -> list[MoneyOp]:
    return list(MoneyOp.objects.select_for_update().filter(payout_id=payout_id).order_by("id"))
