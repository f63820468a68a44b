"""Payments of a merchant with a shortcode of its own: whose number is prompted for, with whose credentials."""

from merchants.services.connections import change_account, disconnect_account
from merchants.tests.accounts import SECRETS, make_account
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from payments.models import Payment
from payments.services.sweep import sweep
from payments.tests.base import PaymentTestCase, make_due
from payments.tests.factories import caller_of, op_of
from payments.tests.test_statements import Count
from tests.simulator_process import simulator

SHORTCODE = "600123"


class OwnAccounts(PaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        app = {name: SECRETS[name] for name in ("passkey", "consumer_key", "consumer_secret")}
        simulator().call("POST", "shortcodes", {"shortcode": SHORTCODE, **app})
        self.account = make_account(self.merchant, shortcode=SHORTCODE)

    def shortcode_prompted_for(self, payment: Payment) -> str:
        return str(simulator().prompt(op_of(payment).provider_ref or "")["shortcode"])

    def test_the_prompt_is_for_the_merchants_shortcode(self) -> None:
        payment = self.start()
        op = op_of(payment)
        self.assertEqual((payment.shortcode, payment.simulated), (SHORTCODE, True))
        self.assertEqual((payment.provider_account_id, op.provider_account_id), (self.account.id, self.account.id))
        self.assertEqual(self.shortcode_prompted_for(payment), SHORTCODE)
        self.pay(payment)
        self.assert_state(payment, "completed")
        self.assert_one_capture(payment)

    def test_others_stay_with_the_platform(self) -> None:
        self.headers = key_headers(make_api_key(make_merchant("Mama Mboga")))
        payment = self.start()
        self.assertEqual((payment.provider_account_id, self.shortcode_prompted_for(payment)), (None, "174379"))

    def test_no_statement_more_than_without_an_account(self) -> None:
        self.start()
        with Count() as count:
            self.assertEqual(self.initiate().status_code, 201)
        self.assertLessEqual(len(count.statements), 2, count.statements)

    def test_new_credentials_count_from_the_next_payment_on(self) -> None:
        first = self.start()
        with self.captureOnCommitCallbacks(execute=True):
            change_account(caller_of(self.merchant), self.account.id, {"passkey": "another-passkey"})
        found = self.assert_problem(self.initiate(), 402, "payment_failed")
        self.assertEqual(found["payment"]["failure"]["code"], "credentials_rejected")
        with self.captureOnCommitCallbacks(execute=True):
            change_account(caller_of(self.merchant), self.account.id, {"passkey": SECRETS["passkey"]})
        self.start()
        self.pay(first)
        self.assert_state(first, "completed")

    def test_what_is_under_way_is_followed_after_the_account_went_out_of_use(self) -> None:
        payment = self.start()
        with self.captureOnCommitCallbacks(execute=True):
            disconnect_account(caller_of(self.merchant), self.account.id)
        self.assertIsNone(self.start().provider_account_id)
        simulator().approve(op_of(payment).provider_ref or "")
        make_due(op=op_of(payment))
        sweep()
        self.assert_state(payment, "completed", confirmed_by="query")
