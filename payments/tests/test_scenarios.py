"""The scenario header on its way from a merchant to the simulator."""

from payments.tests.base import PaymentTestCase
from payments.tests.factories import op_of
from tests.simulator_process import simulator


class ScenarioTests(PaymentTestCase):
    def test_a_line_of_the_fault_matrix_reaches_the_simulator(self) -> None:
        payment = self.start(scenario="fault=F05")
        line = simulator().approve(op_of(payment).provider_ref or "")
        self.assertEqual(line["status"], "paid")
        self.assertEqual(simulator().callbacks(op_of(payment).provider_ref or ""), [])
        self.assertEqual(simulator().call("GET", "faults")["counts"], {"callback_lost": 1})
        self.assert_state(payment, "pending")
        self.assert_no_money(payment)
