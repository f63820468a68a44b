"""Reports: what was asked for in a time, summed to the cent, of nobody else's."""

import csv
import io
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from merchants.models import Merchant
from merchants.tests.base import ApiCalls
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.clock import NAIROBI, nairobi, now
from payments.models import Payment, Refund
from payments.selectors.reports import REPORTS
from payments.tests.factories import make_payment
from settlements.models import Payout
from settlements.tests.payouts import make_payout

NEAR_MIDNIGHT = datetime(2026, 6, 9, 23, 59, tzinfo=NAIROBI)
JUNE = "date_from=2026-06-01&date_to=2026-06-30"


class Reports(ApiCalls, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora")
        self.headers = key_headers(make_api_key(self.merchant))

    def report(self, name: str, query: str = JUNE, headers: dict[str, str] | None = None) -> dict[str, Any]:
        answer = self.get(f"reports/{name}/?{query}", headers or self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        return dict(answer.json())

    def payment(self, at: datetime = NEAR_MIDNIGHT, merchant: Merchant | None = None, **fields: Any) -> Payment:
        made = make_payment(merchant or self.merchant, **fields)
        Payment.objects.filter(id=made.id).update(created_at=at)
        return made

    def test_payments_by_day_in_nairobi(self) -> None:
        paid = [self.payment(status="completed") for _ in range(2)]
        self.payment()
        self.payment(NEAR_MIDNIGHT + timedelta(minutes=1), status="completed")
        found = self.report("payments")
        self.assertEqual((found["date_from"], found["date_to"], found["by"]), ("2026-06-01", "2026-06-30", "day"))
        first, second = found["rows"]
        self.assertEqual((first["period"], second["period"]), ("2026-06-09", "2026-06-10"))
        self.assertEqual((first["asked"], first["paid"], first["open"]), (3, 2, 1))
        received = sum(Payment.objects.get(id=one.id).captured for one in paid)
        fee = sum(one.fee + one.tax for one in paid)
        self.assertEqual(first["received"], f"{received / 100:.2f}")
        self.assertEqual(first["fee"], f"{fee / 100:.2f}")
        self.assertEqual(list(first), REPORTS["payments"].columns)

    def test_longer_periods(self) -> None:
        for day in (8, 14, 15):
            self.payment(datetime(2026, 6, day, 12, tzinfo=NAIROBI))
        rows = self.report("payments", f"{JUNE}&by=week")["rows"]
        self.assertEqual([(row["period"], row["asked"]) for row in rows], [("2026-06-08", 2), ("2026-06-15", 1)])
        (row,) = self.report("payments", f"{JUNE}&by=month")["rows"]
        self.assertEqual((row["period"], row["asked"]), ("2026-06-01", 3))

    def test_why_payments_were_not_made(self) -> None:
        for status in ("failed", "failed", "cancelled"):
            self.payment(status=status)
        self.payment(status="completed")
        rows = self.report("failures")["rows"]
        told = [(row["status"], row["payments"], row["amount"]) for row in rows]
        self.assertEqual(told, [("cancelled", 1, "100.00"), ("failed", 2, "200.00")])
        self.assertEqual({row["failure"] for row in rows if row["status"] == "cancelled"}, {"cancelled_by_customer"})

    def test_payouts(self) -> None:
        make_payout(self.merchant, "test")
        Payout.objects.update(created_at=NEAR_MIDNIGHT)
        (row,) = self.report("payouts")["rows"]
        self.assertEqual((row["asked"], row["open"], row["paid_out"]), (1, 1, "0.00"))

    def test_refunds_without_any(self) -> None:
        self.assertFalse(Refund.objects.exists())
        self.assertEqual(self.report("refunds")["rows"], [])

    def test_as_a_sheet(self) -> None:
        self.payment(status="completed")
        answer = self.get(f"reports/payments/?{JUNE}&format=csv", self.headers)
        self.assertEqual(answer["Content-Type"], "text/csv; charset=utf-8")
        self.assertIn('filename="payments-2026-06-01-2026-06-30.csv"', answer["Content-Disposition"])
        (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
        (same,) = self.report("payments")["rows"]
        self.assertEqual(row, {name: str(value) for name, value in same.items()})

    def test_nobody_elses(self) -> None:
        self.payment(merchant=make_merchant("Mama Mboga"))
        self.payment(mode="live")
        make_payout(make_merchant("Third"), "test")
        for name in REPORTS:
            self.assertEqual(self.report(name, "")["rows"], [])

    def test_the_last_thirty_days_unless_told(self) -> None:
        self.payment(now())
        found = self.report("payments", "")
        self.assertEqual(found["date_to"], nairobi(now()).date().isoformat())
        self.assertEqual(len(found["rows"]), 1)

    def test_refusals(self) -> None:
        for query, code in (
            ("date_from=2026-06-02&date_to=2026-06-01", "date_invalid"),
            ("date_from=2024-01-01&date_to=2026-06-01", "date_invalid"),
            ("date_from=yesterday", "date_invalid"),
            ("by=hour", "parameter_invalid"),
            ("format=pdf", "parameter_invalid"),
            ("colour=red", "parameter_invalid"),
        ):
            self.assert_problem(self.get(f"reports/payments/?{query}", self.headers), 400, code)
        self.assert_problem(self.get("reports/everything/", self.headers), 404, "route_not_found")

    def test_who_may(self) -> None:
        key = key_headers(make_api_key(self.merchant, scopes=["payments:read"]))
        self.assert_problem(self.get("reports/payments/", key), 403, "insufficient_scope")
        for role, status in (("finance", 200), ("support", 403), ("viewer", 403)):
            person = person_headers(make_member(self.merchant, role))
            self.assertEqual(self.get("reports/payouts/", person).status_code, status, role)

    def test_one_statement(self) -> None:
        self.report("payments")
        with CaptureQueriesContext(connection) as seen:
            self.report("payments")
        self.assertEqual(len([one for one in seen if "transactions" in one["sql"]]), 1)
