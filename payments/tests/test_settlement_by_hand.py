"""Settlements paid at the bank by hand: held, confirmed by a second person, booked from the bank, and paid."""

from io import StringIO

from django.core.management import CommandError, call_command
from django.test import TransactionTestCase

from merchants.models import Role
from merchants.tests.factories import make_member, make_merchant
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.models import DoubtDecision, MoneyOp
from payments.services.bank_files import export_file
from payments.services.doubts import Verdict, confirm, propose, reject
from payments.services.payout_start import start_payouts
from payments.services.proof import prove
from payments.services.settlement_by_hand import propose_paid
from settlements.models import Payout, PayoutDestination, Settlement
from settlements.services.destinations import add_destination
from settlements.services.profiles import set_profile
from settlements.services.settlement_payouts import ByHand, follow_payouts
from settlements.services.settling import carry_on, settle
from settlements.tests.base import balance
from settlements.tests.payouts import person_of
from settlements.tests.settlements import MONDAY, pay_on
from webhooks.models import Event

BANK = {"bank_code": "01", "account_number": "1234567890", "account_name": "Duka Bora"}
PROOF = "FT26160ABC"


class PaidByHand(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        owner = person_of(self.merchant, make_member(self.merchant, Role.OWNER), Role.OWNER)
        self.destination = add_destination(owner, type="bank", details=BANK, label="Main")
        pay_on(self.merchant, 150_00, day=MONDAY)
        settle(day=MONDAY)
        self.paid = ByHand(proof=PROOF, destination_id=self.destination.id)

    def batch(self) -> Settlement:
        return Settlement.objects.get(merchant=self.merchant)

    def proposed(self, paid: ByHand | None = None) -> DoubtDecision:
        return propose_paid(self.batch().id, paid or self.paid, actor="amina")

    def assert_balances(self, **kinds: int) -> None:
        found = {kind: balance(kind, None if kind == "bank" else self.merchant) for kind in kinds}
        self.assertEqual(found, kinds)

    def assert_clean(self) -> None:
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def test_held_then_confirmed_then_gone(self) -> None:
        self.assert_balances(available=150_00, bank=0)
        row = self.proposed()
        self.assertEqual((self.batch().status, self.batch().paid_proof), ("processing", PROOF))
        self.assert_balances(available=0, payout_hold=150_00, bank=0)
        carry_on()
        self.assertEqual(self.batch().status, "processing", "one person's word pays nothing")
        self.assertIsNone(export_file("bank", "main", mode="test", day=MONDAY, actor="tests"), "nobody sends it again")
        self.assertEqual(start_payouts(), 0)
        with self.assertRaises(Problem):
            confirm(row.id, actor="amina")
        confirm(row.id, actor="juma")
        follow_payouts()
        payout = Payout.objects.get()
        self.assertEqual((payout.status, payout.paid, payout.receipt), ("completed", 150_00, PROOF))
        self.assertEqual((self.batch().status, self.batch().payout_id), ("paid", payout.id))
        self.assert_balances(available=0, payout_hold=0, bank=-150_00)
        told = Event.objects.filter(type__startswith="settlement.").order_by("id").values_list("type", flat=True)
        self.assertEqual(list(told), ["settlement.created", "settlement.closed", "settlement.paid"])
        self.assert_clean()

    def test_it_was_not_paid_after_all(self) -> None:
        row = self.proposed()
        reject(row.id, actor="juma")
        self.assert_balances(available=0, payout_hold=150_00, bank=0)
        op = MoneyOp.objects.get()
        confirm(propose(op.id, Verdict(outcome="failed", note="The bank shows none."), actor="amina").id, actor="juma")
        follow_payouts()
        self.assertEqual((self.batch().status, self.batch().paid_proof), ("failed", ""))
        self.assert_balances(available=150_00, payout_hold=0, bank=0)
        self.assert_clean()

    def test_a_part_of_it(self) -> None:
        row = self.proposed(ByHand(proof=PROOF, amount=Money(100_00), destination_id=self.destination.id))
        confirm(row.id, actor="juma")
        self.assert_balances(available=50_00, payout_hold=0, bank=-100_00)
        self.assert_clean()

    def test_what_is_refused_changes_nothing(self) -> None:
        phone = add_destination(
            person_of(self.merchant, make_member(self.merchant, Role.OWNER), Role.OWNER),
            type="mpesa_phone",
            details={"phone": "254712000001"},
            label="Phone",
        )
        for paid in (
            ByHand(proof=PROOF),
            ByHand(proof=PROOF, destination_id=phone.id),
            ByHand(proof=PROOF, amount=Money(150_01), destination_id=self.destination.id),
            ByHand(proof="", destination_id=self.destination.id),
        ):
            with self.subTest(paid=paid), self.assertRaises(Problem):
                self.proposed(paid)
        with self.assertRaises(Problem):
            propose_paid(self.batch().id, self.paid, actor="operator")
        self.assertEqual((self.batch().status, Payout.objects.count(), DoubtDecision.objects.count()), ("closed", 0, 0))
        self.proposed()
        with self.assertRaises(Problem):
            self.proposed()
        self.assertEqual(Payout.objects.count(), 1)

    def test_the_command(self) -> None:
        set_profile(self.merchant.id, actor="tests", destination_id=self.destination.id)
        name, said = to_public("stl", self.batch().id), StringIO()
        call_command("pay_settlement", name, "--receipt", PROOF, "--actor", "Amina", stdout=said)
        self.assertIn("KES 150.00 is held", said.getvalue())
        row = DoubtDecision.objects.get()
        self.assertEqual((row.proposed_by, row.receipt), ("amina", PROOF))
        call_command("doubts", "confirm", to_public("dbt", row.id), "--actor", "juma", stdout=said)
        self.assertEqual(Payout.objects.get().status, "completed")
        for arguments in ((name,), ("stl_x",), (to_public("stl", row.id),), (name, "--amount", "x")):
            with self.subTest(arguments), self.assertRaises(CommandError):
                call_command("pay_settlement", *arguments, "--receipt", PROOF, "--actor", "amina", stdout=said)
        self.assertEqual(PayoutDestination.objects.count(), 1)
