"""From closed to paid: one payout of what may be used, and what becomes of its batches."""

from collections.abc import Callable
from datetime import date
from functools import partial
from unittest import mock

from django.db import transaction
from django.test import TransactionTestCase

from merchants.models import Merchant, Role
from merchants.tests.factories import make_member, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from payments.models import ProviderEvent
from payments.services.proof import prove
from settlements.models import Payout, PayoutDestination, Settlement
from settlements.services import settlement_payouts
from settlements.services.batches import run_settlement
from settlements.services.destinations import add_destination
from settlements.services.payout_closing import PartEnd, fail_part, pay_part
from settlements.services.profiles import set_profile
from settlements.services.settlement_payouts import follow_payouts, pay_by_hand, pay_closed
from settlements.services.settling import carry_on, settle
from settlements.tests.base import balance
from settlements.tests.payouts import person_of
from settlements.tests.settlements import MONDAY, TUESDAY, pay_on
from webhooks.models import Event

BANK = {"bank_code": "01", "account_number": "1234567890", "account_name": "Duka Bora"}


class Payouts(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        self.destination = self.keep()
        set_profile(self.merchant.id, actor="tests", destination_id=self.destination.id)

    def keep(self, *, mode: str = "test") -> PayoutDestination:
        owner = person_of(self.merchant, make_member(self.merchant, Role.OWNER), Role.OWNER, mode=mode)
        return add_destination(owner, type="bank", details=BANK, label="Main")

    def batch(self, day: date = MONDAY) -> Settlement:
        return Settlement.objects.get(merchant=self.merchant, day=day)

    def test_a_day_that_is_enough_is_paid_out(self) -> None:
        pay_on(self.merchant, 150_55, day=MONDAY)
        settle(day=MONDAY)
        payout, row = Payout.objects.get(), self.batch()
        self.assertEqual((payout.amount, payout.status, payout.requested_by), (150_55, "pending", "system"))
        self.assertEqual((row.status, row.payout_id), ("processing", payout.id))
        self.assertEqual((balance("available", self.merchant), balance("payout_hold", self.merchant)), (0, 150_55))
        settle(day=MONDAY)
        self.assertEqual(Payout.objects.count(), 1)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def test_too_little_rolls_on_to_the_next_day(self) -> None:
        pay_on(self.merchant, 60_00, day=MONDAY)
        settle(day=MONDAY)
        self.assertEqual((Payout.objects.count(), self.batch().status), (0, "closed"))
        pay_on(self.merchant, 40_00, day=TUESDAY)
        settle(day=TUESDAY)
        self.assertEqual(Payout.objects.get().amount, 100_00)
        self.assertEqual({row.status for row in Settlement.objects.all()}, {"processing"})

    def decide(self, conclude: Callable[[Payout, PartEnd], None]) -> None:
        """The bank's word about the payout that is open."""
        with transaction.atomic():
            payout = Payout.objects.select_for_update().get(status="pending")
            word = ProviderEvent.objects.create(
                provider="bank", door="file", dedupe=str(payout.id), mode="test", body=b"{}", headers={}, token_ok=True,
                received_at=now(), status="applied", tries=0, next_try=now(), note="",
            )  # fmt: skip
            conclude(payout, PartEnd(part=1, amount=payout.amount, evidence_id=word.pk, actor="tests"))
        follow_payouts()

    def told(self) -> list[str]:
        rows = Event.objects.filter(type__startswith="settlement.").order_by("id")
        return [kind.partition(".")[2] for kind in rows.values_list("type", flat=True)]

    def test_what_becomes_of_the_payout_becomes_of_the_batch(self) -> None:
        pay_on(self.merchant, 150_00, day=MONDAY)
        settle(day=MONDAY)
        follow_payouts()
        self.assertEqual(self.batch().status, "processing")
        self.decide(pay_part)
        follow_payouts()
        self.assertEqual(self.batch().status, "paid")
        self.assertIsNotNone(self.batch().paid_at)
        self.assertEqual(self.told(), ["created", "closed", "paid"])

    def test_a_failed_payout_is_paid_with_the_next_batch_and_not_before(self) -> None:
        pay_on(self.merchant, 150_00, day=MONDAY)
        settle(day=MONDAY)
        self.decide(partial(fail_part, failure={"code": "account_closed", "message": "closed"}))
        carry_on()
        self.assertEqual((self.batch().status, Payout.objects.count()), ("failed", 1))
        self.assertEqual(balance("available", self.merchant), 150_00)
        pay_on(self.merchant, 10_00, day=TUESDAY)
        settle(day=TUESDAY)
        again = Payout.objects.get(status="pending")
        self.assertEqual(again.amount, 160_00)
        self.assertEqual({row.payout_id for row in Settlement.objects.all()}, {again.id})

    def assert_waits(self, words: str) -> None:
        settle(day=MONDAY)
        row = self.batch()
        self.assertEqual((row.status, Payout.objects.count()), ("closed", 0))
        self.assertIn(words, row.hold_reason)

    def test_a_hold_keeps_money_in(self) -> None:
        set_profile(self.merchant.id, actor="tests", hold=True, hold_reason="Chargebacks are looked into.")
        pay_on(self.merchant, 150_00, day=MONDAY)
        self.assert_waits("Chargebacks")
        set_profile(self.merchant.id, actor="tests", hold=False)
        carry_on()
        self.assertEqual((self.batch().status, self.batch().hold_reason), ("processing", ""))

    def test_real_money_goes_to_verified_businesses_only(self) -> None:
        live = self.keep(mode="live")
        set_profile(self.merchant.id, actor="tests", destination_id=live.id)
        pay_on(self.merchant, 150_00, day=MONDAY, mode="live")
        self.assert_waits("not verified")
        Merchant.objects.filter(id=self.merchant.id).update(kyc_status="verified")
        carry_on()
        self.assertEqual(Payout.objects.get().mode, "live")

    def test_without_a_destination_it_stays_available(self) -> None:
        set_profile(self.merchant.id, actor="tests", destination_id=None)
        pay_on(self.merchant, 150_00, day=MONDAY)
        self.assert_waits("")
        self.assertEqual(balance("available", self.merchant), 150_00)

    def test_killed_between_payout_and_batch_neither_is_there(self) -> None:
        pay_on(self.merchant, 150_00, day=MONDAY)
        run_settlement(day=MONDAY)
        with mock.patch.object(settlement_payouts, "_move", side_effect=RuntimeError("died")):
            pay_closed()
        self.assertEqual((Payout.objects.count(), self.batch().status), (0, "closed"))
        pay_closed()
        self.assertEqual((Payout.objects.count(), self.batch().status), (1, "processing"))

    def test_by_hand_with_proof(self) -> None:
        set_profile(self.merchant.id, actor="tests", destination_id=None)
        pay_on(self.merchant, 150_00, day=MONDAY)
        run_settlement(day=MONDAY)
        paid = pay_by_hand(self.batch().id, proof="FT26160ABC", actor="operator")
        self.assertEqual((paid.status, paid.paid_proof), ("paid", "FT26160ABC"))
        with self.assertRaises(Problem):
            pay_by_hand(paid.id, proof="again", actor="operator")
