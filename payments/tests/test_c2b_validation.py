"""The wish to pay, decided while the payer waits: taken when it could be placed, refused with the word that helps."""

import json
from datetime import timedelta
from typing import Any
from unittest import mock

from django.db import connection
from django.test import override_settings

from merchants.models import Merchant, MerchantLimits, ProviderAccount
from merchants.tests.accounts import make_account as connect
from merchants.tests.factories import key_headers, make_api_key, make_limits, make_merchant
from onpoint_pay.kit.clock import now
from payments.models import C2bAccount, C2bReceipt, Payment, ProviderEvent
from payments.services import c2b_validation
from payments.tests.base import NO_SUCH_TOKEN
from payments.tests.c2b import PAYER, C2bTestCase, confirmation, hashed, next_code
from settlements.models import LedgerTransfer

ACCEPTED = {"ResultCode": "0", "ResultDesc": "Accepted"}
PAYER_CODE, ACCOUNT, AMOUNT, SHORTCODE, OTHER = "C2B00011", "C2B00012", "C2B00013", "C2B00015", "C2B00016"


class ValidationTestCase(C2bTestCase):
    def wish(self, *, door: str | None = None, shop: ProviderAccount | None = None, **told: Any) -> str:
        """The provider's question whether a payment shall be taken; the code we answer."""
        body = confirmation(
            next_code(), **({"OrgAccountBalance": "", "shortcode": (shop or self.shop).shortcode} | told)
        )
        answer = self.bring(body, door or self.hook("validate", shop=shop))
        self.assertEqual(answer.status_code, 200, answer.content)
        self.assertFalse(LedgerTransfer.objects.exists())
        self.assertFalse(C2bReceipt.objects.exists())
        return str(answer.json()["ResultCode"])

    def note(self) -> str:
        event = ProviderEvent.objects.latest("id")
        self.assertEqual(event.status, "ignored")
        return event.note


class Accounts(ValidationTestCase):
    def test_a_shortcode_without_accounts_takes_everything(self) -> None:
        self.assertEqual(self.wish(bill_ref="ANYTHING"), "0")
        self.assertIn("accepted", self.note())

    def test_the_account_and_what_could_be_meant_by_it(self) -> None:
        self.make_account("SHULE01")
        for typed in ("SHULE01", " shule 01 ", "SHULEO1", "SHULE-01", "SHULE1", "SHULE02"):
            with self.subTest(typed=typed):
                self.assertEqual(self.wish(bill_ref=typed), "0")

    def test_an_unknown_account(self) -> None:
        self.make_account("SHULE01")
        self.assertEqual(self.wish(bill_ref="KODI-77"), ACCOUNT)
        self.assertIn("refused, account", self.note())

    def test_nothing_typed(self) -> None:
        self.make_account("SHULE01")
        self.assertEqual(self.wish(bill_ref=""), ACCOUNT)

    def test_a_closed_and_an_expired_account(self) -> None:
        closed, expired = self.make_account("SHULE01"), self.make_account("KODI0077")
        C2bAccount.objects.filter(id=closed.id).update(is_open=False)
        C2bAccount.objects.filter(id=expired.id).update(expires_at=now() - timedelta(minutes=1))
        self.assertEqual(self.wish(bill_ref="SHULE01"), ACCOUNT)
        self.assertEqual(self.wish(bill_ref="KODI0077"), ACCOUNT)

    def test_another_amount_than_expected(self) -> None:
        self.make_account("SHULE01", expected_amount="250")
        self.assertEqual(self.wish(bill_ref="SHULE01", amount="250.00"), "0")
        self.assertEqual(self.wish(bill_ref="SHULE01", amount="100.00"), AMOUNT)

    def test_known_by_the_payer(self) -> None:
        payment = self.start(amount=100, phone=PAYER)
        self.make_account("SHULE01")
        self.assertEqual(self.wish(bill_ref="FEES", msisdn=hashed()), "0")
        self.assertEqual(self.wish(bill_ref="FEES", msisdn=hashed("254700999888")), ACCOUNT)
        self.assert_state(payment, "pending")

    def test_a_till_has_no_account_numbers(self) -> None:
        till = connect(make_merchant(), shortcode="600124", kind="till", till="5123456")
        self.assertEqual(self.wish(bill_ref="", shop=till, shortcode="5123456"), "0")
        self.assertEqual(self.wish(bill_ref="", shop=till, shortcode="600124"), "0")

    def test_the_code_of_another_shortcode(self) -> None:
        other = make_merchant("Mama Mboga")
        connect(other, shortcode="600777")
        self.make_account("OTHER77", headers=key_headers(make_api_key(other)))
        self.make_account("SHULE01")
        self.assertEqual(self.wish(bill_ref="OTHER77"), ACCOUNT)


