"""`manage.py reconcile`, from a file to a proof."""

import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management import CommandError, call_command

from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import to_public
from payments.management.commands.reconcile import Command
from payments.tests.c2b import PAYER, next_code, paid_by_query
from payments.tests.test_reconcile import ReconcileTestCase
from settlements.models import ReconException, ReconLine
from settlements.tests.recon import make_run

TODAY = ("--mode", "test", "--shortcode", "600123")


class Commands(ReconcileTestCase):
    def say(self, *words: Any) -> str:
        out = StringIO()
        call_command("reconcile", *map(str, words), stdout=out)
        return out.getvalue()

    def take(self) -> str:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "statement.csv"
            path.write_bytes(self.paper.text())
            return self.say("import", path, "--source", "mpesa_statement", *TODAY)

    def test_from_a_file_to_a_proof(self) -> None:
        self.put(self.paid())
        self.paper.add(next_code(), 70_00, ref="NOBODY", at=now())
        told = self.take()
        self.assertIn("2 lines, 2 of them new, 0 unreadable, 0 gaps", told)
        self.assertIn("matched 2 by receipt", told)
        self.assertIn("1 booked; 0 undone; 0 expired; exceptions: 1 missing_here", told)
        # Today is told whole: it is proved at once.
        self.assertIn(f"daraja:600123 {nairobi(now()).date()}: green", told)
        self.assertIn("nothing was added", self.take())
        self.assertIn("missing_here", self.say("exceptions", *TODAY))
        day = nairobi(now()).date() + timedelta(days=1)
        self.assertIn("green, ledger 170.00, provider 170.00, gap 0.00", self.say("proof", "--day", day, *TODAY))
        self.assertIn("cover KES 1.50", self.say("safeguard"))

    def test_for_machines(self) -> None:
        self.put(self.paid())
        self.paper.add(next_code(), 70_00, ref="NOBODY", at=now())
        self.take()
        (found,) = map(json.loads, self.say("exceptions", "--json", *TODAY).splitlines())
        self.assertEqual((found["kind"], found["owner"], found["age_days"]), ("missing_here", "reconciliation", 0))
        self.assertEqual((found["severity"], found["amount"], found["float_effect"]), ("medium", "70.00", "0.00"))
        self.assertIn("suspense", found["suggestion"])
        for words in (("--owner", "amina"), ("--severity", "high"), ("--kind", "overpaid")):
            self.assertEqual(self.say("exceptions", *words, *TODAY), "")
        (proof,) = map(json.loads, self.say("proof", "--json", "--day", nairobi(now()).date(), *TODAY).splitlines())
        self.assertEqual((proof["is_green"], proof["ledger_balance"], proof["unexplained"]), (True, 170_00, 0))
        (safe,) = map(json.loads, self.say("safeguard", "--json").splitlines())
        self.assertEqual((safe["owed_total"], safe["held_total"], safe["cover"]), (168_50, 170_00, 1_50))
        self.assertEqual((safe["is_covered"], safe["owed"]["suspense"]), (True, 70_00))

    def test_a_proposed_match(self) -> None:
        payment = self.start(phone=PAYER)
        paid_by_query(payment)
        self.paper.add(next_code(), payment.amount, party=f"{PAYER} - AMINA OTIENO", at=now())
        self.take()
        told = self.say("proposals", *TODAY)
        self.assertIn(str(payment.id), told)
        self.assertNotIn(PAYER, told)
        with self.assertRaisesMessage(CommandError, "say who you are"):
            self.say("match", told.split()[0], "--actor", "operator")
        self.assertIn("Confirmed", self.say("match", told.split()[0], "--actor", "amina"))
        self.assertEqual(self.say("proposals", *TODAY), "")

    def test_every_step_and_every_argument_is_explained(self) -> None:
        parser = Command().create_parser("manage.py", "reconcile")
        (steps,) = (action for action in parser._actions if action.dest == "step")
        choices: dict[str, Any] = steps.choices  # type: ignore[assignment]
        self.assertEqual(len(choices), 13)
        told = {choice.dest: choice.help for choice in steps._choices_actions}  # type: ignore[attr-defined]
        self.assertEqual({step for step in choices if not told.get(step)}, set())
        unsaid = {(step, one.dest) for step, inner in choices.items() for one in inner._actions if not one.help}
        self.assertEqual(unsaid, set())

    def test_a_statement_that_a_merchant_brought(self) -> None:
        row = make_run(self.merchant, mode="live", status="requires_approval", source="mpesa_statement", name="nov.csv")
        name = to_public("rec", row.id)
        told = self.say("brought")
        self.assertTrue(name in told and "nov.csv" in told)
        self.assertEqual(json.loads(self.say("brought", "--json"))["id"], name)
        with self.assertRaisesMessage(CommandError, "say who you are"):
            self.say("decide", name, "--actor", "operator")
        self.assertIn("Refused", self.say("decide", name, "--actor", "amina", "--refuse"))
        self.assertEqual(self.say("brought"), "")
        with self.assertRaisesMessage(CommandError, "The run is rejected"):
            self.say("decide", name, "--actor", "baraka")

    def test_red(self) -> None:
        self.paid()
        with self.assertRaisesMessage(CommandError, "Red: daraja:600123."):
            self.say("proof", *TODAY)

    def test_two_people(self) -> None:
        self.paper.balance = self.paper.opening = 500_00
        self.paper.add(next_code(), -5_00, reason="Pay Bill Charge", at=now())
        self.take()
        name = to_public("rcx", ReconException.objects.get().id)
        self.assertIn("suggested: post against provider_cost", self.say("exceptions", *TODAY))
        self.say("assign", name, "--actor", "amina", "--words", "baraka")
        self.say("propose", name, "--actor", "amina", "--words", "A monthly charge.", "--post", "provider_cost")
        with self.assertRaisesMessage(CommandError, "another person"):
            self.say("close", name, "--actor", "amina")
        self.assertIn("Closed, and posted", self.say("close", name, "--actor", "baraka"))
        self.assertEqual(self.say("exceptions", *TODAY), "")
        self.assert_books(provider_float=-5_00, provider_cost=5_00)

    def test_refusals_are_said(self) -> None:
        with self.assertRaisesMessage(CommandError, "Name the account"):
            self.say("import", __file__, "--source", "pull", "--mode", "test")
        with self.assertRaisesMessage(CommandError, "not the JSON"):
            self.say("import", __file__, "--source", "pull", *TODAY)
        with self.assertRaises(CommandError):
            self.say("close", "rcx_nonsense", "--actor", "amina")
        self.assertFalse(ReconLine.objects.exists())
