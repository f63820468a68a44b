"""The books over the API: balances to the cent, entries in pages, one transfer, and a proof that sees what was planted."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from merchants.tests.accounts import make_account
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from settlements.chart import Leg, refund_hold_legs, suspense_legs
from settlements.models import LedgerAccount, LedgerEntry
from settlements.tests.base import execute, pay, post

PAYMENT = UUID(int=21)
SCOPES = ["balance:read", "ledger:read"]
EMPTY = {name: {"KES": "0.00"} for name in ("available", "pending", "reserved", "in_flight", "owed", "suspense")}


class BooksTestCase(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.headers = key_headers(make_api_key(self.merchant, scopes=SCOPES))

    def read(self, path: str, **query: str) -> dict[str, Any]:
        answer = self.client.get(f"/api/v1/{path}", query, headers=self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        found: dict[str, Any] = answer.json()
        return found


class Balances(BooksTestCase):
    def shown(self) -> dict[str, Any]:
        found = self.read("balance/")
        self.assertEqual((found.pop("object"), found.pop("livemode")), ("balance", False))
        found.pop("at")
        return found

    def test_nothing_yet(self) -> None:
        self.assertEqual(self.shown(), EMPTY)

    def test_each_kind_of_money_where_it_stands(self) -> None:
        pay(self.merchant, 1_000_00, fee=10_01)
        for kind, minor in (("available", 100_00), ("reserve", 20_00), ("dispute_hold", 3_00), ("payout_hold", 7_50)):
            legs = [Leg(kind="pending", side="D", amount=minor), Leg(kind=kind, side="C", amount=minor)]
            post(self.merchant, legs)
        post(self.merchant, refund_hold_legs({"pending": 2_50}))
        post(self.merchant, refund_hold_legs({"owed": 4_00}))
        self.assertEqual(
            self.shown(),
            EMPTY
            | {
                "available": {"KES": "100.00"},
                "pending": {"KES": "856.99"},
                "reserved": {"KES": "23.00"},
                "in_flight": {"KES": "14.00"},
                "owed": {"KES": "4.00"},
            },
        )

    def test_sub_accounts_are_summed_and_currencies_kept_apart(self) -> None:
        for sub in ("", "00", "15", "wal_1"):
            legs = [Leg(kind="bank", side="D", amount=33), Leg(kind="pending", side="C", amount=33, sub=sub)]
            post(self.merchant, legs)
        post(self.merchant, legs, currency="USD")
        self.assertEqual(self.shown()["pending"], {"KES": "1.32", "USD": "0.33"})

    def test_others_and_the_other_mode_do_not_count(self) -> None:
        pay(make_merchant(), 100_00)
        pay(self.merchant, 100_00, mode="live")
        self.assertEqual(self.shown(), EMPTY)

    def test_suspense_of_own_shortcodes_only(self) -> None:
        make_account(self.merchant, mode="test", shortcode="600100")
        make_account(make_merchant(), mode="test", shortcode="600200")
        for shortcode, minor in (("600100", 5_00), ("600200", 70_00), ("174379", 900_00)):
            legs = suspense_legs(receipt_id=PAYMENT, amount=Money(minor), float_name=f"daraja:{shortcode}")
            post(self.merchant, legs)
        self.assertEqual(self.shown()["suspense"], {"KES": "5.00"})

    def test_needs_its_scope(self) -> None:
        headers = key_headers(make_api_key(self.merchant, scopes=["ledger:read"]))
        self.assert_problem(self.get("balance/", headers), 403, "insufficient_scope")


class Accounts(BooksTestCase):
    def test_what_an_account_shows(self) -> None:
        pay(self.merchant, 100_00, fee=1_50, payment_id=PAYMENT)
        post(self.merchant, refund_hold_legs({"pending": 8_50}))
        hold, pending = self.read("ledger/accounts/")["data"]
        row = LedgerAccount.objects.get(kind="pending")
        self.assertEqual(
            pending,
            {
                "id": to_public("led", UUID(int=row.pk)),
                "object": "ledger_account",
                "livemode": False,
                "kind": "pending",
                "sub": "",
                "currency": "KES",
                "normal_side": "credit",
                "balance": "90.00",
                "debits": "8.50",
                "credits": "98.50",
                "entries": 2,
            },
        )
        self.assertEqual((hold["kind"], hold["balance"]), ("refund_hold", "8.50"))
        self.assertEqual(
            [row["kind"] for row in self.read("ledger/accounts/", kind="pending,owed")["data"]], ["pending"]
        )

    def test_pages(self) -> None:
        for number in range(5):
            legs = [Leg(kind="bank", side="D", amount=1), Leg(kind="pending", side="C", amount=1, sub=f"{number:02d}")]
            post(self.merchant, legs)
        first = self.read("ledger/accounts/", limit="3")
        rest = self.read("ledger/accounts/", limit="3", cursor=first["next_cursor"])
        subs = [row["sub"] for row in first["data"] + rest["data"]]
        self.assertEqual((subs, rest["has_more"]), (["04", "03", "02", "01", "00"], False))

    def test_filters_that_make_no_sense(self) -> None:
        for query in ({"kind": "bank"}, {"kinds": "pending"}, {"cursor": "x"}):
            with self.subTest(**query):
                answer = self.client.get("/api/v1/ledger/accounts/", query, headers=self.headers)
                self.assertEqual(answer.status_code, 400, answer.content)


class Entries(BooksTestCase):
    def amounts(self, **query: str) -> list[str]:
        return [row["amount"] for row in self.read("ledger/entries/", **query)["data"]]

    def test_what_an_entry_shows(self) -> None:
        transfer = pay(self.merchant, 100_00, fee=1_50, payment_id=PAYMENT)
        (entry,) = self.read("ledger/entries/")["data"]
        row = LedgerEntry.objects.get(account__merchant=self.merchant)
        self.assertTrue(entry.pop("posted_at").endswith("Z"))
        self.assertEqual(
            entry,
            {
                "id": to_public("ent", UUID(int=row.pk)),
                "object": "ledger_entry",
                "livemode": False,
                "account": to_public("led", UUID(int=row.account_id)),
                "kind": "pending",
                "sub": "",
                "side": "credit",
                "amount": "98.50",
                "currency": "KES",
                "balance_after": "98.50",
                "transfer": to_public("trf", transfer),
                "transfer_kind": "test",
            },
        )

    def test_running_balance_newest_first(self) -> None:
        for minor in (1_00, 2_00, 3_00):
            pay(self.merchant, minor)
        post(self.merchant, refund_hold_legs({"pending": 4_00}))
        rows = self.read("ledger/entries/", kind="pending")["data"]
        self.assertEqual([row["balance_after"] for row in rows], ["2.00", "6.00", "3.00", "1.00"])
        self.assertEqual([row["side"] for row in rows], ["debit", "credit", "credit", "credit"])

    def test_filters(self) -> None:
        first = pay(self.merchant, 1_00)
        post(self.merchant, refund_hold_legs({"pending": 25}))
        account = to_public("led", UUID(int=LedgerAccount.objects.get(kind="refund_hold").pk))
        others = to_public("led", UUID(int=LedgerAccount.objects.get(kind="provider_float").pk))
        soon, today = (now() + timedelta(minutes=1)).isoformat(), (now() + timedelta(hours=3)).date().isoformat()
        for query, expected in (
            ({"account": account}, ["0.25"]),
            ({"account": others}, []),
            ({"account": to_public("led", UUID(int=2**100))}, []),
            ({"kind": "refund_hold,owed"}, ["0.25"]),
            ({"transfer": to_public("trf", first)}, ["1.00"]),
            ({"created_after": soon}, []),
            ({"created_before": soon, "kind": "pending"}, ["0.25", "1.00"]),
            ({"date_from": today, "date_to": today, "kind": "pending"}, ["0.25", "1.00"]),
            ({"date_to": "2020-01-01"}, []),
        ):
            with self.subTest(**query):
                self.assertEqual(self.amounts(**query), expected)

    def test_pages_do_not_shift_and_end(self) -> None:
        for minor in range(1, 8):
            pay(self.merchant, minor)
        first = self.read("ledger/entries/", limit="3")
        pay(self.merchant, 99)
        second = self.read("ledger/entries/", limit="3", cursor=first["next_cursor"])
        third = self.read("ledger/entries/", limit="3", cursor=second["next_cursor"])
        seen = [row["amount"] for page in (first, second, third) for row in page["data"]]
        self.assertEqual(seen, [f"0.0{minor}" for minor in range(7, 0, -1)])
        self.assertIsNone(third["next_cursor"])

    def test_filters_that_make_no_sense(self) -> None:
        pay(self.merchant, 1)
        pay(self.merchant, 1)
        cursor = self.read("ledger/entries/", limit="1")["next_cursor"]
        for query, code in (
            ({"account": "acc_1"}, "parameter_invalid"),
            ({"transfer": "pay_1"}, "parameter_invalid"),
            ({"kind": "provider_float"}, "parameter_invalid"),
            ({"merchant": "x"}, "parameter_invalid"),
            ({"date_from": "soon"}, "date_invalid"),
            ({"cursor": cursor, "kind": "pending"}, "cursor_invalid"),
        ):
            with self.subTest(**query):
                self.assert_problem(self.client.get("/api/v1/ledger/entries/", query, headers=self.headers), 400, code)

    def test_needs_its_scope(self) -> None:
        headers = key_headers(make_api_key(self.merchant, scopes=["balance:read"]))
        for path in ("accounts/", "entries/", "verify/", f"transfers/{to_public('trf', PAYMENT)}/"):
            with self.subTest(path=path):
                self.assert_problem(self.get(f"ledger/{path}", headers), 403, "insufficient_scope")


class Transfers(BooksTestCase):
    def test_all_its_lines(self) -> None:
        transfer = pay(self.merchant, 100_00, fee=1_50, tax=24, payment_id=PAYMENT, idem="pay:x:capture")
        found = self.read(f"ledger/transfers/{to_public('trf', transfer)}/")
        own = to_public("led", UUID(int=LedgerAccount.objects.get(kind="pending").pk))
        self.assertEqual(
            [tuple(line.values()) for line in found["lines"]],
            [
                (None, "provider_float", "debit", "100.00"),
                (own, "pending", "credit", "98.26"),
                (None, "fee_income", "credit", "1.50"),
                (None, "tax_payable", "credit", "0.24"),
            ],
        )
        self.assertEqual((found["source"], found["kind"], found["reverses"]), ("pay:x:capture", "test", None))

    def test_of_others_there_is_none(self) -> None:
        theirs, live = pay(make_merchant(), 1), pay(self.merchant, 1, mode="live")
        for key in (theirs, live, PAYMENT):
            path = f"ledger/transfers/{to_public('trf', key)}/"
            self.assert_problem(self.get(path, self.headers), 404, "resource_missing")


class Verifying(BooksTestCase):
    def test_a_clean_book(self) -> None:
        pay(self.merchant, 100_00, fee=1_50)
        post(self.merchant, refund_hold_legs({"pending": 4_00}))
        pay(make_merchant(), 5_00)
        found = self.read("ledger/verify/")
        self.assertEqual((found["ok"], found["accounts"], found["entries"], found["first_fault"]), (True, 2, 3, None))

    def test_the_range(self) -> None:
        pay(self.merchant, 100_00)
        found = self.read("ledger/verify/", **{"from": "2026-01-01", "to": "2026-01-31"})
        self.assertEqual((found["from"], found["to"]), ("2025-12-31T21:00:00.000Z", "2026-01-31T21:00:00.000Z"))
        self.assertEqual((found["ok"], found["accounts"], found["entries"]), (True, 1, 0))
        for query in (
            {"from": "2026-01-01", "to": "2026-04-03"},
            {"from": "2026-01-02", "to": "2025-01-01"},
            {"to": "x"},
        ):
            with self.subTest(**query):
                answer = self.client.get("/api/v1/ledger/verify/", query, headers=self.headers)
                self.assert_problem(answer, 400, "date_invalid")


class VerifyingHarm(CommittingTestCase):
    """Planted past every guard, as only the owner of the database could."""

    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.headers = key_headers(make_api_key(self.merchant, scopes=SCOPES))
        self.transfers = [pay(self.merchant, 100), pay(self.merchant, 200)]

    def plant(self, table: str, statement: str, *parameters: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        try:
            execute(statement, *parameters)
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    def fault(self) -> dict[str, Any]:
        found = self.get("ledger/verify/", self.headers).json()
        self.assertFalse(found["ok"])
        fault: dict[str, Any] = found["first_fault"]
        return fault

    def test_a_balance_changed_by_hand(self) -> None:
        self.plant("ledger_account", "UPDATE ledger_account SET credits = credits + 1 WHERE kind = 'pending'")
        fault = self.fault()
        self.assertEqual((fault["fault"], fault["entry"]), ("account_differs_from_entries", None))
        self.assertTrue(fault["account"].startswith("led_"))

    def test_an_amount_changed_by_hand(self) -> None:
        statement = "UPDATE ledger_entry SET amount = amount + 1 WHERE transfer_id = %s AND side = 'C'"
        self.plant("ledger_entry", statement, self.transfers[0])
        fault = self.fault()
        self.assertEqual(
            (fault["fault"], fault["transfer"]), ("running_balance_broken", to_public("trf", self.transfers[0]))
        )

    def test_an_entry_removed(self) -> None:
        self.plant("ledger_entry", "DELETE FROM ledger_entry WHERE transfer_id = %s AND side = 'C'", self.transfers[0])
        self.assertEqual(self.fault()["fault"], "running_balance_broken")

    def test_a_transfer_that_does_not_balance(self) -> None:
        statement = "UPDATE ledger_entry SET amount = amount + 1 WHERE transfer_id = %s AND side = 'D'"
        self.plant("ledger_entry", statement, self.transfers[1])
        fault = self.fault()
        self.assertEqual((fault["fault"], fault["account"]), ("transfer_not_balanced", None))
