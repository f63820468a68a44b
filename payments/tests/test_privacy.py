"""A payer who is forgotten: nobody finds them in any column of any table, and the books are as they were."""

import json
import re
from io import StringIO
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from audit.models import AuditEvent, RequestLog
from merchants.services.key_use import keep_requests
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import C2bReceipt, Payment, ProviderEvent, Refund
from payments.services.reconcile_runs import run_reconciliations
from payments.tests.privacy import (
    EMAIL,
    HASHES,
    NAME,
    OTHER_NAME,
    OTHER_PHONE,
    PHONE,
    SPELLED,
    PayerTestCase,
    places_that_name,
)
from settlements.models import LedgerEntry, ReconException, ReconLine
from settlements.tests.recon import Paper
from webhooks.models import Event


class Erasing(PayerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.everything(phone=PHONE, name=NAME, email=EMAIL)
        self.everything(phone=OTHER_PHONE, name=OTHER_NAME, email="baraka@example.com")
        self.statement((PHONE, NAME), (OTHER_PHONE, OTHER_NAME))
        self.strange_statement()
        self.deliver()

    def test_nobody_finds_them_anywhere_and_the_money_is_whole(self) -> None:
        named = places_that_name(SPELLED)
        for place in (
            "transactions.phone", "transactions.email", "transactions.payer_name", "transactions.metadata",
            "transactions.merchant_reference", "transactions.provider_reference", "money_op.provider_ref", "refunds.phone",
            "refunds.reason", "c2b_receipt.phone", "c2b_receipt.payer_name", "c2b_account.code", "c2b_account.search_keys",
            "provider_event.body", "provider_event.dedupe", "bulk_line.request", "merchants_idempotency_key.body",
            "webhooks_event.body", "webhooks_endpoint.url", "recon_file_part.body", "recon_line.narrative",
            "payouts.reason", "payouts.merchant_reference", "doubt_decision.note", "request_log.request_body",
            "recon_exception.detail", "files of exports",
        ):  # fmt: skip
            self.assertIn(place, named)
        money, other = self.money(), self.of_the_other()
        lines = self.money_of_statements()
        code, told = self.erase("--phone", "0711 222 333")
        self.assertEqual(code, 0, told)
        self.assertEqual(places_that_name(SPELLED), {})
        self.assertEqual(places_that_name(re.compile("|".join(HASHES))), {})
        self.assertEqual(self.money(), money)
        self.assertEqual(self.of_the_other(), other)
        self.assertEqual(self.money_of_statements(), lines)
        self.assert_clean()
        self.assert_answers()
        self.assert_audited()
        self.assertEqual(self.erase("--phone", PHONE), (0, "0 rows name this payer no more.\n"))

    def money(self) -> list[Any]:
        """Everything a book, a state or a receipt says."""
        payments = Payment.objects.order_by("id").values_list(
            "id",
            "reference",
            "amount",
            "captured",
            "refunded",
            "fee",
            "status",
            "receipt",
            "capture_transfer",
            "created_at",
        )
        refunds = Refund.objects.order_by("id").values_list("id", "amount", "status", "receipt", "completed_at")
        receipts = C2bReceipt.objects.order_by("id").values_list("id", "receipt", "amount", "state", "payment")
        entries = LedgerEntry.objects.order_by("id").values_list("id", "account", "side", "amount", "debits_after")
        return [list(rows) for rows in (payments, refunds, receipts, entries)]

    def money_of_statements(self) -> list[Any]:
        """What they say of money."""
        lines = ReconLine.objects.order_by("id").values_list("external_id", "amount", "balance_after", "party", "state")
        exceptions = ReconException.objects.order_by("id").values_list(
            "name", "kind", "amount", "status", "detail__line_no"
        )
        return [*lines, *exceptions]

    def of_the_other(self) -> dict[str, int]:
        """Where the other payer is named, and how often; the file they share is asked on its own."""
        found = places_that_name(re.compile(f"{OTHER_PHONE[3:]}|BARAKA|OMONDI|baraka", re.IGNORECASE))
        # Files of exports are over for everybody who is in them.
        return {place: len(texts) for place, texts in found.items() if place != "files of exports"}

    def assert_answers(self) -> None:
        """What is left is still shown, and the same payer is the same still."""
        payment = Payment.objects.filter(captured=100_00, refunded=40_00, phone=None).get()
        path = f"payments/{to_public('pay', payment.id)}/"
        for each in (
            path,
            f"{path}timeline/",
            f"{path}explanation/",
            "payments/",
            "refunds/",
            "events/",
            "c2b/receipts/",
            "c2b/accounts/",
        ):
            with self.subTest(path=each):
                self.assertEqual(self.get(each, self.headers).status_code, 200)
        self.assertEqual(self.get("payments/?phone=0711222333", self.headers).json()["data"], [])
        shown = self.get(path, self.headers).json()
        self.assertEqual([shown[name] for name in ("phone", "email", "payer_name")], [None] * 3)
        self.assertEqual((shown["amount"], shown["amount_refunded"]), ("100.00", "40.00"))
        self.assertEqual(len(payment.phone_digest or ""), 32)
        digests = Payment.objects.filter(merchant=self.merchant, phone_digest__isnull=False)
        self.assertEqual(digests.values("phone_digest").distinct().count(), 1)
        self.assertGreater(digests.count(), 2)

    def assert_audited(self) -> None:
        link = AuditEvent.objects.get(action="privacy.erased")
        self.assertEqual(link.stream, f"m{self.merchant.id}")
        self.assertGreater(link.detail["rows"]["transactions"], 3)
        self.assertRegex(link.detail["payer"], "^[0-9a-f]{32}$")


class OneOfThem(PayerTestCase):
    """Parts of it, with less to look at."""

    def setUp(self) -> None:
        super().setUp()
        self.paid(phone=PHONE, email=EMAIL)
        self.by_hand(phone=PHONE, name=NAME)
        self.deliver()

    def test_a_repeat_of_an_old_callback_is_known_for_one(self) -> None:
        event = ProviderEvent.objects.filter(door="confirm", status="applied").latest("id")
        body, door = bytes(event.body), self.hook("confirm")
        self.erase("--phone", PHONE)
        before = ProviderEvent.objects.count()
        self.bring(body, door)
        self.assertEqual(ProviderEvent.objects.count(), before)

    def test_by_the_address(self) -> None:
        code, told = self.erase("--email", EMAIL.upper())
        self.assertEqual(code, 0, told)
        self.assertEqual(places_that_name(re.compile("zawadi.mutiso@", re.IGNORECASE)), {})
        self.assertTrue(Payment.objects.filter(phone=PHONE).exists())
        self.assertFalse(Payment.objects.filter(email__isnull=False, email=EMAIL).exists())

    def test_another_merchant_keeps_its_own(self) -> None:
        other = make_merchant("Mama Mboga")
        headers = key_headers(make_api_key(other))
        theirs = self.post("payments/initiate/", self.body(phone=PHONE, email=EMAIL), headers)
        self.assertEqual(theirs.status_code, 201, theirs.content)
        self.assertEqual(self.erase("--phone", PHONE)[0], 0)
        self.assertEqual(Payment.objects.filter(phone=PHONE).count(), 1)
        shown = self.get(f"payments/{theirs.json()['id']}/", headers).json()
        self.assertEqual((shown["phone"], shown["email"]), (PHONE, EMAIL))

    def test_calls_of_others_stay_in_the_request_log(self) -> None:
        self.paid(phone=PHONE, reference="A-1", description="For Zawadi")
        self.paid(phone=OTHER_PHONE, reference="A-10", description="For Baraka")
        self.get("payments/A-1/", self.headers)
        keep_requests()
        self.assertEqual(self.erase("--phone", PHONE)[0], 1)
        self.assertEqual(self.erase("--phone", PHONE, "--now")[0], 0)
        bodies = " ".join(row.request_body or "" for row in RequestLog.objects.all())
        self.assertEqual(("Zawadi" in bodies, '"A-1"' in bodies, '"A-10"' in bodies), (False, False, True))
        self.assertFalse(RequestLog.objects.filter(path__contains="/A-1/").exists())

    def test_their_own_file(self) -> None:
        paid = Payment.objects.get(email=EMAIL)
        self.refund_part(paid, name=NAME)
        self.doubt(paid, note=f"{NAME} says it came")
        told = StringIO()
        call_command(
            "privacy", "export", "--merchant", to_public("mer", self.merchant.id), "--phone", PHONE, stdout=told
        )
        found = json.loads(told.getvalue())
        self.assertEqual(found["phone"], PHONE)
        self.assertGreaterEqual(len(found["payments"]), 4)
        self.assertEqual(
            [len(found[name]) > 0 for name in ("c2b_receipts", "c2b_accounts", "decisions", "provider_messages")],
            [True] * 4,
        )
        self.assertIn(NAME, found["names"])
        self.assertIn(NAME, found["decisions"][0]["note"])
        self.assertNotIn(OTHER_PHONE, told.getvalue())
        self.assertNotIn("BARAKA", told.getvalue())
        self.assertEqual(AuditEvent.objects.filter(action="privacy.exported").count(), 1)


class InTheWay(PayerTestCase):
    """What is not over cannot be forgotten."""

    def test_a_payment_that_is_open(self) -> None:
        self.start(phone=PHONE)
        code, told = self.erase("--phone", PHONE)
        self.assertEqual(code, 1)
        self.assertIn("not closed", told)
        self.assertTrue(Payment.objects.filter(phone=PHONE).exists())

    def test_a_refund_that_is_open(self) -> None:
        self.refund(self.paid(phone=PHONE), amount="40")
        self.assertIn("refund", self.erase("--phone", PHONE)[1])

    def test_money_that_waits_for_an_owner(self) -> None:
        self.confirm(bill_ref="nobody knows", msisdn=PHONE, name=NAME)
        self.assertIn("waits to be matched", self.erase("--phone", PHONE)[1])

    def test_a_bulk_run_that_is_about_to_ask(self) -> None:
        items = [{"phone": PHONE, "amount": 10, "payment_method": "mpesa"}]
        self.post("payments/bulk/", {"items": items}, self.headers)
        self.assertIn("bulk run", self.erase("--phone", PHONE)[1])

    def test_webhooks_that_are_due(self) -> None:
        self.paid(phone=PHONE)
        code, told = self.erase("--phone", PHONE)
        self.assertEqual(code, 1)
        self.assertIn("have not arrived", told)
        self.assertEqual(self.erase("--phone", PHONE, "--now")[0], 0)
        bodies = Event.objects.filter(deliveries__state="open").values_list("body", flat=True)
        self.assertTrue(bodies)
        self.assertFalse([body for body in bodies if PHONE[3:] in body])

    def test_a_statement_that_waits(self) -> None:
        finance = person_headers(make_member(self.merchant, "finance"))
        for phone, waits in ((OTHER_PHONE, False), (PHONE, True)):
            paper = Paper(shortcode="600123", opening=None)
            paper.add("UKW0000001", 5_00, party=f"{phone} - {NAME}")
            form = {"file": SimpleUploadedFile("nov.csv", paper.text()), "account": "daraja:600123"}
            answer = self.client.post(
                "/api/v1/reconciliation/runs/", form | {"source": "mpesa_statement"}, headers=finance
            )
            self.assertEqual(answer.status_code, 202, answer.content)
            code, told = self.erase("--phone", PHONE, "--now")
            self.assertEqual((code, "statement that names" in told), (int(waits), waits), told)
        run_reconciliations()
        self.assertEqual(self.erase("--phone", PHONE, "--now")[0], 0)
        self.assertEqual(places_that_name(re.compile(PHONE)), {})

    def test_whom_nobody_knows(self) -> None:
        self.assertEqual(self.erase("--phone", "0799000111")[0], 0)
        for arguments in ([], ["--phone", "12"], ["--email", "x"]):
            self.assertEqual(self.erase(*arguments)[0], 2)
        with self.assertRaises(CommandError):
            call_command("privacy", "erase", "--merchant", to_public("mer", new_id()), "--phone", PHONE)
