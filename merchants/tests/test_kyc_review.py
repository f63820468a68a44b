"""The review: what becomes of documents and of the business, who hears of it, and the one gate of live mode."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from io import StringIO
from pathlib import Path
from uuid import UUID

from django.core import mail
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from audit.models import AuditEvent
from merchants.models import KycDocument, KycNotice, KycRequest, Membership, Merchant, PersonMail, Role
from merchants.services import kyc
from merchants.services.kyc_documents import submit, withdraw
from merchants.services.kyc_files import path_of
from merchants.services.live_mode import require_live
from merchants.services.people_mail import mail_people
from merchants.tests.factories import key_headers, make_api_key, make_member, make_user, person_headers
from merchants.tests.kyc import KycTestCase, hand_in, make_document, owner_of, pdf, verify
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.ids import new_id
from webhooks.models import Event

REQUIRED = ("business_registration", "kra_pin", "director_id")
BY = "usr_operator"


class ReviewTestCase(KycTestCase):
    def standing(self) -> tuple[str, bool]:
        self.merchant.refresh_from_db()
        return self.merchant.kyc_status, self.merchant.live_enabled

    def events(self, mode: str = "test") -> list[str]:
        found = Event.objects.filter(merchant=self.merchant, mode=mode, type__startswith="kyc.").order_by(
            "created_at", "id"
        )
        return list(found.values_list("type", flat=True))

    def notices(self) -> list[str]:
        return list(KycNotice.objects.filter(merchant=self.merchant).order_by("id").values_list("kind", flat=True))

    def last_deed(self) -> AuditEvent:
        return AuditEvent.objects.filter(stream=f"m{self.merchant.id}").latest("seq")

    @contextmanager
    def refused(self, code: str) -> Iterator[None]:
        with self.assertRaises(Problem) as caught:
            yield
        self.assertEqual(caught.exception.code, code)


class Decisions(ReviewTestCase):
    def test_with_the_last_approval_the_business_is_verified(self) -> None:
        first, second, third = hand_in(self.merchant, *REQUIRED)
        self.assertEqual(list(kyc.waiting_documents()), [first, second, third])
        kyc.approve(first.id, actor=BY)
        kyc.approve(second.id, actor=BY)
        self.assertEqual((self.standing(), self.events()), (("pending", False), ["kyc.submitted"]))
        kyc.approve(third.id, actor=BY, expires_on=date(2031, 3, 31))
        self.assertEqual(self.standing(), ("verified", True))
        self.assertTrue(kyc.is_verified(self.merchant))
        for mode in ("test", "live"):
            self.assertEqual(self.events(mode), ["kyc.submitted", "kyc.approved"])
        self.assertEqual(self.notices(), ["verified"])
        third.refresh_from_db()
        self.assertEqual((third.status, third.decided_by, third.expires_on), ("approved", BY, date(2031, 3, 31)))
        self.assertEqual(
            (self.last_deed().action, self.last_deed().detail),
            ("kyc.status_changed", {"from": "pending", "to": "verified"}),
        )

    def test_rejected_for_reasons_that_its_owners_read(self) -> None:
        bad, *_ = hand_in(self.merchant, *REQUIRED)
        kyc.reject(bad.id, actor=BY, reasons=["unreadable", "name_differs"], note="The number is cut off.")
        self.assertEqual(self.standing(), ("pending", False))
        found = self.get(f"kyc/documents/{bad.public_id}/", self.headers).json()
        self.assertEqual((found["status"], found["reasons"]), ("rejected", ["unreadable", "name_differs"]))
        self.assertEqual(found["note"], "The number is cut off.")
        self.assertEqual((self.events(), self.notices()), (["kyc.submitted", "kyc.rejected"], ["rejected"]))
        told = Event.objects.filter(type="kyc.rejected", mode="live").get()
        self.assertIn('"reasons":["unreadable","name_differs"]', told.body)
        self.assertNotIn("cut off", str(list(AuditEvent.objects.values_list("detail", flat=True))))
        for document in KycDocument.objects.filter(status="in_review"):
            kyc.reject(document.id, actor=BY, reasons=["not_genuine"])
        self.assertEqual(self.standing(), ("rejected", False))
        self.assertEqual(self.get("kyc/", self.headers).json()["missing"], list(REQUIRED))
        verify(self.merchant)
        self.assertEqual(self.standing(), ("verified", True))

    def test_what_was_approved_may_turn_out_not_to_be(self) -> None:
        verify(self.merchant)
        pin = KycDocument.objects.get(type="kra_pin")
        kyc.reject(pin.id, actor=BY, reasons=["not_genuine"])
        self.assertEqual(self.standing(), ("rejected", True))
        with self.refused("kyc_required"):
            require_live(self.merchant)

    def test_one_that_comes_in_time_keeps_live_mode_open(self) -> None:
        verify(self.merchant)
        old = KycDocument.objects.get(type="kra_pin")
        new = make_document(self.merchant, replaces=old.id)
        submit(owner_of(self.merchant))
        kyc.reject(old.id, actor=BY, reasons=["out_of_date"])
        self.assertEqual(self.standing(), ("verified", True))
        kyc.reject(new.id, actor=BY, reasons=["out_of_date"])
        self.assertEqual(self.standing()[0], "rejected")

    def test_more_is_asked_for(self) -> None:
        documents = hand_in(self.merchant, *REQUIRED)
        kyc.ask_for_more(self.merchant.id, actor=BY, types=["cr12"], note="There are two directors.")
        kyc.ask_for_more(self.merchant.id, actor=BY, types=["cr12", "cr12"], note="Not older than a month.")
        for document in documents:
            kyc.approve(document.id, actor=BY)
        self.assertEqual(self.standing(), ("unverified", False))
        found = self.get("kyc/", self.headers).json()
        self.assertEqual((found["missing"], found["required"]), (["cr12"], [*REQUIRED, "cr12"]))
        (request,) = found["requests"]
        self.assertEqual((request["type"], request["note"]), ("cr12", "Not older than a month."))
        self.assertEqual((self.notices(), KycRequest.objects.count()), (["asked", "asked"], 1))
        (extra,) = hand_in(self.merchant, "cr12")
        kyc.approve(extra.id, actor=BY)
        self.assertEqual(self.standing(), ("verified", True))

    def test_asking_a_verified_business_does_not_close_it(self) -> None:
        verify(self.merchant)
        kyc.ask_for_more(self.merchant.id, actor=BY, types=["permit"], note="The county's, of this year.")
        self.assertEqual(self.standing(), ("verified", True))

    def test_a_business_that_was_switched_off_stays_off(self) -> None:
        verify(self.merchant)
        Merchant.objects.update(live_enabled=False)
        (more,) = hand_in(self.merchant, "permit")
        kyc.approve(more.id, actor=BY)
        self.assertEqual(self.standing(), ("verified", False))
        with self.refused("live_mode_disabled"):
            require_live(self.merchant)
        kyc.reject(KycDocument.objects.get(type="kra_pin").id, actor=BY, reasons=["out_of_date"])
        (pin,) = hand_in(self.merchant, "kra_pin")
        kyc.approve(pin.id, actor=BY)
        self.assertEqual(self.standing(), ("verified", False))

    def test_what_owners_do_themselves_never_closes_it(self) -> None:
        Merchant.objects.update(kyc_status="verified", live_enabled=True)
        mine = owner_of(self.merchant, self.owner)
        withdraw(mine, make_document(self.merchant).id)
        make_document(self.merchant, replaces=make_document(self.merchant).id)
        self.assertEqual(self.standing(), ("verified", True))

    def test_every_look_of_an_operator_is_noted(self) -> None:
        document = make_document(self.merchant)
        _, data = kyc.open_document(document.id, actor=BY)
        self.assertEqual(len(data), document.size)
        deed = self.last_deed()
        self.assertEqual((deed.action, deed.actor, deed.object), ("kyc.document_downloaded", BY, document.public_id))
        kyc.look(document.id, actor=BY)
        self.assertEqual(self.last_deed().action, "kyc.document_viewed")


class Refusals(ReviewTestCase):
    def test_what_does_not_wait(self) -> None:
        fresh = make_document(self.merchant, "permit")
        held, *_ = hand_in(self.merchant, *REQUIRED)
        kyc.reject(held.id, actor=BY, reasons=["incomplete"])
        for document in (held, make_document(self.merchant, "cr12")):
            with self.refused("state_conflict"):
                kyc.approve(document.id, actor=BY)
            with self.refused("state_conflict"):
                kyc.reject(document.id, actor=BY, reasons=["incomplete"])
        self.assertEqual(KycDocument.objects.get(id=fresh.id).status, "in_review")

    def test_reasons_and_notes(self) -> None:
        document, *_ = hand_in(self.merchant, *REQUIRED)
        for reasons, note in (([], ""), (["ugly"], ""), (["other"], " "), (["incomplete"], "x" * 501)):
            with self.subTest(reasons=reasons), self.refused("parameter_invalid"):
                kyc.reject(document.id, actor=BY, reasons=reasons, note=note)
        for types, note in (([], "More."), (["passport"], "More."), (["cr12"], " ")):
            with self.subTest(types=types), self.refused("parameter_invalid"):
                kyc.ask_for_more(self.merchant.id, actor=BY, types=types, note=note)
        self.assertEqual((self.standing()[0], self.notices(), KycRequest.objects.count()), ("pending", [], 0))

    def test_an_end_that_is_over(self) -> None:
        document, *_ = hand_in(self.merchant, *REQUIRED)
        yesterday = nairobi(now()).date() - timedelta(days=1)
        with self.refused("parameter_invalid"):
            kyc.approve(document.id, actor=BY, expires_on=yesterday)
        KycDocument.objects.filter(id=document.id).update(expires_on=yesterday)
        with self.refused("parameter_invalid"):
            kyc.approve(document.id, actor=BY)

    def test_nobody_approves_their_own(self) -> None:
        document, *_ = hand_in(self.merchant, *REQUIRED)
        with self.refused("own_request_approval"):
            kyc.approve(document.id, actor=document.uploaded_by)

    def test_what_does_not_exist(self) -> None:
        key: UUID = new_id()
        for call in (
            lambda: kyc.approve(key, actor=BY),
            lambda: kyc.reject(key, actor=BY, reasons=["incomplete"]),
            lambda: kyc.open_document(key, actor=BY),
            lambda: kyc.look(key, actor=BY),
            lambda: kyc.set_expiry(key, actor=BY, expires_on=None),
            lambda: kyc.ask_for_more(key, actor=BY, types=["cr12"], note="More."),
        ):
            with self.assertRaises(NotFound):
                call()

    def test_the_database_keeps_what_was_sent(self) -> None:
        document = make_document(self.merchant)
        for statement, rule in (
            ("DELETE FROM merchants_kyc_document", "merchants_kyc_document_stays"),
            ("UPDATE merchants_kyc_document SET sha256 = repeat('0', 64)", "merchants_kyc_document_fixed"),
            ("UPDATE merchants_kyc_document SET type = 'cr12'", "merchants_kyc_document_fixed"),
            ("UPDATE merchants_kyc_document SET status = 'approved', decided_at = now()", "state_rule"),
            ("UPDATE merchants_kyc_document SET status = 'withdrawn'", "kyc_document_key"),
            ("UPDATE merchants_kyc_document SET data_key = NULL", "kyc_document_key"),
        ):
            with self.subTest(statement):
                with self.assertRaises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(statement)
                self.assertEqual(refused.exception.__cause__.diag.constraint_name, rule)  # type: ignore[union-attr]
        document.refresh_from_db()
        self.assertEqual(document.status, "uploaded")


class TheGate(ReviewTestCase):
    """One gate for keys, people and what runs later: verified, and not switched off."""

    def setUp(self) -> None:
        super().setUp()
        self.key = key_headers(make_api_key(self.merchant, mode="live"))
        self.person = person_headers(self.owner, mode="live")

    def assert_shut(self, code: str) -> None:
        for headers in (self.key, self.person):
            for path in ("payments/", "balance/", "merchant/"):
                self.assert_problem(self.get(path, headers), 403, code)
            body = {"amount": "100.00", "payment_method": "mpesa", "phone": "0712345678"}
            self.assert_problem(self.post("payments/initiate/", body, headers), 403, code)

    def test_it_opens_with_the_verification_and_shuts_with_its_end(self) -> None:
        self.assert_shut("kyc_required")
        self.assertEqual(self.get("payments/", key_headers(make_api_key(self.merchant))).status_code, 200)
        with self.captureOnCommitCallbacks(execute=True):
            verify(self.merchant)
        self.assertEqual(self.get("payments/", self.key).status_code, 200)
        self.assertEqual(self.get("payments/", self.person).status_code, 200)
        with self.captureOnCommitCallbacks(execute=True):
            kyc.reject(KycDocument.objects.get(type="kra_pin").id, actor=BY, reasons=["not_genuine"])
        self.assert_shut("kyc_required")

    def test_a_switch_alone_opens_nothing(self) -> None:
        Merchant.objects.update(live_enabled=True)
        self.assert_shut("kyc_required")

    def test_verified_and_switched_off(self) -> None:
        Merchant.objects.update(kyc_status="verified")
        self.assert_shut("live_mode_disabled")

    def test_people_work_in_live_mode_unless_they_say_otherwise_once_it_is_open(self) -> None:
        silent = {name: value for name, value in self.person.items() if name != "OnPoint-Mode"}
        self.assertIs(self.get("merchant/", silent).json()["livemode"], False)
        with self.captureOnCommitCallbacks(execute=True):
            verify(self.merchant)
        self.assertIs(self.get("merchant/", silent).json()["livemode"], True)
        self.assertIs(self.get("merchant/", silent | {"OnPoint-Mode": "test"}).json()["livemode"], False)

    def test_a_person_whose_address_is_not_verified_stays_in_test_mode(self) -> None:
        verify(self.merchant)
        person = make_member(self.merchant, Role.OWNER, make_user(email_verified_at=None))
        self.assert_problem(self.get("merchant/", person_headers(person, mode="live")), 403, "email_unverified")
        silent = {name: value for name, value in person_headers(person).items() if name != "OnPoint-Mode"}
        self.assertIs(self.get("merchant/", silent).json()["livemode"], False)
        with self.captureOnCommitCallbacks(execute=True):
            kyc.reject(KycDocument.objects.get(type="kra_pin").id, actor=BY, reasons=["not_genuine"])
        self.assert_problem(self.get("merchant/", person_headers(person, mode="live")), 403, "kyc_required")


class Mail(ReviewTestCase):
    def test_owners_are_told_once(self) -> None:
        make_member(self.merchant, Role.OWNER, make_user("juma@dukabora.example"))
        make_member(self.merchant, Role.ADMIN, make_user("admin@dukabora.example"))
        gone = make_member(self.merchant, Role.OWNER, make_user("gone@dukabora.example", is_active=False))
        bad, *_ = hand_in(self.merchant, *REQUIRED)
        kyc.reject(bad.id, actor=BY, reasons=["name_differs"], note="It is your brother's.")
        kyc.ask_for_more(self.merchant.id, actor=BY, types=["cr12"], note="Not older than a month.")
        self.assertEqual((mail_people(), mail_people()), (2 * len(self.owners()), 0))
        rejected = [each for each in mail.outbox if each.subject == "Duka Bora: a document was rejected"]
        asked = [each for each in mail.outbox if each.subject == "Duka Bora: more documents are needed"]
        for told in (rejected, asked):
            self.assertEqual(sorted(each.to for each in told), sorted([owner] for owner in self.owners()))
        self.assertNotIn(gone.email, self.owners())
        self.assertIn("business registration was rejected: name differs. It is your brother's.", rejected[0].body)
        self.assertIn("cr12. Not older than a month.", asked[0].body)

    def test_what_was_not_done_is_not_told(self) -> None:
        bad, *_ = hand_in(self.merchant, *REQUIRED)
        with self.assertRaises(RuntimeError), transaction.atomic():
            kyc.reject(bad.id, actor=BY, reasons=["name_differs"])
            raise RuntimeError("died")
        self.assertFalse(PersonMail.objects.exists() or KycNotice.objects.exists())

    def owners(self) -> list[str]:
        seats = Membership.objects.filter(merchant=self.merchant, role=Role.OWNER, user__is_active=True)
        return list(seats.values_list("user__email", flat=True))


class Terminal(ReviewTestCase):
    def run_command(self, *words: str) -> str:
        out = StringIO()
        call_command("kyc", *words, stdout=out)
        return out.getvalue()

    def test_a_review_from_a_terminal(self) -> None:
        first, second, third = hand_in(self.merchant, *REQUIRED)
        listed = self.run_command("list")
        self.assertIn(f"{first.public_id}  business_registration  application/pdf", listed)
        saved = Path(self.folder.parent) / "look.pdf"
        self.run_command("save", first.public_id, str(saved), "--actor", "amina")
        self.assertEqual((saved.read_bytes()[:5], saved.stat().st_mode & 0o777), (b"%PDF-", 0o600))
        self.assertEqual((self.last_deed().action, self.last_deed().actor), ("kyc.document_downloaded", "amina"))
        self.run_command("reject", second.public_id, "--reason", "unreadable", "--note", "Blurred.", "--actor", "amina")
        self.run_command("ask", self.merchant.public_id, "--type", "cr12", "--note", "More.", "--actor", "amina")
        said = self.run_command("approve", third.public_id, "--expires-on", "2031-03-31", "--actor", "amina")
        self.assertIn("is approved; the business is pending", said)
        with self.assertRaisesMessage(CommandError, "is approved"):
            self.run_command("approve", third.public_id, "--actor", "amina")
        for name in ("doc_x", self.merchant.public_id):
            with self.assertRaisesMessage(CommandError, "doc_"):
                self.run_command("approve", name, "--actor", "amina")
        self.assertTrue(path_of(first.id).exists())


class WebhookOfUploads(ReviewTestCase):
    def test_a_file_alone_tells_nobody(self) -> None:
        self.send(pdf())
        self.assertEqual((self.events(), self.notices(), self.standing()), ([], [], ("unverified", False)))