class Payments(ValidationTestCase):
    def test_a_prompt_of_ours(self) -> None:
        self.make_account("SHULE01")
        payment = self.start(amount=100)
        self.assertEqual(self.wish(bill_ref=payment.account_reference), "0")
        self.assertEqual(self.wish(bill_ref=payment.account_reference, amount="99.00"), AMOUNT)

    def test_a_prompt_with_the_merchants_own_text(self) -> None:
        self.make_account("SHULE01")
        self.start(amount=100, account_reference="DUKA BORA", phone=PAYER)
        self.assertEqual(self.wish(bill_ref="DUKABORA"), "0")

    def test_a_payment_by_hand(self) -> None:
        payment = self.start(payment_method="mpesa_c2b", amount=100)
        self.assertEqual(self.wish(bill_ref=payment.account_reference), "0")
        self.assertEqual(self.wish(bill_ref=payment.account_reference, amount="1.00"), AMOUNT)

    def test_a_payment_that_is_paid(self) -> None:
        self.make_account("SHULE01")
        payment = self.start(amount=100)
        self.call_back(payment, next_code())
        body = confirmation(next_code(), bill_ref=payment.account_reference)
        self.assertEqual(self.bring(body, self.hook("validate")).json()["ResultCode"], ACCOUNT)


class Limits(ValidationTestCase):
    def test_the_networks_own(self) -> None:
        self.assertEqual(self.wish(amount="0.50"), AMOUNT)
        self.assertEqual(self.wish(amount="1.00"), "0")
        self.assertEqual(self.wish(amount="250000.00"), "0")
        self.assertEqual(self.wish(amount="250001.00"), AMOUNT)

    def test_the_merchants_own(self) -> None:
        make_limits(self.merchant, cap_largest=500_00)
        self.make_account("SHULE01")
        self.assertEqual(self.wish(bill_ref="SHULE01", amount="500.00"), "0")
        self.assertEqual(self.wish(bill_ref="SHULE01", amount="501.00"), AMOUNT)

    def test_the_day_of_the_merchant_and_of_the_payer(self) -> None:
        account = self.make_account("SHULE01")
        make_limits(self.merchant, own_per_day=500_00, own_payments_per_payer_day=1)
        waiting = self.start(amount=400, phone=PAYER)
        self.assertEqual(self.wish(bill_ref="SHULE01", amount="101.00"), AMOUNT)
        self.assertIn("in this time", self.note())
        # What was asked for counts already, and is taken.
        self.assertEqual(self.wish(bill_ref=waiting.account_reference, amount="400.00"), "0")
        # The payer has been asked once today.
        self.assertEqual(self.wish(bill_ref="SHULE01", amount="1.00"), AMOUNT)
        MerchantLimits.objects.update(own_payments_per_payer_day=None)
        self.assertEqual(self.wish(bill_ref="SHULE01", amount="100.00"), "0")
        # Money that has come is taken, limit or not.
        self.assert_credited(self.confirm(bill_ref=account.code, amount="450.00"), amount=450_00)

    def test_a_suspended_merchant(self) -> None:
        self.make_account("SHULE01")
        Merchant.objects.filter(id=self.merchant.id).update(status="suspended")
        self.assertEqual(self.wish(bill_ref="SHULE01"), OTHER)
        self.assertEqual(self.wish(bill_ref="NOTHING"), OTHER)

    def test_a_shortcode_that_is_not_the_accounts(self) -> None:
        self.assertEqual(self.wish(shortcode="999999"), SHORTCODE)


