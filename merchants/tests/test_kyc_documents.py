"""Documents over the API: sending, reading, taking back, replacing, handing in; who may, and what is noted of it."""

import hashlib
import os
import shutil
from datetime import timedelta
from unittest import mock

from django.test import override_settings

from audit.models import AuditEvent
from audit.services.keys import reseal
from merchants.models import KycDocument, Merchant, Role
from merchants.permissions import ALL_SCOPES
from merchants.services import kyc_documents, kyc_files
from merchants.services.kyc import approve, reject
from merchants.services.kyc_documents import withdraw
from merchants.tests.base import CommittingTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from merchants.tests.kyc import KycCalls, KycTestCase, hand_in, make_document, owner_of, pdf, picture
from onpoint_pay.kit import data_keys
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.crypto import CannotOpen, unseal
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.ids import from_public, new_id, to_public
from webhooks.models import Event


def deeds() -> list[str]:
    return list(AuditEvent.objects.filter(action__startswith="kyc.").order_by("seq").values_list("action", flat=True))


class Sending(KycTestCase):
    def test_a_document_is_kept_sealed(self) -> None:
        sent = pdf(b"(A012345678B)")
        answer = self.send(sent, "PIN  certificate.PDF", declared="text/html")
        self.assertEqual(answer.status_code, 201, answer.content)
        found = answer.json()
        self.assertEqual(answer["Location"], f"/api/v1/kyc/documents/{found['id']}/")
        told = {
            name: found[name] for name in ("object", "type", "status", "file_name", "content_type", "size", "sha256")
        }
        self.assertEqual(
            told,
            {
                "object": "kyc_document",
                "type": "kra_pin",
                "status": "uploaded",
                "file_name": "PIN certificate.pdf",
                "content_type": "application/pdf",
                "size": len(sent),
                "sha256": hashlib.sha256(sent).hexdigest(),
            },
        )
        row = KycDocument.objects.get()
        (path,) = self.files()
        self.assertEqual(path.name, f"{row.id}.sealed")
        self.assertEqual((path.stat().st_mode & 0o777, self.folder.stat().st_mode & 0o777), (0o600, 0o700))
        self.assertNotIn(b"A012345678B", path.read_bytes())
        self.assertEqual((row.uploaded_by, row.version), (self.owner.public_id, 1))
        self.assertEqual(deeds(), ["kyc.document_uploaded"])
        self.assertEqual(Event.objects.filter(type__startswith="kyc.").count(), 0)

    def test_a_picture_is_kept_as_it_was_made_anew(self) -> None:
        sent = picture(comment=b"by Amina in Kilimani")
        found = self.send(sent, "photo.png", type="director_id").json()
        row = KycDocument.objects.get()
        self.assertEqual((found["content_type"], found["file_name"]), ("image/jpeg", "photo.jpg"))
        self.assertEqual(row.sent_sha256, hashlib.sha256(sent).hexdigest())
        kept = kyc_files.read(row)
        self.assertEqual((row.sha256, row.size), (hashlib.sha256(kept).hexdigest(), len(kept)))
        self.assertNotIn(b"Kilimani", kept)

    def test_larger_than_other_bodies_may_be(self) -> None:
        photo = picture("PNG", size=(700, 700))
        noise = pdf(b"(" + os.urandom(400_000).hex().encode() + b")")
        self.assertEqual((self.send(photo).status_code, self.send(noise).status_code), (201, 201))

    def test_the_same_file_waits_once(self) -> None:
        sent = pdf()
        first = self.send(sent).json()["id"]
        self.assert_problem(self.send(sent), 409, "state_conflict")
        self.assertEqual((KycDocument.objects.count(), len(self.files())), (1, 1))
        self.assertEqual(self.send(sent, type="permit").status_code, 201)
        with self.captureOnCommitCallbacks(execute=True):
            self.delete(f"kyc/documents/{first}/", self.headers)
        self.assertEqual(self.send(sent).status_code, 201)

    def test_a_repeat_with_the_same_key_gets_the_first_answer(self) -> None:
        headers = self.headers | {"Idempotency-Key": "the-pin-of-duka-bora"}
        sent = pdf()
        first, again = self.send(sent, headers=headers), self.send(sent, headers=headers)
        self.assertEqual((first.status_code, again["Idempotent-Replayed"]), (201, "true"))
        self.assertEqual(first.json(), again.json())
        self.assertEqual((KycDocument.objects.count(), len(self.files())), (1, 1))
        self.assert_problem(self.send(pdf(b"(another)"), headers=headers), 422, "idempotency_key_reused")

    def test_ten_of_a_type(self) -> None:
        for _ in range(10):
            make_document(self.merchant)
        self.assert_problem(self.send(pdf()), 403, "limit_exceeded")
        self.assertEqual((KycDocument.objects.count(), len(self.files())), (10, 10))
        self.assertEqual(self.send(pdf(), type="permit").status_code, 201)

    def test_an_end_that_is_over(self) -> None:
        today = nairobi(now()).date()
        self.assertEqual(self.send(pdf(), expires_on=today.isoformat()).json()["expires_on"], today.isoformat())
        over = self.send(pdf(b"(2)"), expires_on=(today - timedelta(days=1)).isoformat())
        self.assertEqual(self.assert_problem(over, 400, "parameter_invalid")["param"], "expires_on")
        self.assertEqual(len(self.files()), 1)

    def test_a_disk_that_takes_nothing_leaves_no_row(self) -> None:
        self.client.raise_request_exception = False
        with mock.patch.object(kyc_files, "write_sealed", side_effect=OSError("No space left on device")):
            self.assertEqual(self.send(pdf()).status_code, 500)
        self.assertEqual((KycDocument.objects.count(), self.files()), (0, []))

    def test_a_row_that_is_not_written_leaves_no_file(self) -> None:
        self.client.raise_request_exception = False
        with mock.patch.object(kyc_documents, "tell_audit", side_effect=RuntimeError("died")):
            self.assertEqual(self.send(pdf()).status_code, 500)
        self.assertEqual((KycDocument.objects.count(), self.files()), (0, []))

    @override_settings(RATE_LIMITS={"api": "600/1m", "upload": "2/1h"})
    def test_so_many_in_an_hour(self) -> None:
        codes = [self.send(pdf(b"(%d)" % number)).status_code for number in range(3)]
        self.assertEqual(codes, [201, 201, 429])


