"""`manage.py prove`: what it runs, what it prints, how it ends."""

from io import StringIO

import orjson
from django.core.management import CommandError, call_command

from payments.invariants import Invariant
from payments.services.proof import prove
from payments.tests.base import CommittingPaymentTestCase
from payments.tests.factories import make_payment
from payments.tests.planting import execute, unguarded


class Command(CommittingPaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        make_payment(self.merchant, status="completed")

    def test_the_command_proves_what_it_is_asked_to(self) -> None:
        with unguarded("audit_event"):
            execute("UPDATE audit_event SET actor = 'somebody else' WHERE action = 'payment.completed'")
        said = StringIO()
        call_command("prove", "--only", "i01,I19", stdout=said)
        self.assertIn("All 2 invariants hold.", said.getvalue())
        with self.assertRaises(CommandError) as raised:
            call_command("prove", "--only", "I01,I99", stdout=said)
        self.assertEqual((raised.exception.returncode, str(raised.exception)), (2, "There is no invariant I99."))

    def test_the_command_answers_machines(self) -> None:
        with unguarded("audit_event"):
            execute("UPDATE audit_event SET actor = 'somebody else' WHERE action = 'payment.completed'")
        said = StringIO()
        with self.assertRaises(CommandError):
            call_command("prove", "--json", "--only", "I01,I18", stdout=said)
        found = orjson.loads(said.getvalue())
        self.assertEqual([(each["name"], each["rows"]) for each in found["invariants"]], [("I01", 0), ("I18", 1)])
        self.assertFalse(found["ok"])
        self.assertEqual(found["invariants"][1]["examples"][0][0], f"m{self.merchant.id}")

    def test_a_proof_is_one_snapshot_and_changes_nothing(self) -> None:
        wishes = (
            Invariant(
                "S1", "isolation", "SELECT 1 WHERE current_setting('transaction_isolation') <> 'repeatable read'"
            ),
            Invariant("S2", "read only", "SELECT 1 WHERE current_setting('transaction_read_only') <> 'on'"),
        )
        self.assertEqual([finding.rows for finding in prove(wishes)], [0, 0])

    def test_the_command_names_what_it_found(self) -> None:
        with unguarded("audit_event"):
            execute("UPDATE audit_event SET actor = 'somebody else' WHERE action = 'payment.completed'")
        said = StringIO()
        with self.assertRaises(CommandError) as raised:
            call_command("prove", "--quiet", stdout=said)
        self.assertEqual(raised.exception.returncode, 1)
        self.assertIn("audit chain broken", said.getvalue())
        self.assertIn(f"I18: m{self.merchant.id}", said.getvalue())
        self.assertNotIn("I01", said.getvalue())
