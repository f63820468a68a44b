"""Payouts asked for: the money held at once, the limits, and who must agree."""

import json
from io import StringIO
from threading import Barrier, Thread
from typing import Any

from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import Role
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.ids import to_public
from settlements.models import Payout, PayoutBatch
from settlements.services.payout_limits import set_limits
from settlements.tests.base import balance
from settlements.tests.payouts import (
    BANK,
    PAYBILL,
    PHONE,
    CommittingPayoutTestCase,
    PayoutTestCase,
    give,
    keyed,
    public,
    steps_of,
)
from webhooks.models import Event


class Asked(PayoutTestCase):
    def test_money_and_fee_are_held_and_the_payout_is_on_its_way(self) -> None:
        with override_settings(PAYOUT_FEE=50_00):
            answer = self.ask(amount="1500.00", reference="EARN-1", purpose="salary")
        self.assertEqual(answer.status_code, 201)
        body = answer.json()
        self.assertEqual(answer["Location"], f"/api/v1/payouts/{body['id']}/")
        self.assertEqual((body["status"], body["pending_reason"]), ("pending", "queued"))
        self.assertEqual((body["amount"], body["fee"], body["amount_paid"]), ("1500.00", "50.00", "0.00"))
        self.assertEqual((body["reference"], body["route"], body["approval_reasons"]), ("EARN-1", "b2c", []))
        payout = Payout.objects.get()
        self.assert_posted(
            payout, hold={("available", "D"): 1550_00, ("payout_hold", "C"): 1500_00, ("fee_income", "C"): 50_00}
        )
        self.assert_balances(available=8450_00, payout_hold=1500_00)
        self.assert_told(payout, "created")
        told = json.loads(Event.objects.get(type="payout.created").body)["data"]["object"]
        self.assertEqual((told["status"], told["pending_reason"]), ("pending", "queued"))
        self.assertEqual(steps_of(payout), [("requires_approval", "pending")])

    def test_a_destination_is_shown_masked_but_to_whoever_asks_for_the_one(self) -> None:
        payout = self.payout(amount="200", destination=BANK)
        self.assertNotIn("1234567890", f"{payout.destination}{payout.destination_sealed}")
        listed = self.get("payouts/", self.headers).json()["data"][0]
        self.assertEqual(listed["destination"]["account_number"], "1234****890")
        one = self.get(f"payouts/{public(payout)}/", self.headers).json()
        self.assertEqual(one["destination"], {"id": None, **BANK})

    def test_more_than_the_balance_is_refused(self) -> None:
        self.assert_problem(self.ask(amount="10000.01", destination=BANK), 402, "insufficient_balance")
        with override_settings(PAYOUT_FEE=1):
            self.assert_problem(self.ask(amount="10000"), 402, "insufficient_balance")
        self.assert_nothing_asked()
        self.assert_balances(available=10_000_00)

    def test_money_that_is_still_pending_is_not_the_merchants_to_send(self) -> None:
        other = make_merchant("Duka Pya")
        self.assert_problem(self.ask(key_headers(make_api_key(other))), 402, "insufficient_balance")
        self.assert_nothing_asked()

    def test_what_the_network_does_not_send_is_refused(self) -> None:
        self.assert_problem(self.ask(amount="100.50"), 400, "amount_not_whole")
        self.assert_problem(self.ask(amount="9"), 400, "amount_too_small")
        self.assert_problem(self.ask(amount="0"), 400, "amount_too_small")
        self.assert_problem(self.ask(amount="5.50", destination=PAYBILL), 400, "amount_not_whole")
        self.assert_nothing_asked()
        self.payout(amount="5.50", destination=BANK)

    def test_a_destination_is_checked_whole(self) -> None:
        cases: dict[str, dict[str, Any]] = {
            "destination.phone": {"type": "mpesa_phone"},
            "destination.type": {"phone": "254712000001"},
            "destination.number": {"type": "till", "number": "12"},
            "destination.account": {"type": "till", "number": "522522", "account": "x"},
            "destination.id": {"id": "dst_x"},
            "destination.colour": {"type": "till", "number": "522522", "colour": "red"},
        }
        for param, destination in cases.items():
            with self.subTest(param=param):
                found = self.ask(destination=destination)
                self.assertEqual((found.status_code, found.json()["param"]), (400, param), found.content)
        self.assert_nothing_asked()

    def test_without_a_key_of_its_own_nothing_is_asked_for(self) -> None:
        body = {"amount": 100, "destination": PHONE, "reason": "Earnings"}
        batch = {"description": "Riders", "items": [body]}
        for path, asked in (("payouts/", body), ("payout-batches/", batch)):
            self.assert_problem(self.post(path, asked, self.headers), 400, "idempotency_key_required")
        self.assert_nothing_asked()
        self.assertFalse(PayoutBatch.objects.exists())

    def test_a_live_reference_is_used_once(self) -> None:
        first = self.payout(reference="EARN-1")
        found = self.assert_problem(self.ask(reference="EARN-1"), 409, "duplicate_reference")
        self.assertEqual(found["existing"], public(first))
        self.assert_balances(available=9_900_00, payout_hold=100_00)

    def test_limits_per_payout_and_day(self) -> None:
        with override_settings(PAYOUT_LARGEST=500_00, PAYOUT_PER_DAY=600_00):
            self.assert_problem(self.ask(amount="501"), 403, "limit_exceeded")
            self.payout(amount="500")
            self.assert_problem(self.ask(amount="101"), 403, "limit_exceeded")
            self.payout(amount="100")
        self.assert_balances(available=9_400_00, payout_hold=600_00)

    def test_the_same_key_gives_the_same_payout(self) -> None:
        headers = self.headers | {"Idempotency-Key": "payout-0001"}
        first, again = self.ask(headers), self.ask(headers)
        self.assertEqual(first.content, again.content)
        self.assertEqual(Payout.objects.count(), 1)

    def test_scopes(self) -> None:
        reader = key_headers(make_api_key(self.merchant, scopes=["payouts:read"]))
        self.assert_problem(self.ask(reader), 403, "insufficient_scope")
        developer = make_member(self.merchant, Role.DEVELOPER)
        self.assert_problem(self.get("payouts/", person_headers(developer)), 403, "insufficient_scope")

    def test_filters(self) -> None:
        first, second = self.payout(reference="EARN-1"), self.payout(amount="200", destination=BANK)
        for query, found in {
            "reference=EARN-1": [first],
            "route=bank": [second],
            "status=completed": [],
            "amount_min=150": [second],
        }.items():
            with self.subTest(query=query):
                data = self.get(f"payouts/?{query}", self.headers).json()["data"]
                self.assertEqual([row["id"] for row in data], [public(row) for row in found])

    def test_the_database_guards_the_sums(self) -> None:
        payout = self.payout()
        for changes in ({"paid": 100_01}, {"released": -1}, {"given_back": 1}, {"status": "completed"}):
            with self.subTest(changes=changes), self.assertRaises(IntegrityError), transaction.atomic():
                Payout.objects.filter(id=payout.id).update(**changes)


