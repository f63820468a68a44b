"""A long statement with breaks of every kind against a made book: all are found and rightly named, none is false.

STATEMENT_LINES makes it longer, as `manage.py faults --statement` does.
"""

import os
import time
from datetime import datetime, timedelta
from io import BytesIO

from faults.statements.book import Plan
from faults.statements.judging import judge, show
from faults.statements.store import store_book
from faults.statements.writing import write_book
from merchants.tests.accounts import make_account
from onpoint_pay.kit.clock import NAIROBI, nairobi, now
from payments.services.proof import prove
from payments.services.reconcile import reconcile
from payments.tests.base import CommittingPaymentTestCase
from payments.tests.factories import make_payment
from settlements.models import ReconException, ReconLine
from settlements.services.float_proof import prove_float
from settlements.services.recon_import import Imported, import_statement

LINES = int(os.environ.get("STATEMENT_LINES", "2000"))
SEED = int(os.environ.get("STATEMENT_SEED", "1"))
SHORTCODE = "600777"
# What a made book cannot have: the history and the events of what was never played.
MONEY = {"I01", "I02", "I03", "I04", "I05", "I07", "I08", "I10", "I22", "I31", "I32", "I33"}
# Lines of the file that are none of the account's.
NO_MOVEMENT = ("one movement written twice", "a declined line of a failed payment")


class LongStatement(CommittingPaymentTestCase):
    def test_every_break_is_found(self) -> None:
        plan = Plan(lines=LINES, breaks=max(LINES // 50, 24), seed=SEED)
        template = make_payment(self.merchant)
        place = make_account(self.merchant, shortcode=SHORTCODE)
        today = datetime.combine(nairobi(now()).date(), datetime.min.time(), NAIROBI)
        book = write_book(plan, shortcode=SHORTCODE, start=today - timedelta(days=1))
        seconds, body = {}, book.file()
        started = time.monotonic()
        store_book(book, place=place, template=template)
        seconds["making the book"] = time.monotonic() - started
        started = time.monotonic()
        done = self.bring(body)
        seconds["import"] = time.monotonic() - started
        run = reconcile(account=f"daraja:{SHORTCODE}", mode="test")
        seconds["matching and booking"] = run.seconds
        started = time.monotonic()
        proof = prove_float("daraja", SHORTCODE, (book.end - timedelta(days=1)).date(), mode="test")
        seconds["proof"] = time.monotonic() - started
        verdict = judge(book)
        show(book, verdict, seconds, print)
        self.assertEqual((list(verdict.missed), list(verdict.false)), ([], []))
        self.assertEqual((verdict.found, verdict.proposals), (plan.breaks, book.proposals))
        no_movement = sum(book.misses.count(name) for name in NO_MOVEMENT)
        self.assertEqual(done.lines_new, len(book.rows) - done.unparsable - no_movement)
        # All that is left is what stands on the statements of other days, to the cent.
        self.assertEqual(proof.unexplained, book.elsewhere, proof.parts)
        self.assert_nothing_new(body)
        broken = [found.invariant.name for found in prove() if found.rows and found.invariant.name in MONEY]
        self.assertEqual(broken, [])

    def bring(self, body: bytes) -> Imported:
        return import_statement(
            BytesIO(body),
            source="mpesa_statement",
            account=f"daraja:{SHORTCODE}",
            mode="test",
            name="statement.csv",
            actor="tests",
        )

    def assert_nothing_new(self, body: bytes) -> None:
        """Neither the same file nor its lines in another file add anything, and nothing more is found."""
        before = (ReconLine.objects.count(), ReconException.objects.count())
        self.assertFalse(self.bring(body).is_new)
        again = self.bring(body + b"\n")
        self.assertEqual((again.is_new, again.lines_new), (True, 0))
        run = reconcile(account=f"daraja:{SHORTCODE}", mode="test")
        self.assertEqual((sum(run.matched.values()), run.exceptions, run.booked, run.charges), (0, {}, 0, 0))
        self.assertEqual((ReconLine.objects.count(), ReconException.objects.count()), before)
