"""Money to try payouts with: available at once in test mode, and never in live mode."""

from audit.models import AuditEvent
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.caller import LIVE
from settlements.models import LedgerTransfer
from settlements.tests.base import balance


class TrialMoney(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)
        self.headers = key_headers(make_api_key(self.merchant))

    def test_it_is_available_at_once_and_on_record(self) -> None:
        answer = self.post("test/balance/", {"amount": "250.50"}, self.headers)
        self.assertEqual(answer.status_code, 201, answer.content)
        body = answer.json()
        self.assertEqual((body["kind"], body["livemode"]), ("trial_money", False))
        self.assertEqual(
            [(line["kind"], line["side"], line["amount"]) for line in body["lines"]],
            [("bank", "debit", "250.50"), ("available", "credit", "250.50")],
        )
        self.assertEqual(balance("available", self.merchant), 250_50)
        self.assertEqual(AuditEvent.objects.get(action="trial_money.added").object, body["id"])
        self.assertEqual(self.client.get(answer["Location"], headers=self.headers).json(), body)

    def test_once_per_key(self) -> None:
        headers = self.headers | {"Idempotency-Key": "trial-money-1"}
        for _ in range(2):
            self.assertEqual(self.post("test/balance/", {"amount": 100}, headers).status_code, 201)
        self.assertEqual(balance("available", self.merchant), 100_00)

    def test_never_in_live_mode(self) -> None:
        live = key_headers(make_api_key(self.merchant, LIVE))
        self.assert_problem(self.post("test/balance/", {"amount": 100}, live), 403, "permission_denied")
        self.assert_nothing_posted()

    def test_what_is_no_amount(self) -> None:
        for amount, code in (("0", "amount_too_small"), ("1000000.01", "amount_too_large"), ("x", "amount_invalid")):
            self.assert_problem(self.post("test/balance/", {"amount": amount}, self.headers), 400, code)
        reader = key_headers(make_api_key(self.merchant, scopes=["balance:read"]))
        self.assert_problem(self.post("test/balance/", {"amount": 1}, reader), 403, "insufficient_scope")
        self.assert_nothing_posted()

    def assert_nothing_posted(self) -> None:
        self.assertFalse(LedgerTransfer.objects.exists())
        self.assertEqual(AuditEvent.objects.filter(action="trial_money.added").count(), 0)
