"""The fault matrix, F01 to F04: the push itself fails, each held against the simulator's book."""

from django.core.cache import cache
from django.test import override_settings

from merchants.services import provider_accounts
from payments.tests.base import events_of
from payments.tests.factories import op_of, payment_of
from payments.tests.fault_matrix import FaultMatrixCase
from tests.simulator_process import simulator


class PushFaultsTest(FaultMatrixCase):
    def test_F01_refused_push_fails_and_nothing_is_sent_again(self) -> None:
        self.faults("push_refused", seed=3)
        # The draw depends on the reference: this one is refused by 400.
        answer = self.initiate(account_reference="F01")
        self.assertEqual(answer.status_code, 402)
        payment = payment_of(answer.json()["payment"]["id"])
        self.sweep_due()
        self.assert_unpaid(payment, "failed", booked=0)
        self.assertEqual(op_of(payment).status, "rejected")
        self.assertEqual(events_of(payment), ["payment.created", "payment.failed"])

    @override_settings(SIMULATOR_URL="http://127.0.0.1:9")
    def test_F02_nothing_sent_is_said_so_and_safe_to_ask_again(self) -> None:
        self.reconnect()
        answer = self.initiate(reference="ORDER-F02")
        self.assertEqual(answer.status_code, 503)
        self.assertEqual(answer.json()["code"], "provider_unavailable")
        payment = self.only_payment()
        self.assert_state(payment, "failed")
        self.assert_no_money(payment)
        with override_settings(SIMULATOR_URL=simulator().url):
            self.reconnect()
            self.assertEqual(simulator().prompts(), [])
            again = self.start(reference="ORDER-F02")
            self.pay(again)
            self.assert_paid_once(again)
        self.assert_state(payment, "failed")

    def reconnect(self) -> None:
        provider_accounts._provider.cache_clear()
        cache.clear()

    def check_accepted_then(self, kind: str) -> None:
        """Accepted there, no usable answer here: unknown, then the provider's truth; never a second prompt."""
        simulator().reset()
        self.faults(kind)
        with override_settings(PROVIDER_DEADLINE_SECONDS=1):
            self.reconnect()
            answer = self.initiate()
        self.calm()
        self.assertEqual(answer.status_code, 201, answer.content)
        payment = payment_of(answer.json()["id"])
        self.assert_state(payment, "pending", pending_reason="reconciling")
        self.assertEqual(op_of(payment).status, "unknown")
        (line,) = self.lines(payment)
        simulator().approve(line["checkout_request_id"])
        self.sweep_due()
        self.assert_paid_once(payment, confirmed_by="pull", receipt=self.lines(payment)[0]["receipt"])
        self.reconnect()

    def test_F03_accepted_then_reset(self) -> None:
        self.check_accepted_then("push_reset")

    def test_F03_accepted_then_500(self) -> None:
        self.check_accepted_then("push_500_after")

    def test_F03_accepted_then_empty(self) -> None:
        self.check_accepted_then("push_empty")

    def test_F03_accepted_then_html(self) -> None:
        self.check_accepted_then("push_html")

    def test_F03_accepted_then_cut_json(self) -> None:
        self.check_accepted_then("push_cut_json")

    def test_F03_accepted_with_wrong_types(self) -> None:
        self.check_accepted_then("push_wrong_types")

    def test_F03_accepted_with_ten_megabytes(self) -> None:
        self.check_accepted_then("push_huge")

    def test_F03_accepted_byte_by_byte(self) -> None:
        self.check_accepted_then("push_drip")

    def test_F04_a_repeat_of_the_call_never_makes_a_second_prompt(self) -> None:
        self.faults("push_reset")
        body = self.body(reference="ORDER-F04")
        first = self.initiate(body, key="order-F04-key")
        for _ in range(3):
            again = self.initiate(body, key="order-F04-key")
            self.assertEqual((again.status_code, again.json()["id"]), (first.status_code, first.json()["id"]))
        self.calm()
        payment = payment_of(first.json()["id"])
        self.sweep_due()
        self.assertEqual(len(self.lines(payment)), 1)
        self.assertEqual(payment.ops.count(), 1)
