"""What stands in operators' cells: text is text, and people are left out of it; and how lists are filtered."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.test import RequestFactory, SimpleTestCase

from audit.operators import cells
from audit.operators.filters import SLACK, by_key, lately, of_merchant, one_of
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public

HOSTILE = "<script>alert(1)</script>"


class Cells(SimpleTestCase):
    def test_words_without_people_and_secrets(self) -> None:
        text = "Paid by 254712345678, wanjiku.kamau@example.com, token=plain-words"
        self.assertEqual(cells.words(text), "Paid by 2547****5678, w****@example.com, token=****")
        self.assertEqual((cells.words(None), cells.words("")), ("-", "-"))

    def test_a_document_keeps_its_shape_and_loses_its_people(self) -> None:
        shown = cells.document(
            '{"payer_name": "Wanjiku Kamau", "email": "wanjiku@example.com", "phone": "254712345678", "amount": 100,'
            ' "items": [{"note": "<script>alert(1)</script>", "secret": "plain-words"}]}'
        )
        for hidden in ("Wanjiku", "wanjiku@", "254712345678", HOSTILE, "plain-words"):
            self.assertNotIn(hidden, shown)
        for kept in ("payer_name", "W**** K****", "2547****5678", "&lt;script&gt;", "100"):
            self.assertIn(kept, shown)

    def test_what_is_no_document(self) -> None:
        self.assertNotIn("254712345678", cells.document("254712345678"))
        self.assertEqual(cells.document("{" * 100_000), "100000 characters that are no JSON")
        self.assertEqual(cells.document(""), "-")

    def test_a_long_text_ends(self) -> None:
        shown = cells.verbatim("&" * (cells.LONGEST + 1))
        self.assertEqual(shown.count("&amp;"), cells.LONGEST)
        self.assertIn("…", shown)


class Rows:
    """Stands in for a query: what it was narrowed by."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def filter(self, *given: Any, **named: Any) -> "Rows":
        self.asked += [*given, *named.items()]
        return self

    def none(self) -> str:
        return "none"


class Filters(SimpleTestCase):
    def narrowed(self, kind: Any, **query: str) -> Any:
        request = RequestFactory().get("/", query)
        given = {name: [value] for name, value in query.items()}
        rows = Rows()
        found = kind(request, given, None, None).queryset(request, rows)
        return found if isinstance(found, str) else rows.asked

    def test_a_word_of_ours(self) -> None:
        status = one_of("status", ("open", "closed"))
        self.assertEqual(self.narrowed(status), [])
        (asked,) = self.narrowed(status, status="open")
        self.assertEqual(asked.children, [("status", "open")])
        (asked,) = self.narrowed(status, status="nonsense")
        self.assertEqual(asked.children, [("pk__in", [])])

    def test_a_merchant(self) -> None:
        key = new_id()
        self.assertEqual(self.narrowed(of_merchant(), merchant=to_public("mer", key)), [("merchant_id", key)])
        for text in ("mer_nonsense", str(key), to_public("pay", key)):
            self.assertEqual(self.narrowed(of_merchant(), merchant=text), "none")

    def test_an_age(self) -> None:
        age = lately(by_key, usual="7")
        for query, days in (({}, 7), ({"age": "1"}, 1), ({"age": "31", "q": "x"}, 31)):
            (asked,) = self.narrowed(age, **query)
            ((name, key),) = asked.children
            self.assertEqual(name, "pk__gte")
            self.assert_is_about(key, days)
        for query in ({"age": "all"}, {"q": "TXN1"}):
            self.assertEqual(self.narrowed(age, **query), [])
        self.assertEqual(self.narrowed(age, age="nonsense"), "none")

    def assert_is_about(self, key: UUID, days: int) -> None:
        told = (key.int >> 80) / 1000
        wanted = (now() - timedelta(days=days) - SLACK).timestamp()
        self.assertLess(abs(told - wanted), 60)
