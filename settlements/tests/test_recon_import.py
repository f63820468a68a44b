"""Statements taken in: once for each account, only new lines of overlapping files, nothing of a file that is refused."""

import random
from io import BytesIO

from django.db import DatabaseError, transaction
from django.test import TestCase

from audit.models import AuditEvent
from merchants.tests.accounts import make_account
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.entries import FileRefused
from settlements.models import ReconException, ReconFile, ReconFilePart, ReconLine
from settlements.services.recon_import import COUNTED_FROM, import_statement, original_bytes
from settlements.tests.base import execute, pay
from settlements.tests.recon import ACCOUNT, Paper, bring, next_code
from settlements.tests.test_roles import as_application


class ReconTestCase(TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora")
        # The shortcode is used in test mode: money has come to it.
        pay(self.merchant, 100)

    def paper(self, lines: int = 5) -> Paper:
        paper = Paper()
        for number in range(lines):
            paper.add(next_code(), 100_00 + number, party="254712345678 - AMINA OTIENO")
        return paper

    def assert_silent(self) -> None:
        self.assertFalse(ReconFile.objects.exists())
        self.assertFalse(ReconLine.objects.exists())
        self.assertFalse(ReconException.objects.exists())


class Taken(ReconTestCase):
    def test_file_and_lines(self) -> None:
        body = self.paper().text()
        done = bring(body)
        self.assertEqual((done.is_new, done.lines, done.lines_new, done.unparsable, done.gaps), (True, 5, 5, 0, 0))
        row = ReconFile.objects.get()
        self.assertEqual((row.account, row.mode, row.source), (ACCOUNT, "test", "mpesa_statement"))
        self.assertEqual((row.opening, row.closing), (0, 500_10))
        self.assertEqual((row.ends_at - row.starts_at).total_seconds(), 86_400)
        self.assertEqual(b"".join(original_bytes(row.id)), body)
        self.assertEqual(set(ReconLine.objects.values_list("state", "direction", "kind")), {("new", "in", "receipt")})
        self.assertFalse(ReconException.objects.exists())
        self.assertEqual(AuditEvent.objects.filter(action="reconciliation.imported").count(), 1)

    def test_payers_are_kept_as_digests(self) -> None:
        paper = Paper()
        paper.add(next_code(), 100, reason="Pay Bill from 254712345678", party="254712345678 - AMINA")
        bring(paper.text())
        line = ReconLine.objects.get()
        self.assertEqual(len(line.party), 32)
        self.assertEqual(line.narrative, "Pay Bill from 2547****5678")

    def test_the_planner_is_told_of_a_long_file_and_not_of_a_short_one(self) -> None:
        """By the application itself, which owns no table."""
        known = "SELECT reltuples FROM pg_class WHERE oid = 'recon_line'::regclass"
        before = execute(known)
        with as_application():
            bring(self.paper().text())
        self.assertEqual(execute(known), before)
        with as_application():
            bring(self.paper(COUNTED_FROM).text())
        self.assertEqual(execute(known), [(COUNTED_FROM + 5,)])

    def test_the_same_file_twice_adds_nothing(self) -> None:
        body = self.paper().text()
        bring(body)
        again = bring(body)
        self.assertEqual((again.is_new, again.lines_new), (False, 0))
        self.assertEqual((ReconFile.objects.count(), ReconLine.objects.count()), (1, 5))
        self.assertEqual(ReconFilePart.objects.count(), 1)

    def test_overlapping_files_add_only_new_lines(self) -> None:
        paper = self.paper(10)
        bring(paper.text(paper.rows[:6], closing=600_15))
        self.assertEqual(bring(paper.text()).lines_new, 4)
        shuffled = random.Random(7).sample(paper.rows, 10)  # noqa: S311
        again = bring(paper.text(shuffled))
        self.assertEqual((again.is_new, again.lines_new, again.gaps), (True, 0, 0))
        self.assertEqual(ReconLine.objects.count(), 10)
        self.assertFalse(ReconException.objects.exists())

    def test_a_line_that_stands_twice_is_one(self) -> None:
        paper = self.paper(3)
        done = bring(paper.text([*paper.rows, paper.rows[1]]))
        self.assertEqual((done.lines_new, done.gaps), (3, 0))

    def test_equal_lines_of_a_bank_without_balances_are_two(self) -> None:
        body = b"Transaction Date,Narrative,Debit,Credit\n20/11/2026,CASH,,5.00\n20/11/2026,CASH,,5.00\n"
        for expected in (2, 0):
            done = bring(body if expected else body + b"\n", source="bank_csv", account="bank:main")
            self.assertEqual(done.lines_new, expected)


class Unreadable(ReconTestCase):
    def test_lines_that_cannot_be_read_are_kept_for_a_person(self) -> None:
        paper = self.paper(6)
        paper.rows[2] = paper.rows[2].replace("100.02", "1OO.02", 1)
        for _ in range(2):
            done = bring(paper.text() + b"\n" * _)
            self.assertEqual((done.lines, done.unparsable, done.gaps), (6, 1, 0))
        found = ReconException.objects.get()
        self.assertEqual(
            (found.kind, found.status, found.severity, found.merchant_id), ("unparsable", "open", "medium", None)
        )
        self.assertIn("1OO.02", found.detail["text"])
        # The balances beside it tell what it says.
        self.assertEqual((found.amount, found.float_effect), (100_02, -100_02))
        self.assertEqual(ReconLine.objects.count(), 5)

    def test_a_movement_that_is_missing_from_the_file(self) -> None:
        paper = self.paper(6)
        done = bring(paper.text([*paper.rows[:3], *paper.rows[4:]]))
        self.assertEqual((done.lines_new, done.gaps), (5, 1))
        found = ReconException.objects.get()
        self.assertEqual((found.kind, found.amount, found.float_effect), ("balance_gap", 100_03, -100_03))

    def test_a_file_without_balances_of_its_own(self) -> None:
        paper = self.paper(6)
        paper.opening = None
        done = bring(paper.text([*paper.rows[:3], *paper.rows[4:]]))
        self.assertEqual((done.gaps, ReconException.objects.get().amount), (1, 100_03))

    def test_the_owner_of_the_shortcode_is_concerned(self) -> None:
        account = make_account(self.merchant)
        paper = Paper(shortcode=account.shortcode)
        paper.add(next_code(), 100)
        paper.rows.append("nonsense,,")
        bring(paper.text(), account=f"{account.provider}:{account.shortcode}", mode=account.mode)
        self.assertEqual(ReconException.objects.get().merchant_id, self.merchant.id)


class Refused(ReconTestCase):
    def test_nothing_is_kept(self) -> None:
        paper = self.paper()
        cases = {
            "of shortcode 600999": (paper.text().replace(b"174379", b"600999"), {}),
            "no line with the columns": (b"a,b,c\n", {}),
            "no shortcode of daraja in live mode": (paper.text(), {"mode": "live"}),
            "no shortcode of daraja in test mode": (paper.text(), {"account": "daraja:600999"}),
            "no MT940 message": (paper.text(), {"source": "mt940"}),
            "cannot be read": (paper.text(), {"source": "camt053"}),
            "not the JSON": (paper.text(), {"source": "pull"}),
            "an account is": (paper.text(), {"account": "174379"}),
        }
        for words, (body, place) in cases.items():
            with self.subTest(words=words), self.assertRaisesMessage(FileRefused, words):
                bring(body, **place)
        self.assert_silent()

    def test_a_file_that_breaks_off_in_the_middle_of_its_xml(self) -> None:
        entry = (
            b'<Ntry><Amt Ccy="KES">1.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><BookgDt><Dt>2026-11-20</Dt></BookgDt></Ntry>'
        )
        with self.assertRaises(FileRefused):
            bring(b"<Document><Stmt>" + entry * 3, source="camt053", account="bank:main")
        self.assert_silent()

    def test_one_closes_what_another_proposed(self) -> None:
        bring(self.paper().text() + b"nonsense,,\n")
        rows = ReconException.objects.all()
        for step in ({"status": "closed"}, {"status": "closed", "closed_by": "amina"}):
            with self.subTest(step=step), self.assertRaises(DatabaseError), transaction.atomic():
                rows.update(**step)
        rows.update(status="proposed", proposed_by="amina")
        with self.assertRaises(DatabaseError), transaction.atomic():
            rows.update(status="closed", closed_by="amina")
        rows.update(status="closed", closed_by="baraka")

    def test_the_stream_may_be_any_file(self) -> None:
        done = import_statement(
            BytesIO(b'{"Response": [[]]}'), source="pull", account=ACCOUNT, mode="test", name="x", actor="ops"
        )
        self.assertEqual((done.lines, done.lines_new), (0, 0))
