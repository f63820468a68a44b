"""Statements as people bring them: twice, overlapping, shuffled, cut off, in the wrong form, of another account or mode.

Each is taken once and whole, or refused with a word that tells why, and then nothing of it is kept.
"""

import random
from datetime import timedelta
from typing import Any

from audit.models import AuditEvent
from merchants.tests.accounts import make_account
from onpoint_pay.kit.entries import FileRefused
from settlements.models import ReconException, ReconFile, ReconFilePart, ReconLine
from settlements.tests.base import pay
from settlements.tests.recon import ACCOUNT, Paper, bring, next_code
from settlements.tests.test_recon_import import ReconTestCase

BANK = {"source": "bank_csv", "account": "bank:main"}
CSV = b"Transaction Date,Reference,Narrative,Debit,Credit,Balance\n"
CSV_ROWS = b"20/11/2026,FT1,PAID IN,,5.00,5.00\n20/11/2026,FT2,PAID IN,,7.00,12.00\n"
MT940 = b""":20:STATEMENT
:25:0112345678
:28C:324/1
:60F:C261119KES100,00
:61:2611201120C50,00NTRFINV-1//FT1
:86:PAID IN
:61:2611201120D20,00NTRFPO-1//FT2
:86:PAID OUT
:62F:C261120KES130,00
"""
CAMT = b"""<?xml version="1.0" encoding="UTF-8"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08">
<BkToCstmrStmt><Stmt><Acct><Id><IBAN>KE0001</IBAN></Id><Ccy>KES</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="KES">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="KES">150.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-11-20</Dt></Dt></Bal>
<Ntry><Amt Ccy="KES">50.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-20</Dt></BookgDt>
<AcctSvcrRef>FT1</AcctSvcrRef></Ntry></Stmt></BkToCstmrStmt></Document>"""


