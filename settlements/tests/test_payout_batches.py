"""Batches: checked whole, approved once, complete when each payout is closed."""

from typing import Any

from django.http import HttpResponse
from django.test import override_settings

from audit.models import StateHistory
from merchants.models import Role
from merchants.tests.factories import key_headers, make_api_key
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.ids import from_public, to_public
from settlements.models import Payout, PayoutBatch
from settlements.tests.payouts import BANK, PHONE, PayoutTestCase, give, keyed

CSV = """amount,type,phone,bank_code,account_number,account_name,reason,reference
100,mpesa_phone,0712000001,,,,Earnings,A-1

250.50,bank,,01,1234567890,"Duka, Bora",Rent,A-2
"""


class Batches(PayoutTestCase):
    def item(self, **fields: Any) -> dict[str, Any]:
        return {"amount": 100, "destination": PHONE, "reason": "Earnings"} | fields

    def ask_batch(self, *items: dict[str, Any], headers: dict[str, str] | None = None) -> HttpResponse:
        body = {"description": "Riders, week 47", "items": list(items)}
        return self.post("payout-batches/", body, keyed(headers or self.headers))

    def ask_csv(self, text: str | bytes, description: str = "Week 47") -> HttpResponse:
        path = f"/api/v1/payout-batches/?description={description}"
        return self.client.post(path, text, "text/csv", headers=keyed(self.headers))

    def batch(self, answer: HttpResponse) -> PayoutBatch:
        self.assertEqual(answer.status_code, 201, answer.content)
        return PayoutBatch.objects.get(id=from_public("bat", answer.json()["id"]))

    def assert_no_batch(self) -> None:
        self.assertFalse(PayoutBatch.objects.exists())
        self.assert_nothing_asked()
        self.assert_balances(available=10_000_00)

    def test_all_lines_become_payouts(self) -> None:
        with override_settings(PAYOUT_FEE=1_00):
            answer = self.ask_batch(self.item(reference="A-1"), self.item(amount="50", destination=BANK))
        body = answer.json()
        self.assertEqual((body["status"], body["lines"], body["amount"], body["fee"]), ("pending", 2, "150.00", "2.00"))
        self.assertEqual(body["counts"], {"pending": 2})
        rows = Payout.objects.filter(batch=self.batch(answer)).order_by("line")
        self.assertEqual([(row.line, row.amount, row.route) for row in rows], [(1, 100_00, "b2c"), (2, 50_00, "bank")])
        self.assert_balances(available=9_848_00, payout_hold=150_00)
        data = self.get(f"payouts/?batch={body['id']}", self.headers).json()["data"]
        self.assertEqual(len(data), 2)
        self.assertEqual(self.get(f"payout-batches/{body['id']}/", self.headers).json(), body)
        self.assertEqual(self.get("payout-batches/?status=pending", self.headers).json()["data"], [body])

    def test_every_fault_with_its_line_and_nothing_stored(self) -> None:
        answer = self.ask_batch(
            self.item(), self.item(amount="1.50"), self.item(destination={"type": "till"}), self.item(colour="red")
        )
        found = self.assert_problem(answer, 400, "validation_failed")
        params = {fault["param"] for fault in found["errors"]}
        self.assertEqual(params, {"items[2].destination.number", "items[3].colour"})
        answer = self.ask_batch(
            self.item(amount="1.50"), self.item(reference="A-1"), self.item(amount=5), self.item(reference="A-1")
        )
        found = self.assert_problem(answer, 400, "validation_failed")
        self.assertEqual(
            [(fault["param"], fault["code"]) for fault in found["errors"]],
            [
                ("items[0].amount", "amount_not_whole"),
                ("items[2].amount", "amount_too_small"),
                ("items[3].reference", "duplicate_reference"),
            ],
        )
        self.assert_no_batch()

    def test_a_balance_for_some_of_it_is_none(self) -> None:
        answer = self.ask_batch(self.item(amount=9_000), self.item(amount=1_001))
        self.assert_problem(answer, 402, "insufficient_balance")
        self.assert_no_batch()

    def test_the_days_limit_counts_the_whole(self) -> None:
        with override_settings(PAYOUT_PER_DAY=199_00):
            self.assert_problem(self.ask_batch(self.item(), self.item()), 403, "limit_exceeded")
        self.assert_no_batch()

    def test_a_reference_that_is_live_already(self) -> None:
        self.payout(reference="A-1")
        found = self.assert_problem(self.ask_batch(self.item(reference="A-1")), 409, "duplicate_reference")
        self.assertEqual(found["param"], "items[0].reference")

    def test_csv(self) -> None:
        batch = self.batch(self.ask_csv(CSV))
        rows = Payout.objects.filter(batch=batch).order_by("line")
        self.assertEqual([(row.amount, row.merchant_reference) for row in rows], [(100_00, "A-1"), (250_50, "A-2")])
        self.assertEqual((batch.description, batch.lines, batch.amount), ("Week 47", 2, 350_50))

    def test_csv_faults_name_the_line_of_the_file(self) -> None:
        found = self.assert_problem(self.ask_csv(CSV.replace("250.50", "x")), 400, "amount_invalid")
        self.assertEqual(found["param"], "line[4].amount")
        found = self.assert_problem(self.ask_csv(CSV.replace("\n100,", "\n1.5,")), 400, "amount_not_whole")
        self.assertEqual(found["param"], "line[2].amount")
        for text in (
            "",
            "amount\n",
            "amount,colour\n1,red\n",
            "amount,amount\n1,1\n",
            "amount\n1,2\n",
            b"amount\n\xff\n",
            'amount\n"1\n',
        ):
            with self.subTest(text=text):
                self.assertEqual(self.ask_csv(text).status_code, 400)
        self.assert_problem(self.ask_csv(CSV, description=""), 400, "parameter_invalid")
        path = "/api/v1/payout-batches/?description=Week+47"
        bare = self.client.generic("POST", path, b"", headers=keyed(self.headers), CONTENT_TYPE="text/csv")
        self.assert_problem(bare, 400, "parameter_invalid")
        self.assert_no_batch()

    def test_approved_once_and_by_a_second_person(self) -> None:
        with override_settings(PAYOUT_APPROVAL_ABOVE=150_00):
            batch = self.batch(self.ask_batch(self.item(), self.item()))
        name = to_public("bat", batch.id)
        self.assertEqual((batch.status, batch.approval_reasons), ("requires_approval", ["above_limit"]))
        self.assertEqual(set(Payout.objects.values_list("status", flat=True)), {"requires_approval"})
        one = Payout.objects.first()
        assert one is not None
        self.assert_problem(self.decide(one, "approve", self.person(Role.ADMIN)), 409, "state_conflict")
        self.assert_problem(self.decide(one, "cancel", self.headers), 409, "state_conflict")
        path = f"payout-batches/{name}/approve/"
        self.assert_problem(self.post(path, {}, self.person(Role.OWNER)), 403, "own_request_approval")
        key = key_headers(make_api_key(self.merchant, scopes=["payouts:approve"]))
        self.assert_problem(self.post(path, {}, key), 403, "permission_denied")
        answer = self.post(path, {}, self.person(Role.ADMIN))
        self.assertEqual((answer.status_code, answer.json()["counts"]), (200, {"pending": 2}))
        self.assert_told(one, "created", "requires_approval", "approved")
        self.assert_problem(self.post(path, {}, self.person(Role.ADMIN)), 409, "state_conflict")
        steps = StateHistory.objects.filter(entity="payout_batch", entity_id=batch.id)
        self.assertEqual(list(steps.values_list("from_state", "to_state")), [("requires_approval", "pending")])

    def test_called_off_whole(self) -> None:
        with override_settings(PAYOUT_APPROVAL_ABOVE=150_00, PAYOUT_FEE=1_00):
            batch = self.batch(self.ask_batch(self.item(), self.item()))
        answer = self.post(f"payout-batches/{to_public('bat', batch.id)}/cancel/", {"reason": "Twice"}, self.headers)
        self.assertEqual((answer.json()["status"], answer.json()["counts"]), ("cancelled", {"cancelled": 2}))
        self.assert_balances(available=10_000_00, payout_hold=0)

    def test_refused_by_a_person_who_may_approve(self) -> None:
        with override_settings(PAYOUT_APPROVAL_ABOVE=150_00):
            batch = self.batch(self.ask_batch(self.item(), self.item()))
        path = f"payout-batches/{to_public('bat', batch.id)}/reject/"
        key = key_headers(make_api_key(self.merchant, scopes=["payouts:approve"]))
        self.assert_problem(self.post(path, {}, key), 403, "permission_denied")
        self.assert_problem(self.post(path, {}, self.person(Role.FINANCE)), 403, "insufficient_scope")
        self.assert_balances(available=9_800_00, payout_hold=200_00)
        answer = self.post(path, {"reason": "Twice"}, self.person(Role.ADMIN))
        self.assertEqual((answer.json()["status"], answer.json()["counts"]), ("cancelled", {"cancelled": 2}))
        self.assert_balances(available=10_000_00, payout_hold=0)

    def test_a_csv_calls_nothing_off(self) -> None:
        with override_settings(PAYOUT_APPROVAL_ABOVE=150_00):
            batch = self.batch(self.ask_batch(self.item(), self.item()))
        path = f"/api/v1/payout-batches/{to_public('bat', batch.id)}/cancel/"
        answer = self.client.post(path, CSV, "text/csv", headers=self.headers)
        self.assert_problem(answer, 415, "unsupported_media_type")

    def test_one_new_destination_makes_the_whole_wait(self) -> None:
        give(self.merchant, 1_000_00, mode=LIVE)
        live = key_headers(make_api_key(self.merchant, LIVE))
        row = self.destination(self.person(Role.OWNER, mode=LIVE))
        self.age(row, hours=80)
        kept = self.item(destination={"id": to_public("dst", row.id)})
        self.assertEqual(self.batch(self.ask_batch(kept, headers=live)).status, "pending")
        new = self.item(destination=BANK | {"account_number": "9999999"})
        batch = self.batch(self.ask_batch(kept, new, headers=live))
        self.assertEqual((batch.status, batch.approval_reasons), ("requires_approval", ["new_destination"]))
