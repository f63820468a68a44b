"""Payments: asked for, paid, late, twice, denied; and money that payers send by themselves."""

from unittest import mock

from faults.moves.world import AMOUNTS, RECEIPTS, World
from merchants.services import provider_accounts
from onpoint_pay.kit.money import Money
from payments.models import C2bReceipt, MoneyOp, Payment
from payments.services.c2b_hand import Target, match_receipt, unmatch_receipt
from payments.services.evidence import APPLIED
from payments.services.outcome import apply_outcome
from payments.services.resend import resend_prompt
from payments.states import CLOSED_UNPAID
from payments.tests.c2b import make_receipt
from payments.tests.factories import StandInProvider, answer, fail, make_payment, next_receipt, op_of, succeed
from providers.mpesa import words
from providers.types import Outcome, OutcomeStatus

ANSWERS = ("pending", "failed", "cancelled", "expired", "reconciling")


def pay(world: World, a: int, b: int) -> None:
    """Asked for and paid; often under a reference that was used before."""
    fields = {"reference": f"ORDER-{a % 3}"} if a % 2 else {}
    payment = _asked(world, "pending", b, **fields)
    _book(world, op_of(payment), succeed(payment, receipt=next_receipt()))


def start(world: World, a: int, b: int) -> None:
    """Asked for, and not paid so far."""
    _asked(world, ANSWERS[b % len(ANSWERS)], b, reference=f"ORDER-{a % 3}")


def _asked(world: World, status: str, b: int, **fields: str) -> Payment:
    amount = AMOUNTS[b % len(AMOUNTS)]
    payment = make_payment(world.merchant, status=status, amount=amount, **fields)
    world.own.payment(payment.id, Money.parse(amount).minor)
    return payment


def resend(world: World, a: int, b: int) -> None:
    """A payment that closed unpaid is asked for again: from then on two prompts of it may be paid."""
    closed = Payment.objects.filter(status__in=CLOSED_UNPAID).order_by("id")
    with mock.patch.object(provider_accounts, "_provider", lambda code, mode: StandInProvider()):
        resend_prompt(world.key, world.pick(closed, a), phone=None, claim=None)


def pay_late(world: World, a: int, b: int) -> None:
    """The provider says of a prompt that it was paid: the first time, again, late, or under another's receipt."""
    op = _prompt(world, a)
    known = Payment.objects.get(id=op.payment_id).receipt
    receipt = (next_receipt(), known or next_receipt(), RECEIPTS[b % len(RECEIPTS)])[b % 3]
    done = Outcome(status=OutcomeStatus.SUCCEEDED, receipt=receipt, money=Money(op.amount), provider_code="0")
    _book(world, op, apply_outcome(op.id, done, evidence=answer(), source="callback"))


def deny(world: World, a: int, b: int) -> None:
    """The provider says that it was not paid, true or not."""
    payment = Payment.objects.get(id=_prompt(world, a).payment_id)
    fail(payment, (words.CANCELLED, words.PAYER_BALANCE)[b % 2])


def _prompt(world: World, number: int) -> MoneyOp:
    """One of any payment; what payers sent by themselves has none."""
    op: MoneyOp = world.pick(MoneyOp.objects.filter(kind="charge").order_by("id"), number)
    return op


def _book(world: World, op: MoneyOp, verdict: str) -> None:
    if verdict == APPLIED:
        world.own.came(op.amount)
        world.note_payments()


# --- money that payers send by themselves -----------------------------------------------------------------------------


def receive(world: World, a: int, b: int) -> None:
    """With the text of an account of the merchant's, or with one that says nothing."""
    amount = Money.parse(AMOUNTS[b % len(AMOUNTS)]).minor
    make_receipt(world.shop, amount=amount, bill_ref=world.code if a % 2 else "")
    world.own.came(amount)
    world.note_payments()


def match(world: World, a: int, b: int) -> None:
    row = _receipt(world, a, "unmatched", "suggested")
    fitting = Payment.objects.filter(amount=row.amount).order_by("id") if b % 4 else Payment.objects.order_by("id")
    match_receipt(world.people[0], row, Target(payment=world.pick(fitting, b)), learn=False)
    world.note_payments()


def unmatch(world: World, a: int, b: int) -> None:
    unmatch_receipt(world.people[0], _receipt(world, a, "matched"), reason="wrong owner")


def _receipt(world: World, number: int, *states: str) -> C2bReceipt:
    rows = C2bReceipt.objects.select_related("provider_account")
    receipt: C2bReceipt = world.prefer(rows.filter(state__in=states), rows, number)
    return receipt
