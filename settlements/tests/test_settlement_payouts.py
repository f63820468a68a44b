"""From closed to paid: one payout of what may be used, and what becomes of its batches."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from unittest import mock

from django.db import transaction
from django.test import TransactionTestCase, override_settings

from merchants.models import Merchant, Role, User
from merchants.tests.factories import make_member, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import from_public
from payments.models import ProviderEvent
from payments.services.proof import prove
from settlements.models import Payout, PayoutDestination, Settlement, SettlementProfile
from settlements.services import settlement_payouts
from settlements.services.batches import run_settlement
from settlements.services.destinations import add_destination
from settlements.services.payout_closing import PartEnd, fail_part, pay_part, return_part
from settlements.services.payout_retry import retry_payout
from settlements.services.payouts import approve_payout, cancel_payout
from settlements.services.profiles import set_profile
from settlements.services.settlement_payouts import follow_payouts, pay_closed
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

    def decide(self, conclude: Callable[[Payout, PartEnd], object], *, status: str = "pending") -> None:
        """The bank's word about the payout that is open, or was said to be over."""
        with transaction.atomic():
            payout = Payout.objects.select_for_update().get(status=status)
            word = ProviderEvent.objects.create(
                provider="bank", door="file", dedupe=f"{payout.id}:{status}", mode="test", body=b"{}", headers={}, token_ok=True,
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
        Merchant.objects.filter(id=self.merchant.id).update(kyc_status="unverified")
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

    def live(self, **age: float) -> PayoutDestination:
        """Real money, and a bank account kept since then."""
        Merchant.objects.filter(id=self.merchant.id).update(kyc_status="verified")
        destination = self.keep(mode="live")
        PayoutDestination.objects.filter(id=destination.id).update(usable_from=now() - timedelta(**age))
        set_profile(self.merchant.id, actor="tests", destination_id=destination.id)
        pay_on(self.merchant, 150_00, day=MONDAY, mode="live")
        return destination

    def chosen(self, **age: float) -> None:
        SettlementProfile.objects.filter(merchant=self.merchant).update(destination_since=now() - timedelta(**age))

    def assert_waits_for_a_person(self) -> Payout:
        settle(day=MONDAY)
        payout, row = Payout.objects.get(), self.batch()
        self.assertEqual((payout.status, payout.approval_reasons), ("requires_approval", ["new_destination"]))
        self.assertEqual((row.status, row.payout_id), ("processing", payout.id))
        self.assertIn("must agree", row.hold_reason)
        self.assertEqual(balance("payout_hold", self.merchant, mode="live"), 150_00)
        told = Event.objects.filter(type__startswith="payout.").order_by("id").values_list("type", flat=True)
        self.assertEqual(list(told), ["payout.created", "payout.requires_approval"])
        return payout

    def test_a_destination_that_is_kept_for_less_than_three_days_needs_a_person(self) -> None:
        self.live(hours=-1)
        self.chosen(hours=80)
        payout = self.assert_waits_for_a_person()
        carry_on()
        self.assertIn("must agree", self.batch().hold_reason)
        owner = person_of(self.merchant, make_member(self.merchant, Role.OWNER), Role.OWNER, mode="live")
        approve_payout(owner, payout.id)
        carry_on()
        self.assertEqual((self.batch().status, self.batch().hold_reason), ("processing", ""))
        self.assertEqual(Payout.objects.get().status, "pending")

    def test_a_destination_chosen_less_than_three_days_ago_needs_one_too(self) -> None:
        self.live(hours=80)
        self.assert_waits_for_a_person()

    def test_who_added_the_new_destination_does_not_agree_alone(self) -> None:
        destination = self.live(hours=-1)
        payout = self.assert_waits_for_a_person()
        maker = User.objects.get(id=from_public("usr", destination.created_by))
        with self.assertRaises(Problem) as refused:
            approve_payout(person_of(self.merchant, maker, Role.OWNER, mode="live"), payout.id)
        self.assertEqual(refused.exception.code, "own_request_approval")
        self.assertEqual(Payout.objects.get().status, "requires_approval")

    def test_an_old_one_needs_nobody(self) -> None:
        self.live(hours=80)
        self.chosen(hours=80)
        settle(day=MONDAY)
        self.assertEqual((Payout.objects.get().status, self.batch().hold_reason), ("pending", ""))

    def test_refused_it_is_paid_with_the_next_batch(self) -> None:
        self.live(hours=-1)
        payout = self.assert_waits_for_a_person()
        owner = person_of(self.merchant, make_member(self.merchant, Role.OWNER), Role.OWNER, mode="live")
        cancel_payout(owner, payout.id)
        carry_on()
        self.assertEqual((self.batch().status, Payout.objects.count()), ("failed", 1))
        self.assertEqual(balance("available", self.merchant, mode="live"), 150_00)

    def test_the_minimum_is_what_may_be_used_before_the_fee(self) -> None:
        pay_on(self.merchant, 100_00, day=MONDAY)
        with override_settings(PAYOUT_FEE=30_00):
            settle(day=MONDAY)
        self.assertEqual((Payout.objects.get().amount, Payout.objects.get().fee), (70_00, 30_00))
        self.assertEqual(balance("available", self.merchant), 0)

    def test_limits_are_for_what_is_asked_for(self) -> None:
        """A settlement is paid whole, in as many parts as the network needs."""
        pay_on(self.merchant, 150_00, day=MONDAY)
        with override_settings(PAYOUT_LARGEST=100_00, PAYOUT_PER_DAY=100_00, PAYOUT_APPROVAL_ABOVE=100_00):
            settle(day=MONDAY)
        self.assertEqual((Payout.objects.get().amount, Payout.objects.get().status), (150_00, "pending"))

    def test_asked_for_again_by_the_merchant(self) -> None:
        """The batches are at work once more, and what becomes of the new payout becomes of them."""
        pay_on(self.merchant, 150_00, day=MONDAY)
        settle(day=MONDAY)
        first = Payout.objects.get()
        self.decide(partial(fail_part, failure={"code": "account_closed", "message": "closed"}))
        self.assertEqual(self.batch().status, "failed")
        owner = person_of(self.merchant, make_member(self.merchant, Role.OWNER), Role.OWNER)
        again = retry_payout(owner, first.id, request_id=None)
        self.assertEqual((again.retry_of_id, again.amount), (first.id, 150_00))
        self.assertEqual((self.batch().status, self.batch().payout_id), ("processing", again.id))
        self.decide(pay_part)
        self.assertEqual((self.batch().status, self.told()), ("paid", ["created", "closed", "failed", "paid"]))

    def test_a_payout_that_went_out_after_all(self) -> None:
        """Said to have failed, and paid: so are its batches, and no other payout is made for them."""
        pay_on(self.merchant, 150_00, day=MONDAY)
        settle(day=MONDAY)
        payout = Payout.objects.get()
        self.decide(partial(fail_part, failure={"code": "account_closed", "message": "closed"}))
        self.assertEqual(self.batch().status, "failed")
        self.decide(pay_part, status="failed")
        self.assertEqual((self.batch().status, self.batch().payout_id), ("paid", payout.id))
        self.assertEqual(self.told(), ["created", "closed", "failed", "paid"])
        self.assertEqual((balance("available", self.merchant), balance("payout_hold", self.merchant)), (0, 0))

    def test_money_that_came_back(self) -> None:
        pay_on(self.merchant, 150_00, day=MONDAY)
        settle(day=MONDAY)
        self.decide(pay_part)
        self.decide(return_part, status="completed")
        self.assertEqual((self.batch().status, self.told()), ("failed", ["created", "closed", "paid", "failed"]))
        self.assertEqual(balance("available", self.merchant), 150_00)

    def test_following_asks_nothing_about_what_is_over(self) -> None:
        """A year of paid batches costs the next minute nothing."""
        pay_on(self.merchant, 150_00, day=MONDAY)
        settle(day=MONDAY)
        self.decide(pay_part)
        with self.assertNumQueries(1):
            follow_payouts()
