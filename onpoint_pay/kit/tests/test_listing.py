"""Filters and cursors of lists: what is read, and what is refused."""

from datetime import UTC, datetime
from types import SimpleNamespace

from django.db.models import Q
from django.test import SimpleTestCase

from onpoint_pay.kit.errors import Invalid, Problem
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.listing import (
    AMOUNT_AND_TIME,
    CREATED,
    among,
    cut,
    key_in,
    last_seen,
    mark_of,
    number_of,
    read_conditions,
    read_filters,
    whole_number,
)

READERS = {"status": among(("open", "closed")), "row": number_of("row"), **CREATED}


class Filters(SimpleTestCase):
    def faults(self, query: dict[str, str]) -> list[tuple[str | None, str]]:
        with self.assertRaises(Invalid) as caught:
            read_filters(query, READERS)
        return [(fault.param, fault.code) for fault in caught.exception.faults]

    def test_what_was_sent_is_read(self) -> None:
        found = read_filters({"status": "open,closed", "date_to": "2026-11-21", "limit": "5", "cursor": "x"}, READERS)
        # The day ends at midnight in Nairobi, three hours before it does in London.
        self.assertEqual(found, {"status": ["open", "closed"], "date_to": datetime(2026, 11, 21, 21, tzinfo=UTC)})

    def test_every_fault_is_told_at_once(self) -> None:
        sent = {"status": "open,lost", "state": "open", "date_from": "soon", "created_after": "", "row": "x\x00"}
        wanted = {
            ("status", "parameter_invalid"),
            ("state", "parameter_invalid"),
            ("date_from", "date_invalid"),
            ("created_after", "date_invalid"),
            ("row", "parameter_invalid"),
        }
        self.assertEqual(set(self.faults(sent)), wanted)

    def test_days_at_the_end_of_time(self) -> None:
        self.assertEqual(self.faults({"date_to": "9999-12-31"}), [("date_to", "date_invalid")])

    def test_conditions_narrow_together(self) -> None:
        key = new_id()
        conditions = {"batch": key_in("batch_id", "bat"), **AMOUNT_AND_TIME}
        found = read_conditions({"batch": to_public("bat", key), "amount_min": "1.50"}, conditions)
        self.assertEqual(found, Q(Q(batch_id=key), Q(amount__gte=150)))
        self.assertEqual(read_conditions({}, conditions), Q())

    def test_numbers_fit_a_column(self) -> None:
        self.assertEqual(whole_number(str(2**63 - 1)), 2**63 - 1)
        for text in (str(2**63), "-1", "1.0", "٣", "", "0" * 40 + "7"):
            with self.subTest(text), self.assertRaises(ValueError):
                whole_number(text)

    def test_an_id_of_no_numbered_row_finds_nothing(self) -> None:
        self.assertEqual(number_of("row")(to_public("row", new_id())), 0)


class Cursors(SimpleTestCase):
    def test_a_page_goes_on_where_the_one_before_ended(self) -> None:
        rows = [SimpleNamespace(pk=number) for number in (9, 7, 4)]
        mark = mark_of("rows", {"status": "open"})
        page, cursor = cut(rows, limit=2, mark=mark)  # type: ignore[type-var]
        self.assertEqual((page, last_seen({"cursor": cursor or ""}, mark, whole_number)), (rows[:2], 7))
        self.assertEqual(cut(rows, limit=3, mark=mark), (rows, None))  # type: ignore[type-var]
        self.assertIsNone(last_seen({}, mark, whole_number))

    def test_a_cursor_of_another_list_or_other_filters_is_refused(self) -> None:
        mine = mark_of("rows", {"status": "open", "limit": "2"})
        self.assertEqual(mine, mark_of("rows", {"status": "open", "cursor": "x"}))
        _, cursor = cut([SimpleNamespace(pk="x"), SimpleNamespace(pk=2)], limit=1, mark=mine)  # type: ignore[type-var]
        others = (mark_of("rows", {"status": "closed"}), mark_of("other rows", {"status": "open"}), mine)
        for mark in others:
            with self.subTest(mark), self.assertRaises(Problem) as caught:
                last_seen({"cursor": cursor or ""}, mark, whole_number)
            self.assertEqual((caught.exception.code, caught.exception.param), ("cursor_invalid", "cursor"))
