"""Confirmations of money that payers send by themselves: credited once, or in suspense with a reason."""

from typing import Any

from merchants.models import Merchant
from payments.models import C2bReceipt, Payment, ProviderEvent, ProviderQuestion
from payments.tests.base import NO_SUCH_TOKEN, events_of, steps_of
from payments.tests.c2b import PAYER, C2bTestCase, confirmation, hashed, masked, news_of, next_code
from settlements.models import LedgerTransfer
from webhooks.services.numbering import number_events

DOCUMENTED = "/api/v1/payments/mpesa/confirmation/"
STRANGERS_DOOR = f"/api/v1/hooks/{NO_SUCH_TOKEN}/confirm/"
ACCEPTED = {"ResultCode": 0, "ResultDesc": "Accepted"}


class Credited(C2bTestCase):
    def test_an_account_is_credited_like_every_payment(self) -> None:
        account = self.make_account("SHULE01", name="Amina Otieno")
        row = self.confirm(bill_ref="SHULE01", amount="750.00")
        self.assertEqual((row.rule, row.score, row.decided_by), ("exact", 1, "system"))
        payment = self.assert_credited(
            row,
            payment_method="mpesa_c2b",
            channel="c2b",
            merchant_id=self.merchant.id,
            amount=750_00,
            phone=PAYER,
            payer_name="AMINA WAIRIMU OTIENO",
            description="Amina Otieno",
            confirmed_by="callback",
            surplus=False,
            late=False,
            simulated=True,
            provider_account_id=self.shop.id,
        )
        self.assertEqual(row.account_id, account.id)
        self.assertEqual(payment.provider_details["account_code"], "SHULE01")
        self.assertEqual(steps_of(payment), [("initiated", "pending"), ("pending", "completed")])
        self.assertEqual(events_of(payment), ["payment.completed"])
        self.assertEqual(news_of(row), ["c2b.received", "c2b.matched"])
        self.assert_books(provider_float=750_00, pending=750_00 - 11_25, fee_income=11_25)

    def test_what_the_merchant_sees(self) -> None:
        self.make_account("SHULE01")
        row = self.confirm(bill_ref="shule 01", amount="100.00")
        payment = self.assert_credited(row)
        receipt = self.get(f"c2b/receipts/{self.shown(row)}/", self.headers).json()
        self.assertEqual(
            (receipt["object"], receipt["receipt"], receipt["bill_ref"]), ("c2b_receipt", row.receipt, "shule 01")
        )
        self.assertEqual((receipt["amount"], receipt["org_balance"], receipt["till"]), ("100.00", "48230.00", None))
        self.assertEqual((receipt["match"]["state"], receipt["match"]["score"]), ("matched", "0.97"))
        self.assertIn("SHULE01", receipt["match"]["reason"])
        self.assertIn("SHULE01", receipt["match"]["reason_sw"])
        shown = self.get(f"payments/{receipt['match']['payment']}/", self.headers).json()
        self.assertEqual((shown["status"], shown["provider_receipt"]), ("completed", row.receipt))
        self.assertEqual((shown["payer_name"], shown["phone"]), (payment.payer_name, PAYER))

    def test_more_or_less_than_expected(self) -> None:
        self.make_account("SHULE01", expected_amount="100")
        for amount, verdict in (("100.00", "exact"), ("40.00", "under"), ("150", "over")):
            with self.subTest(amount=amount):
                self.assert_credited(self.confirm(bill_ref="SHULE01", amount=amount), amount_check=verdict)

    def test_cents(self) -> None:
        self.make_account("SHULE01")
        self.assert_credited(self.confirm(bill_ref="SHULE01", amount="980.50"), amount=980_50)

    def test_amounts_as_numbers_and_names_that_are_null(self) -> None:
        self.make_account("SHULE01")
        row = self.confirm(bill_ref="SHULE01", amount=1, name="", FirstName=None, MiddleName=None, InvoiceNumber=None)
        self.assert_credited(row, amount=100, payer_name=None)

    def test_every_way_a_payer_is_shown(self) -> None:
        self.make_account("SHULE01")
        for msisdn, kept in (
            (PAYER, {"phone": PAYER, "phone_hash": None}),
            (hashed(), {"phone": None, "phone_hash": hashed()}),
            (masked(), {"phone": None, "phone_hash": None}),
            (None, {"phone": None, "phone_hash": None}),
        ):
            with self.subTest(msisdn=msisdn):
                row = self.confirm(bill_ref="SHULE01", msisdn=msisdn)
                self.assert_credited(row, **kept)
        self.assertEqual(C2bReceipt.objects.filter(phone_masked=masked()).count(), 1)

    def test_a_till_without_text(self) -> None:
        row = self.confirm(bill_ref="")
        self.assert_waiting(row)
        self.assert_books(provider_float=100_00, suspense=100_00)

    def test_an_alias_of_the_account(self) -> None:
        account = self.make_account("SHULE01", aliases=["AMINA FORM 2"])
        row = self.confirm(bill_ref="amina form 2")
        self.assert_credited(row)
        self.assertEqual(self.fresh(row).account_id, account.id)

    def shown(self, row: C2bReceipt) -> str:
        return self.get(f"c2b/receipts/?receipt={row.receipt}", self.headers).json()["data"][0]["id"]


