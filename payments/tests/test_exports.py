"""Exports end to end: asked for, made, told of, fetched by their owner alone, and gone after a day."""

import csv
import io
import os
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

import orjson
from django.test import override_settings

from audit.models import AuditEvent
from merchants.tests.accounts import make_account
from merchants.tests.base import CommittingTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import from_public, new_id, to_public
from payments.services import exports
from payments.services.exports import make_exports
from payments.tests.c2b import make_c2b_account, make_receipt
from payments.tests.factories import make_payment
from settlements.chart import refund_hold_legs
from settlements.models import Export
from settlements.services.exports import TRIES, expire_exports, path_of
from settlements.states import EXPORT_TYPES
from settlements.tests.base import pay, post
from webhooks.models import Event

SCOPES = ["exports:write"]


class ExportTestCase(CommittingTestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        overridden = override_settings(EXPORTS_ROOT=Path(folder.name) / "exports")
        overridden.enable()
        self.addCleanup(overridden.disable)
        self.merchant = make_merchant()
        self.headers = key_headers(make_api_key(self.merchant, scopes=SCOPES))

    def ask(self, type: str = "payments", format: str = "csv", **filters: str) -> dict[str, Any]:
        answer = self.post("exports/", {"type": type, "format": format, "filters": filters}, self.headers)
        self.assertEqual(answer.status_code, 202, answer.content)
        found: dict[str, Any] = answer.json()
        self.assertEqual(answer["Location"], f"/api/v1/exports/{found['id']}/")
        return found

    def look(self, export: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"exports/{export['id']}/", self.headers).json()
        return found

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
        path = url[url.index("/api/v1/") :]
        return self.client.get(path, headers=self.headers if headers is None else headers)

    def file(self, type: str, format: str = "csv", **filters: str) -> bytes:
        export = self.ask(type, format, **filters)
        self.assertEqual(make_exports(), 1)
        return b"".join(self.fetch(self.look(export)["url"]).streaming_content)

    def table(self, type: str, **filters: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.file(type, **filters).decode("utf-8-sig"), newline="")))


class Life(ExportTestCase):
    def test_queued_then_ready_then_fetched(self) -> None:
        payment = make_payment(self.merchant, status="completed")
        export = self.ask()
        self.assertEqual((export["status"], export["url"], export["rows"]), ("queued", None, None))
        self.assertEqual(make_exports(), 1)
        found = self.look(export)
        self.assertEqual((found["status"], found["rows"], found["version"]), ("ready", 1, 2))
        answer = self.fetch(found["url"])
        content = b"".join(answer.streaming_content)
        self.assertEqual(answer["Content-Type"], "text/csv; charset=utf-8")
        self.assertRegex(answer["Content-Disposition"], r'^attachment; filename="payments-[0-9]{8}-[0-9]{6}\.csv"$')
        self.assertEqual((answer["Cache-Control"], len(content)), ("private, no-store", found["bytes"]))
        self.assertIn(to_public("pay", payment.id).encode(), content)
        told = Event.objects.get(type="export.ready")
        self.assertEqual(told.key, f"export.ready:{from_public('exp', export['id'])}")
        self.assertEqual(orjson.loads(told.body)["data"]["object"]["status"], "ready")
        actions = AuditEvent.objects.filter(action__startswith="export.").order_by("seq")
        self.assertEqual(
            list(actions.values_list("action", flat=True)), ["export.created", "export.ready", "export.downloaded"]
        )

    def test_made_once(self) -> None:
        self.ask()
        self.assertEqual((make_exports(), make_exports()), (1, 0))
        self.assertEqual(Event.objects.filter(type="export.ready").count(), 1)

    def test_two_workers_take_different_ones(self) -> None:
        first, second = self.ask(), self.ask()
        rows = [exports.take_export(), exports.take_export(), exports.take_export()]
        keys = [to_public("exp", row.id) if row else None for row in rows]
        self.assertEqual(keys, [first["id"], second["id"], None])

    def test_a_worker_that_died_is_followed_by_another(self) -> None:
        export = self.ask()
        exports.take_export()
        self.assertEqual(make_exports(), 0)
        Export.objects.update(lease_until=now() - timedelta(seconds=1))
        self.assertEqual(make_exports(), 1)
        self.assertEqual(self.look(export)["status"], "ready")

    def test_a_file_that_cannot_be_made_fails_after_a_few_tries(self) -> None:
        export = self.ask()
        with mock.patch.object(exports, "write_file", side_effect=OSError("disk full")):
            make_exports()
        found = self.look(export)
        self.assertEqual((found["status"], found["url"]), ("failed", None))
        self.assertIn("could not be made", found["failure"])
        self.assertEqual(Export.objects.get().tries, TRIES)
        self.assertEqual(Event.objects.filter(type="export.ready").count(), 0)

    def test_gone_after_a_day(self) -> None:
        export = self.ask()
        make_exports()
        url, path = self.look(export)["url"], path_of(Export.objects.get())
        self.assertEqual((expire_exports(), path.exists()), (0, True))
        Export.objects.update(expires_at=now() - timedelta(seconds=1))
        self.assertEqual((expire_exports(), path.exists()), (1, False))
        found = self.look(export)
        self.assertEqual((found["status"], found["url"]), ("expired", None))
        self.assert_problem(self.fetch(url), 404, "resource_missing")

    def test_a_file_nobody_speaks_of_goes_too(self) -> None:
        self.ask()
        make_exports()
        kept = path_of(Export.objects.get())
        stray, fresh = kept.with_name("stray.csv.part"), kept.with_name("fresh.csv.part")
        stray.write_text("x")
        fresh.write_text("x")
        old = (now() - timedelta(days=2)).timestamp()
        os.utime(stray, (old, old))
        expire_exports()
        self.assertEqual({path.name for path in kept.parent.iterdir()}, {kept.name, fresh.name})