class Statements(ReconTestCase):
    def refuse(self, body: bytes, words: str, **place: Any) -> None:
        """The file is refused in these words, and everything is as it was."""
        before = self.rows()
        with self.assertRaisesRegex(FileRefused, words):
            bring(body, **place)
        self.assertEqual(self.rows(), before)

    def rows(self) -> list[int]:
        return [model.objects.count() for model in (ReconFile, ReconFilePart, ReconLine, ReconException, AuditEvent)]

    def test_F30_duplicate_file(self) -> None:
        papers: list[tuple[bytes, dict[str, Any]]] = [
            (self.paper().text(), {}),
            (CSV + CSV_ROWS, BANK),
            (MT940, {"source": "mt940", "account": "bank:second"}),
            (CAMT, {"source": "camt053", "account": "bank:third"}),
        ]
        for body, place in papers:
            with self.subTest(place=place):
                done = bring(body, **place)
                self.assertTrue(done.is_new and done.lines_new)
                before = self.rows()
                again = bring(body, **place, name="the same under another name.csv")
                self.assertEqual((again.is_new, again.file_id, again.lines_new), (False, done.file_id, 0))
                self.assertEqual(self.rows(), before)

    def test_F30_overlap(self) -> None:
        paper = self.paper(10)
        self.assertEqual(bring(paper.text(paper.rows[:6], closing=600_15)).lines_new, 6)
        self.assertEqual(bring(paper.text(paper.rows[3:], opening=300_03)).lines_new, 4)
        self.assertEqual(bring(paper.text()).lines_new, 0)
        self.assertEqual((ReconLine.objects.count(), ReconException.objects.count()), (10, 0))

    def test_F30_overlap_of_a_bank_that_writes_equal_lines(self) -> None:
        row = b"20/11/2026,,CASH,,5.00,\n"
        for times, new in ((1, 1), (3, 2), (2, 0)):
            self.assertEqual(bring(CSV + row * times, **BANK).lines_new, new)

    def test_F30_shuffled(self) -> None:
        paper = self.paper(40)
        rows = random.Random(7).sample(paper.rows, 40)  # noqa: S311
        done = bring(paper.text(rows))
        self.assertEqual((done.lines_new, done.gaps, done.unparsable), (40, 0, 0))
        self.assertEqual(bring(paper.text()).lines_new, 0)
        self.assertEqual((ReconLine.objects.count(), ReconException.objects.count()), (40, 0))

    def test_F30_cut(self) -> None:
        body = self.paper(10).text()
        lines = body.splitlines(keepends=True)
        # After any line, and in the middle of any line.
        for kept in range(5, len(lines)):
            with self.subTest(lines=kept):
                self.refuse(b"".join(lines[:kept]), "cut off")
        for size in range(len(b"".join(lines[:6])), len(body) - 1, 37):
            with self.subTest(size=size):
                self.refuse(body[:size], "cut off|breaks off")
        self.assertEqual(bring(body).lines_new, 10)

    def test_F30_cut_without_balances_of_its_own(self) -> None:
        paper = self.paper(3)
        paper.opening = None
        self.refuse(paper.text()[:-20], "breaks off in the middle of line 6")
        done = bring(paper.text(paper.rows[:2]))
        row = ReconFile.objects.get(id=done.file_id)
        # Nothing shows that it goes on to the end of its period: it tells of the time up to its last line.
        self.assertEqual(row.ends_at, ReconLine.objects.latest("occurred_at").occurred_at)

    def test_F30_cut_at_a_bank(self) -> None:
        self.refuse((CSV + CSV_ROWS)[:-8], "breaks off in the middle of line 3", **BANK)
        for kept in range(40, len(MT940) - 4, 7):
            with self.subTest(mt940=kept):
                self.refuse(MT940[:kept], "cut off|cannot be read", source="mt940", account="bank:main")
        incomplete = MT940.replace(b":61:2611201120D20,00NTRFPO-1//FT2\n:86:PAID OUT\n", b"")
        self.refuse(incomplete, "make KES 150.00", source="mt940", account="bank:main")
        for kept in (200, 500, len(CAMT) - 5):
            with self.subTest(camt=kept):
                self.refuse(CAMT[:kept], "cannot be read", source="camt053", account="bank:third")
        start, end = CAMT.index(b"<Ntry>"), CAMT.index(b"</Ntry>") + len(b"</Ntry>")
        self.refuse(CAMT[:start] + CAMT[end:], "cut off", source="camt053", account="bank:third")

    def test_F30_wrong_separator(self) -> None:
        body = self.paper().text()
        for separator, said in ((b";", "';'"), (b"\t", "a tab"), (b"|", r"'\|'")):
            with self.subTest(separator=separator):
                self.refuse(
                    body.replace(b",", separator), f"line 5 has the columns, separated by {said} and not by ','"
                )
                self.refuse(CSV.replace(b",", separator) + CSV_ROWS, f"separated by {said} and not by ','", **BANK)
        with self.settings(BANK_CSV_COLUMNS="separator=;"):
            self.refuse(CSV + CSV_ROWS, "separated by ',' and not by ';'", **BANK)
            self.assertEqual(bring((CSV + CSV_ROWS).replace(b",", b";"), **BANK).lines_new, 2)

    def test_F30_wrong_encoding(self) -> None:
        paper = self.paper(3)
        paper.add(next_code(), 100_00, party="254712345678 - ZOË")
        text = paper.text().decode()
        for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
            with self.subTest(encoding=encoding):
                self.refuse(text.encode(encoding), "UTF-16")
        self.refuse(text.encode("latin-1"), "line 9 is not in utf-8")
        self.refuse((CSV + CSV_ROWS).replace(b"PAID IN", b"PAY\xc9"), "line 2 is not in utf-8", **BANK)
        self.refuse(MT940.replace(b"PAID IN", b"PAY\xc9"), "is not in utf-8", source="mt940", account="bank:main")
        self.assertEqual(bring(text.encode("utf-8-sig")).lines_new, 4)
        with self.settings(BANK_CSV_COLUMNS="encoding=latin-1"):
            self.assertEqual(bring((CSV + CSV_ROWS).replace(b"PAID IN", b"PAY\xc9"), **BANK).lines_new, 2)

    def test_F30_other_shortcode(self) -> None:
        body = self.paper().text()
        self.refuse(body.replace(b"174379", b"600999"), "of shortcode 600999, not of 174379")
        self.refuse(body, "600999 is no shortcode of daraja in test mode", account="daraja:600999")
        # One that is ours too: what the file says decides.
        other = make_account(self.merchant, shortcode="600999")
        self.refuse(body, "of shortcode 174379, not of 600999", account=f"daraja:{other.shortcode}")
        self.assertEqual(bring(body).lines_new, 5)

    def test_F30_other_shortcode_of_a_bank(self) -> None:
        bring(MT940, source="mt940", account="bank:main")
        other = MT940.replace(b"0112345678", b"0199999999")
        self.refuse(other, "of 0199999999; those of bank:main were of 0112345678", source="mt940", account="bank:main")
        later = MT940.replace(b"STATEMENT", b"ANOTHER")
        self.refuse(later, "of 0112345678, which is bank:main here", source="mt940", account="bank:other")

    def test_F30_other_mode(self) -> None:
        paper = self.paper(4)
        self.refuse(paper.text(), "174379 is no shortcode of daraja in live mode", mode="live")
        # The shortcode is used in both modes: its lines are of one of them.
        pay(self.merchant, 100, mode="live")
        self.assertEqual(bring(paper.text()).lines_new, 4)
        self.refuse(paper.text(), "was taken in test mode", mode="live")
        paper.add(next_code(), 5_00)
        self.refuse(paper.text(), "4 of its lines were taken in the other mode", mode="live")
        self.assertEqual(bring(paper.text()).lines_new, 1)
        self.assertFalse(ReconLine.objects.filter(mode="live").exists())

    def test_what_stands_between_two_statements(self) -> None:
        first = self.paper(3)
        bring(first.text())
        day = first.start + timedelta(days=1)
        second = Paper(start=day, opening=first.balance + 40_00, balance=first.balance + 40_00)
        second.add(next_code(), 7_00)
        self.assertEqual(bring(second.text()).gaps, 1)
        found = ReconException.objects.get()
        self.assertEqual((found.kind, found.account, found.amount), ("balance_gap", ACCOUNT, 40_00))
        self.assertEqual((found.float_effect, found.occurred_at), (-40_00, day))
