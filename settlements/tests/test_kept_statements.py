"""Statements that were given once: the same for ever, whatever is posted afterwards; kept each night, and in a chain."""

import csv
import io
import re
from datetime import date, time, timedelta
from threading import Thread
from typing import Any
from unittest import mock

from django.db import InternalError, ProgrammingError, connection, transaction
from django.test import TransactionTestCase

from merchants.tests.base import CommittingTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import nairobi, now
from payments.services.proof import prove
from settlements.models import ClosedDay, DayStatement
from settlements.schedule import ONE_DAY
from settlements.services import batches
from settlements.services.batches import last_over
from settlements.services.statements import Statement, close_days, keep_statements, statement_of
from settlements.tests.base import pay
from settlements.tests.settlements import give_back_on, pay_on
from settlements.tests.test_statements import words_of

AMOUNT = re.compile(r"-?\d+\.\d\d")


class StatementCase(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        self.yesterday = last_over()

    def of(self, day: date, mode: str = "test") -> Statement:
        return statement_of(self.merchant.id, mode, day)

    def assert_clean(self) -> None:
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])


class Kept(StatementCase):
    def test_what_is_committed_later_stands_in_the_next_day(self) -> None:
        pay_on(self.merchant, 10_00, day=self.yesterday)
        given = self.of(self.yesterday)
        pay_on(self.merchant, 5_00, day=self.yesterday, at=time(23, 59, 59))
        self.assertEqual(self.of(self.yesterday), given)
        next_day = self.of(self.yesterday + ONE_DAY)
        self.assertEqual((next_day.opening, given.closing["total"]), (given.closing, 10_00))
        self.assertEqual([row.amounts["total"] for row in next_day.movements], [5_00])
        self.assertEqual(next_day.closing["total"], 15_00)
        self.assert_clean()

    def test_a_day_nobody_asked_for_is_closed_with_the_others(self) -> None:
        """It had no movement when it was closed, and has none for ever."""
        other = make_merchant()
        statement_of(other.id, "test", self.yesterday)
        pay_on(self.merchant, 10_00, day=self.yesterday)
        self.assertEqual((self.of(self.yesterday).movements, self.of(self.yesterday).closing["total"]), ((), 0))
        self.assertEqual(self.of(self.yesterday + ONE_DAY).closing["total"], 10_00)

    def test_a_transaction_that_was_open_when_the_day_was_closed(self) -> None:
        """Stamped before, committed after: it is nobody's until then."""
        today, found = nairobi(now()).date(), []

        def ask() -> None:
            found.append(self.of(today))
            connection.close()

        with mock.patch("settlements.services.statements.last_over", return_value=today), transaction.atomic():
            pay(self.merchant, 10_00)
            thread = Thread(target=ask)
            thread.start()
            thread.join()
        self.assertEqual((found[0].final, found[0].movements), (True, ()))
        self.assertEqual(self.of(today), found[0])
        with mock.patch("settlements.services.statements.now", return_value=now() + ONE_DAY):
            self.assertEqual([row.amounts["total"] for row in self.of(today + ONE_DAY).movements], [10_00])
        self.assert_clean()

    def test_closing_is_opening_over_a_week(self) -> None:
        """Days closed one by one as they end, with money coming late for each."""
        start = self.yesterday - timedelta(days=6)
        days = [start + timedelta(days=number) for number in range(7)]
        for number, day in enumerate(days):
            pay_on(self.merchant, (number + 1) * 10_00, day=day)
            with mock.patch("settlements.services.statements.last_over", return_value=day):
                self.assertEqual(keep_statements(), 1)
            pay_on(self.merchant, 1_00, day=day, at=time(23, 59))
        found = [self.of(day) for day in days]
        for before, after in zip(found, found[1:], strict=False):
            self.assertEqual(before.closing, after.opening)
        self.assertEqual([len(each.movements) for each in found], [1, *[2] * 6])
        self.assertEqual(found[-1].closing["total"], 280_00 + 6 * 1_00)
        self.assertEqual(self.of(days[-1] + ONE_DAY).closing["total"], 280_00 + 7 * 1_00)
        self.assertEqual(ClosedDay.objects.count(), 7)
        self.assert_clean()

    def test_kept_rows_are_never_changed(self) -> None:
        pay_on(self.merchant, 10_00, day=self.yesterday)
        self.of(self.yesterday)
        kept = DayStatement.objects.get()
        self.assertEqual((kept.rows, len(kept.digest or "")), (1, 64))
        for table in (DayStatement, ClosedDay):
            for change in (lambda t=table: t.objects.all().delete(), lambda t=table: t.objects.update(day=date.min)):
                with self.assertRaises((InternalError, ProgrammingError)), transaction.atomic():
                    change()


