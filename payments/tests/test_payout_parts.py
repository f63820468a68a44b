"""Payouts larger than the network sends at once: parts of their own, booked apart."""

from unittest import TestCase

from django.db import IntegrityError, transaction
from django.test import override_settings

from onpoint_pay.kit.clock import now
from payments.models import MoneyOp
from payments.services.out_sending import send_out
from payments.services.payout_order import add_part_try
from payments.services.payout_start import start_payouts
from payments.services.payout_tries import split_parts
from payments.tests.payout_base import CommittingSentPayoutTestCase, SentPayoutTestCase, part_of


class Split(TestCase):
    def test_equal_parts_within_the_limit(self) -> None:
        for amount, parts in {
            100_00: [100_00],
            250_000_00: [250_000_00],
            250_005_00: [125_003_00, 125_002_00],
            700_000_00: [233_334_00, 233_333_00, 233_333_00],
        }.items():
            with self.subTest(amount=amount):
                found = split_parts(amount, limit=250_000_00)
                self.assertEqual((found, sum(found)), (parts, amount))


@override_settings(PAYOUT_PART_LIMIT=60_00, PAYOUT_FEE=5_00)
class Parts(CommittingSentPayoutTestCase):
    def test_completed_when_all_are(self) -> None:
        payout = self.sent_payout(amount=101)
        self.assertEqual([line["cents"] for line in self.lines_of(payout)], [51_00, 50_00])
        self.bring_payout(payout, part=2)
        self.assert_payout(payout, "pending", paid=50_00)
        self.assert_balances(payout_hold=51_00)
        self.assert_told(payout, "created")
        self.assert_clean()
        self.bring_payout(payout, part=1)
        self.assert_payout(payout, "completed", paid=101_00, released=0)
        hold = {("available", "D"): 106_00, ("payout_hold", "C"): 101_00, ("fee_income", "C"): 5_00}
        done = [{("payout_hold", "D"): minor, ("provider_float", "C"): minor} for minor in (51_00, 50_00)]
        self.assert_posted(payout, hold=hold, done=done[0], done_2=done[1])
        self.assert_told(payout, "created", "completed")
        first, second = part_of(payout, 1), part_of(payout, 2)
        self.assertNotEqual(first.receipt, second.receipt)
        self.assertNotIn(None, (first.receipt, second.receipt))
        self.assert_clean()

    def test_one_left_and_one_did_not(self) -> None:
        """What left stays; what did not is the merchant's again; the fee stays earned."""
        payout = self.to_phone(amount=100)
        start_payouts()
        self.float_of("50")
        self.assertEqual(send_out(), 2)
        self.bring_payout(payout)
        self.assert_tries(payout, (1, "succeeded"), (2, "failed"), (2, "created"))
        self.assert_payout(payout, "pending", pending_reason="insufficient_float", paid=50_00)
        self.long_after(payout, days=8)
        self.assertEqual(send_out(), 1)
        self.bring_payout(payout, part=2)
        found = self.assert_payout(payout, "failed", paid=50_00, released=50_00)
        self.assertEqual((found.failure or {})["code"], "insufficient_funds")
        self.assert_balances(available=9_945_00, payout_hold=0)
        self.assert_told(payout, "created", "failed")
        self.assert_clean()

    def test_none_left_and_the_fee_comes_back(self) -> None:
        payout = self.sent_payout(amount=100, destination={"type": "mpesa_phone", "phone": "254700002040"})
        self.bring_payout(payout)
        self.assert_payout(payout, "failed", paid=0, released=100_00)
        self.assert_balances(available=10_000_00, payout_hold=0)
        self.assert_clean()

    def test_a_part_in_doubt_is_what_the_merchant_hears_of(self) -> None:
        payout = self.to_phone(amount=100)
        start_payouts()
        self.faults("send_reset", "result_lost")
        send_out()
        self.calm()
        self.assert_tries(payout, (1, "unknown"), (2, "unknown"))
        self.ask_provider()
        self.assert_payout(payout, "completed", paid=100_00)


class OneAtATime(SentPayoutTestCase):
    def test_the_database_refuses_a_second_try_beside_one_that_may_have_left(self) -> None:
        payout = self.sent_payout()
        with self.assertRaises(IntegrityError), transaction.atomic():
            add_part_try(payout, 1, amount=100_00, at=now())
        self.assertEqual(MoneyOp.objects.filter(payout=payout).count(), 1)

    def test_started_once(self) -> None:
        payout = self.to_phone()
        self.assertEqual((start_payouts(), start_payouts()), (1, 0))
        self.assert_tries(payout, (1, "created"))

    def test_what_waits_for_a_person_is_not_started(self) -> None:
        with override_settings(PAYOUT_APPROVAL_ABOVE=1):
            payout = self.to_phone()
        self.assertEqual((start_payouts(), send_out()), (0, 0))
        self.assert_tries(payout)
        self.assertEqual(self.lines_of(payout), [])
