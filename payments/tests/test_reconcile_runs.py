"""Bringing a statement over HTTP: who may, what becomes of it, and what is seen of its lines."""

import json
from typing import Any
from unittest import mock

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import override_settings

from audit.models import AuditEvent
from audit.services.keys import reseal
from merchants.tests.accounts import make_account
from merchants.tests.factories import make_member, make_merchant, person_headers
from onpoint_pay.kit import data_keys
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import from_public, to_public
from payments.models import C2bReceipt
from payments.services import reconcile_runs
from payments.services.reconcile import reconcile
from payments.services.reconcile_runs import run_reconciliations
from payments.tests.c2b import PAYER, next_code, paid_by_query
from payments.tests.test_reconcile import ACCOUNT, ReconcileTestCase
from settlements.models import FloatProof, ReconFile, ReconLine, ReconRun, ReconRunPart
from settlements.services.recon_exceptions import decide_match
from settlements.services.recon_import import Imported, import_statement
from settlements.services.recon_runs import decide_run
from webhooks.models import Event

RUNS, ITEMS = "reconciliation/runs/", "reconciliation/items/"


class RunTestCase(ReconcileTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.finance = make_member(self.merchant, "finance")
        self.person = person_headers(self.finance)

    def upload(self, body: bytes | None = None, headers: dict[str, str] | None = None, **form: Any) -> HttpResponse:
        text = self.paper.text() if body is None else body
        usual = {"file": SimpleUploadedFile("nov.csv", text), "account": ACCOUNT, "source": "mpesa_statement"}
        sent = {name: value for name, value in (usual | form).items() if value is not None}
        return self.client.post(f"/api/v1/{RUNS}", sent, headers=headers or self.person)

    def run_now(self, name: str) -> dict[str, Any]:
        return self.get(f"{RUNS}{name}/", self.person).json()

    def assert_nothing_kept(self) -> None:
        for model in (ReconRun, ReconRunPart, ReconFile, ReconLine):
            self.assertFalse(model.objects.exists())


class Bringing(RunTestCase):
    def test_a_worker_takes_it_in_and_compares(self) -> None:
        payment = self.paid()
        self.put(payment)
        self.paper.add(next_code(), 70_00, ref="NOBODY", at=now())
        answer = self.upload()
        self.assertEqual(answer.status_code, 202, answer.content)
        told = answer.json()
        self.assertEqual(answer["Location"], f"/api/v1/{RUNS}{told['id']}/")
        self.assertEqual((told["status"], told["matched"], told["name"]), ("queued", None, "nov.csv"))
        self.assertEqual(told["requested_by"], to_public("usr", self.finance.id))
        # What lies in wait is sealed, and none of it taken yet.
        self.assertNotIn(b"Receipt No", bytes(ReconRunPart.objects.get().body))
        self.assertFalse(ReconLine.objects.exists())
        self.assertEqual(run_reconciliations(), 1)
        done = self.run_now(told["id"])
        self.assertEqual((done["status"], done["lines"], done["lines_new"], done["gaps"]), ("completed", 2, 2, 0))
        self.assertEqual((done["matched"], done["booked"], done["exceptions"]), (2, 1, {"missing_here": 1}))
        self.assertEqual(C2bReceipt.objects.get(state="unmatched").amount, 70_00)
        self.assertFalse(ReconRunPart.objects.exists())
        self.assertTrue(FloatProof.objects.filter(account=ACCOUNT, is_green=True).exists())
        (event,) = Event.objects.filter(type="reconciliation.completed")
        self.assertEqual(json.loads(event.body)["data"]["object"], done)
        actions = AuditEvent.objects.filter(object=told["id"]).order_by("seq").values_list("action", flat=True)
        self.assertEqual(list(actions), ["reconciliation.brought", "reconciliation.run"])
        self.assertEqual(run_reconciliations(), 0)

    def test_what_waits_is_sealed_anew_and_still_taken_in(self) -> None:
        self.put(self.paid())
        name = self.upload().json()["id"]
        before = bytes(ReconRunPart.objects.get().body)
        self.assertEqual(reseal(actor="tests", new_data_keys=True).done["recon_run_part.body"], 1)
        self.assertNotEqual(bytes(ReconRunPart.objects.get().body), before)
        data_keys.forget()
        self.assertEqual(run_reconciliations(), 1)
        self.assertEqual(self.run_now(name)["lines_new"], 1)

    def test_the_same_file_again_adds_nothing(self) -> None:
        self.put(self.paid())
        for _ in range(2):
            last = self.upload().json()["id"]
            run_reconciliations()
        done = self.run_now(last)
        self.assertEqual((done["status"], done["lines_new"], done["matched"]), ("completed", 0, 0))
        self.assertEqual((ReconFile.objects.count(), ReconLine.objects.count()), (1, 1))

    def test_what_cannot_be_taken_is_said(self) -> None:
        self.put(self.paid())
        name = self.upload(b"no statement at all").json()["id"]
        self.assertEqual(run_reconciliations(), 0)
        done = self.run_now(name)
        self.assertEqual(done["status"], "failed")
        self.assertTrue(done["failure"])
        self.assertFalse(ReconLine.objects.exists() or ReconRunPart.objects.exists())
        self.assertFalse(Event.objects.filter(type="reconciliation.completed").exists())

    def test_a_fault_of_ours_is_tried_again_and_then_told(self) -> None:
        name = self.upload().json()["id"]
        with mock.patch.object(reconcile_runs, "import_statement", side_effect=RuntimeError("planted")):
            self.assertEqual(run_reconciliations(), 0)
        done = self.run_now(name)
        self.assertEqual((done["status"], "operator" in done["failure"]), ("failed", True))
        self.assertEqual(ReconRun.objects.get().tries, 3)

    def test_one_that_breaks_does_not_hold_up_the_next(self) -> None:
        broken = self.upload(self.paper.text() + b"\n").json()["id"]
        self.put(self.paid())
        good = self.upload().json()["id"]
        outcomes = iter([RuntimeError("planted")] * 3)

        def take_in(*given: Any, **told: Any) -> Imported:
            failure = next(outcomes, None)
            if failure is not None:
                raise failure
            return import_statement(*given, **told)

        with mock.patch.object(reconcile_runs, "import_statement", take_in):
            self.assertEqual(run_reconciliations(), 1)
        self.assertEqual((self.run_now(broken)["status"], self.run_now(good)["status"]), ("failed", "completed"))

    def test_a_worker_that_dies_in_the_middle(self) -> None:
        """When the statement is in: nobody else has the run until the lease is over, and then the rest is done, once."""
        self.put(self.paid())
        self.paper.add(next_code(), 70_00, ref="NOBODY", at=now())
        name = self.upload().json()["id"]
        with mock.patch.object(reconcile_runs, "reconcile", side_effect=SystemExit), self.assertRaises(SystemExit):
            run_reconciliations()
        self.assertEqual(run_reconciliations(), 0)
        self.assertEqual(self.run_now(name)["status"], "queued")
        ReconRun.objects.update(lease_until=now())
        self.assertEqual(run_reconciliations(), 1)
        done = self.run_now(name)
        self.assertEqual((done["status"], done["lines_new"], done["matched"], done["booked"]), ("completed", 2, 2, 1))
        self.assertEqual((ReconFile.objects.count(), ReconLine.objects.count()), (1, 2))
        self.assertEqual(Event.objects.filter(type="reconciliation.completed").count(), 1)

    def test_one_key_is_one_run(self) -> None:
        headers = self.person | {"Idempotency-Key": "statement-of-november"}
        first, second = self.upload(headers=headers), self.upload(headers=headers)
        self.assertEqual((first.json(), second["Idempotent-Replayed"]), (second.json(), "true"))
        self.assertEqual(ReconRun.objects.count(), 1)
        self.paper.add(next_code(), 5_00, at=now())
        self.assert_problem(self.upload(headers=headers), 422, "idempotency_key_reused")

    def test_faults_come_together(self) -> None:
        found = self.assert_problem(self.upload(file=None, source="papyrus", extra="1"), 400, "validation_failed")
        self.assertEqual({fault["param"] for fault in found["errors"]}, {"file", "source", "extra"})
        found = self.assert_problem(self.upload(first_day="2026-11-02"), 400, "parameter_invalid")
        self.assertEqual(found["param"], "last_day")
        self.assert_problem(self.post(RUNS, {"account": ACCOUNT}, self.person), 415, "unsupported_media_type")
        broken = self.client.generic("POST", f"/api/v1/{RUNS}", b"nothing", "multipart/form-data", headers=self.person)
        self.assert_problem(broken, 400, "parameter_invalid")
        self.assert_nothing_kept()

    @override_settings(MAX_FILE_BYTES=300_000)
    def test_too_large(self) -> None:
        self.assert_problem(self.upload(b"x" * 300_001), 413, "body_too_large")
        self.assert_problem(self.upload(b"x" * 700_000), 413, "body_too_large")
        self.assertEqual(self.upload(b"x" * 299_000).status_code, 202)
        # No other address takes so much.
        huge = self.client.generic("POST", "/api/v1/exports/", b"x" * 300_000, "multipart/form-data; boundary=x")
        self.assert_problem(huge, 413, "body_too_large")

    def test_a_comparison_by_the_operator_is_seen_too(self) -> None:
        self.put(self.paid())
        run = self.run_it(actor="operator")
        (shown,) = self.get(RUNS, self.person).json()["data"]
        self.assertEqual((shown["id"], shown["status"]), (to_public("rec", run.run_id), "completed"))
        self.assertEqual((shown["matched"], shown["source"], shown["lines"]), (1, None, None))

    def test_of_the_platforms_accounts_there_is_no_run(self) -> None:
        reconcile(account="daraja:174379", mode="test")
        self.assertFalse(ReconRun.objects.exists())


class WhoMay(RunTestCase):
    def test_people_who_see_to_statements(self) -> None:
        for role, status in (("owner", 202), ("admin", 202), ("developer", 403), ("support", 403), ("viewer", 403)):
            headers = person_headers(make_member(self.merchant, role))
            self.assertEqual(self.upload(headers=headers).status_code, status, role)
            self.assertEqual(self.get(ITEMS, headers).status_code, 200 if status == 202 else 403, role)

    def test_no_key(self) -> None:
        for answer in (self.upload(headers=self.headers), self.get(RUNS, self.headers), self.get(ITEMS, self.headers)):
            self.assert_problem(answer, 403, "insufficient_scope")
        self.assert_nothing_kept()

    def test_no_account_of_others_or_of_several(self) -> None:
        other = make_merchant("Mama Mboga")
        make_account(other, shortcode="600999")
        shared = make_account(self.merchant, shortcode="600888", is_default=False)
        make_account(other, shortcode="600888", is_default=False, environment="sandbox")
        for number in ("600999", shared.shortcode, "174379", "999999"):
            self.assert_problem(self.upload(account=f"daraja:{number}"), 404, "resource_missing")
        self.assert_problem(self.upload(account="bank:equity"), 404, "resource_missing")
        self.assert_nothing_kept()

    def test_the_platforms_shortcode_is_nobodys_own(self) -> None:
        make_account(self.merchant, shortcode="174379", is_default=False)
        self.assert_problem(self.upload(account="daraja:174379"), 404, "resource_missing")

    def test_a_live_statement_is_not_tried_in_test_mode(self) -> None:
        make_account(self.merchant, mode="live", shortcode="600123")
        self.assert_problem(self.upload(), 409, "state_conflict")
        self.assert_nothing_kept()


class InLiveMode(RunTestCase):
    """A statement is evidence: a merchant alone does not make money with one."""

    def setUp(self) -> None:
        super().setUp()
        self.merchant.live_enabled, self.merchant.kyc_status = True, "verified"
        self.merchant.save()
        make_account(self.merchant, mode="live", shortcode="600123")
        self.person = person_headers(self.finance, mode="live")
        self.paper.add(next_code(), 70_00, ref="NOBODY", at=now())

    def test_it_waits_for_the_operator(self) -> None:
        told = self.upload().json()
        self.assertEqual(told["status"], "requires_approval")
        self.assertEqual(run_reconciliations(), 0)
        self.assertFalse(ReconLine.objects.exists() or C2bReceipt.objects.exists())
        key = from_public("rec", told["id"])
        with self.assertRaisesMessage(Problem, "say who you are"):
            decide_run(key, actor="operator", agrees=True)
        decide_run(key, actor="amina", agrees=True)
        self.assertEqual(run_reconciliations(), 1)
        self.assertEqual((self.run_now(told["id"])["status"], ReconLine.objects.count()), ("completed", 1))
        with self.assertRaisesMessage(Problem, "The run is completed"):
            decide_run(key, actor="baraka", agrees=False)

    def test_what_is_refused_is_gone(self) -> None:
        told = self.upload().json()
        decide_run(from_public("rec", told["id"]), actor="amina", agrees=False)
        self.assertEqual(run_reconciliations(), 0)
        self.assertEqual(self.run_now(told["id"])["status"], "rejected")
        self.assertFalse(ReconRunPart.objects.exists() or ReconLine.objects.exists())


class Items(RunTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.payment = self.paid()
        self.put(self.payment)
        self.code = next_code()
        self.paper.add(self.code, 70_00, ref="NOBODY", at=now())
        self.name = self.upload().json()["id"]
        run_reconciliations()

    def shown(self, query: str = "") -> list[dict[str, Any]]:
        answer = self.get(f"{ITEMS}?{query}", self.person)
        self.assertEqual(answer.status_code, 200, answer.content)
        return list(answer.json()["data"])

    def test_a_line_with_what_it_is(self) -> None:
        later, first = self.shown()
        self.assertEqual(
            (first["receipt"], first["amount"], first["direction"]), (self.payment.receipt, "100.00", "in")
        )
        self.assertEqual(first["match"]["concerns"], to_public("pay", self.payment.id))
        transfer = self.again(self.payment).capture_transfer_id
        self.assertEqual(first["match"]["transfer"], to_public("trf", transfer))  # type: ignore[arg-type]
        self.assertEqual((first["state"], first["match"]["rule"], first["exception"]), ("matched", "receipt", None))
        self.assertEqual((later["receipt"], later["account_reference"]), (self.code, "NOBODY"))
        self.assertRegex(later["exception"], "^rcx_")

    def test_filters(self) -> None:
        for query, count in (
            ("state=matched", 2),
            ("state=exception,new", 0),
            ("kind=receipt&direction=in", 2),
            ("direction=out", 0),
            (f"receipt={self.code.lower()}", 1),
            (f"account={ACCOUNT}", 2),
            ("account=daraja:600999", 0),
            (f"run={self.name}", 2),
            ("amount_min=80", 1),
            ("amount_max=80", 1),
            ("date_to=2020-01-01", 0),
        ):
            self.assertEqual(len(self.shown(query)), count, query)
        self.assert_problem(self.get(f"{ITEMS}?state=odd", self.person), 400, "parameter_invalid")

    def test_pages_and_no_query_for_each_line(self) -> None:
        page = self.get(f"{ITEMS}?limit=1", self.person).json()
        rest = self.get(f"{ITEMS}?limit=1&cursor={page['next_cursor']}", self.person).json()
        self.assertEqual([row["id"] for row in page["data"] + rest["data"]], [row["id"] for row in self.shown()])
        self.assertIsNone(rest["next_cursor"])
        self.assert_problem(self.get(f"{ITEMS}?limit=1&cursor=x", self.person), 400, "cursor_invalid")

    def test_a_merchant_who_shares_the_shortcode_sees_nothing(self) -> None:
        make_account(make_merchant("Mama Mboga"), shortcode="600123", environment="sandbox")
        self.assertEqual(self.shown(), [])

    def test_a_rejected_match_is_not_shown(self) -> None:
        paid_by_query(other := self.start(phone=PAYER))
        self.paper.add(next_code(), other.amount, party=f"{PAYER} - AMINA OTIENO", at=now())
        self.upload()
        run_reconciliations()
        (shown,) = self.shown("state=proposed")
        self.assertEqual((shown["match"]["state"], shown["match"]["rule"]), ("proposed", "payer"))
        line = from_public("rcl", shown["id"]).int
        decide_match(line, actor="usr_amina", is_right=False)
        (again,) = (row for row in self.shown() if row["id"] == shown["id"])
        self.assertIsNone(again["match"])

    def test_another_merchant_finds_nothing_by_the_run(self) -> None:
        other = make_merchant("Mama Mboga")
        make_account(other, shortcode="600999")
        headers = person_headers(make_member(other, "finance"))
        self.assertEqual(self.get(f"{ITEMS}?run={self.name}", headers).json()["data"], [])
        self.assert_problem(self.get(f"{RUNS}{self.name}/", headers), 404, "resource_missing")
