"""One merchant, who acts there, and what by our own count has happened to the money."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from faults.moves.own_books import OwnBooks
from merchants.models import Merchant, ProviderAccount, Role, User
from merchants.permissions import scopes_of_role
from merchants.selectors.records import merchant_card
from merchants.tests.accounts import make_account
from merchants.tests.factories import make_member, make_merchant, proven_session
from onpoint_pay.kit.caller import TEST, Caller
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import C2bReceipt, MoneyOp, Payment, Refund
from payments.tests.c2b import make_c2b_account
from settlements.chart import Leg, account_name
from settlements.models import LedgerAccount, Payout, Settlement
from settlements.selectors.fee_plans import forget_plans
from settlements.services.ledger import post_transfer

AMOUNTS = ("10.00", "55.00", "100.00", "1000.00", "70000.00")
# The same receipt may be told of twice, for different things.
RECEIPTS = ("UKLSAME001", "UKLSAME002", "UKLSAME003")
NEVER = datetime(2026, 11, 21, tzinfo=UTC)
T = TypeVar("T")


class NothingThere(Exception):
    """The move needs something that this sequence has not made."""


@dataclass(slots=True, kw_only=True)
class World:
    """One merchant and who acts there. `own` is what by our own count there should be where."""

    merchant: Merchant
    shop: ProviderAccount
    code: str
    people: list[Caller]
    key: Caller
    own: OwnBooks
    day: date
    file_day: date
    disputes: list[tuple[UUID, int]] = field(default_factory=list)

    def pick(self, rows: Sequence[T] | Any, number: int) -> T:
        found = list(rows)
        if not found:
            raise NothingThere
        return found[number % len(found)]  # type: ignore[no-any-return]

    def prefer(self, fitting: Any, anything: Any, number: int) -> Any:
        """Mostly one that the move is for, and sometimes any: then it must be refused."""
        found = list(fitting.order_by("id")) if number % 4 else []
        return self.pick(found or anything.order_by("id"), number // 4)

    def payment(self, number: int) -> Payment:
        return self.pick(Payment.objects.order_by("id"), number)

    def paid(self, number: int) -> Payment:
        return self.pick(Payment.objects.filter(captured__gt=0).order_by("id"), number)

    def refund(self, number: int, *states: str) -> Refund:
        refund: Refund = self.prefer(Refund.objects.filter(status__in=states), Refund.objects.all(), number)
        return refund

    def payout(self, number: int, *states: str) -> Payout:
        payout: Payout = self.prefer(Payout.objects.filter(status__in=states), Payout.objects.all(), number)
        return payout

    def caller(self, number: int) -> Caller:
        return self.pick([self.key, *self.people], number)

    def person(self, number: int) -> Caller:
        return self.pick(self.people, number)

    def next_day(self) -> date:
        """Days pass as fast as batches are made."""
        self.day += timedelta(days=1)
        return self.day

    def next_file_day(self) -> date:
        self.file_day += timedelta(days=1)
        return self.file_day

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

    # --- our own count ------------------------------------------------------------------------------------------------

    def note_payments(self) -> None:
        """Payments that the product made by itself: of money that came to an account, or a second time."""
        unknown = Payment.objects.exclude(id__in=self.own.payments)
        for key, minor, is_surplus in unknown.values_list("id", "amount", "surplus"):
            self.own.payment(key, minor, is_free=is_surplus)

    def left(self, op: MoneyOp) -> None:
        """The money of a try has gone."""
        self.own.left(op.amount, bank=op.kind == "bank")

    def note_failures(self) -> None:
        """A payout of which nothing left has its fee back, whatever is told of it later."""
        over = Payout.objects.filter(status__in=("failed", "cancelled"), paid=0)
        self.own.fee_back.update(over.values_list("id", flat=True))


def make_world() -> World:
    forget_plans()
    merchant = make_merchant("Duka Bora", fee_bps=150)
    shop = make_account(merchant, shortcode="600700", is_default=False)
    today = nairobi(now()).date()
    return World(
        merchant=merchant,
        shop=shop,
        code=make_c2b_account(shop).code,
        people=[_person(merchant, role) for role in (Role.OWNER, Role.FINANCE, Role.SUPPORT)],
        key=Caller(
            merchant=merchant_card(merchant),
            mode=TEST,
            actor=to_public("key", new_id()),
            kind="secret",
            scopes=scopes_of_role(Role.FINANCE, TEST),
            key_id=new_id(),
        ),
        own=OwnBooks(bps=150),
        # Everything that happens now is due by then.
        day=today + timedelta(days=14),
        file_day=today,
    )


def _person(merchant: Merchant, role: str) -> Caller:
    user: User = make_member(merchant, role)
    return Caller(
        merchant=merchant_card(merchant),
        mode=TEST,
        actor=user.public_id,
        kind="user",
        scopes=scopes_of_role(role, TEST),
        user_id=user.id,
        role=role,
        session=proven_session(user),
    )


def ends() -> list[str]:
    """What every object of the sequence has become."""
    surplus = Payment.objects.filter(surplus=True, captured__gt=0).count()
    debtors = LedgerAccount.objects.filter(kind="owed", debits__gt=0).count()
    return [
        *[f"payment {status}" for status in Payment.objects.values_list("status", flat=True)],
        *[f"refund {status} ({route})" for status, route in Refund.objects.values_list("status", "route")],
        *[f"payout {status} ({route})" for status, route in Payout.objects.values_list("status", "route")],
        *[f"settlement {status}" for status in Settlement.objects.values_list("status", flat=True)],
        *[f"receipt {state}" for state in C2bReceipt.objects.values_list("state", flat=True)],
        *["surplus payment"] * surplus,
        *["a merchant in debt"] * debtors,
    ]