class Approved(PayoutTestCase):
    """Maker and checker."""

    def waiting(self, headers: dict[str, str] | None = None, **fields: Any) -> Payout:
        with override_settings(PAYOUT_APPROVAL_ABOVE=50_00):
            payout = self.payout(headers, **fields)
        self.assert_payout(payout, "requires_approval", pending_reason=None, approval_reasons=["above_limit"])
        return payout

    def test_above_the_limit_a_second_person_agrees(self) -> None:
        payout = self.waiting()
        self.assert_balances(available=9_900_00, payout_hold=100_00)
        self.assert_told(payout, "created", "requires_approval")
        answer = self.decide(payout, "approve", self.person(Role.ADMIN))
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "pending"))
        admin = to_public("usr", self.people[Role.ADMIN].id)
        self.assert_payout(payout, "pending", pending_reason="queued", approved_by=admin)
        self.assert_told(payout, "created", "requires_approval", "approved")
        self.assert_balances(available=9_900_00, payout_hold=100_00)
        self.assert_problem(self.decide(payout, "approve", self.person(Role.ADMIN)), 409, "state_conflict")

    def test_nobody_approves_what_they_asked_for(self) -> None:
        payout = self.waiting(self.person(Role.ADMIN))
        self.assert_problem(self.decide(payout, "approve", self.person(Role.ADMIN)), 403, "own_request_approval")
        self.assert_payout(payout, "requires_approval", approved_by=None)
        self.assertEqual(self.decide(payout, "approve", self.person(Role.OWNER)).status_code, 200)

    def test_a_key_asks_for_whoever_made_it(self) -> None:
        payout = self.waiting()
        self.assert_problem(self.decide(payout, "approve", self.person(Role.OWNER)), 403, "own_request_approval")
        self.assert_payout(payout, "requires_approval")

    def test_a_key_approves_nothing(self) -> None:
        payout = self.waiting(self.person(Role.ADMIN))
        key = key_headers(make_api_key(self.merchant, scopes=["payouts:approve"], created_by=self.owner_name))
        self.assert_problem(self.decide(payout, "approve", key), 403, "permission_denied")
        self.assert_payout(payout, "requires_approval")

    def test_finance_asks_and_does_not_approve(self) -> None:
        payout = self.waiting(self.person(Role.FINANCE))
        found = self.assert_problem(
            self.decide(payout, "approve", self.person(Role.FINANCE)), 403, "insufficient_scope"
        )
        self.assertEqual(found["required_scope"], "payouts:approve")

    def test_refused_by_a_person_who_may_approve(self) -> None:
        payout = self.waiting()
        key = key_headers(make_api_key(self.merchant, scopes=["payouts:approve"]))
        self.assert_problem(self.decide(payout, "reject", key), 403, "permission_denied")
        self.assert_problem(self.decide(payout, "reject", self.person(Role.FINANCE)), 403, "insufficient_scope")
        self.assert_payout(payout, "requires_approval")
        answer = self.decide(payout, "reject", self.person(Role.ADMIN), reason="Wrong amount")
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "cancelled"))
        self.assert_told(payout, "created", "requires_approval", "cancelled")
        self.assertEqual(AuditEvent.objects.get(action="payout.cancelled").detail["reason"], "Wrong amount")
        self.assert_balances(available=10_000_00, payout_hold=0)
        self.assert_problem(self.decide(payout, "reject", self.person(Role.ADMIN)), 409, "state_conflict")

    def test_called_off_the_money_and_the_fee_come_back(self) -> None:
        with override_settings(PAYOUT_FEE=10_00):
            payout = self.waiting(reference="EARN-1")
        answer = self.decide(payout, "cancel", self.headers, reason="Wrong amount")
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "cancelled"))
        self.assert_payout(payout, "cancelled", released=100_00, paid=0)
        self.assert_posted(
            payout,
            hold={("available", "D"): 110_00, ("payout_hold", "C"): 100_00, ("fee_income", "C"): 10_00},
            undo={("payout_hold", "D"): 100_00, ("fee_income", "D"): 10_00, ("available", "C"): 110_00},
        )
        self.assert_balances(available=10_000_00, payout_hold=0)
        self.assert_told(payout, "created", "requires_approval", "cancelled")
        self.assert_problem(self.decide(payout, "approve", self.person(Role.ADMIN)), 409, "state_conflict")
        self.payout(reference="EARN-1")

    def test_what_is_on_its_way_is_not_called_off(self) -> None:
        payout = self.payout()
        self.assert_problem(self.decide(payout, "cancel", self.headers), 409, "state_conflict")
        self.assert_payout(payout, "pending")

    def test_the_merchants_own_limit_counts(self) -> None:
        set_limits(self.merchant.id, {"approval_above": 0}, actor="operator")
        payout = self.payout()
        self.assert_payout(payout, "requires_approval", approval_reasons=["above_limit"])


