"""Settlements over the API: lists, lines that add up, and who may settle by hand."""

import csv
import io
from decimal import Decimal
from io import StringIO
from typing import Any

from django.core.management import CommandError, call_command

from merchants.models import Role
from merchants.tests.base import CommittingTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import new_id, to_public
from settlements.chart import Leg
from settlements.models import Settlement
from settlements.services.batches import last_over, run_settlement
from settlements.services.profiles import set_profile
from settlements.tests.settlements import MONDAY, TUESDAY, give_back_on, pay_on, post_on
from settlements.tests.test_statements import words_of


class Api(CommittingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.headers = key_headers(make_api_key(self.merchant, scopes=["settlements:read"]))
        for amount in (100_00, 7_77):
            pay_on(self.merchant, amount, fee=50, day=MONDAY)
        give_back_on(self.merchant, 5_00, day=MONDAY)

    def body(self, path: str) -> dict[str, Any]:
        answer = self.get(path, self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        return answer.json()

    def test_the_lines_sum_to_the_total(self) -> None:
        run_settlement(day=MONDAY)
        (found,) = self.body("settlements/")["data"]
        self.assertEqual((found["day"], found["status"], found["total"]), ("2026-06-08", "closed", "101.77"))
        self.assertEqual((found["gross"], found["fee"], found["available"]), ("107.77", "1.00", "101.77"))
        self.assertEqual(self.body(f"settlements/{found['id']}/"), found)
        lines = self.body(f"settlements/{found['id']}/items/")["data"]
        self.assertEqual(sum(Decimal(line["amount"]) for line in lines), Decimal(found["total"]))
        self.assertEqual([line["kind"] for line in lines], ["capture", "capture", "refund"])
        refunds = self.body(f"settlements/{found['id']}/items/?kind=refund")["data"]
        self.assertEqual([line["amount"] for line in refunds], ["-5.00"])

    def test_pages_and_filters(self) -> None:
        run_settlement(day=MONDAY)
        pay_on(self.merchant, 1_00, day=TUESDAY)
        run_settlement(day=TUESDAY)
        first = self.body("settlements/?limit=1")
        second = self.body(f"settlements/?limit=1&cursor={first['next_cursor']}")
        days = [page["data"][0]["day"] for page in (first, second)]
        self.assertEqual((days, second["has_more"]), (["2026-06-09", "2026-06-08"], False))
        self.assertEqual(len(self.body("settlements/?day=2026-06-09&status=closed,paid")["data"]), 1)
        self.assert_problem(self.get("settlements/?state=closed", self.headers), 400, "parameter_invalid")
        self.assert_problem(self.get("settlements/?day=soon", self.headers), 400, "date_invalid")
        key = self.body("settlements/?day=2026-06-08")["data"][0]["id"]
        page = self.body(f"settlements/{key}/items/?limit=2")
        rest = self.body(f"settlements/{key}/items/?limit=2&cursor={page['next_cursor']}")
        self.assertEqual((len(page["data"]), len(rest["data"]), rest["has_more"]), (2, 1, False))

    def statement(self, **query: str) -> Any:
        key = self.body("settlements/")["data"][0]["id"]
        return self.client.get(f"/api/v1/settlements/{key}/statement/", query, headers=self.headers)

    def test_its_statement_adds_up_to_the_cent_in_every_format(self) -> None:
        set_profile(self.merchant.id, actor="tests", reserve_bps=500, reserve_days=90)
        debt = [Leg(kind="owed", side="D", amount=1_77), Leg(kind="loss", side="C", amount=1_77)]
        post_on(self.merchant, debt, day=MONDAY, kind="dispute_lost")
        run_settlement(day=MONDAY)
        body = self.statement().json()
        shown = [(item["kind"], item["amount"]) for item in body["items"]]
        self.assertEqual(
            shown,
            [
                *[("capture", "99.50"), ("capture", "7.27"), ("refund", "-5.00")],
                *[("debt_repaid", "-1.77"), ("rolling_reserve", "-5.09")],
            ],
        )
        self.assertEqual(sum(Decimal(amount) for _, amount in shown), Decimal(body["total"]))
        self.assertEqual((body["total"], body["settlement"]["available"]), ("94.91", "94.91"))
        rows = list(csv.DictReader(io.StringIO(self.statement(format="csv").content.decode())))
        self.assertEqual([(row["kind"], row["amount"]) for row in rows], [*shown, ("total", "94.91")])
        pdf = self.statement(format="pdf")
        self.assertEqual(pdf["Content-Disposition"], 'attachment; filename="settlement-2026-06-08.pdf"')
        words = words_of(pdf.content)
        self.assertEqual([word for word in words if word in dict(shown)], [kind for kind, _ in shown])
        self.assertEqual(words[-1], "94.91")

    def test_a_statement_asked_for_wrongly(self) -> None:
        run_settlement(day=MONDAY)
        self.assert_problem(self.statement(format="xml"), 400, "parameter_invalid")
        self.assert_problem(self.statement(date="2026-06-08"), 400, "parameter_invalid")
        name = f"settlements/{to_public('stl', new_id())}/statement/"
        self.assert_problem(self.get(name, self.headers), 404, "resource_missing")
        other = key_headers(make_api_key(self.merchant, scopes=["payments:read"]))
        self.assert_problem(self.get(name, other), 403, "insufficient_scope")

    def run_by(self, role: str) -> Any:
        return self.post("settlements/run/", {}, person_headers(make_member(self.merchant, role)))

    def test_by_hand_for_a_manual_schedule_by_people_who_handle_money(self) -> None:
        self.assert_problem(self.run_by(Role.OWNER), 409, "state_conflict")
        set_profile(self.merchant.id, actor="tests", schedule="manual")
        self.assert_problem(self.post("settlements/run/", {}, self.headers), 403, "permission_denied")
        for role in (Role.SUPPORT, Role.DEVELOPER, Role.VIEWER):
            self.assert_problem(self.run_by(role), 403, "insufficient_scope")
        self.assertEqual(Settlement.objects.count(), 0)
        answer = self.run_by(Role.FINANCE)
        self.assertEqual(answer.status_code, 200, answer.content)
        (found,) = answer.json()["data"]
        self.assertEqual((found["day"], found["total"]), (last_over().isoformat(), "101.77"))
        self.assertEqual(self.run_by(Role.OWNER).json()["data"], [found])
        self.assertEqual(Settlement.objects.count(), 1)

    def command(self, *words: str) -> str:
        out = StringIO()
        call_command("settle", *words, stdout=out)
        return out.getvalue()

    def test_the_command(self) -> None:
        name = to_public("mer", self.merchant.id)
        self.assertIn("3 transfers  KES 101.77", self.command("--day", "2026-06-08", "--dry-run"))
        self.assertEqual(Settlement.objects.count(), 0)
        self.assertIn("closed     KES 101.77", self.command("--day", "2026-06-08", "--merchant", name))
        with self.assertRaises(CommandError):
            self.command("--day", nairobi(now()).date().isoformat())
        with self.settings(SETTLEMENT_PROOF="nowhere.at_all"), self.assertRaises(CommandError) as raised:
            pay_on(self.merchant, 1_00, day=TUESDAY)
            self.command("--day", "2026-06-09")
        self.assertEqual(raised.exception.returncode, 1)
