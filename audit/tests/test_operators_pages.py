"""Operators' pages of the audit trail, its checkpoints and the calls of the API."""

from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.test import override_settings

from audit.models import AuditCheckpoint, AuditEvent, RequestLog
from audit.services import record
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from tests.operators import OperatorsTestCase, make_operator, signed_in, told

TRAIL, CHECKPOINTS, CALLS = (f"/operators/audit/{name}/" for name in ("audithead", "auditcheckpoint", "requestlog"))


class PageCase(OperatorsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.stream = f"m{self.merchant.id}"
        self.user = make_operator("compliance")
        self.client = signed_in(self.user)
        with transaction.atomic():
            for number in range(3):
                record(merchant_id=self.merchant.id, actor="usr_A", action="payment.made", object_id=f"pay_{number}")
            record(merchant_id=self.merchant.id, actor="usr_B", action="key.made", detail={"note": "<script>alert(1)"})

    def rows(self, where: str, number: int = 0) -> list[list[str]]:
        section = self.client.get(where).context["sections"][number]
        return [[str(cell) for cell in row] for row in section["table"]["rows"]]


class Trail(PageCase):
    def test_by_chain_and_by_filter(self) -> None:
        self.assertEqual([row[3] for row in self.rows(f"{TRAIL}{self.stream}/change/")][:1], ["key.made"])
        found = self.rows(f"{TRAIL}{self.stream}/change/?action=payment.*&object=pay_1")
        self.assertEqual([(row[2], row[4]) for row in found], [("usr_A", "pay_1")])
        self.assertEqual(self.rows(f"{TRAIL}{self.stream}/change/?actor=usr_C"), [])

    def test_the_look_is_in_that_chain_with_what_was_asked(self) -> None:
        self.client.get(f"{TRAIL}{self.stream}/change/?actor=usr_A&action=payment.made")
        (link,) = told("operator.viewed")
        self.assertEqual((link.stream, link.object), (self.stream, self.merchant.public_id))
        self.assertEqual(set(link.told["asked"]), {"actor", "action"})

    def test_what_is_in_it_is_text(self) -> None:
        text = self.client.get(f"{TRAIL}{self.stream}/change/").content.decode()
        self.assertIn("&lt;script&gt;alert(1)", text)
        self.assertNotIn("<script>alert", text)

    def test_long_chains_in_pages(self) -> None:
        with transaction.atomic():
            for _ in range(120):
                record(merchant_id=self.merchant.id, actor="usr_A", action="payment.made")
        rows = self.rows(f"{TRAIL}{self.stream}/change/")
        self.assertEqual(len(rows), 101)
        link = rows[-1][0].partition('"')[2].partition('"')[0].replace("&amp;", "&")
        older = self.rows(f"{TRAIL}{self.stream}/change/{link}")
        self.assertFalse({row[0] for row in older} & {row[0] for row in rows[:-1]})

    def test_a_filter_that_cannot_be_read_is_said_so(self) -> None:
        answer = self.client.get(f"{TRAIL}{self.stream}/change/?date_from=yesterday")
        self.assertEqual((answer.status_code, answer["Content-Type"]), (400, "text/html; charset=utf-8"))

    def test_a_chain_is_found_by_its_merchant(self) -> None:
        found = self.client.get(TRAIL, {"q": self.merchant.public_id}).context["cl"].result_list
        self.assertEqual([row.stream for row in found], [self.stream])

    def test_nobody_else_reads_it(self) -> None:
        for role in ("operator", "read_only"):
            self.assertEqual(signed_in(make_operator(role)).get(f"{TRAIL}{self.stream}/change/").status_code, 403)

    def test_addresses_of_people_are_not_in_it(self) -> None:
        self.client.get(f"{TRAIL}{self.stream}/change/", REMOTE_ADDR="203.0.113.77")
        text = self.client.get(f"{TRAIL}{self.stream}/change/").content.decode()
        self.assertNotIn("203.0.113.77", text)
        self.assertTrue(AuditEvent.objects.filter(stream=self.stream, detail__origin__isnull=False).exists())


class Checkpoints(PageCase):
    def make(self, *, age: timedelta = timedelta(0)) -> AuditCheckpoint:
        last = AuditEvent.objects.filter(stream=self.stream).order_by("-seq")[0]
        return AuditCheckpoint.objects.create(
            number=AuditCheckpoint.objects.count() + 1,
            at=now() - age,
            statement="signed",
            signature="signature",
            public_key="key",
            heads=f'["{self.stream}",{last.seq},"{bytes(last.hash).hex()}"]',
        )

    def test_says_whether_the_chains_still_hold_it(self) -> None:
        made = self.make()
        section = self.client.get(f"{CHECKPOINTS}{made.number}/change/").context["sections"][0]
        self.assertIn("All 1 are as signed", section["title"])
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE audit_event DISABLE TRIGGER ALL")
            cursor.execute("DELETE FROM audit_event WHERE stream = %s AND seq >= 4", [self.stream])
            cursor.execute("ALTER TABLE audit_event ENABLE TRIGGER ALL")
        section = self.client.get(f"{CHECKPOINTS}{made.number}/change/").context["sections"][0]
        self.assertIn("1 of 1 chains are NOT as signed", section["title"])
        self.assertEqual(section["table"]["rows"], [[self.stream, 4, "cut", 3]])

    def late(self) -> int:
        waiting = {each.label: each.count for each in self.client.get("/operators/").context["waiting"]}
        return waiting["Checkpoints that are late"]

    def test_a_late_one_waits_for_somebody(self) -> None:
        with override_settings(AUDIT_SIGNING_KEY="a key"):
            self.make(age=timedelta(hours=3))
            self.assertEqual(self.late(), 1)
            self.make()
            self.assertEqual(self.late(), 0)
        AuditCheckpoint.objects.all().delete()
        self.assertEqual((self.late(), settings.AUDIT_SIGNING_KEY), (0, ""))


class Calls(PageCase):
    def setUp(self) -> None:
        super().setUp()
        self.call = RequestLog.objects.create(
            id=new_id(),
            at=now(),
            merchant_id=self.merchant.id,
            mode="test",
            actor="key_A",
            method="POST",
            path="/api/v1/payments/initiate/",
            status=402,
            ms=12,
            address="203.0.113.9",
            error_code="payment_failed",
            request_body='{"phone":"254712345678","note":"<script>alert(1)</script>"}',
        )

    def test_listed_by_merchant_mode_and_class(self) -> None:
        for asked, count in (
            ({"merchant": self.merchant.public_id}, 1),
            ({"merchant": make_merchant().public_id}, 0),
            ({"class": "4xx", "mode": "test"}, 1),
            ({"class": "2xx"}, 0),
            ({"q": to_public("req", self.call.id)}, 1),
        ):
            answer = self.client.get(CALLS, asked)
            self.assertEqual(len(answer.context["cl"].result_list), count, asked)
            self.assertNotIn(b"203.0.113.9", answer.content)

    def test_a_list_of_one_merchants_calls_is_in_its_chain(self) -> None:
        self.client.get(CALLS, {"merchant": self.merchant.public_id})
        self.assertEqual({link.stream for link in told("operator.listed")}, {"platform", self.stream})

    def test_shown_without_what_tells_of_people(self) -> None:
        text = self.client.get(f"{CALLS}{to_public('req', self.call.id)}/change/").content.decode()
        for hidden in ("254712345678", "<script>alert", "203.0.113.9"):
            self.assertNotIn(hidden, text)
        self.assertIn("2547****5678", text)
        clear = self.client.post(f"{CALLS}{self.call.id}/unmask/", {"reason": "operations"}).content.decode()
        self.assertIn("203.0.113.9", clear)