class Links(ExportTestCase):
    def setUp(self) -> None:
        super().setUp()
        make_payment(self.merchant, status="completed")
        export = self.ask()
        make_exports()
        self.url = self.look(export)["url"]

    def test_only_for_the_merchant_and_mode(self) -> None:
        live = key_headers(make_api_key(self.merchant, mode="live", scopes=SCOPES))
        stranger = key_headers(make_api_key(make_merchant(), scopes=SCOPES))
        powerless = key_headers(make_api_key(self.merchant, scopes=["payments:read"]))
        self.assertIn(self.fetch(self.url, live).status_code, (403, 404))
        self.assert_problem(self.fetch(self.url, stranger), 404, "resource_missing")
        self.assert_problem(self.fetch(self.url, powerless), 403, "insufficient_scope")
        self.assert_problem(self.fetch(self.url, {}), 401, "authentication_required")

    def test_a_client_that_says_what_it_takes(self) -> None:
        for accepted in ("text/csv", "*/*", "application/json", "text/html"):
            with self.subTest(accepted=accepted):
                self.assertEqual(self.fetch(self.url, self.headers | {"Accept": accepted}).status_code, 200)

    def test_a_link_somebody_else_wrote(self) -> None:
        head, _, token = self.url.rstrip("/").rpartition("/")
        key, _, rest = token.partition("~")
        end, _, signature = rest.partition(":")
        for forged in (
            f"{key}~{int(end) + 86_400}:{signature}",
            f"{new_id()}~{end}:{signature}",
            f"{key}~{end}",
            f"{key}~{end}:",
            "..%5Cetc%5Cpasswd",
            "x",
        ):
            with self.subTest(forged=forged):
                self.assert_problem(self.fetch(f"{head}/{forged}/"), 404, "resource_missing")

    def test_the_end_in_the_link_counts(self) -> None:
        row = Export.objects.get()
        assert row.expires_at is not None
        with mock.patch("settlements.services.exports.now", lambda: row.expires_at + timedelta(seconds=1)):
            self.assert_problem(self.fetch(self.url), 404, "resource_missing")


