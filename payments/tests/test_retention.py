"""What is old enough goes, what is a day younger stays, and money is never touched; archives can be proved."""

import json
import tempfile
from datetime import timedelta
from io import StringIO
from pathlib import Path

from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import QuerySet
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings

from audit.models import AuditCheckpoint, AuditEvent, AuditOrigin
from audit.tests.base import SIGNING_KEY
from merchants.models import IdempotencyKey, KycDocument
from merchants.services.kyc_files import path_of, read
from merchants.tests.factories import make_merchant
from merchants.tests.kyc import make_document, verify
from onpoint_pay.celery import app
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.ids import new_id
from payments import tasks
from payments.invariants import INVARIANTS
from payments.models import Payment, ProviderEvent
from payments.services.archive import TABLES
from payments.services.retention import apply, due
from payments.services.retention_rules import ELSEWHERE, RULES
from payments.tests.factories import make_payment
from settlements.models import LedgerEntry, ReconException, ReconFile, ReconFilePart, ReconLine
from settlements.tests.recon import Paper, bring
from webhooks.models import Delivery, Event
from webhooks.tests.factories import make_endpoint

PHONE = "254711222333"
DAYS = {rule.table: rule.days for rule in RULES}


def age(table: str, column: str, days: int) -> None:
    """Everything in the table is this old, or what a condition behind its name chooses."""
    name, where, condition = table.partition(" WHERE ")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {name} SET {column} = now() - make_interval(days => %s){where}{condition}", [days])


def counts() -> dict[str, int]:
    return {kept.rule.table: kept.rows for kept in due() if kept.rows}


