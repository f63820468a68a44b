"""What may happen to one merchant's money, one move at a time, through the product's own functions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from unittest import mock
from uuid import UUID

from django.db import connection
from django.db.models import Sum

from merchants.models import Merchant, ProviderAccount, Role
from merchants.permissions import scopes_of_role
from merchants.selectors.records import merchant_card
from merchants.services import provider_accounts
from merchants.tests.accounts import make_account
from merchants.tests.factories import make_member, make_merchant
from onpoint_pay.kit.caller import TEST, Caller
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.money import Money
from payments.models import C2bReceipt, MoneyOp, Payment, Refund
from payments.services.c2b_hand import Target, match_receipt, unmatch_receipt
from payments.services.evidence import APPLIED
from payments.services.out_outcome import ANSWER, CALLBACK, QUESTION, apply_out_outcome
from payments.services.out_sending import accept, doubt_sending, postpone, take_one
from payments.services.outcome import apply_outcome
from payments.services.payout_start import start_payouts
from payments.services.refund_approval import approve_refund, cancel_refund
from payments.services.refund_elsewhere import BOOKED, OutsideReversal, book_outside_reversal
from payments.services.refunds import ask_refund, retry_refund
from payments.services.resend import resend_prompt
from payments.states import CLOSED_UNPAID, MANUAL, OP_CREATED, OP_OUT
from payments.tests.c2b import make_c2b_account, make_receipt
from payments.tests.factories import (
    StandInProvider,
    answer,
    fail,
    make_payment,
    next_receipt,
    op_of,
    refusal,
    succeed,
)
from providers.mpesa import receiver_words, words
from providers.types import Failure, Outcome, OutcomeStatus
from settlements.chart import (
    Leg,
    account_name,
    dispute_lost_legs,
    dispute_open_legs,
    dispute_won_legs,
    release_legs,
    reserve_due_legs,
    split_hold,
)
from settlements.models import LedgerAccount, Payout
from settlements.services.destinations import Target as PaidTo
from settlements.services.ledger import post_transfer
from settlements.services.payout_limits import set_limits
from settlements.services.payouts import PayoutAsk, approve_payout, cancel_payout, create_payout

AMOUNTS = ("10.00", "55.00", "100.00", "1000.00", "70000.00")
SHARES = (1, 2, 3, 10)
# The same receipt may be told of twice, for different things.
RECEIPTS = ("UKLSAME001", "UKLSAME002", "UKLSAME003")
REFUSALS: tuple[Failure, ...] = (
    receiver_words.NOT_REGISTERED,
    receiver_words.OUR_FLOAT,
    receiver_words.RECEIVER_FULL,
    words.PHONE_REFUSED,
)
NEVER = datetime(2026, 11, 21, tzinfo=UTC)
T = TypeVar("T")


class NothingThere(Exception):
    """The move needs something that this sequence has not made."""


@dataclass(slots=True, kw_only=True)
class World:
    """One merchant and who acts there. `float_minor`: what by our own count has reached and left the shortcodes."""

    merchant: Merchant
    shop: ProviderAccount
    code: str
    people: list[Caller]
    key: Caller
    float_minor: int = 0
    disputes: list[tuple[UUID, int]] = field(default_factory=list)

    def pick(self, rows: Sequence[T] | Any, number: int) -> T:
        found = list(rows)
        if not found:
            raise NothingThere
        return found[number % len(found)]  # type: ignore[no-any-return]

    def payment(self, number: int) -> Payment:
        return self.pick(Payment.objects.order_by("id"), number)

    def paid(self, number: int) -> Payment:
        return self.pick(Payment.objects.filter(captured__gt=0).order_by("id"), number)

    def refund(self, number: int) -> Refund:
        return self.pick(Refund.objects.order_by("id"), number)

    def caller(self, number: int) -> Caller:
        return self.pick([self.key, *self.people], number)

    def post(self, legs: list[Leg]) -> None:
        """A fact of the ledger alone."""
        post_transfer(
            legs, idem=f"sequence:{new_id()}", kind="test", merchant_id=self.merchant.id, currency="KES", mode=TEST
        )

    def balances(self, *kinds: str) -> dict[str, int]:
        """By account name in minor units, on the side each grows on."""
        rows = LedgerAccount.objects.filter(merchant_id=self.merchant.id, mode=TEST, kind__in=kinds)
        return {
            account_name(row.kind, row.sub): (row.credits - row.debits) * (1 if row.normal == "C" else -1)
            for row in rows
        }


def make_world() -> World:
    merchant = make_merchant("Duka Bora", fee_bps=150)
    roles = (Role.OWNER, Role.FINANCE, Role.SUPPORT)
    people = [(role, make_member(merchant, role)) for role in roles]
    card = merchant_card(merchant)
    shop = make_account(merchant, shortcode="600700", is_default=False)
    return World(
        merchant=merchant,
        shop=shop,
        code=make_c2b_account(shop).code,
        people=[
            Caller(
                merchant=card,
                mode=TEST,
                actor=user.public_id,
                kind="user",
                scopes=scopes_of_role(role, TEST),
                user_id=user.id,
                role=role,
            )
            for role, user in people
        ],
        key=Caller(
            merchant=card,
            mode=TEST,
            actor=to_public("key", new_id()),
            kind="secret",
            scopes=scopes_of_role(Role.SUPPORT, TEST),
            key_id=new_id(),
        ),
    )


# --- payments ---------------------------------------------------------------------------------------------------------


def pay(world: World, a: int, b: int) -> None:
    """Asked for and paid; often under a reference that was used before."""
    fields = {"reference": f"ORDER-{a % 3}"} if a % 2 else {}
    payment = make_payment(world.merchant, amount=AMOUNTS[b % len(AMOUNTS)], **fields)
    _book(world, op_of(payment), succeed(payment, receipt=next_receipt()))


def start(world: World, a: int, b: int) -> None:
    """Asked for, and not paid so far."""
    status = ("pending", "failed", "cancelled", "expired", "reconciling")[b % 5]
    make_payment(world.merchant, status=status, amount=AMOUNTS[b % len(AMOUNTS)], reference=f"ORDER-{a % 3}")


def resend(world: World, a: int, b: int) -> None:
    """A payment that closed unpaid is asked for again: from then on two prompts of it may be paid."""
    closed = Payment.objects.filter(status__in=CLOSED_UNPAID).order_by("id")
    with mock.patch.object(provider_accounts, "_provider", lambda code, mode: StandInProvider()):
        resend_prompt(world.key, world.pick(closed, a), phone=None, claim=None)


def pay_late(world: World, a: int, b: int) -> None:
    """The provider says of a prompt that it was paid: the first time, again, late, or under another's receipt."""
    op: MoneyOp = world.pick(MoneyOp.objects.filter(kind="charge").order_by("id"), a)
    known = Payment.objects.get(id=op.payment_id).receipt
    receipt = (next_receipt(), known or next_receipt(), RECEIPTS[b % len(RECEIPTS)])[b % 3]
    done = Outcome(status=OutcomeStatus.SUCCEEDED, receipt=receipt, money=Money(op.amount), provider_code="0")
    _book(world, op, apply_outcome(op.id, done, evidence=answer(), source="callback"))