class InTime(ValidationTestCase):
    def test_what_cannot_be_decided_gets_the_default(self) -> None:
        for default, code in (("accept", "0"), ("reject", OTHER)):
            ProviderAccount.objects.filter(id=self.shop.id).update(validation_default=default)
            with (
                self.subTest(default=default),
                mock.patch.object(c2b_validation, "decide_wish", side_effect=RuntimeError),
            ):
                self.assertEqual(self.wish(bill_ref="SHULE01"), code)
                self.assertIn("could not be decided", self.note())

    def test_a_slow_database_is_not_waited_for(self) -> None:
        ProviderAccount.objects.filter(id=self.shop.id).update(validation_default="reject")

        def slow(*args: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(30)")

        with mock.patch.object(c2b_validation, "decide_wish", slow):
            self.assertEqual(self.wish(bill_ref="SHULE01"), OTHER)

    def test_bodies_that_cannot_be_read_are_taken(self) -> None:
        for body in (b"", b"{", json.dumps({"TransID": "x"}).encode()):
            with self.subTest(body=body):
                self.assertEqual(self.bring(body, self.hook("validate")).json(), ACCEPTED)


class Strangers(ValidationTestCase):
    """Whoever is not known to be the provider learns nothing of which accounts there are."""

    def setUp(self) -> None:
        super().setUp()
        self.make_account("SHULE01")

    def test_the_documented_address_takes_everything(self) -> None:
        door = "/api/v1/payments/mpesa/validation/"
        self.assertEqual(self.wish(bill_ref="SHULE01", door=door), "0")
        self.assertEqual(self.wish(bill_ref="NOTHING", door=door), "0")
        self.assertIn("untrusted", self.note())

    @override_settings(CALLBACK_ADDRESSES=["127.0.0.1"])
    def test_the_documented_address_from_the_provider(self) -> None:
        door = "/api/v1/payments/mpesa/validation/"
        self.assertEqual(self.wish(bill_ref="SHULE01", door=door), "0")
        self.assertEqual(self.wish(bill_ref="NOTHING", door=door), ACCOUNT)

    def test_the_documented_address_with_the_token(self) -> None:
        door = f"/api/v1/payments/mpesa/validation/{self.shop.open_hook_token()}/"
        self.assertEqual(self.wish(bill_ref="NOTHING", door=door), ACCOUNT)

    def test_a_wrong_token(self) -> None:
        answer = self.bring(confirmation(next_code()), f"/api/v1/hooks/{NO_SUCH_TOKEN}/validate/")
        self.assert_problem(answer, 404, "route_not_found")


class Afterwards(C2bTestCase):
    def test_refused_and_confirmed_all_the_same(self) -> None:
        """The network took the money in spite of our answer: it is booked, and waits for a person."""
        self.make_account("SHULE01")
        code = next_code()
        answer = self.bring(confirmation(code, bill_ref="KODI-77"), self.hook("validate"))
        self.assertEqual(answer.json()["ResultCode"], ACCOUNT)
        self.assert_waiting(self.confirm(code, bill_ref="KODI-77"))
        self.assert_books(provider_float=100_00, suspense=100_00)

    def test_accepted_and_confirmed(self) -> None:
        self.make_account("SHULE01")
        code = next_code()
        self.assertEqual(self.bring(confirmation(code, bill_ref="SHULE01"), self.hook("validate")).json(), ACCEPTED)
        self.assert_credited(self.confirm(code, bill_ref="SHULE01"))
        self.assertEqual(Payment.objects.count(), 1)

    def test_no_worker_looks_at_a_wish(self) -> None:
        self.bring(confirmation(next_code(), bill_ref="SHULE01"), self.hook("validate"))
        self.assertEqual(self.apply(), 0)
