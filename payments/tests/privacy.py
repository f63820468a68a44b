"""What tests of privacy share: payers who paid in every way there is, and a search of every column of every table."""

import re
import tempfile
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import override_settings

from audit.sealed_columns import SEALED_COLUMNS
from merchants.services.key_use import keep_requests
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import unseal
from onpoint_pay.kit.ids import from_public, to_public
from payments.models import C2bAccount, DoubtDecision, MoneyOp, Payment, ProviderEvent
from payments.services.bulk import send_bulk
from payments.services.exports import make_exports
from payments.services.reconcile import reconcile
from payments.tests.base import NO_SUCH_TOKEN
from payments.tests.c2b import CommittingC2bTestCase, confirmation, hashed, masked, next_code
from payments.tests.claims import success_body
from payments.tests.factories import op_of
from payments.tests.refund_base import RefundCalls
from settlements.models import Export, Payout, ReconException, ReconFilePart, ReconLine, ReconRun
from settlements.services.exports import path_of
from settlements.services.recon_import import original_bytes
from settlements.services.recon_runs import brought_with
from settlements.tests.payouts import make_payout
from settlements.tests.recon import Paper, bring
from tests.simulator_process import simulator
from webhooks.models import Attempt, Delivery
from webhooks.tests.factories import make_endpoint

PHONE, EMAIL, NAME = "254711222333", "zawadi.mutiso@example.com", "ZAWADI KIPCHOGE MUTISO"
OTHER_PHONE, OTHER_NAME = "254722333444", "BARAKA OMONDI"
SPELLED = re.compile(
    r"(?:\+?254|0|(?<![0-9]))711[ .-]?222[ .-]?333|ws_CO_[0-9]+711222333|zawadi\.mutiso|zawadi|kipchoge|mutiso|wekesa",
    re.IGNORECASE,
)
# As a statement of the platform calls them, and nothing else.
OTHERWISE = "WEKESA"
PLATFORM = "daraja:174379"
HASHES = (hashed(PHONE),)