class Asking(ExportTestCase):
    def test_what_makes_no_sense(self) -> None:
        for body, code in (
            ({"type": "people", "format": "csv"}, "parameter_invalid"),
            ({"type": "payments", "format": "pdf"}, "parameter_invalid"),
            ({"type": "payments"}, "parameter_missing"),
            ({"type": "payments", "format": "csv", "filters": {"kind": "pending"}}, "parameter_invalid"),
            ({"type": "payments", "format": "csv", "filters": {"status": "done"}}, "parameter_invalid"),
            ({"type": "payments", "format": "csv", "filters": {"date_from": "soon"}}, "date_invalid"),
            ({"type": "ledger_entries", "format": "csv", "filters": {"account": "x"}}, "parameter_invalid"),
            ({"type": "payments", "format": "csv", "to": "me"}, "unknown_parameter"),
        ):
            with self.subTest(body=body):
                self.assert_problem(self.post("exports/", body, self.headers), 400, code)
        self.assertEqual(Export.objects.count(), 0)

    def test_a_repeat_with_the_same_key_is_one_export(self) -> None:
        headers = self.headers | {"Idempotency-Key": "export-of-today"}
        body = {"type": "payments", "format": "csv"}
        answers = [self.post("exports/", body, headers).json()["id"] for _ in range(2)]
        self.assertEqual((len(set(answers)), Export.objects.count()), (1, 1))

    @override_settings(RATE_LIMITS={"api": "600/1m", "export": "2/1h"})
    def test_not_without_end(self) -> None:
        self.ask(), self.ask()
        self.assert_problem(
            self.post("exports/", {"type": "payments", "format": "csv"}, self.headers), 429, "rate_limited"
        )

    def test_listed_newest_first(self) -> None:
        made = [self.ask()["id"], self.ask("refunds", "json")["id"]]
        listed = self.get("exports/", self.headers).json()["data"]
        self.assertEqual([row["id"] for row in listed], made[::-1])
        found = self.client.get("/api/v1/exports/", {"type": "refunds"}, headers=self.headers).json()["data"]
        self.assertEqual([row["id"] for row in found], made[1:])


class Contents(ExportTestCase):
    def test_every_type_in_every_format_even_when_empty(self) -> None:
        with override_settings(RATE_LIMITS={"api": "600/1m", "export": "100/1h"}):
            for type in EXPORT_TYPES:
                for format in ("csv", "xlsx", "json"):
                    with self.subTest(type=type, format=format):
                        self.assertTrue(self.file(type, format))

    def test_payments_of_the_caller_only(self) -> None:
        paid = make_payment(self.merchant, status="completed", description="=cmd|' /C calc'!A0", reference="ORDER-1")
        make_payment(self.merchant, status="failed")
        make_payment(self.merchant, mode="live", status="completed")
        make_payment(make_merchant(), status="completed")
        (row,) = self.table("payments", status="completed")
        self.assertEqual((row["id"], row["merchant_reference"]), (to_public("pay", paid.id), "ORDER-1"))
        self.assertEqual((row["amount"], row["captured"], row["refunded"]), ("100.00", "100.00", "0.00"))
        self.assertEqual(row["description"], "'=cmd|' /C calc'!A0")
        self.assertEqual(len(self.table("payments")), 2)
        self.assertEqual(self.table("payments", date_to="2020-01-01"), [])

    def test_ledger_entries_add_up(self) -> None:
        pay(self.merchant, 100_00, fee=1_50)
        post(self.merchant, refund_hold_legs({"pending": 8_50}))
        pay(make_merchant(), 5_00)
        rows = self.table("ledger_entries", kind="pending")
        self.assertEqual([(row["side"], row["amount"], row["balance_after"]) for row in rows], [
            ("credit", "98.50", "98.50"), ("debit", "8.50", "90.00"),
        ])  # fmt: skip
        self.assertEqual(len(self.table("ledger_entries", account=rows[0]["account"])), 2)
        other = to_public("led", UUID(int=2**70))
        self.assertEqual(self.table("ledger_entries", account=other), [])

    def test_c2b_receipts(self) -> None:
        shop = make_account(self.merchant, mode="test", shortcode="600400")
        account = make_c2b_account(shop)
        receipt = make_receipt(shop, bill_ref=account.code)
        (row,) = self.table("c2b_receipts", status="matched")
        self.assertEqual((row["receipt"], row["state"]), (receipt.receipt, "matched"))

    def test_thousands_of_rows_come_in_order(self) -> None:
        with mock.patch("payments.selectors.exports.FETCHED_ROWS", 7):
            for minor in range(1, 41):
                pay(self.merchant, minor)
            rows = orjson.loads(self.file("ledger_entries", "json"))
        self.assertEqual([row["amount"] for row in rows], [f"{minor / 100:.2f}" for minor in range(1, 41)])
