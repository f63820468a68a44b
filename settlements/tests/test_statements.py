"""Statements: opening, each movement, closing; a chain of days that agrees with the ledger, in three formats."""

import csv
import io
import re
import zlib
from base64 import a85decode
from datetime import date, datetime, time, timedelta
from typing import Any

from django.test import TransactionTestCase

from merchants.tests.base import CommittingTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import NAIROBI, nairobi, now
from payments.services.proof import prove
from settlements.chart import Leg
from settlements.errors import DayNotOver, StatementBroken
from settlements.models import DayStatement
from settlements.services.batches import run_settlement
from settlements.services.profiles import set_profile
from settlements.services.statements import statement_of
from settlements.tests.base import balance
from settlements.tests.settlements import MONDAY, TUESDAY, WEDNESDAY, give_back_on, move_to, pay_on, post_on

KINDS = ("pending", "available", "reserve")


class Chain(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()

    def of(self, day: date, mode: str = "test") -> Any:
        return statement_of(self.merchant.id, mode, day)

    def test_each_day_begins_with_what_the_day_before_ended_with(self) -> None:
        pay_on(self.merchant, 100_00, fee=1_50, day=MONDAY)
        pay_on(self.merchant, 50_00, day=TUESDAY)
        give_back_on(self.merchant, 20_00, day=TUESDAY)
        monday, tuesday, wednesday = (self.of(day) for day in (MONDAY, TUESDAY, WEDNESDAY))
        self.assertEqual((monday.opening["total"], monday.closing["total"]), (0, 98_50))
        self.assertEqual((tuesday.opening, wednesday.opening), (monday.closing, tuesday.closing))
        self.assertEqual([row.amounts["pending"] for row in tuesday.movements], [50_00, -20_00])
        self.assertEqual(wednesday.closing["total"], 128_50)
        self.assertEqual(wednesday.closing["pending"], balance("pending", self.merchant))
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def test_a_day_asked_for_later_agrees_with_those_asked_for_before(self) -> None:
        for day in (MONDAY, TUESDAY, WEDNESDAY):
            pay_on(self.merchant, 10_00, day=day)
        late, early = self.of(WEDNESDAY), self.of(TUESDAY)
        self.assertEqual(early.closing, late.opening)
        self.assertEqual(self.of(WEDNESDAY), late)

    def test_releases_move_money_between_buckets(self) -> None:
        set_profile(self.merchant.id, actor="tests", reserve_bps=1000, reserve_days=30)
        pay_on(self.merchant, 100_00, day=MONDAY)
        (row,) = run_settlement(day=MONDAY)
        assert row.release_transfer_id is not None
        move_to(row.release_transfer_id, datetime.combine(TUESDAY, time(9), NAIROBI))
        debt = [
            Leg(kind="owed", side="D", amount=5_00),
            Leg(kind="provider_float", side="C", amount=5_00, sub="x:1:00"),
        ]
        post_on(self.merchant, debt, day=TUESDAY, kind="dispute_fee")
        found = self.of(TUESDAY)
        release = next(each for each in found.movements if each.kind == "settlement_release")
        self.assertEqual([release.amounts[kind] for kind in (*KINDS, "total")], [-100_00, 90_00, 10_00, 0])
        self.assertEqual((found.closing["owed"], found.closing["total"]), (-5_00, 95_00))

    def test_modes_are_apart(self) -> None:
        pay_on(self.merchant, 10_00, day=MONDAY, mode="live")
        self.assertEqual((self.of(MONDAY).closing["total"], self.of(MONDAY, "live").closing["total"]), (0, 10_00))

    def test_today_is_not_final_and_is_not_kept(self) -> None:
        today = nairobi(now()).date()
        self.assertFalse(self.of(today).final)
        self.assertEqual(DayStatement.objects.count(), 0)
        self.assertRaises(DayNotOver, self.of, today + timedelta(days=1))

    def test_books_that_were_tampered_with_are_no_statement(self) -> None:
        key = pay_on(self.merchant, 10_00, day=MONDAY)
        self.of(MONDAY)
        move_to(key, datetime.combine(MONDAY, time(9), NAIROBI))
        self.assertRaises(StatementBroken, self.of, MONDAY)
        move_to(key, datetime.combine(TUESDAY, time(9), NAIROBI))
        self.assertRaises(StatementBroken, self.of, MONDAY)
        self.assertIn("I28", [finding.invariant.name for finding in prove() if finding.rows])


class Formats(CommittingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka <b>Bora</b> & Co")
        self.headers = key_headers(make_api_key(self.merchant, scopes=["settlements:read"]))
        pay_on(self.merchant, 1234_56, fee=12_34, day=MONDAY - timedelta(days=1))
        for amount in (100_00, 7_77, 3_01):
            pay_on(self.merchant, amount, fee=1, day=MONDAY)
        give_back_on(self.merchant, 55_55, day=MONDAY, at=time(13))

    def ask(self, format: str | None = None, **more: str) -> Any:
        query = "&".join(f"{name}={value}" for name, value in ({"date": "2026-06-08"} | more).items())
        return self.get(f"settlements/statement/?{query}" + (f"&format={format}" if format else ""), self.headers)

    def test_three_formats_that_agree_to_the_cent(self) -> None:
        body = self.ask().json()
        self.assertEqual(
            (body["opening"]["total"], body["closing"]["total"], len(body["movements"])), ("1222.22", "1277.42", 4)
        )
        answer = self.ask("csv")
        self.assertEqual(answer["Content-Type"], "text/csv; charset=utf-8")
        rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
        wanted = [body["opening"]["total"], *[row["total"] for row in body["movements"]], body["closing"]["total"]]
        self.assertEqual([row["total"] for row in rows], wanted)
        self.assertEqual([row["source"] for row in rows[1:-1]], [row["source"] for row in body["movements"]])
        answer = self.ask("pdf")
        self.assertEqual(answer["Content-Type"], "application/pdf")
        self.assertIn('filename="statement-2026-06-08.pdf"', answer["Content-Disposition"])
        words = words_of(answer.content)
        numbers = [word for word in words if re.fullmatch(r"-?\d+\.\d\d", word)]
        columns = ("pending", "available", "reserve", "held", "owed", "total")
        lines = [body["opening"], *body["movements"], body["closing"]]
        self.assertEqual(numbers, [line[name] for line in lines for name in columns])
        self.assertIn("Duka<b>Bora</b>&Co", "".join(words).replace(" ", ""))

    def test_the_same_statement_is_the_same_file(self) -> None:
        self.assertEqual(self.ask("pdf").content, self.ask("pdf").content)

    def test_a_long_day_goes_over_several_pages(self) -> None:
        for _ in range(120):
            pay_on(self.merchant, 1_00, day=MONDAY)
        content = self.ask("pdf").content
        self.assertGreater(content.count(b"/Type /Page\n"), 1)
        self.assertEqual(words_of(content).count("capture"), 123)

    def test_no_cell_runs_as_a_formula(self) -> None:
        with_formula = [Leg(kind="pending", side="C", amount=1), Leg(kind="capital", side="D", amount=1)]
        post_on(self.merchant, with_formula, day=MONDAY, kind="=cmd|'/c calc'!A0")
        rows = list(csv.DictReader(io.StringIO(self.ask("csv").content.decode())))
        self.assertIn("'=cmd|'/c calc'!A0", [row["kind"] for row in rows])

    def test_what_is_asked_wrongly(self) -> None:
        self.assert_problem(self.get("settlements/statement/", self.headers), 400, "parameter_missing")
        self.assert_problem(self.ask("xml"), 400, "parameter_invalid")
        self.assert_problem(self.ask(dat="1"), 400, "parameter_invalid")
        self.assert_problem(self.ask(date="yesterday"), 400, "date_invalid")
        self.assert_problem(self.ask(date="2999-01-01"), 400, "date_invalid")
        for currency in ("USD", "kes", "\x00", "five letters"):
            self.assert_problem(self.ask(date="2026-06-08", currency=currency), 400, "currency_unsupported")
        other = key_headers(make_api_key(make_merchant(), scopes=["settlements:read"]))
        found = self.get("settlements/statement/?date=2026-06-08", other).json()
        self.assertEqual((found["movements"], found["closing"]["total"]), ([], "0.00"))


def words_of(pdf: bytes) -> list[str]:
    """The texts of a PDF in the order in which they are drawn."""
    streams = re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL)
    drawn = b"".join(zlib.decompress(a85decode(stream.strip().removesuffix(b"~>"))) for stream in streams)
    found = re.findall(rb"\(((?:[^()\\]|\\.)*)\) Tj", drawn)
    return [re.sub(r"\\([()\\])", r"\1", text.decode("latin-1")) for text in found]
