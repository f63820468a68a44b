"""Claims: a payer shows a receipt or the SMS, and the money finds its account or payment."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse

from merchants.models import Merchant
from merchants.tests.accounts import make_account as connect
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from payments.models import C2bClaim, C2bReceipt, ProviderQuestion
from payments.services.c2b_claims import NOT_FOUND, close_stale_claims
from payments.services.questions import _token
from payments.tests.base import next_key
from payments.tests.c2b import PAYER, C2bTestCase, line, masked, next_code, not_found_result, status_result
from webhooks.models import Event

SMS = "{receipt} Confirmed. Ksh100.00 sent to DUKA BORA for account AMINA on 21/11/26 at 9:30 AM New M-PESA balance is Ksh1,234.00."
SWAHILI = (
    "{receipt} Imethibitishwa. Umelipa Ksh100.00 kwa DUKA BORA tarehe 21/11/26 saa 9:30 AM. Salio lako ni Ksh1,234.00."
)


class ClaimsTestCase(C2bTestCase):
    def claim(self, *, headers: dict[str, str] | None = None, **body: Any) -> HttpResponse:
        for name, prefix in (("account", "acc"), ("payment", "pay")):
            if name in body and not isinstance(body[name], str):
                body[name] = to_public(prefix, body[name].id)
        return self.post("c2b/claims/", body, headers or self.headers)

    def claimed(self, *, headers: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
        answer = self.claim(headers=headers, **body)
        self.assertEqual(answer.status_code, 201, answer.content)
        shown: dict[str, Any] = answer.json()
        self.assertEqual(answer["Location"], f"/api/v1/c2b/claims/{shown['id']}/")
        return shown

    def now_shown(self, shown: dict[str, Any], *, headers: dict[str, str] | None = None) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"c2b/claims/{shown['id']}/", headers or self.headers).json()
        return found

    def answer(self, body: bytes, *, question: ProviderQuestion | None = None) -> None:
        asked = question or ProviderQuestion.objects.latest("created_at")
        self.bring(body, f"/api/v1/hooks/{_token(asked.id)}/result/status/")
        self.apply()


class Known(ClaimsTestCase):
    """The receipt lies in suspense: the claim is decided at once."""

    def test_for_an_account(self) -> None:
        account = self.make_account("SHULE01")
        row = self.confirm(bill_ref="AMINA")
        shown = self.claimed(receipt=row.receipt.lower(), account=account)
        self.assertEqual((shown["object"], shown["status"], shown["reason"]), ("c2b_claim", "accepted", None))
        self.assertEqual(shown["c2b_receipt"], to_public("c2b", row.id))
        self.assert_credited(row)
        self.assertEqual(self.fresh(row).rule, "claim")
        self.assertTrue(Event.objects.filter(type="c2b.claimed").exists())
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_for_a_payment(self) -> None:
        payment = self.start(payment_method="mpesa_c2b", amount=100)
        row = self.confirm(bill_ref="AMINA")
        self.assertEqual(self.claimed(receipt=row.receipt, payment=payment)["status"], "accepted")
        self.assert_credited(row, id=payment.id)

    def test_by_sms(self) -> None:
        for words in (SMS, SWAHILI, "Nimelipa:\n" + SMS.replace(". ", ".\n")):
            account = self.make_account(None)
            row = self.confirm(bill_ref="AMINA")
            with self.subTest(words=words):
                shown = self.claimed(sms=words.format(receipt=row.receipt), account=account)
                self.assertEqual((shown["status"], shown["receipt"]), ("accepted", row.receipt))

    def test_the_payment_asks_for_another_amount(self) -> None:
        payment = self.start(payment_method="mpesa_c2b", amount=250)
        row = self.confirm(bill_ref="AMINA")
        shown = self.claimed(receipt=row.receipt, payment=payment)
        self.assertEqual(shown["status"], "refused")
        self.assertIn("250.00", shown["reason"])
        self.assert_waiting(row)

    def test_a_receipt_serves_once(self) -> None:
        first, second = self.make_account("SHULE01"), self.make_account("KODI77")
        row = self.confirm(bill_ref="AMINA")
        self.claimed(receipt=row.receipt, account=first)
        self.assert_problem(self.claim(receipt=row.receipt, account=second), 409, "receipt_already_used")
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_a_receipt_of_a_prompt(self) -> None:
        payment, code = self.start(), next_code()
        self.call_back(payment, code)
        account = self.make_account("SHULE01")
        self.assert_problem(self.claim(receipt=code, account=account), 409, "receipt_already_used")

    def test_one_key_once(self) -> None:
        account = self.make_account("SHULE01")
        row = self.confirm(bill_ref="AMINA")
        headers = self.headers | {"Idempotency-Key": next_key()}
        first, again = (self.claim(headers=headers, receipt=row.receipt, account=account) for _ in range(2))
        self.assertEqual((first.status_code, first.content), (201, again.content))
        self.assertEqual(C2bClaim.objects.count(), 1)

    def test_a_receipt_that_is_not_confirmed_yet(self) -> None:
        Merchant.objects.filter(id=self.merchant.id).update(confirm_policy="always")
        account = self.make_account("SHULE01")
        row = self.confirm(bill_ref="AMINA")
        shown = self.claimed(receipt=row.receipt, account=account)
        self.assertEqual(shown["status"], "pending")
        self.assert_waiting(row, verification="pending")
        self.answer(status_result(row.receipt))
        self.assert_credited(row, confirmed_by="transaction_status")
        self.assertEqual(self.now_shown(shown)["status"], "accepted")


class Unknown(ClaimsTestCase):
    """Nobody has told us: the provider is asked, or its list is read."""

    def test_found_by_asking(self) -> None:
        account = self.make_account("SHULE01")
        code = next_code()
        shown = self.claimed(receipt=code, account=account)
        self.assertEqual((shown["status"], shown["c2b_receipt"]), ("pending", None))
        self.answer(status_result(code))
        row = C2bReceipt.objects.get(receipt=code)
        self.assertEqual((row.source, row.verification), ("claim", "verified"))
        self.assert_credited(row)
        self.assertEqual(self.now_shown(shown)["status"], "accepted")
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_found_in_the_list(self) -> None:
        account = self.make_account("SHULE01")
        code = next_code()
        shown = self.claimed(receipt=code, account=account)
        self.pull(line(code, bill_ref="AMINA"))
        self.assert_credited(C2bReceipt.objects.get(receipt=code), confirmed_by="pull")
        self.assertEqual(self.now_shown(shown)["status"], "accepted")

    def test_the_confirmation_comes_late(self) -> None:
        account = self.make_account("SHULE01")
        code = next_code()
        shown = self.claimed(receipt=code, account=account)
        self.assert_credited(self.confirm(code, bill_ref="AMINA"))
        self.assertEqual(self.now_shown(shown)["status"], "accepted")

    def test_the_money_finds_its_way_by_itself(self) -> None:
        account = self.make_account("SHULE01")
        code = next_code()
        shown = self.claimed(receipt=code, account=account)
        self.assert_credited(self.confirm(code, bill_ref="SHULE01"))
        self.assertEqual(self.now_shown(shown)["status"], "accepted")
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_not_found(self) -> None:
        account = self.make_account("SHULE01")
        shown = self.claimed(receipt=next_code(), account=account)
        self.answer(not_found_result())
        self.assertEqual(self.now_shown(shown)["status"], "pending")
        self.answer(not_found_result())
        found = self.now_shown(shown)
        self.assertEqual((found["status"], found["reason"]), ("refused", NOT_FOUND))
        self.assertFalse(C2bReceipt.objects.exists())

    def test_money_of_another_shortcode(self) -> None:
        account = self.make_account("SHULE01")
        code = next_code()
        shown = self.claimed(receipt=code, account=account)
        self.answer(status_result(code, shortcode="999999"))
        self.assertEqual(self.now_shown(shown)["status"], "refused")
        self.assertFalse(C2bReceipt.objects.exists())

    def test_nobody_answers_for_two_days(self) -> None:
        account = self.make_account("SHULE01")
        shown = self.claimed(receipt=next_code(), account=account)
        self.assertEqual(close_stale_claims(), 0)
        C2bClaim.objects.update(created_at=now() - timedelta(hours=49))
        self.assertEqual(close_stale_claims(), 1)
        self.assertEqual(self.now_shown(shown)["status"], "refused")

    def test_asked_twice_it_is_one_claim(self) -> None:
        first, second = self.make_account("SHULE01"), self.make_account("KODI77")
        code = next_code()
        shown = self.claimed(receipt=code, account=first)
        self.assertEqual(self.claimed(receipt=code, account=first), shown)
        self.assert_problem(self.claim(receipt=code, account=second), 409, "state_conflict")
        self.assertEqual(ProviderQuestion.objects.count(), 1)


class Faults(ClaimsTestCase):
    def test_what_cannot_be_read(self) -> None:
        account = to_public("acc", self.make_account("SHULE01").id)
        for body, code in (
            ({"account": account}, "parameter_invalid"),
            ({"receipt": "UKL1234567", "sms": "UKL1234567", "account": account}, "parameter_invalid"),
            ({"receipt": "UKL1234567"}, "parameter_invalid"),
            ({"receipt": "no code", "account": account}, "parameter_invalid"),
            ({"sms": "Hello, I have paid.", "account": account}, "parameter_invalid"),
            ({"receipt": "UKL1234567", "account": account, "amount": 5}, "unknown_parameter"),
        ):
            with self.subTest(body=body):
                self.assert_problem(self.claim(**body), 400, code)
        self.assertFalse(C2bClaim.objects.exists())

    def test_targets_of_nobody(self) -> None:
        self.assert_problem(
            self.claim(receipt="UKL1234567", account="acc_01KAJ6N8B7E4T9V2M5Q8R1W3XZ"), 404, "resource_missing"
        )
        self.assert_problem(
            self.claim(receipt="UKL1234567", payment="pay_01KAJ6N8B7E4T9V2M5Q8R1W3XZ"), 404, "payment_not_found"
        )

    def test_lists(self) -> None:
        account = self.make_account("SHULE01")
        first = self.claimed(receipt=next_code(), account=account)
        row = self.confirm(bill_ref="AMINA")
        second = self.claimed(receipt=row.receipt, account=account)
        for query, wanted in (
            ("", [second["id"], first["id"]]),
            ("?status=pending", [first["id"]]),
            (f"?receipt={row.receipt.lower()}", [second["id"]]),
        ):
            with self.subTest(query=query):
                found = self.get(f"c2b/claims/{query}", self.headers).json()["data"]
                self.assertEqual([claim["id"] for claim in found], wanted)
        self.assert_problem(self.get("c2b/claims/?status=lost", self.headers), 400, "parameter_invalid")


class Strangers(ClaimsTestCase):
    """Another merchant cannot claim, and learns nothing of what there is."""

    def setUp(self) -> None:
        super().setUp()
        self.stranger = key_headers(make_api_key(make_merchant("Mama Mboga")))
        self.theirs = self.make_account("THEIRS7", headers=self.stranger, phone=PAYER)

    def test_a_receipt_of_anothers_shortcode_looks_like_none(self) -> None:
        row = self.confirm(bill_ref="AMINA")
        mine = self.claimed(receipt=row.receipt, account=self.theirs, headers=self.stranger)
        none = self.claimed(receipt=next_code(), account=self.theirs, headers=self.stranger)
        hidden = ("id", "receipt", "created_at")
        self.assertEqual(
            {name: mine[name] for name in mine if name not in hidden},
            {name: none[name] for name in none if name not in hidden},
        )
        for question in ProviderQuestion.objects.all():
            self.answer(not_found_result(), question=question)
            self.answer(not_found_result(), question=question)
        for shown in (mine, none):
            found = self.now_shown(shown, headers=self.stranger)
            self.assertEqual((found["status"], found["reason"]), ("refused", NOT_FOUND))
        self.assert_waiting(row)

    def test_the_same_number_in_another_world(self) -> None:
        """The sandbox gives everybody the same shortcode; the money at one is not the other's."""
        merchant = make_merchant("Baba Nyama")
        connect(merchant, shortcode="600123", environment="sandbox")
        headers = key_headers(make_api_key(merchant))
        row = self.confirm(bill_ref="AMINA")
        shown = self.claimed(receipt=row.receipt, account=self.make_account("BABA77", headers=headers), headers=headers)
        self.assertEqual(shown["status"], "pending")
        self.assert_waiting(row)

    def test_a_matched_receipt_looks_like_none(self) -> None:
        self.make_account("SHULE01")
        row = self.confirm(bill_ref="SHULE01")
        shown = self.claimed(receipt=row.receipt, account=self.theirs, headers=self.stranger)
        self.assertEqual(shown["status"], "pending")
        self.assert_credited(row, merchant_id=self.merchant.id)

    def test_a_strangers_claim_does_not_keep_the_owner_away(self) -> None:
        code = next_code()
        self.claimed(receipt=code, account=self.theirs, headers=self.stranger)
        shown = self.claimed(receipt=code, account=self.make_account("SHULE01"))
        row = self.confirm(code, bill_ref="AMINA")
        self.assert_credited(row, merchant_id=self.merchant.id)
        self.assertEqual(self.now_shown(shown)["status"], "accepted")


