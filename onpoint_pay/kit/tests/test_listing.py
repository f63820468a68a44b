"""Filters and cursors of lists: what is read, and what is refused."""

from datetime import UTC, datetime

from django.db.models import Q
from django.test import SimpleTestCase

from onpoint_pay.kit.api import Turn, encode_cursor
from onpoint_pay.kit.errors import Invalid, Problem
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.listing import (
    AMOUNT_AND_TIME,
    CREATED,
    Place,
    among,
    key_in,
    mark_of,
    number_of,
    place_of,
    read_conditions,
    read_filters,
    read_sort,
    turn_to,
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
    """Numbers from 9 down to 1, in pages."""

    def turn(self, query: dict[str, str], *, limit: int = 3, mark: str = "") -> tuple[list[int], Turn]:
        def fetch(place: Place | None, count: int) -> list[int]:
            if place is None:
                return list(range(9, 0, -1))[:count]
            beyond = range(place.value + 1, 10) if place.back else range(place.value - 1, 0, -1)
            return list(beyond)[:count]

        return turn_to(
            query,
            mark=mark or mark_of("rows", query),
            limit=limit,
            read=whole_number,
            shown=str,
            fetch=fetch,
            count=lambda most: min(9, most),
        )

    def test_there_and_back_again(self) -> None:
        turns = [self.turn({})]
        while cursor := turns[-1][1].next:
            turns.append(self.turn({"cursor": cursor}))
        there = [rows for rows, _ in turns]
        self.assertEqual(there, [[9, 8, 7], [6, 5, 4], [3, 2, 1]])
        self.assertIsNone(turns[0][1].previous)
        back = [turns[-1]]
        while cursor := back[-1][1].previous:
            back.append(self.turn({"cursor": cursor}))
        self.assertEqual([rows for rows, _ in back], there[::-1])
        # From a page that was come to backwards, the next one is the one that was left.
        self.assertEqual(self.turn({"cursor": back[-1][1].next or ""})[0], there[1])

    def test_pages_of_another_size_lie_side_by_side(self) -> None:
        _, turn = self.turn({}, limit=4)
        rows, turn = self.turn({"cursor": turn.next or ""}, limit=4)
        self.assertEqual(rows, [5, 4, 3, 2])
        rows, turn = self.turn({"cursor": turn.previous or ""}, limit=2)
        self.assertEqual((rows, turn.previous is None), ([7, 6], False))
        rows, turn = self.turn({"cursor": turn.previous or ""}, limit=5)
        self.assertEqual((rows, turn.previous), ([9, 8], None))

    def test_a_cursor_of_another_list_or_other_filters_is_refused(self) -> None:
        self.assertEqual(mark_of("rows", {"status": "open", "limit": "2"}), mark_of("rows", {"status": "open"}))
        mine = mark_of("rows", {"status": "open", "include": "total"})
        cursor = self.turn({}, mark=mine)[1].next or ""
        self.assertEqual(place_of({"cursor": cursor}, mine, whole_number), Place(value=7, back=False))
        for query in ({"status": "closed"}, {"sort": "amount", "status": "open"}):
            with self.subTest(query), self.assertRaises(Problem) as caught:
                place_of({"cursor": cursor}, mark_of("rows", query), whole_number)
            self.assertEqual((caught.exception.code, caught.exception.param), ("cursor_invalid", "cursor"))
        for parts in ([mine, "sideways", "7"], [mine, "next", "seven"], ["x", "next", "7"]):
            with self.subTest(parts), self.assertRaises(Problem):
                place_of({"cursor": encode_cursor(parts)}, mine, whole_number)
        self.assertIsNone(place_of({}, mine, whole_number))

    def test_the_total_only_when_asked_for(self) -> None:
        self.assertIsNone(self.turn({})[1].total)
        self.assertEqual(self.turn({"include": "total"})[1].total, {"total": 9, "total_is_estimate": False})
        with self.assertRaises(Problem) as caught:
            self.turn({"include": "everything"})
        self.assertEqual((caught.exception.code, caught.exception.param), ("parameter_invalid", "include"))

    def test_orders(self) -> None:
        self.assertEqual(read_sort({}, ("created_at", "amount")), ("created_at", True))
        self.assertEqual(read_sort({"sort": "amount"}, ("created_at", "amount")), ("amount", False))
        for text in ("completed_at", "--amount", "", "id"):
            with self.subTest(text), self.assertRaises(Problem):
                read_sort({"sort": text}, ("created_at", "amount"))
