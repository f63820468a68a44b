"""Payouts whose worker died, whose words disagree, or which two decide at once."""

from threading import Barrier, Thread

from django.db import connection
from django.test import override_settings

from merchants.models import Role
from merchants.tests.factories import make_member, make_merchant, person_headers
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp
from payments.services.out_sending import send_out, take_one
from payments.services.payout_start import start_payouts
from payments.services.sweep import sweep
from payments.tests.payout_base import HELD, CommittingSentPayoutTestCase, part_of
from settlements.tests.payouts import make_destination


class Died(CommittingSentPayoutTestCase):
    def test_between_approval_and_the_first_try(self) -> None:
        """The row waits for whoever looks next."""
        payout = self.to_phone()
        self.assert_tries(payout)
        self.assertEqual((start_payouts(), start_payouts(), send_out(), send_out()), (1, 0, 1, 0))
        self.bring_payout(payout)
        self.assert_paid(payout)

    def test_with_a_try_in_its_hands(self) -> None:
        """Nobody knows whether it left: it is asked about, and not sent again."""
        payout = self.to_phone()
        start_payouts()
        self.assertIsNotNone(take_one())
        self.assert_tries(payout, (1, "sending"))
        self.assertEqual((sweep(), send_out()), (0, 0), "the lease is not over")
        MoneyOp.objects.update(lease_until=now(), next_check=now())
        sweep()
        self.assert_tries(payout, (1, "unknown"))
        self.assert_open(payout, reason="reconciling")
        self.ask_provider()
        self.assert_open(payout, reason="reconciling")
        self.assertEqual((send_out(), self.lines_of(payout)), (0, []))


class Disagree(CommittingSentPayoutTestCase):
    def test_a_late_success_beside_a_newer_try_that_is_out(self) -> None:
        """Two people must look: the money may be out twice, and the books know of it once."""
        self.float_of("0")
        payout = self.sent_payout()
        self.bring_payout(payout)
        first = MoneyOp.objects.get(payout=payout, status="failed")
        self.float_of("1000")
        self.long_after(payout, minutes=20)
        self.assertEqual(send_out(), 1)
        self.assert_tries(payout, (1, "failed"), (1, "accepted"))
        event = self.tell_of(first, TransactionAmount=100)
        self.assertEqual(event.status, "quarantined")
        self.assertIn("MONEY MAY BE OUT TWICE", event.note)
        self.assert_tries(payout, (1, "failed"), (1, "accepted"))
        self.assert_posted(payout, hold=HELD)

    def test_a_late_success_beside_a_newer_try_that_has_not_left(self) -> None:
        self.float_of("0")
        payout = self.sent_payout()
        self.bring_payout(payout)
        event = self.tell_of(MoneyOp.objects.get(payout=payout, status="failed"), TransactionAmount=100)
        self.assertEqual(event.status, "applied")
        self.assert_tries(payout, (1, "succeeded"), (1, "cancelled"))
        self.assert_payout(payout, "completed", paid=100_00)
        self.assertEqual(send_out(), 0)

    def test_a_receipt_of_another_payout(self) -> None:
        paid = self.sent_payout()
        self.bring_payout(paid)
        receipt = part_of(paid).receipt
        payout = self.sent_payout()
        event = self.tell_of(part_of(payout), TransactionAmount=100, receipt=receipt)
        self.assertEqual(event.status, "quarantined")
        self.assert_open(payout, reason="awaiting_provider")


class TwoDecide(CommittingSentPayoutTestCase):
    def test_approved_and_called_off_at_once(self) -> None:
        """One of them is first; the other is told. The money is held, or back, never both."""
        for _ in range(3):
            with override_settings(PAYOUT_APPROVAL_ABOVE=1):
                payout = self.to_phone()
            headers = [person_headers(make_member(self.merchant, Role.OWNER)) for _ in range(4)]
            start, found = Barrier(4), []

            def decide(n: int) -> None:
                try:
                    start.wait()  # noqa: B023
                    verb = "approve" if n % 2 else "cancel"
                    found.append(self.decide(payout, verb, headers[n]).status_code)  # noqa: B023
                finally:
                    connection.close()

            threads = [Thread(target=decide, args=(n,)) for n in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(found), [200, 409, 409, 409])
            ended = self.again_payout(payout)
            self.assertIn((ended.status, ended.released), (("pending", 0), ("cancelled", 100_00)))
            self.assert_clean()

    def test_a_destination_of_another_merchant_is_none(self) -> None:
        theirs = make_destination(make_merchant("Mama Mboga"), "test")
        self.assert_problem(self.ask(destination={"id": theirs}), 404, "resource_missing")
        self.assert_nothing_asked()