class Shared(ClaimsTestCase):
    """On the platform's shortcode money is nobody's until the payer agrees."""

    def setUp(self) -> None:
        super().setUp()
        from merchants.services.platform_accounts import platform_account

        self.platform = platform_account("daraja", "test")
        self.stranger = key_headers(make_api_key(make_merchant("Mama Mboga")))
        self.payer, self.other = PAYER, "254700111222"

    def test_the_payers_number_agrees(self) -> None:
        for msisdn in (PAYER, masked()):
            account = self.make_account(None, headers=self.stranger, phone=PAYER)
            row = self.confirm(bill_ref="AMINA", shop=self.platform, msisdn=msisdn)
            self.assertIsNone(row.merchant_id)
            with self.subTest(msisdn=msisdn):
                shown = self.claimed(receipt=row.receipt, account=account, headers=self.stranger)
                self.assertEqual(shown["status"], "accepted")
                self.assert_credited(row, merchant_id=account.merchant_id, provider_account_id=None)

    def test_the_payers_number_is_another_or_unknown(self) -> None:
        for phone in (self.other, None):
            more = {"phone": phone} if phone else {}
            account = self.make_account(None, headers=self.stranger, **more)
            row = self.confirm(bill_ref="AMINA", shop=self.platform)
            with self.subTest(phone=phone):
                shown = self.claimed(receipt=row.receipt, account=account, headers=self.stranger)
                self.assertEqual(shown["status"], "pending")
                self.answer(status_result(row.receipt, shortcode="174379"))
                found = self.now_shown(shown, headers=self.stranger)
                self.assertEqual((found["status"], found["reason"]), ("refused", NOT_FOUND))
                self.assert_waiting(row, merchant_id=None)

    def test_money_of_nobody_is_shown_to_nobody(self) -> None:
        row = self.confirm(bill_ref="AMINA", shop=self.platform)
        self.assertEqual(self.get("c2b/receipts/", self.stranger).json()["data"], [])
        self.assert_problem(
            self.get(f"c2b/receipts/{to_public('c2b', row.id)}/", self.stranger), 404, "resource_missing"
        )
        self.assertFalse(Event.objects.filter(type__startswith="c2b.").exists())

    def test_an_account_on_the_shared_shortcode(self) -> None:
        account = self.make_account("SHULE01", headers=self.stranger)
        row = self.confirm(bill_ref="shule 01", shop=self.platform)
        self.assert_credited(row, merchant_id=account.merchant_id, provider_account_id=None, shortcode="174379")
        shown = self.get("c2b/receipts/", self.stranger).json()["data"][0]
        self.assertEqual((shown["receipt"], shown["org_balance"]), (row.receipt, None))
        self.assertEqual(self.get("c2b/receipts/", self.headers).json()["data"], [])

    def test_a_prompt_on_the_shared_shortcode(self) -> None:
        payment = self.start_as(self.stranger)
        row = self.confirm(bill_ref=payment.account_reference, shop=self.platform)
        self.assert_credited(row, id=payment.id)

    def start_as(self, headers: dict[str, str]):  # type: ignore[no-untyped-def]
        mine, self.headers = self.headers, headers
        try:
            return self.start(amount=100)
        finally:
            self.headers = mine