def deny(world: World, a: int, b: int) -> None:
    """The provider says that it was not paid, true or not."""
    fail(world.payment(a), (words.CANCELLED, words.PAYER_BALANCE)[b % 2])


def _book(world: World, op: MoneyOp, verdict: str) -> None:
    if verdict == APPLIED:
        world.float_minor += op.amount


# --- refunds ----------------------------------------------------------------------------------------------------------


def ask(world: World, a: int, b: int) -> None:
    """By anybody; all of it or a part."""
    payment = world.paid(a)
    asked: dict[str, Any] = {"reference": to_public("pay", payment.id), "reason": "Returned"}
    if share := SHARES[b % len(SHARES)] - 1:
        asked["amount"] = str(payment.captured // 100 // (share + 1))
    if b % 7 == 0:
        asked |= {"route": MANUAL, "proof": RECEIPTS[a % len(RECEIPTS)]}
    ask_refund(world.caller(b // 4), asked, request_id="req_sequence")


def limit(world: World, a: int, b: int) -> None:
    """The merchant changes above which amounts a second person must agree."""
    minor = (None, 0, 50_00)[b % 3]
    if a % 2:
        Merchant.objects.filter(id=world.merchant.id).update(refund_approval_above=minor)
    else:
        set_limits(world.merchant.id, {"approval_above": minor}, actor="sequence")


def approve(world: World, a: int, b: int) -> None:
    refund = approve_refund(world.caller(b), world.refund(a).id)
    if refund.route == MANUAL:
        world.float_minor -= refund.amount


def cancel(world: World, a: int, b: int) -> None:
    cancel_refund(world.caller(b), world.refund(a).id)


def again(world: World, a: int, b: int) -> None:
    retry_refund(world.key, world.refund(a).id)


def undo_outside(world: World, a: int, b: int) -> None:
    """Somebody reverses a payment at the provider, or a statement tells of it again."""
    payment = world.payment(a)
    minor = payment.amount if b % 2 else payment.amount // 2
    found = OutsideReversal(
        payment_id=payment.id,
        amount=Money(minor),
        receipt=(None, *RECEIPTS)[b % 4],
        occurred_at=NEVER,
        source="statement",
        told={},
    )
    if book_outside_reversal(found) == BOOKED:
        world.float_minor -= minor


# --- money that goes out ----------------------------------------------------------------------------------------------


def send(world: World, a: int, b: int) -> None:
    """A try leaves: taken over, in doubt, not sent at all, or refused at once."""
    sending = take_one()
    if sending is None:
        raise NothingThere
    op = sending.op
    if a % 4 == 0:
        accept(op.id, Outcome(status=OutcomeStatus.PENDING, provider_reference=f"AG_{new_id().hex}"))
    elif a % 4 == 1:
        doubt_sending(op.id)
    elif a % 4 == 2:
        postpone(op.id)
    else:
        refused = refusal(REFUSALS[b % len(REFUSALS)]).outcome
        apply_out_outcome(op.id, refused, evidence=answer(), source=ANSWER)
    MoneyOp.objects.filter(status=OP_CREATED).update(next_check=NEVER)


def tell(world: World, a: int, b: int) -> None:
    """The provider says what became of a try, of any at any time, and not always the same."""
    tries = MoneyOp.objects.filter(kind__in=OP_OUT).order_by("id")
    op: MoneyOp = world.pick(tries if b % 5 == 0 else tries.exclude(status=OP_CREATED), a)
    source = (CALLBACK, QUESTION)[b % 2]
    if b % 3 == 2:
        refused = Outcome(status=OutcomeStatus.FAILED, failure=REFUSALS[b % len(REFUSALS)], provider_code="1")
        apply_out_outcome(op.id, refused, evidence=answer(), source=source)
        return
    receipt = next_receipt() if b % 3 else RECEIPTS[b % len(RECEIPTS)]
    done = Outcome(status=OutcomeStatus.SUCCEEDED, receipt=receipt, money=Money(op.amount), provider_code="0")
    if apply_out_outcome(op.id, done, evidence=answer(), source=source) == APPLIED:
        world.float_minor -= op.amount


def ask_payout(world: World, a: int, b: int) -> None:
    target = PaidTo(type="mpesa_phone", details={"phone": "254712000001"})
    wanted = PayoutAsk(amount=Money.parse(AMOUNTS[b % 3]), target=target, reason="Earnings")
    create_payout(world.caller(a), wanted, request_id="req_sequence")


def decide_payout(world: World, a: int, b: int) -> None:
    payout: Payout = world.pick(Payout.objects.order_by("id"), a)
    if b % 3:
        approve_payout(world.caller(b), payout.id)
    else:
        cancel_payout(world.caller(b), payout.id)


def start_payout(world: World, a: int, b: int) -> None:
    start_payouts()


# --- money that payers send by themselves -----------------------------------------------------------------------------


def receive(world: World, a: int, b: int) -> None:
    """With the text of an account of the merchant's, or with one that says nothing."""
    amount = Money.parse(AMOUNTS[b % len(AMOUNTS)]).minor
    make_receipt(world.shop, amount=amount, bill_ref=world.code if a % 2 else "")
    world.float_minor += amount


def match(world: World, a: int, b: int) -> None:
    row = _receipt(world, a)
    fitting = Payment.objects.filter(amount=row.amount).order_by("id") if b % 4 else Payment.objects.order_by("id")
    match_receipt(world.people[0], row, Target(payment=world.pick(fitting, b)), learn=False)


def unmatch(world: World, a: int, b: int) -> None:
    unmatch_receipt(world.people[0], _receipt(world, a), reason="wrong owner")


def _receipt(world: World, number: int) -> C2bReceipt:
    return world.pick(C2bReceipt.objects.select_related("provider_account").order_by("id"), number)


# --- facts of the ledger alone ----------------------------------------------------------------------------------------


def release(world: World, a: int, b: int) -> None:
    """What waited becomes the merchant's to use, after debts and reserve."""
    found = world.balances("pending", "owed")
    taken = {name: minor for name, minor in found.items() if name.startswith("pending") and minor > 0}
    if not taken:
        raise NothingThere
    world.post(release_legs(taken, debt=found.get("owed", 0), reserve_bps=(0, 500)[b % 2]))


def return_reserve(world: World, a: int, b: int) -> None:
    kept = world.balances("reserve").get("reserve", 0)
    if not kept:
        raise NothingThere
    world.post(reserve_due_legs(Money(kept)))


def open_dispute(world: World, a: int, b: int) -> None:
    """A card payer objects; what the merchant lacks is owed."""
    payment = world.paid(a)
    balances = world.balances("available", "pending")
    taken = split_hold(payment.amount, balances, may_owe=True)
    assert taken is not None
    world.post(dispute_open_legs(taken))
    world.disputes.append((payment.id, payment.amount))


def close_dispute(world: World, a: int, b: int) -> None:
    dispute: tuple[UUID, int] = world.pick(world.disputes, a)
    payment_id, minor = dispute
    if b % 2:
        debt = world.balances("owed").get("owed", 0)
        world.post(dispute_won_legs(amount=Money(minor), debt=debt))
    else:
        world.post(dispute_lost_legs(payment_id=payment_id, amount=Money(minor), float_name="paystack:1"))
    world.disputes.remove(dispute)


Move = Callable[[World, int, int], None]
# What happens often is listed more than once.
MOVES: tuple[Move, ...] = (
    *[pay, pay, pay, start, resend, resend, pay_late, pay_late, pay_late, deny],
    *[ask, ask, ask, ask, limit, approve, approve, approve, cancel, again, undo_outside],
    *[send, send, send, send, send, send, tell, tell, tell, tell, tell, tell],
    *[ask_payout, ask_payout, decide_payout, decide_payout, start_payout],
    *[receive, match, unmatch, release, release, return_reserve, open_dispute, close_dispute],
)


def float_by_the_books() -> int:
    """What the ledger says lies on the shortcodes, in minor units."""
    sums = LedgerAccount.objects.filter(kind="provider_float", mode=TEST).aggregate(d=Sum("debits"), c=Sum("credits"))
    return (sums["d"] or 0) - (sums["c"] or 0)


def ends() -> list[str]:
    """What every object of the sequence has become."""
    surplus = Payment.objects.filter(surplus=True, captured__gt=0).count()
    debtors = LedgerAccount.objects.filter(kind="owed", debits__gt=0).count()
    return [
        *[f"payment {status}" for status in Payment.objects.values_list("status", flat=True)],
        *[f"refund {status} ({route})" for status, route in Refund.objects.values_list("status", "route")],
        *[f"payout {status}" for status in Payout.objects.values_list("status", flat=True)],
        *[f"receipt {state}" for state in C2bReceipt.objects.values_list("state", flat=True)],
        *["surplus payment"] * surplus,
        *["a merchant in debt"] * debtors,
    ]


def check_now() -> None:
    """Ask the constraints that wait for the commit; there will be none."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
