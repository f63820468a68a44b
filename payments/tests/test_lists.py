"""Payments in pages: every filter, every order, cursors that neither skip nor repeat."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from django.http import HttpResponse

from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit import listing
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import Payment
from payments.tests.base import PaymentTestCase
from payments.tests.factories import make_payment

LIST = "payments/transactions/"


class ListTestCase(PaymentTestCase):
    def ask(self, **query: Any) -> HttpResponse:
        return self.client.get(f"/api/v1/{LIST}", query, headers=self.headers)

    def found(self, **query: Any) -> list[str]:
        answer = self.ask(**query)
        self.assertEqual(answer.status_code, 200, answer.content)
        return [payment["id"] for payment in answer.json()["data"]]

    def ids(self, *payments: Payment) -> list[str]:
        return [to_public("pay", payment.id) for payment in payments]

    def assert_only(self, payments: list[Payment], **query: Any) -> None:
        self.assertCountEqual(self.found(**query), self.ids(*payments), query)

    def assert_refused(self, code: str, **query: Any) -> None:
        answer = self.ask(**query)
        found = self.assert_problem(answer, 400, code)
        self.assertIn(found["param"], query)


class Filters(ListTestCase):
    def test_nothing_yet(self) -> None:
        answer = self.ask().json()
        empty = {"data": [], "has_more": False, "next_cursor": None, "previous_cursor": None}
        self.assertEqual(answer, {"object": "list", "url": f"/api/v1/{LIST}", **empty})

    def test_each_element_is_the_payment(self) -> None:
        payment = make_payment(self.merchant, status="completed", reference="ORDER-1")
        shown = self.get(f"payments/{to_public('pay', payment.id)}/", self.headers).json()
        self.assertEqual(self.ask().json()["data"], [shown])
        self.assertEqual(self.get("payments/", self.headers).json()["data"], [shown])

    def test_status(self) -> None:
        made = {
            status: make_payment(self.merchant, status=status)
            for status in ("pending", "completed", "failed", "cancelled")
        }
        self.assert_only([made["completed"]], status="completed")
        self.assert_only([made["failed"], made["cancelled"]], status="failed,cancelled")
        self.assert_only([], status="reversed")
        self.assert_refused("parameter_invalid", status="complete")
        self.assert_refused("parameter_invalid", status="completed,,failed")

    def test_method_provider_and_currency(self) -> None:
        payment = make_payment(self.merchant)
        for name, hit, miss in (
            ("payment_method", "mpesa", "card"),
            ("provider", "daraja", "paystack"),
            ("currency", "KES", "USD"),
        ):
            with self.subTest(name=name):
                self.assert_only([payment], **{name: hit})
                self.assert_only([], **{name: miss})
        self.assert_only([payment], payment_method="card,mpesa")

    def test_reference(self) -> None:
        first, second = (
            make_payment(self.merchant, reference="ORDER-1"),
            make_payment(self.merchant, reference="ORDER-2"),
        )
        self.assert_only([first], reference="ORDER-1")
        self.assert_only([second], reference=second.reference)
        self.assert_only([], reference="ORDER")

    def test_phone(self) -> None:
        payment = make_payment(self.merchant, phone="0712345678")
        make_payment(self.merchant)
        for spelling in ("254712345678", "0712345678", "+254 712 345 678"):
            self.assert_only([payment], phone=spelling)
        self.assert_refused("parameter_invalid", phone="12")

    def test_amounts_include_their_bounds(self) -> None:
        small, middle, big = (make_payment(self.merchant, amount=amount) for amount in (10, 20, 30))
        self.assert_only([middle, big], amount_min=20)
        self.assert_only([small, middle], amount_max="20.00")
        self.assert_only([middle], amount_min="10.01", amount_max="29.99")
        for text in ("ten", "-1", "1e2", "NaN"):
            self.assert_refused("parameter_invalid", amount_min=text)

    def test_days_are_days_in_nairobi(self) -> None:
        """21:00 UTC is midnight in Nairobi."""
        moments = (
            "2026-03-09T20:59:59.999Z",
            "2026-03-09T21:00:00Z",
            "2026-03-10T20:59:59.999Z",
            "2026-03-10T21:00:00Z",
        )
        made = [make_payment(self.merchant) for _ in moments]
        for payment, moment in zip(made, moments, strict=True):
            Payment.objects.filter(id=payment.id).update(created_at=moment)
        self.assert_only(made[1:], date_from="2026-03-10")
        self.assert_only(made[:3], date_to="2026-03-10")
        self.assert_only(made[1:3], date_from="2026-03-10", date_to="2026-03-10")
        self.assert_only(
            [made[1], made[2]], created_after="2026-03-09T23:59:59.999+03:00", created_before="2026-03-10T21:00:00Z"
        )
        self.assert_only([made[2]], created_after="2026-03-09T21:00:00Z", created_before="2026-03-10T21:00:00Z")

    def test_dates_that_are_none(self) -> None:
        for text in ("yesterday", "2026-13-01", "2026-02-30", "10/03/2026", "2026-3-1", "9999-12-31T00:00:00Z"):
            with self.subTest(text=text):
                self.assert_refused("date_invalid", date_to=text)
        self.assert_refused("date_invalid", date_to="9999-12-31")
        self.assert_refused("date_invalid", created_after="noon")
        self.assertEqual(self.ask(date_from="0001-01-01").status_code, 200)
        self.assertEqual(self.ask(created_after="0001-01-01T00:00:00+14:00").status_code, 200)

    def test_search(self) -> None:
        payment = make_payment(
            self.merchant,
            status="completed",
            reference="ORDER-1",
            phone="0712345678",
            email="wanjiku@example.com",
            description="Two plates of 100% beef",
        )
        make_payment(self.merchant, description="Water")
        for text in (
            payment.reference,
            "ORDER-1",
            str(payment.receipt).lower(),
            "0712345678",
            "Wanjiku@Example.com",
            "plates OF",
            "100%",
        ):
            with self.subTest(text=text):
                self.assert_only([payment], q=text)
        for text in ("ORDER", "200%", "\\", "' OR 1=1 --"):
            with self.subTest(text=text):
                self.assert_only([], q=text)

    def test_metadata(self) -> None:
        text = make_payment(self.merchant, metadata={"order_id": "123", "vip": True})
        number = make_payment(self.merchant, metadata={"order_id": 123})
        make_payment(self.merchant, metadata={"order_id": "1234"})
        self.assert_only([text, number], **{"metadata[order_id]": "123"})
        self.assert_only([text], **{"metadata[vip]": "true"})
        self.assert_only([], **{"metadata[vip]": "false"})
        self.assert_only([], **{"metadata[other]": "123"})
        self.assert_only([], **{"metadata[order_id]": "9" * 400})

    def test_several_filters_narrow_together(self) -> None:
        payment = make_payment(self.merchant, status="completed", amount=50, reference="A")
        make_payment(self.merchant, status="completed", amount=10, reference="B")
        make_payment(self.merchant, amount=50, reference="C")
        self.assert_only([payment], status="completed", amount_min=20, payment_method="mpesa")

    def test_a_mistyped_filter_never_returns_everything(self) -> None:
        make_payment(self.merchant)
        for name in (
            "state",
            "Status",
            "metadata",
            "metadata[",
            "amount__gte",
            "merchant",
            "mode",
            "id",
            "expand",
            "a\x00b",
        ):
            with self.subTest(name=name):
                self.assert_refused("parameter_invalid", **{name: "x"})
        found = self.assert_problem(self.ask(state="x", colour="y"), 400, "validation_failed")
        self.assertEqual({fault["param"] for fault in found["errors"]}, {"state", "colour"})

    def test_nul_characters(self) -> None:
        for name in ("q", "reference", "status", "phone", "metadata[a]", "metadata[a\x00b]", "currency"):
            with self.subTest(name=name):
                self.assert_refused("parameter_invalid", **{name: "a\x00b"})
        self.assert_refused("parameter_invalid", **{"metadata[a\x00b]": "a"})


class Orders(ListTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.made = [make_payment(self.merchant, status="completed", amount=amount) for amount in (20, 10, 30)]

    def test_newest_first(self) -> None:
        self.assertEqual(self.found(), self.ids(*reversed(self.made)))
        self.assertEqual(self.found(sort="created_at"), self.ids(*self.made))

    def test_by_amount(self) -> None:
        twenty, ten, thirty = self.made
        self.assertEqual(self.found(sort="amount"), self.ids(ten, twenty, thirty))
        self.assertEqual(self.found(sort="-amount"), self.ids(thirty, twenty, ten))

    def test_by_completion_lists_only_what_completed(self) -> None:
        make_payment(self.merchant)
        self.assertEqual(self.found(sort="completed_at"), self.ids(*self.made))
        self.assertEqual(self.found(sort="-completed_at"), self.ids(*reversed(self.made)))

    def test_others(self) -> None:
        for sort in ("phone", "--amount", "-", "id"):
            self.assert_refused("parameter_invalid", sort=sort)


class Bounds(ListTestCase):
    def test_limit(self) -> None:
        for _ in range(22):
            make_payment(self.merchant)
        self.assertEqual(len(self.found()), 20)
        self.assertEqual([len(self.found(limit=limit)) for limit in (1, 21, 100)], [1, 21, 22])
        for text in (
            "0",
            "101",
            "-1",
            "ten",
            "1.5",
            "",
            "٣",
            "1e1",
            "0010999",
            "0001" + "0" * 5000,
            "99999999999999999999",
        ):
            with self.subTest(text=text[:20]):
                self.assert_refused("parameter_invalid", limit=text)

    def test_totals(self) -> None:
        for amount in (10, 20, 30):
            make_payment(self.merchant, amount=amount)
        make_payment(make_merchant("Mama Mboga"))
        answer = self.ask(include="total", limit=1).json()
        self.assertEqual((answer["total"], answer["total_is_estimate"], len(answer["data"])), (3, False, 1))
        self.assertEqual(self.ask(include="total", amount_min=20).json()["total"], 2)
        self.assertNotIn("total", self.ask().json())

    def test_totals_are_counted_up_to_a_bound(self) -> None:
        for _ in range(3):
            make_payment(self.merchant)
        bound, listing.TOTAL_COUNTED = listing.TOTAL_COUNTED, 2
        self.addCleanup(setattr, listing, "TOTAL_COUNTED", bound)
        answer = self.ask(include="total").json()
        self.assertEqual((answer["total"], answer["total_is_estimate"]), (2, True))


class Cursors(ListTestCase):
    COUNT = 105

    @classmethod
    def setUpTestData(cls) -> None:
        """Rows of one instant, which only their ids tell apart; five amounts among them."""
        cls.merchant = make_merchant("Duka Bora")
        template = make_payment(cls.merchant, status="initiated")
        template.refresh_from_db()
        rows = []
        for number in range(cls.COUNT - 1):
            row = Payment.objects.get(id=template.id)
            row.id, row.reference, row.account_reference = new_id(), f"TXN{number:06d}", f"ACC{number:06d}"
            row.amount = 1000 + number % 5 * 100
            rows.append(row)
        Payment.objects.bulk_create(rows)

    def setUp(self) -> None:
        owner = self.merchant
        super().setUp()
        self.merchant, self.headers = owner, key_headers(make_api_key(owner))

    def walk(self, **query: Any) -> list[str]:
        """All pages by the cursor of each, checking that the Link header says the same."""
        seen: list[str] = []
        while True:
            answer = self.ask(**query)
            page = answer.json()
            seen += [payment["id"] for payment in page["data"]]
            self.assertEqual(page["has_more"], page["next_cursor"] is not None)
            if not page["has_more"]:
                self.assertNotIn('rel="next"', answer.get("Link", ""))
                return seen
            link = dict(parse_qsl(urlsplit(answer["Link"].split(">")[0][1:]).query))
            query["cursor"] = page["next_cursor"]
            self.assertEqual(link, {name: str(value) for name, value in query.items()})

    def test_every_row_once_in_both_directions(self) -> None:
        down = self.walk(limit=10)
        self.assertEqual((len(down), len(set(down))), (self.COUNT, self.COUNT))
        self.assertEqual(self.walk(limit=7, sort="created_at"), down[::-1])
        self.assertEqual(self.walk(limit=100), down)
        self.assertEqual(down, sorted(down, reverse=True))

    def test_by_amount_with_ties(self) -> None:
        up = self.walk(limit=9, sort="amount")
        self.assertEqual(len(set(up)), self.COUNT)
        self.assertEqual(self.walk(limit=9, sort="-amount"), up[::-1])

    def test_the_same_pages_backwards(self) -> None:
        for sort in ("-created_at", "amount", "-amount"):
            page = self.ask(limit=10, sort=sort).json()
            pages = [page["data"]]
            self.assertIsNone(page["previous_cursor"])
            while page["next_cursor"]:
                page = self.ask(limit=10, sort=sort, cursor=page["next_cursor"]).json()
                pages.append(page["data"])
            back = [page["data"]]
            while page["previous_cursor"]:
                page = self.ask(limit=10, sort=sort, cursor=page["previous_cursor"]).json()
                self.assertTrue(page["has_more"])
                back.append(page["data"])
            self.assertEqual(back, pages[::-1], sort)

    def test_a_full_last_page_has_no_next(self) -> None:
        self.assertEqual(len(self.walk(limit=35)), self.COUNT)
        self.assertEqual(len(self.walk(limit=21, amount_min="10.00")), self.COUNT)

    def test_payments_made_while_paging_shift_nothing(self) -> None:
        first = self.ask(limit=50).json()
        new = [make_payment(self.merchant) for _ in range(3)]
        rest = self.walk(limit=50, cursor=first["next_cursor"])
        seen = [payment["id"] for payment in first["data"]] + rest
        self.assertEqual((len(seen), len(set(seen))), (self.COUNT, self.COUNT))
        self.assertFalse(set(seen) & set(self.ids(*new)))

    def test_a_cursor_belongs_to_its_filters_and_order(self) -> None:
        cursor = self.ask(limit=5, amount_min=1).json()["next_cursor"]
        self.assertEqual(self.ask(limit=9, amount_min=1, cursor=cursor).status_code, 200)
        for other in (
            {},
            {"amount_min": 2},
            {"amount_min": 1, "sort": "amount"},
            {"amount_min": 1, "status": "pending"},
        ):
            with self.subTest(other=other):
                self.assert_problem(self.ask(limit=5, cursor=cursor, **other), 400, "cursor_invalid")

    def test_cursors_we_did_not_make(self) -> None:
        good = self.ask(limit=5).json()["next_cursor"]
        for cursor in ("x", "e30", good[:-3], good + "AAAA", "é", "W10", "AAAA" * 500, "null", "bnVsbA", "\x00"):
            with self.subTest(cursor=cursor[:20]):
                answer = self.ask(cursor=cursor)
                self.assertEqual(answer.status_code, 400, answer.content)
                self.assertIn(answer.json()["code"], ("cursor_invalid", "parameter_invalid"))

    def test_a_cursor_of_another_merchant_shows_nothing_of_theirs(self) -> None:
        cursor = self.ask(limit=5).json()["next_cursor"]
        self.merchant = make_merchant("Mama Mboga")
        own = make_payment(self.merchant)
        Payment.objects.filter(id=own.id).update(created_at=now() - timedelta(days=1))
        self.headers = key_headers(make_api_key(self.merchant))
        self.assertEqual(self.found(cursor=cursor), self.ids(own))
