"""The fault matrix, counters that cannot be reached: limits fail as they are configured. The queue itself breaks in
test_fault_matrix_servers.py."""

from django.conf import settings
from django.test import override_settings

from merchants.tests.base import CommittingTestCase
from merchants.tests.factories import PASSWORD, make_member, make_merchant
from onpoint_pay.tests.test_middleware import AWAY
from payments.services.status import refreshed
from payments.tests.factories import next_phone, op_of
from payments.tests.fault_matrix import FaultMatrixCase
from tests.simulator_process import simulator

TIGHT = settings.RATE_LIMITS | {
    "api": "2/1h",
    "initiate": "2/1h",
    "prompt": "2/1h",
    "prompt_day": "2/1d",
    "login": "1/1h",
}


@override_settings(RATE_LIMITS=TIGHT, PROMPT_LIMITS_IN_TEST_MODE=True)
class F25Limits(FaultMatrixCase):
    def test_F25_requests_and_prompts_pass_without_counters(self) -> None:
        phone = next_phone()
        with self.settings(CACHES=AWAY):
            for _ in range(3):
                self.pay(self.start(phone=phone))
        for _ in range(2):
            self.pay(self.start(phone=phone))
        self.assert_problem(self.initiate(phone=phone), 429, "rate_limited")
        self.assertEqual([line["status"] for line in simulator().prompts()], ["paid"] * 5)

    def test_F25_nobody_is_asked_on_demand_without_counters(self) -> None:
        """What spares the provider fails closed: the sweeper asks by its schedule."""
        payment = self.start()
        self.sweep_due()
        asked = simulator().summary()["queries"]
        simulator().approve(op_of(payment).provider_ref or "")
        with self.settings(CACHES=AWAY):
            self.assertEqual(refreshed(payment).status, "pending")
            self.assertEqual(simulator().summary()["queries"], asked)
            self.sweep_due()
        self.assert_paid_once(payment)


@override_settings(RATE_LIMITS=TIGHT)
class F25SignIn(CommittingTestCase):
    """Who may be guessing passwords is not let in uncounted: without counters nobody signs in."""

    def test_F25_sign_in_without_counters(self) -> None:
        user = make_member(make_merchant())
        right, wrong = ({"email": user.email, "password": word} for word in (PASSWORD, "wrong"))
        with self.settings(CACHES=AWAY):
            codes = [self.post("auth/login/", body).status_code for body in (wrong, right)]
        self.assertEqual(codes, [503, 503])
        codes = [self.post("auth/login/", body).status_code for body in (wrong, right)]
        self.assertEqual(codes, [401, 429])