class Reading(KycTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.document = make_document(self.merchant)
        self.path = f"kyc/documents/{self.document.public_id}/"

    def test_every_look_is_noted(self) -> None:
        before = deeds()
        self.assertEqual(self.get(self.path, self.headers).json()["id"], self.document.public_id)
        self.assertEqual(self.get("kyc/documents/", self.headers).json()["data"][0]["id"], self.document.public_id)
        self.assertEqual(self.get(f"{self.path}file/", self.headers).status_code, 200)
        seen = deeds()[len(before) :]
        self.assertEqual(seen, ["kyc.document_viewed", "kyc.documents_listed", "kyc.document_downloaded"])
        last = AuditEvent.objects.order_by("-seq").first()
        assert last is not None
        self.assertEqual((last.actor, last.object), (self.owner.public_id, self.document.public_id))
        self.assertNotIn("paper", str(AuditEvent.objects.values_list("detail", flat=True)))

    def test_the_file_is_for_saving_only(self) -> None:
        answer = self.get(f"{self.path}file/", self.headers)
        self.assertEqual(hashlib.sha256(answer.content).hexdigest(), self.document.sha256)
        name = f"kra_pin-{self.document.public_id}.pdf"
        self.assertEqual(answer["Content-Disposition"], f'attachment; filename="{name}"')
        self.assertEqual(answer["Content-Type"], "application/pdf")
        self.assertEqual(answer["X-Content-Type-Options"], "nosniff")
        self.assertEqual(answer["Cache-Control"], "private, no-store")
        self.assertEqual(answer["Content-Security-Policy"], "default-src 'none'; frame-ancestors 'none'; sandbox")

    def test_filters(self) -> None:
        def ids(query: str) -> list[str]:
            return [row["id"] for row in self.get(f"kyc/documents/?{query}", self.headers).json()["data"]]

        other = make_document(self.merchant, "permit").public_id
        self.assertEqual(ids(""), [other, self.document.public_id])
        self.assertEqual(ids("type=permit,cr12"), [other])
        self.assertEqual(ids("status=approved"), [])
        self.assert_problem(self.get("kyc/documents/?type=passport", self.headers), 400, "parameter_invalid")
        self.assert_problem(self.get("kyc/documents/?file_name=x", self.headers), 400, "parameter_invalid")

    def test_in_both_modes_alike(self) -> None:
        self.merchant.live_enabled, self.merchant.kyc_status = True, "verified"
        self.merchant.save()
        live = person_headers(self.owner, mode="live")
        found, seen = self.get(self.path, self.headers).json(), self.get(self.path, live).json()
        self.assertEqual((found.pop("livemode"), seen.pop("livemode"), found), (False, True, seen))


class Sealing(KycTestCase):
    """The file, its key and its row belong together; anything else does not open."""

    def setUp(self) -> None:
        super().setUp()
        self.document = make_document(self.merchant)
        self.stranger = make_merchant("Mama Mboga")

    def assert_shut(self, document: KycDocument) -> None:
        with self.assertRaises(Problem) as shut:
            kyc_files.read(document)
        self.assertEqual(shut.exception.code, "internal_error")

    def test_a_file_in_the_place_of_another(self) -> None:
        for merchant in (self.merchant, self.stranger):
            other = make_document(merchant)
            shutil.copy(kyc_files.path_of(self.document.id), kyc_files.path_of(other.id))
            self.assert_shut(other)

    def test_a_file_and_its_key_in_the_place_of_others(self) -> None:
        for merchant in (self.merchant, self.stranger):
            other = make_document(merchant)
            shutil.copy(kyc_files.path_of(self.document.id), kyc_files.path_of(other.id))
            KycDocument.objects.filter(id=other.id).update(data_key=self.document.data_key)
            other.refresh_from_db()
            self.assert_shut(other)

    def test_a_row_that_says_it_is_somebody_elses(self) -> None:
        self.document.merchant = self.stranger
        self.assert_shut(self.document)

    def test_a_file_that_was_changed_or_is_gone(self) -> None:
        path = kyc_files.path_of(self.document.id)
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        self.assert_shut(self.document)
        path.unlink()
        self.assert_shut(self.document)
        answer = self.get(f"kyc/documents/{self.document.public_id}/file/", self.headers)
        self.assert_problem(answer, 500, "internal_error")
        self.assertEqual(deeds()[-1], "kyc.document_downloaded")

    def test_the_key_is_sealed_for_its_row(self) -> None:
        place = f"merchants_kyc_document.data_key:{self.merchant.id}:{self.document.id}"
        text = str(self.document.data_key)
        self.assertEqual(len(unseal(text, bound_to=place, merchant_id=self.merchant.id)), 44)
        with self.assertRaises(CannotOpen):
            unseal(text, bound_to=place, merchant_id=make_merchant("Mama Mboga").id)

    def test_its_key_is_sealed_anew_and_the_file_still_opens(self) -> None:
        gone = make_document(self.merchant, "permit")
        withdraw(owner_of(self.merchant), gone.id)
        before, file = KycDocument.objects.filter(id=self.document.id).values().get(), kyc_files.read(self.document)
        found = reseal(actor="tests", new_data_keys=True)
        self.assertEqual((found.done["merchants_kyc_document.data_key"], found.broken), (1, {}))
        data_keys.forget()
        after = KycDocument.objects.filter(id=self.document.id).values().get()
        self.assertNotEqual(after.pop("data_key"), before.pop("data_key"))
        self.assertEqual(after, before)
        self.assertEqual(kyc_files.read(KycDocument.objects.get(id=self.document.id)), file)
        self.assertIsNone(KycDocument.objects.get(id=gone.id).data_key)


class TakingBack(KycTestCase):
    def take_back(self, document: KycDocument) -> object:
        with self.captureOnCommitCallbacks(execute=True):
            return self.delete(f"kyc/documents/{document.public_id}/", self.headers)

    def test_before_it_is_decided(self) -> None:
        sent = make_document(self.merchant)
        waiting = hand_in(self.merchant, "business_registration", "director_id")[0]
        for document in (sent, waiting):
            self.assertEqual(self.take_back(document).status_code, 204)  # type: ignore[attr-defined]
            document.refresh_from_db()
            self.assertEqual((document.status, document.data_key), ("withdrawn", None))
            self.assertFalse(kyc_files.path_of(document.id).exists())
            file = self.get(f"kyc/documents/{document.public_id}/file/", self.headers)
            self.assert_problem(file, 404, "resource_missing")
        self.assertEqual(self.get("kyc/", self.headers).json()["missing"], ["business_registration", "kra_pin"])

    def test_not_afterwards(self) -> None:
        held, refused, _ = hand_in(self.merchant, "business_registration", "director_id", "kra_pin")
        approve(held.id, actor="operator")
        reject(refused.id, actor="operator", reasons=["unreadable"])
        for document in (held, refused):
            self.assert_problem(self.take_back(document), 409, "state_conflict")  # type: ignore[arg-type]
            self.assertTrue(kyc_files.path_of(document.id).exists())

    def test_one_comes_in_the_place_of_another(self) -> None:
        old = make_document(self.merchant)
        with self.captureOnCommitCallbacks(execute=True):
            found = self.send(pdf(b"(better)"), replaces=old.public_id).json()
        self.assertEqual(found["replaces"], old.public_id)
        old.refresh_from_db()
        self.assertEqual((old.status, len(self.files())), ("withdrawn", 1))
        hand_in(self.merchant, "business_registration", "director_id")
        reject(from_public("doc", found["id"]), actor="operator", reasons=["unreadable"])
        again = self.send(pdf(b"(best)"), replaces=found["id"])
        self.assertEqual((again.status_code, again.json()["replaces"]), (201, found["id"]))
        self.assertEqual(KycDocument.objects.get(id=from_public("doc", found["id"])).status, "rejected")

    def test_what_cannot_be_replaced(self) -> None:
        permit = make_document(self.merchant, "permit")
        gone = make_document(self.merchant)
        self.take_back(gone)
        theirs = make_document(make_merchant("Mama Mboga"))
        count, files = KycDocument.objects.count(), self.files()
        for name, status, code in (
            (permit.public_id, 400, "parameter_invalid"),
            (gone.public_id, 409, "state_conflict"),
            (theirs.public_id, 404, "resource_missing"),
            (to_public("doc", new_id()), 404, "resource_missing"),
            ("doc_nonsense", 404, "resource_missing"),
        ):
            with self.subTest(name):
                self.assert_problem(self.send(pdf(b"(new)"), replaces=name), status, code)
        self.assertEqual((KycDocument.objects.count(), self.files()), (count, files))
        theirs.refresh_from_db()
        self.assertEqual(theirs.status, "uploaded")


class HandingIn(KycTestCase):
    def test_all_that_is_required(self) -> None:
        make_document(self.merchant)
        found = self.assert_problem(self.post("kyc/submit/", headers=self.headers), 409, "state_conflict")
        self.assertIn("business_registration, director_id", found["detail"])
        for type in ("business_registration", "director_id", "permit"):
            make_document(self.merchant, type)
        found = self.post("kyc/submit/", headers=self.headers).json()
        self.assertEqual((found["status"], found["missing"], found["livemode"]), ("pending", [], False))
        self.assertEqual({document["status"] for document in found["documents"]}, {"in_review"})
        self.assertEqual(len(found["documents"]), 4)
        self.assertEqual(KycDocument.objects.filter(submitted_at=None).count(), 0)
        self.assertEqual(deeds()[-2:], ["kyc.submitted", "kyc.status_changed"])
        told = Event.objects.filter(type="kyc.submitted")
        self.assertEqual(set(told.values_list("mode", flat=True)), {"test", "live"})
        again = self.post("kyc/submit/", headers=self.headers)
        self.assert_problem(again, 409, "state_conflict")
        self.assertEqual(told.count(), 2)

    def test_the_standing_of_a_new_business(self) -> None:
        found = self.get("kyc/", self.headers).json()
        self.assertEqual((found["status"], found["live_enabled"], found["documents"]), ("unverified", False, []))
        self.assertEqual(found["missing"], ["business_registration", "kra_pin", "director_id"])


class WhoMay(KycTestCase):
    def requests(self, name: str) -> list[tuple[str, str]]:
        return [
            ("GET", "kyc/"),
            ("GET", "kyc/documents/"),
            ("POST", "kyc/documents/"),
            ("GET", f"kyc/documents/{name}/"),
            ("GET", f"kyc/documents/{name}/file/"),
            ("DELETE", f"kyc/documents/{name}/"),
            ("POST", "kyc/submit/"),
        ]

    def test_owners_alone(self) -> None:
        document = make_document(self.merchant)
        noted = deeds()
        people = {role: person_headers(make_member(self.merchant, role)) for role in Role.values if role != Role.OWNER}
        keys = {"a key": key_headers(make_api_key(self.merchant, scopes=sorted(ALL_SCOPES)))}
        for who, headers in (people | keys).items():
            for method, path in self.requests(document.public_id):
                with self.subTest(who=who, method=method, path=path):
                    answer = self.client.generic(method, f"/api/v1/{path}", b"", "application/json", headers=headers)
                    found = self.assert_problem(answer, 403, "insufficient_scope")
                    self.assertEqual(found["required_scope"], "kyc:write")
        self.assertEqual((deeds(), KycDocument.objects.count()), (noted, 1))

    def test_nobody_who_has_not_signed_in(self) -> None:
        for method, path in self.requests("x"):
            self.assert_problem(self.client.generic(method, f"/api/v1/{path}"), 401, "authentication_required")

    def test_owners_of_another_business_see_nothing_of_it(self) -> None:
        document = make_document(self.merchant)
        stranger = person_headers(make_member(make_merchant("Mama Mboga"), Role.OWNER))
        for method, path in self.requests(document.public_id):
            if document.public_id in path:
                answer = self.client.generic(method, f"/api/v1/{path}", headers=stranger)
                self.assert_problem(answer, 404, "resource_missing")
        self.assertEqual(self.get("kyc/documents/", stranger).json()["data"], [])
        self.assertEqual(self.get("kyc/", stranger).json()["documents"], [])
        self.assert_problem(self.post("kyc/submit/", headers=stranger), 409, "state_conflict")
        self.assertEqual(AuditEvent.objects.filter(object=document.public_id).count(), 1)

    def test_a_service_called_for_somebody_else_finds_nothing(self) -> None:
        document = make_document(self.merchant)
        other = owner_of(make_merchant("Mama Mboga"))
        for call in (kyc_documents.look, kyc_documents.download, kyc_documents.withdraw):
            with self.assertRaises(NotFound):
                call(other, document.id)


class Committed(KycCalls, CommittingTestCase):
    """What happens when it is truly committed."""

    def test_the_file_goes_with_the_row_and_not_before(self) -> None:
        document = make_document(Merchant.objects.get())
        path = kyc_files.path_of(document.id)
        with mock.patch.object(kyc_documents, "settle_standing", side_effect=RuntimeError("died")):
            self.assertRaises(RuntimeError, kyc_documents.withdraw, owner_of(document.merchant), document.id)
        document.refresh_from_db()
        self.assertEqual((document.status, path.exists()), ("uploaded", True))
        self.assertGreater(len(kyc_files.read(document)), 100)
        kyc_documents.withdraw(owner_of(document.merchant), document.id)
        self.assertFalse(path.exists())