def columns() -> list[tuple[str, str, str]]:
    """Every column of every table in which somebody could be named, from the catalog; partitions are read in the whole."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname, t.typname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
            " JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type e ON e.oid = t.typelem"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped"
            " AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
            " AND c.relnamespace <> ALL (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg_toast%' OR nspname LIKE 'pg_temp%')"
            " AND (t.typcategory IN ('S', 'C') OR e.typcategory = 'S' OR t.typname IN ('json', 'jsonb', 'bytea', 'xml'))"
        )
        return list(cursor.fetchall())


def places_that_name(pattern: re.Pattern[str]) -> dict[str, list[str]]:
    """`table.column` of all that somebody who searches would find, with the texts; seals are opened, files are read."""
    found: dict[str, list[str]] = {}
    places = [(f"{table}.{column}", texts_of(table, column, kind)) for table, column, kind in columns()]
    for place, texts in [*places, *opened_seals(), ("files of exports", files_of_exports())]:
        for text in texts:
            if match := pattern.search(text):
                found.setdefault(place, []).append(text[max(match.start() - 40, 0) : match.end() + 20])
    return found


def opened_seals() -> list[tuple[str, list[str]]]:
    """What the sealed columns say once they are open; statements as they came."""
    found = []
    for sealed in SEALED_COLUMNS:
        if sealed.bound_to is not None and not sealed.is_bytes:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT {sealed.text}, {sealed.bound_to}, {sealed.merchant} FROM {sealed.table} t"
                    f" WHERE {sealed.text} LIKE 'v%.%'"
                )
                texts = [unseal(text, bound_to=place, merchant_id=owner) for text, place, owner in cursor.fetchall()]
            found.append((f"{sealed.name}, opened", texts))
    files = ReconFilePart.objects.values_list("file_id", flat=True).distinct()
    found.append(("recon_file_part.body", [b"".join(original_bytes(key)).decode("latin-1") for key in files]))
    runs = ReconRun.objects.filter(parts__isnull=False).distinct()
    found.append(("recon_run_part.body", [brought_with(run).read().decode("latin-1") for run in runs]))
    return found


def files_of_exports() -> list[str]:
    return [path.read_text("latin-1") for path in Path(settings.EXPORTS_ROOT).rglob("*") if path.is_file()]


def texts_of(table: str, column: str, kind: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT "{column}"{"" if kind == "bytea" else "::text"} FROM "{table}" WHERE "{column}" IS NOT NULL'
        )
        values = [row[0] for row in cursor.fetchall()]
    return [bytes(value).decode("latin-1") for value in values] if kind == "bytea" else values


class PayerTestCase(RefundCalls, CommittingC2bTestCase):
    """One payer at one merchant, who paid in every way there is, and another who did the same."""

    def setUp(self) -> None:
        super().setUp()
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(override_settings(EXPORTS_ROOT=Path(folder)))
        make_endpoint(self.merchant, events=["*"])

    def everything(self, *, phone: str, name: str, email: str) -> None:
        """All that can be kept of somebody."""
        local = "0" + phone[3:]
        paid = self.paid(
            phone=phone,
            email=email,
            description=f"For {name} ({local})",
            reference=f"{local}-A",
            metadata={"customer": name, "tel": f"+{phone[:3]} {phone[3:6]} {phone[6:9]} {phone[9:]}", "n": "1"},
            callback_url=f"https://93.184.216.34/hook?phone={local}",
        )
        self.fail_one(phone=phone, email=email)
        self.refund_part(paid, name=name)
        self.by_hand(phone=phone, name=name)
        self.strange_claims(phone=phone, name=name)
        self.bulk(phone=phone, name=name)
        self.export(phone=phone)
        payout = from_public("pyt", make_payout(self.merchant, "test", reference=f"{local}-P"))
        Payout.objects.filter(id=payout).update(reason=f"Back to {name} {local}")
        self.doubt(paid, note=f"{name} ({local}) says it came")
        keep_requests()

    def fail_one(self, **fields: Any) -> None:
        answer = self.initiate(key=f"till-{fields['phone']}", **fields)
        self.assertEqual(answer.status_code, 201, answer.content)
        payment = Payment.objects.get(id=from_public("pay", answer.json()["id"]))
        simulator().cancel(op_of(payment).provider_ref or "")
        self.bring_callbacks(payment)
        self.assert_state(payment, "cancelled")

    def refund_part(self, payment: Payment, *, name: str) -> None:
        simulator().call("POST", "balances", {"shortcode": "600123", "account": "Utility", "amount": "100000"})
        refund = self.sent(payment, amount="40", reason=f"Too much, says {name}")
        self.bring_results(refund)
        self.assert_refund(refund, "completed")

    def doubt(self, paid: Payment, *, note: str) -> None:
        """Somebody asked the payer what became of the refund; another did not believe it."""
        op = MoneyOp.objects.get(refund__payment=paid)
        decision = DoubtDecision.objects.create(
            op=op, merchant=self.merchant, mode="test", outcome="succeeded", note=note, status="proposed",
            proposed_by="juma",
        )  # fmt: skip
        DoubtDecision.objects.filter(id=decision.id).update(status="rejected", decided_by="amina", decided_at=now())

    def by_hand(self, *, phone: str, name: str) -> None:
        """A number to type that is the phone itself, and one that is known by it; paid in clear, hashed and masked."""
        local = "0" + phone[3:]
        self.make_account(local, name=name, phone=phone)
        self.make_account(f"RENT{phone[-4:]}", name=name, phone=phone, customer=f"cust-{local}")
        self.assert_credited(self.confirm(bill_ref=local, msisdn=phone, name=name))
        self.assert_credited(self.confirm(bill_ref=f"RENT{phone[-4:]}", msisdn=hashed(phone), name=name))
        self.assert_credited(self.confirm(bill_ref=f"RENT{phone[-4:]}", msisdn=masked(phone), name=name))
        waiting = self.confirm(bill_ref=f"nyumba {name}", msisdn=phone, name=name)
        account = C2bAccount.objects.get(code=f"RENT{phone[-4:]}")
        answer = self.post(
            f"c2b/receipts/{to_public('c2b', waiting.id)}/match/",
            {"account": to_public("acc", account.id)},
            self.headers,
        )
        self.assertEqual(answer.status_code, 200, answer.content)

    def strange_claims(self, *, phone: str, name: str) -> None:
        """Nobody's: kept, and believed by none."""
        body = success_body("ws_CO_21112026093000123" + phone[-9:], receipt=next_code()).replace(
            b"254712345678", phone.encode()
        )
        self.bring(body, f"/api/v1/hooks/{NO_SUCH_TOKEN}/collect/")
        self.bring(confirmation(next_code(), msisdn=phone, name=name), f"/api/v1/hooks/{NO_SUCH_TOKEN}/confirm/")
        ProviderEvent.objects.filter(status__in=("new", "orphan")).update(status="quarantined")

    def bulk(self, *, phone: str, name: str) -> None:
        items = [{"phone": phone, "amount": 10, "payment_method": "mpesa", "metadata": {"for": name}}]
        answer = self.post("payments/bulk/", {"items": items}, self.headers)
        self.assertEqual(answer.status_code, 202, answer.content)
        send_bulk()
        self.pay(Payment.objects.get(phone=phone, status="pending"))

    def export(self, *, phone: str) -> None:
        asked = {"type": "payments", "format": "csv", "filters": {"status": "completed"}}
        self.assertEqual(self.post("exports/", asked, self.headers).status_code, 202)
        make_exports()
        self.assertIn(phone, path_of(Export.objects.latest("id")).read_text())

    def statement(self, *payers: tuple[str, str]) -> None:
        """The provider's file of the day, with names and numbers."""
        paper = Paper(shortcode="600123", start=now().replace(hour=0, minute=0, second=0), days=2)
        for payment in Payment.objects.filter(receipt__isnull=False).order_by("created_at"):
            phone, name = next((each for each in payers if each[0] == payment.phone), payers[0])
            paper.add(
                payment.receipt or "", payment.amount, party=f"{phone} - {name}", reason=f"Paid by {name}", at=now()
            )
        bring(paper.text(), account="daraja:600123")
        reconcile(account="daraja:600123", mode="test", books_missing=False)

    def strange_statement(self) -> None:
        """The platform's file: a line that belongs to nothing yet, and one that could not be read."""
        paper = Paper(start=now().replace(hour=0, minute=0, second=0), days=2, opening=None)
        paper.add(next_code(), 5_00, party=f"{PHONE} - {OTHERWISE}", reason=f"Paid by {OTHERWISE}", ref="0711222333")
        paper.add(next_code(), 6_00, party=f"{OTHER_PHONE} - {OTHER_NAME}", reason="Pay Bill", at=now())
        paper.rows.append(f"UKX1,yesterday,,Paid by {OTHERWISE},Completed,ten,,,true,,{PHONE} - {OTHERWISE},,")
        bring(paper.text(), account=PLATFORM)
        reconcile(account=PLATFORM, mode="test", books_missing=False)
        self.assertEqual(ReconLine.objects.filter(account=PLATFORM).count(), 2)
        self.assertEqual(ReconException.objects.filter(account=PLATFORM, kind="unparsable").count(), 1)

    def deliver(self) -> None:
        """Everything has arrived, and a receiver answered with what it was sent."""
        Delivery.objects.filter(state="open").update(state="delivered", delivered_at=now())
        for delivery in Delivery.objects.select_related("event"):
            Attempt.objects.create(
                delivery=delivery, endpoint_id=delivery.endpoint_id, n=1, trigger="auto", started_at=now(), total_ms=5,
                status=200, response_excerpt=f"thank you for {delivery.event.body}"[:4000],
            )  # fmt: skip

    def erase(self, *arguments: str) -> tuple[int, str]:
        told = StringIO()
        name = to_public("mer", self.merchant.id)
        try:
            call_command("privacy", "erase", "--merchant", name, *arguments, stdout=told)
        except CommandError as error:
            return error.returncode, str(error)
        return 0, told.getvalue()
