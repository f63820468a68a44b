"""What the tests of payouts share: a merchant with money, people and keys, and payouts asked for as them."""

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from django.http import HttpResponse
from django.test import override_settings

from audit.models import AuditEvent, StateHistory
from merchants.models import Merchant, Role, User
from merchants.permissions import scopes_of_role
from merchants.selectors.records import merchant_card
from merchants.tests.base import ApiCalls, ApiTestCase, CommittingTestCase
from merchants.tests.factories import (
    key_headers,
    make_api_key,
    make_member,
    make_merchant,
    make_user,
    person_headers,
    proven_session,
)
from onpoint_pay.kit.caller import TEST, Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import from_public, to_public
from onpoint_pay.kit.money import Money
from settlements.chart import Leg
from settlements.models import LedgerEntry, Payout, PayoutDestination
from settlements.services.destinations import Target, add_destination
from settlements.services.payout_batches import create_batch
from settlements.services.payouts import PayoutAsk, create_payout
from settlements.tests.base import balance, post
from webhooks.models import Event

_numbers = count(1)
PHONE = {"type": "mpesa_phone", "phone": "254712000001"}
BANK = {
    "type": "bank",
    "bank_code": "01",
    "branch_code": "100",
    "account_number": "1234567890",
    "account_name": "Duka Bora Ltd",
}
PAYBILL = {"type": "paybill", "number": "522522", "account": "ACC-7"}


def give(merchant: Merchant, minor: int, *, mode: str = TEST) -> None:
    """Money that the merchant may use, and that lies on the float."""
    legs = [
        Leg(kind="provider_float", side="D", amount=minor, sub="daraja:174379:00"),
        Leg(kind="available", side="C", amount=minor),
    ]
    post(merchant, legs, mode=mode)


def keyed(headers: dict[str, str]) -> dict[str, str]:
    """Headers of an operation of its own, unless they name one."""
    return {"Idempotency-Key": str(uuid4()), **headers}


def person_of(merchant: Merchant, user: User, role: str, *, mode: str = TEST) -> Caller:
    """The caller that a signed-in person is."""
    return Caller(
        merchant=merchant_card(merchant),
        mode=mode,
        actor=to_public("usr", user.id),
        kind="user",
        scopes=scopes_of_role(role, mode),
        user_id=user.id,
        role=role,
        session=proven_session(user),
    )


class PayoutCalls(ApiCalls):
    """A merchant with KES 10,000 to use, an owner, an admin, somebody in finance, and a key the owner made."""

    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora", live_enabled=True)
        self.people = {role: make_member(self.merchant, role) for role in (Role.OWNER, Role.ADMIN, Role.FINANCE)}
        self.owner_name = to_public("usr", self.people[Role.OWNER].id)
        self.headers = key_headers(make_api_key(self.merchant, created_by=self.owner_name))
        give(self.merchant, 10_000_00)

    def person(self, role: str, *, mode: str = TEST) -> dict[str, str]:
        return person_headers(self.people[role], mode=mode)  # type: ignore[index]

    def ask(self, headers: dict[str, str] | None = None, **fields: Any) -> HttpResponse:
        """A field set to None is left out."""
        body = {"amount": 100, "destination": PHONE, "reason": "Earnings"} | fields
        return self.post("payouts/", {k: v for k, v in body.items() if v is not None}, keyed(headers or self.headers))

    def payout(self, headers: dict[str, str] | None = None, **fields: Any) -> Payout:
        answer = self.ask(headers, **fields)
        self.assertEqual(answer.status_code, 201, answer.content)  # type: ignore[attr-defined]
        return payout_of(answer.json()["id"])

    def destination(self, headers: dict[str, str] | None = None, **fields: Any) -> PayoutDestination:
        body = BANK | {"label": "Main account"} | fields
        answer = self.post("payout-destinations/", body, headers or self.person(Role.OWNER))
        self.assertEqual(answer.status_code, 201, answer.content)  # type: ignore[attr-defined]
        return PayoutDestination.objects.get(id=from_public("dst", answer.json()["id"]))

    def age(self, destination: PayoutDestination, **age: Any) -> None:
        at = now() - timedelta(**age)
        PayoutDestination.objects.filter(id=destination.id).update(created_at=at, usable_from=at + timedelta(hours=72))

    def decide(self, payout: Payout, verb: str, headers: dict[str, str], **body: Any) -> HttpResponse:
        return self.post(f"payouts/{public(payout)}/{verb}/", body, headers)

    # --- what became of it --------------------------------------------------------------------------------------------

    def again_payout(self, payout: Payout) -> Payout:
        return Payout.objects.get(id=payout.id)

    def assert_payout(self, payout: Payout, status: str, **fields: Any) -> Payout:
        found = self.again_payout(payout)
        wanted = {"status": status} | fields
        self.assertEqual({name: getattr(found, name) for name in wanted}, wanted)  # type: ignore[attr-defined]
        return found

    def assert_balances(self, *, mode: str = TEST, **kinds: int) -> None:
        """The merchant's accounts named, in minor units."""
        found = {kind: balance(kind, self.merchant, mode=mode) for kind in kinds}
        self.assertEqual(found, kinds)  # type: ignore[attr-defined]

    def assert_posted(self, payout: Payout, **steps: dict[tuple[str, str], int]) -> None:
        """Exactly these transfers, by step (`done`, `done_2` of a second part), each with exactly these entries."""
        found: dict[str, dict[tuple[str, str], int]] = {}
        rows = LedgerEntry.objects.filter(transfer__idem__startswith=f"po:{payout.id}:")
        for row in rows.select_related("account", "transfer"):
            step = "_".join(row.transfer.idem.split(":")[2:])
            found.setdefault(step, {})[row.account.kind, row.side] = row.amount
        self.assertEqual(found, steps)  # type: ignore[attr-defined]

    def assert_told(self, payout: Payout, *names: str) -> None:
        """Exactly these webhook events of the payout, and as many links of the audit chain, oldest first."""
        rows = Event.objects.filter(key__endswith=f":{payout.id}").order_by("id")
        wanted = [f"payout.{name}" for name in names]
        self.assertEqual(list(rows.values_list("type", flat=True)), wanted)  # type: ignore[attr-defined]
        links = AuditEvent.objects.filter(object=public(payout)).order_by("seq")
        self.assertEqual(list(links.values_list("action", flat=True)), wanted)  # type: ignore[attr-defined]

    def assert_nothing_asked(self) -> None:
        """No payout, no money moved, nobody told."""
        self.assertFalse(Payout.objects.exists())  # type: ignore[attr-defined]
        self.assertFalse(LedgerEntry.objects.filter(transfer__idem__startswith="po:").exists())  # type: ignore[attr-defined]
        self.assertFalse(Event.objects.filter(type__startswith="payout").exists())  # type: ignore[attr-defined]