class Nightly(StatementCase):
    def test_everybody_whose_money_moved(self) -> None:
        other, idle = make_merchant(), make_merchant()
        pay_on(self.merchant, 10_00, day=self.yesterday)
        pay_on(self.merchant, 7_00, day=self.yesterday, mode="live")
        pay_on(other, 20_00, day=self.yesterday)
        self.assertEqual(keep_statements(), 3)
        self.assertEqual(keep_statements(), 0)
        rows = DayStatement.objects.filter(day=self.yesterday).values_list("merchant_id", "mode", "closing__total")
        wanted = {(self.merchant.id, "test", 10_00), (self.merchant.id, "live", 7_00), (other.id, "test", 20_00)}
        self.assertEqual(set(rows), wanted)
        self.assertFalse(DayStatement.objects.filter(merchant=idle).exists())
        self.assertEqual(list(ClosedDay.objects.values_list("day", flat=True)), [self.yesterday])
        self.assert_clean()

    def test_nights_that_were_missed_are_closed_together(self) -> None:
        first = self.yesterday - timedelta(days=3)
        with mock.patch("settlements.services.statements.last_over", return_value=first):
            close_days()
        pay_on(self.merchant, 10_00, day=first + ONE_DAY)
        keep_statements()
        days = list(ClosedDay.objects.order_by("day").values_list("day", flat=True))
        self.assertEqual(days, [first + timedelta(days=number) for number in range(4)])
        self.assertEqual(len(set(ClosedDay.objects.values_list("snapshot", flat=True))), 2)
        self.assertEqual([len(self.of(day).movements) for day in days], [0, 1, 0, 0])

    def test_a_day_that_is_not_over_is_not_closed(self) -> None:
        midnight = batches.end_of(self.yesterday)
        with mock.patch.object(batches, "now", return_value=midnight + timedelta(minutes=14)):
            close_days()
            self.assertEqual(ClosedDay.objects.get().day, self.yesterday - ONE_DAY)
            self.assertFalse(self.of(self.yesterday).final)
        self.assertFalse(self.of(nairobi(now()).date()).final)


class Formats(CommittingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora")
        self.headers = key_headers(make_api_key(self.merchant, scopes=["settlements:read"]))
        self.day = last_over()
        pay_on(self.merchant, 1234_56, fee=12_34, day=self.day - ONE_DAY)
        for number in range(70):
            pay_on(self.merchant, 1_01 + 7 * number, fee=number % 3, day=self.day)
        give_back_on(self.merchant, 55_55, day=self.day, at=time(13))

    def given(self) -> dict[str, Any]:
        path = f"settlements/statement/?date={self.day}&format="
        return {format: self.get(path + format, self.headers).content for format in ("json", "csv", "pdf")}

    def test_three_formats_agree_to_the_cent_and_stay(self) -> None:
        given = self.given()
        body = self.get(f"settlements/statement/?date={self.day}", self.headers).json()
        names = ("pending", "available", "reserve", "held", "owed", "total")
        wanted = [[line[name] for name in names] for line in (body["opening"], *body["movements"], body["closing"])]
        self.assertEqual(len(wanted), 73)
        sheet = list(csv.DictReader(io.StringIO(given["csv"].decode())))
        self.assertEqual([[row[name] for name in names] for row in sheet], wanted)
        printed = [word for word in words_of(given["pdf"]) if AMOUNT.fullmatch(word)]
        self.assertEqual(printed, [amount for line in wanted for amount in line])
        self.assertIn("-55.55", printed)
        moved = sum(round(float(line[-1]) * 100) for line in wanted[1:-1])
        self.assertEqual(round(float(wanted[0][-1]) * 100) + moved, round(float(wanted[-1][-1]) * 100))
        pay_on(self.merchant, 99_99, day=self.day, at=time(23, 59))
        self.assertEqual(self.given(), given, "not a byte is another")