class Waiting(C2bTestCase):
    def test_an_unknown_account(self) -> None:
        self.make_account("SHULE01")
        row = self.confirm(bill_ref="KODI-9")
        self.assert_waiting(row, rule=None, score=None)
        self.assertEqual(news_of(row), ["c2b.received", "c2b.unmatched"])
        self.assert_books(provider_float=100_00, suspense=100_00)

    def test_a_closed_account(self) -> None:
        account = self.make_account("SHULE01")
        self.post(f"c2b/accounts/{self.public(account)}/close/", {}, self.headers)
        row = self.confirm(bill_ref="SHULE01")
        waiting = self.assert_waiting(row, "suggested")
        self.assertIn("no longer open", str(waiting.reason))
        self.assertEqual(news_of(row), ["c2b.received", "c2b.suggested"])

    def test_one_slip_waits_for_a_person(self) -> None:
        account = self.make_account("20418877", expected_amount="100")
        row = self.assert_waiting(self.confirm(bill_ref="20418878"), "suggested", rule="one_edit")
        self.assertEqual([each["id"] for each in row.suggestions], [self.public(account)])
        self.assertLess(row.score, 0.95)

    def test_a_payment_that_was_named_asked_for_another_amount(self) -> None:
        payment = self.start(amount=250)
        row = self.confirm(bill_ref=payment.account_reference, amount="100.00")
        self.assert_waiting(row, rule="reference")
        self.assertIn("250.00", str(self.fresh(row).reason))
        self.assert_state(payment, "pending", receipt=None)
        self.assert_no_money(payment)
        self.assertEqual(self.told("payment.amount_mismatch"), 1)
        self.assert_books(provider_float=100_00, suspense=100_00)

    def test_a_payment_that_was_named_is_paid_already(self) -> None:
        payment = self.start(amount=100)
        self.call_back(payment, next_code())
        row = self.confirm(bill_ref=payment.account_reference)
        self.assert_waiting(row, rule="reference")
        self.assert_books(provider_float=200_00, pending=98_50, fee_income=1_50, suspense=100_00)

    def told(self, kind: str) -> int:
        number_events()
        return sum(event["type"] == kind for event in self.get("events/?limit=100", self.headers).json()["data"])

    def public(self, account: Any) -> str:
        return self.get(f"c2b/accounts/?code={account.code}", self.headers).json()["data"][0]["id"]