class Rules(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        self.payment = make_payment(self.merchant, status="completed", phone=PHONE, email="jo@example.com")

    def at_both_sides(self, table: str, column: str, *, of: str = "") -> None:
        """Nothing a day before its end, and all of it a day after; counting changes nothing. `of`: whose column it is."""
        age(of or table, column, DAYS[table] - 1)
        self.assertEqual(counts().get(table, 0), 0)
        apply(actor="tests")
        age(of or table, column, DAYS[table] + 1)
        before = counts()[table]
        self.assertEqual(counts()[table], before)
        done = {kept.rule.table: kept.rows for kept in apply(actor="tests")}
        self.assertEqual(done[table], before)
        self.assertNotIn(table, counts())

    def test_payers_of_payments(self) -> None:
        self.at_both_sides("transactions", "created_at")
        found = Payment.objects.get()
        self.assertEqual((found.phone, found.email, found.payer_name), (None, None, None))
        self.assertEqual([len(found.phone_digest or ""), len(found.email_digest or "")], [32, 32])
        self.assertEqual((found.captured, found.status, found.receipt), (100_00, "completed", self.payment.receipt))

    def test_a_payment_that_is_open_keeps_its_payer(self) -> None:
        make_payment(self.merchant, phone=PHONE)
        age("transactions", "created_at", DAYS["transactions"] + 1)
        apply(actor="tests")
        self.assertEqual(Payment.objects.get(status="pending").phone, PHONE)

    def test_bodies_of_providers(self) -> None:
        body = json.dumps({"MSISDN": PHONE, "FirstName": "JO", "TransAmount": "5"}).encode()
        for status in ("applied", "new"):
            ProviderEvent.objects.create(
                provider="daraja", door="confirm", dedupe=f"ws_CO_21112026093000123{PHONE[3:]}:{status}", mode="test", body=body, status=status
            )  # fmt: skip
        self.at_both_sides("provider_event", "received_at")
        found = ProviderEvent.objects.get(status="applied", door="confirm")
        self.assertEqual(json.loads(bytes(found.body)), {"MSISDN": None, "FirstName": None, "TransAmount": "5"})
        self.assertEqual(len(bytes(found.body_sha256 or b"")), 32)
        self.assertNotIn(PHONE[3:], found.dedupe)
        self.assertEqual(bytes(ProviderEvent.objects.get(status="new").body), body)

    def test_bodies_of_events(self) -> None:
        Delivery.objects.update(state="delivered", delivered_at=now())
        self.at_both_sides("webhooks_event", "created_at")
        for event in Event.objects.all():
            shown = json.loads(event.body)
            self.assertEqual(set(shown["data"]["object"]), {"id", "object", "expired"})
            self.assertNotIn(PHONE, event.body)
        with connection.cursor() as cursor:
            cursor.execute(next(each.sql for each in INVARIANTS if each.name == "I25"))
            self.assertEqual(cursor.fetchall(), [])

    def test_an_event_that_is_still_due_keeps_its_body(self) -> None:
        make_endpoint(self.merchant, events=["*"])
        make_payment(self.merchant, status="completed", phone=PHONE)
        age("webhooks_event", "created_at", DAYS["webhooks_event"] + 1)
        apply(actor="tests")
        self.assertTrue(
            all(PHONE in body for body in Event.objects.filter(deliveries__state="open").values_list("body", flat=True))
        )

    def statement(self) -> None:
        """With two lines, and one that cannot be read."""
        paper = Paper()
        paper.add("UKS0000001", 100_00, party=f"{PHONE} - JO", reason="Paid by JO ATIENO")
        paper.add("UKS0000002", 50_00, reason="Paid by MARY WANJIRU", ref="HOUSE 7")
        bring(paper.text([*paper.rows, "UKS0000003,JO ATIENO,cannot be read"]))

    def decide(self, rows: QuerySet[ReconLine]) -> None:
        """As if a person had closed what stood in the way."""
        rows.update(state="matched")
        ReconException.objects.update(status="proposed", proposed_by="juma", proposed_at=now(), resolution="Looked at")
        ReconException.objects.update(status="closed", closed_by="amina", closed_at=now())

    def test_lines_of_statements(self) -> None:
        """When a line was is fixed in the database: these are of old statements."""
        for code, days in (("UKS0000001", -1), ("UKS0000002", 1), ("UKS0000003", 1)):
            paper = Paper(start=now() - timedelta(days=DAYS["recon_line"] + days))
            paper.add(code, 100_00, party=f"{PHONE} - JO", reason="Paid by JO ATIENO", ref="0711222333")
            bring(paper.text())
        self.decide(ReconLine.objects.exclude(external_id="UKS0000003"))
        before = list(ReconLine.objects.order_by("id").values("id", "external_id", "amount", "natural_key", "party"))
        self.assertEqual((counts()["recon_line"], counts()["recon_line"]), (1, 1))
        apply(actor="tests")
        self.assertNotIn("recon_line", counts())
        told = ("Paid by JO ATIENO", "0711222333")
        self.assertEqual(
            list(ReconLine.objects.order_by("external_id").values_list("narrative", "account_reference")),
            [told, ("", "erased00000000"), told],
        )
        self.assertEqual(list(ReconLine.objects.order_by("id").values(*before[0])), before)

    def test_files_of_statements(self) -> None:
        self.statement()
        age("recon_file", "imported_at", DAYS["recon_file_part"] + 1)
        apply(actor="tests")
        self.assertEqual(ReconFilePart.objects.count(), 1)
        self.decide(ReconLine.objects.all())
        self.at_both_sides("recon_file_part", "imported_at", of="recon_file")
        self.assertFalse(ReconFilePart.objects.exists())
        self.assertEqual((len(ReconFile.objects.get().sha256), ReconLine.objects.count()), (64, 2))

    def test_lines_that_could_not_be_read(self) -> None:
        self.statement()
        unread = ReconException.objects.filter(kind="unparsable")
        self.assertIn("JO ATIENO", unread.get().detail["text"])
        apply(actor="tests")
        self.assertIn("text", unread.get().detail)
        self.decide(ReconLine.objects.all())
        self.at_both_sides("recon_exception", "closed_at")
        self.assertNotIn("text", unread.get().detail)
        self.assertIn("line_no", unread.get().detail)

    def test_papers_of_a_closed_account(self) -> None:
        self.enterContext(override_settings(KYC_ROOT=Path(self.enterContext(tempfile.TemporaryDirectory())) / "kyc"))
        other = make_merchant("Mama Mboga")
        verify(self.merchant)
        paper = KycDocument.objects.filter(status="approved").earliest("id")
        kept = make_document(other)
        path = path_of(paper.id)
        self.assertTrue(path.exists())
        age("merchants_merchant", "created_at", 9000)
        self.assertEqual(counts().get("merchants_kyc_document", 0), 0)
        call_command("close_account", self.merchant.public_id, "--reason", "They asked.", stdout=StringIO())
        with self.captureOnCommitCallbacks(execute=True):
            self.at_both_sides(
                "merchants_kyc_document", "closed_at", of="merchants_merchant WHERE closed_at IS NOT NULL"
            )
        found = KycDocument.objects.get(id=paper.id)
        self.assertEqual((found.data_key, found.status, found.sha256), (None, paper.status, paper.sha256))
        self.assertFalse(path.exists())
        with self.assertRaises(NotFound):
            read(found)
        self.assertTrue(read(kept))
        link = AuditEvent.objects.get(action="kyc.document_shredded", object=paper.public_id)
        self.assertEqual(link.stream, f"m{self.merchant.id}")
        self.assertFalse(KycDocument.objects.filter(merchant=self.merchant).exclude(data_key=None).exists())

    def test_checkout_ids_of_old_payments(self) -> None:
        Payment.objects.update(provider_reference="ws_CO_21112026093000123711222333")
        age("transactions", "created_at", DAYS["transactions"] + 1)
        apply(actor="tests")
        self.assertNotIn("711222333", Payment.objects.get().provider_reference or "")
        self.assertIn("ws_CO_21112026093000123", Payment.objects.get().provider_reference or "")

    def test_what_is_deleted(self) -> None:
        AuditOrigin.objects.create(stream="platform", seq=1, address="203.0.113.7", user_agent="x")
        AuditCheckpoint.objects.create(number=1, at=now(), statement="", signature="", public_key="", heads="")
        IdempotencyKey.objects.create(
            merchant_id=new_id(), mode="test", key="k" * 8, fingerprint="0" * 64, request_id="r", lease_until=now()
        )
        for table, column in (
            ("audit_origin", "at"),
            ("audit_checkpoint", "at"),
            ("merchants_idempotency_key", "created_at"),
        ):
            with self.subTest(table=table):
                self.at_both_sides(table, column)
        self.assertEqual(
            (AuditOrigin.objects.count(), AuditCheckpoint.objects.count(), IdempotencyKey.objects.count()), (0, 0, 0)
        )

    def test_the_command_counts_first_and_is_audited(self) -> None:
        age("transactions", "created_at", DAYS["transactions"] + 1)
        told = StringIO()
        call_command("retention", "--dry-run", stdout=told)
        self.assertIn("Nothing was changed", told.getvalue())
        self.assertEqual(Payment.objects.get().phone, PHONE)
        self.assertFalse(AuditEvent.objects.filter(action="retention.applied").exists())
        call_command("retention", stdout=StringIO())
        self.assertIsNone(Payment.objects.get().phone)
        self.assertEqual(AuditEvent.objects.get(action="retention.applied").detail["rows"], {"transactions": 1})

    def test_the_books_are_as_they_were(self) -> None:
        before = list(LedgerEntry.objects.order_by("id").values_list())
        age("transactions", "created_at", 4000)
        apply(actor="tests")
        self.assertEqual(list(LedgerEntry.objects.order_by("id").values_list()), before)


class ThePaper(SimpleTestCase):
    """What privacy needs to end, and when, in days at most."""

    ENDS = {
        "transactions": 24 * 31, "refunds": 24 * 31, "c2b_receipt": 24 * 31, "provider_event": 13 * 31,
        "webhooks_event": 90, "merchants_idempotency_key": 7, "merchants_kyc_document": 7 * 365 + 2,
    }  # fmt: skip

    def test_each_of_them_ends(self) -> None:
        self.assertEqual({table: DAYS[table] for table in self.ENDS}, self.ENDS)
        self.assertLessEqual({"webhooks_attempt", "request_log", "merchants_session"}, ELSEWHERE.keys())

    def test_money_and_the_audit_trail_do_not(self) -> None:
        money = {"ledger_transfer", "ledger_entry", "ledger_account", "payouts", "settlement", "audit_event"}
        self.assertEqual(money & (DAYS.keys() | ELSEWHERE.keys()), set())
        self.assertFalse(
            [rule.table for rule in RULES if rule.table == "transactions" and rule.change is None and not rule.by_hand]
        )


class Nightly(SimpleTestCase):
    def test_a_worker_does_it_every_night(self) -> None:
        self.assertEqual(app.conf.beat_schedule["apply-retention"]["task"], "payments.apply_retention")
        self.assertEqual(tasks.apply_retention.name, "payments.apply_retention")


@override_settings(AUDIT_SIGNING_KEY=SIGNING_KEY)
class Archives(TransactionTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory())) / "archive"
        for _ in range(3):
            make_payment(make_merchant(), status="completed", phone=PHONE)
        age("transactions", "created_at", 8 * 366)
        Payment.objects.update(phone=None, payer_name=None, email=None)

    def run_command(self, *arguments: str) -> tuple[int, str]:
        told = StringIO()
        try:
            call_command("archive", str(self.folder), *arguments, stdout=told)
        except CommandError as error:
            return error.returncode, str(error)
        return 0, told.getvalue()

    def test_written_verified_and_nothing_removed(self) -> None:
        self.assertEqual(self.run_command()[0], 0)
        lines = [json.loads(line) for line in (self.folder / "transactions.jsonl").read_text().splitlines()]
        self.assertEqual(
            {line["id"] for line in lines}, {str(key) for key in Payment.objects.values_list("id", flat=True)}
        )
        self.assertEqual(Payment.objects.count(), 3)
        self.assertEqual(self.run_command("--verify")[0], 0)
        self.assertEqual(
            set(json.loads(json.loads((self.folder / "manifest.json").read_text())["statement"])["files"]), set(TABLES)
        )
        self.assertEqual(AuditEvent.objects.get(action="archive.made").detail["rows"]["transactions"], 3)

    def test_a_file_that_was_changed(self) -> None:
        self.run_command()
        path = self.folder / "transactions.jsonl"
        path.write_text(path.read_text().replace('"captured":10000', '"captured":90000', 1))
        self.assertIn("not what was signed", self.run_command("--verify")[1])
        manifest = self.folder / "manifest.json"
        manifest.write_text(manifest.read_text().replace("before", "befora", 1))
        self.assertIn("signature", self.run_command("--verify")[1])

    def test_refused(self) -> None:
        young = (now() - timedelta(days=300)).date().isoformat()
        self.assertIn("still named", self.run_command("--before", young)[1])
        with override_settings(AUDIT_SIGNING_KEY=""):
            self.assertIn("AUDIT_SIGNING_KEY", self.run_command()[1])
        Payment.objects.update(phone=PHONE)
        self.assertIn("run manage.py retention first", self.run_command()[1])
        self.assertFalse(self.folder.exists())
        Payment.objects.update(phone=None)
        self.run_command()
        self.assertIn("not empty", self.run_command()[1])
