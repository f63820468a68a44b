"""Closing an account: refused while something is open or owed, and nobody of it gets in afterwards."""

from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command

from audit.models import AuditEvent
from merchants.models import Merchant
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.ids import new_id, to_public
from payments.tests.factories import make_payment
from settlements.tests.payouts import give


class Closing(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.headers = key_headers(make_api_key(self.merchant))

    def close(self, name: str = "", *more: str) -> tuple[int, str]:
        told = StringIO()
        try:
            with self.captureOnCommitCallbacks(execute=True):
                call_command("close_account", name or self.merchant.public_id, "--reason", "Asked.", *more, stdout=told)
        except CommandError as error:
            return error.returncode, str(error)
        return 0, told.getvalue()

    def again(self) -> Any:
        return Merchant.objects.get(id=self.merchant.id)

    def test_closed_and_opened_again(self) -> None:
        self.assertEqual(self.get("merchant/", self.headers).status_code, 200)
        self.assertEqual(self.close(), (0, f"{self.merchant.public_id} is closed.\n"))
        self.assertIsNotNone(self.again().closed_at)
        self.assert_problem(self.get("merchant/", self.headers), 403, "merchant_suspended")
        self.assertEqual(self.close()[0], 1)
        self.assertEqual(self.close("", "--reopen"), (0, f"{self.merchant.public_id} is open.\n"))
        self.assertEqual((self.again().closed_at, self.again().status), (None, "active"))
        self.assertEqual(self.get("merchant/", self.headers).status_code, 200)
        links = AuditEvent.objects.filter(action__in=("merchant.closed", "merchant.restored")).order_by("seq")
        self.assertEqual([link.action for link in links], ["merchant.closed", "merchant.restored"])

    def test_what_is_open_in_live_mode(self) -> None:
        make_payment(self.merchant, mode="live")
        code, told = self.close()
        self.assertEqual((code, "not closed yet" in told), (1, True), told)
        self.assertIsNone(self.again().closed_at)

    def test_money_that_is_owed(self) -> None:
        give(self.merchant, 100_00, mode="live")
        code, told = self.close()
        self.assertEqual((code, "settle first" in told), (1, True), told)
        self.assertIsNone(self.again().closed_at)

    def test_test_mode_keeps_nobody(self) -> None:
        make_payment(self.merchant, mode="test")
        give(self.merchant, 100_00, mode="test")
        self.assertEqual(self.close()[0], 0)

    def test_nobody(self) -> None:
        for name in (to_public("mer", new_id()), "mer_x"):
            self.assertEqual(self.close(name)[0], 2)