class Doors(C2bTestCase):
    def test_twice(self) -> None:
        self.make_account("SHULE01")
        code = next_code()
        body = confirmation(code, bill_ref="SHULE01")
        for _ in range(3):
            answer = self.bring(body, self.hook("confirm"))
            self.assertEqual((answer.status_code, answer.json()), (200, ACCEPTED))
            self.apply()
        self.assertEqual(ProviderEvent.objects.filter(door="confirm").count(), 1)
        self.assert_credited(C2bReceipt.objects.get(receipt=code))
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_twice_with_another_amount(self) -> None:
        self.make_account("SHULE01")
        code = next_code()
        row = self.confirm(code, bill_ref="SHULE01", amount="100.00")
        self.bring(confirmation(code, bill_ref="SHULE01", amount="90000.00"), self.hook("confirm"))
        self.apply()
        self.assert_credited(row, amount=100_00)
        self.assertEqual(ProviderEvent.objects.filter(door="confirm", status="quarantined").count(), 1)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_another_shortcode_than_the_address_is_for(self) -> None:
        event = self.tell_confirmation(next_code(), bill_ref="SHULE01", shortcode="999999")
        self.assertEqual(event.status, "quarantined")
        self.assert_nothing()

    def test_the_documented_address_with_the_token(self) -> None:
        self.make_account("SHULE01")
        code = next_code()
        door = f"{DOCUMENTED}{self.shop.open_hook_token()}/"
        answer = self.bring(confirmation(code, bill_ref="SHULE01"), door)
        self.assertEqual((answer.status_code, answer.json()), (200, ACCEPTED))
        self.apply()
        self.assert_credited(C2bReceipt.objects.get(receipt=code))

    def test_a_wrong_token_books_nothing_and_asks(self) -> None:
        self.make_account("SHULE01")
        code = next_code()
        answer = self.bring(confirmation(code, bill_ref="SHULE01"), STRANGERS_DOOR)
        self.assert_problem(answer, 404, "route_not_found")
        self.apply()
        self.assert_untrusted(code)

    def test_the_documented_address_without_a_token(self) -> None:
        self.make_account("SHULE01")
        code = next_code()
        answer = self.bring(confirmation(code, bill_ref="SHULE01"), DOCUMENTED)
        self.assertEqual((answer.status_code, answer.json()), (200, ACCEPTED))
        self.apply()
        self.assert_untrusted(code)

    def test_a_stranger_tells_of_no_shortcode_of_ours(self) -> None:
        self.bring(confirmation(next_code(), shortcode="999999"), DOCUMENTED)
        self.apply()
        self.assertFalse(ProviderQuestion.objects.exists())
        self.assert_nothing()

    def test_a_forged_confirmation_does_not_take_the_place_of_the_true_one(self) -> None:
        self.make_account("SHULE01")
        code = next_code()
        self.bring(confirmation(code, bill_ref="SHULE01", amount="90000.00"), DOCUMENTED)
        self.apply()
        self.assert_credited(self.confirm(code, bill_ref="SHULE01", amount="100.00"), amount=100_00)

    def test_bodies_that_cannot_be_read(self) -> None:
        for body in (b"", b"{", b"[]", b'{"TransID": "UKL1"}', confirmation(next_code(), amount="-5")):
            with self.subTest(body=body):
                answer = self.bring(body, self.hook("confirm"))
                self.assertEqual(answer.status_code, 200)
                self.apply()
        self.assert_nothing()
        self.assertEqual(set(ProviderEvent.objects.values_list("status", flat=True)), {"quarantined"})

    def test_the_token_of_a_prompt_opens_no_door_for_confirmations(self) -> None:
        payment = self.start()
        token = self.door_of(payment).split("/")[4]
        answer = self.bring(confirmation(next_code()), f"/api/v1/hooks/{token}/confirm/")
        self.assert_problem(answer, 404, "route_not_found")
        self.apply()
        self.assert_no_money(payment)
        self.assert_nothing()

    def test_a_suspended_merchant_still_gets_money_that_came(self) -> None:
        self.make_account("SHULE01")
        Merchant.objects.filter(id=self.merchant.id).update(status="suspended")
        self.assert_credited(self.confirm(bill_ref="SHULE01"))

    def assert_untrusted(self, code: str) -> None:
        event = ProviderEvent.objects.get(door="confirm:claim")
        self.assertEqual((event.status, event.token_ok), ("quarantined", False))
        question = ProviderQuestion.objects.get()
        self.assertEqual((question.receipt, question.provider_account_id), (code, self.shop.id))
        self.assert_nothing()

    def assert_nothing(self) -> None:
        self.assertFalse(C2bReceipt.objects.exists())
        self.assertFalse(LedgerTransfer.objects.exists())
        self.assertFalse(Payment.objects.filter(channel="c2b").exists())