class PayoutTestCase(PayoutCalls, ApiTestCase):
    """Everything rolled back after each test."""


class CommittingPayoutTestCase(PayoutCalls, CommittingTestCase):
    """Real commits, for threads."""


def payout_of(public_id: str) -> Payout:
    return Payout.objects.get(id=from_public("pyt", public_id))


def public(payout: Payout) -> str:
    return to_public("pyt", payout.id)


def steps_of(payout: Payout) -> list[tuple[str, str]]:
    """Every state the payout went through."""
    rows = StateHistory.objects.filter(entity="payout", entity_id=payout.id).order_by("id")
    return list(rows.values_list("from_state", "to_state"))


# --- made without a request -------------------------------------------------------------------------------------------


def make_destination(merchant: Merchant, mode: str) -> str:
    """A kept bank account; its public id."""
    details = {name: text for name, text in BANK.items() if name != "type"} | {
        "account_number": f"{next(_numbers):08d}"
    }
    caller = person_of(merchant, make_user(), Role.OWNER, mode=mode)
    return to_public("dst", add_destination(caller, type="bank", details=details, label="Main account").id)


def make_payout(merchant: Merchant, mode: str, *, waits: bool = False, reference: str | None = None) -> str:
    """A payout to a bank, on its way unless it `waits` for a second person; its public id."""
    give(merchant, 100_00, mode=mode)
    why = ["above_limit"] if waits else []
    payout = create_payout(_maker(merchant, mode), _ask(reference), request_id="req_tests", reasons=why)
    return to_public("pyt", payout.id)


def make_batch(merchant: Merchant, mode: str) -> str:
    """A batch that waits for a second person; its public id."""
    give(merchant, 100_00, mode=mode)
    with override_settings(PAYOUT_APPROVAL_ABOVE=1):
        batch = create_batch(_maker(merchant, mode), {"items[0]": _ask()}, description="Rent", request_id="req_tests")
    return to_public("bat", batch.id)


def _maker(merchant: Merchant, mode: str) -> Caller:
    return person_of(merchant, make_user(), Role.FINANCE, mode=mode)


def _ask(reference: str | None = None) -> PayoutAsk:
    details = {name: text for name, text in BANK.items() if name != "type"}
    target = Target(type="bank", details=details)
    return PayoutAsk(amount=Money(100_00), target=target, reason="Rent", reference=reference)