class AtOnce(CommittingPayoutTestCase):
    def test_many_at_once_take_no_more_than_there_is(self) -> None:
        merchant = make_merchant("Duka Dogo")
        give(merchant, 500_00)
        headers = key_headers(make_api_key(merchant))
        start, found = Barrier(8), []

        def ask() -> None:
            try:
                start.wait()
                body = {"amount": 100, "destination": PHONE, "reason": "x"}
                found.append(self.post("payouts/", body, keyed(headers)))
            finally:
                connection.close()

        threads = [Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(answer.status_code for answer in found), [201] * 5 + [402] * 3)
        self.assertEqual((balance("available", merchant), balance("payout_hold", merchant)), (0, 500_00))
        self.assertEqual(Payout.objects.filter(merchant=merchant).count(), 5)


class LimitsOfOne(PayoutTestCase):
    def run_command(self, *arguments: str) -> list[str]:
        said = StringIO()
        call_command("payout_limits", to_public("mer", self.merchant.id), *arguments, stdout=said)
        return said.getvalue().splitlines()

    def test_shown_changed_and_given_up(self) -> None:
        self.assertEqual(self.run_command()[0], "approval above: KES 50000.00")
        self.assertEqual(
            self.run_command("--approval-above", "99", "--largest", "200"),
            ["approval above: KES 99.00", "largest payout: KES 200.00", "payouts of one day: KES 5000000.00"],
        )
        self.assert_problem(self.ask(amount="201"), 403, "limit_exceeded")
        self.assert_payout(self.payout(), "requires_approval")
        self.assertEqual(self.run_command("--approval-above", "default")[0], "approval above: KES 50000.00")
        self.assertEqual(AuditEvent.objects.filter(action="payout_limits.changed").count(), 2)

    def test_what_cannot_be_read(self) -> None:
        for arguments in (["mer_x"], [to_public("mer", self.merchant.id), "--largest", "much"]):
            with self.assertRaises(CommandError):
                call_command("payout_limits", *arguments)
