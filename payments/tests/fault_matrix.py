"""What the tests of the fault matrix share: faults by name at the simulator, and its book as the judge."""

from datetime import timedelta
from typing import Any

from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Payment
from payments.services.sweep import sweep
from payments.tests.base import CommittingPaymentTestCase, events_of
from settlements.models import LedgerEntry
from tests.simulator_process import simulator


class FaultMatrixCase(CommittingPaymentTestCase):
    """Faults by name at the simulator, and its book as the judge."""

    def faults(self, *kinds: str, rate: float = 1.0, seed: int = 7) -> None:
        simulator().call("POST", "faults", {"seed": seed, "rate": rate, "kinds": list(kinds)})

    def calm(self) -> None:
        simulator().call("DELETE", "faults")

    def lines(self, payment: Payment) -> list[dict[str, Any]]:
        """The book's prompts of a payment: by its account reference, which is its own."""
        shown = payment.shown_reference or payment.account_reference
        return [line for line in simulator().prompts() if line["account_reference"] == shown]

    def sweep_due(self, *, age: timedelta | None = None) -> None:
        """Every open operation is due now, sent `age` ago."""
        due: dict[str, Any] = {"next_check": now(), "lease_until": None}
        if age is not None:
            due |= {"sent_at": now() - age, "created_at": now() - age}
        MoneyOp.objects.exclude(next_check=None).update(**due)
        sweep()

    def assert_paid_once(self, payment: Payment, **fields: Any) -> None:
        """Completed here, paid there: same amount, one capture in balanced entries, one event, one prompt."""
        found = self.assert_state(payment, "completed", **fields)
        (line,) = self.lines(payment)
        self.assertEqual(line["status"], "paid")
        self.assertIn(found.receipt, (None, line["receipt"]))
        self.assert_one_capture(payment)
        entries = LedgerEntry.objects.filter(transfer_id=found.capture_transfer_id)
        debits = sum(entry.amount for entry in entries if entry.side == "D")
        self.assertEqual(debits, sum(entry.amount for entry in entries if entry.side == "C"))
        self.assertEqual(debits, line["amount"] * 100)

    def assert_unpaid(self, payment: Payment, status: str, *, booked: int) -> None:
        """Closed here without money; `booked` prompts in the book, none of them paid."""
        self.assert_state(payment, status)
        self.assert_no_money(payment)
        lines = self.lines(payment)
        self.assertEqual([line["status"] for line in lines if line["status"] == "paid"], [])
        self.assertEqual(len(lines), booked)
        self.assertEqual(events_of(payment).count(f"payment.{status}"), 1)

    def only_payment(self) -> Payment:
        return Payment.objects.get(merchant=self.merchant)
