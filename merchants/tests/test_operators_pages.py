"""Operators' pages of merchants and their papers: what is shown and masked, what is done, and what stays on record."""

from datetime import timedelta
from tempfile import mkdtemp
from unittest import mock

from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from merchants.models import KycDocument, KycRequest, Merchant, User
from merchants.tests.factories import make_api_key, make_member, make_merchant, make_user
from merchants.tests.kyc import hand_in
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import from_public
from tests.operators import OperatorsTestCase, make_operator, signed_in, told

MERCHANTS, PAPERS = "/operators/merchants/merchant/", "/operators/merchants/kycdocument/"
EMAIL, PHONE, PIN = "wanjiku@dukabora.example", "254712345678", "A123456789B"


class MerchantCase(OperatorsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(
            "<script>alert(1)</script>", email=EMAIL, phone=PHONE, kra_pin=PIN, address="Moi Avenue 4"
        )
        self.owner = make_member(self.merchant, user=make_user("owner@dukabora.example"))
        self.key = make_api_key(self.merchant)
        self.user = make_operator("risk")
        self.client = signed_in(self.user)
        self.page = f"{MERCHANTS}{self.merchant.id}/"

    def own(self, action: str) -> list[AuditEvent]:
        return told(action, stream=f"m{self.merchant.id}")

    def again(self) -> Merchant:
        return Merchant.objects.get(id=self.merchant.id)


class Shown(MerchantCase):
    def test_people_are_masked_and_secrets_are_not_there(self) -> None:
        for where in (MERCHANTS, f"{self.page}change/"):
            text = self.client.get(where).content.decode()
            for hidden in (EMAIL, PHONE, PIN, "Moi Avenue", self.owner.email, self.owner.last_name, self.key):
                self.assertNotIn(hidden, text)
        self.assertNotIn("object (", text)
        self.assertIn("w****@dukabora.example", text)
        self.assertIn("2547****5678", text)
        self.assertIn(f"…{self.key[-4:]}", text)
        self.assertIn(self.owner.public_id, text)

    def test_what_a_merchant_wrote_is_text(self) -> None:
        for where in (MERCHANTS, f"{self.page}change/", f"{self.page}suspend/", f"{self.page}unmask/"):
            text = self.client.get(where).content.decode()
            self.assertNotIn("<script>alert", text, where)
        self.assertIn("&lt;script&gt;alert(1)", self.client.get(MERCHANTS).content.decode())

    def test_its_owner_sees_who_looked(self) -> None:
        self.client.get(f"{MERCHANTS}{self.merchant.public_id}/change/")
        (link,) = self.own("operator.viewed")
        self.assertEqual((link.actor, link.object), (self.user.public_id, self.merchant.public_id))
        self.assertEqual(link.told, {"what": "merchant", "by_operator": True, "roles": ["risk"]})

    def test_a_list_is_one_link_that_names_what_was_asked_and_nobody(self) -> None:
        self.client.get(MERCHANTS, {"status": "active", "q": self.merchant.public_id})
        self.client.get(MERCHANTS, {"q": "Wanjiku Kamau 254712345678"})
        first, second = told("operator.listed")
        self.assertEqual(first.stream, "platform")
        self.assertEqual(first.told["asked"], {"status": "active", "q": self.merchant.public_id})
        self.assertRegex(second.told["asked"]["q"], "^digest:[0-9a-f]{16}$")
        self.assertNotIn("Wanjiku", str(second.detail))

    def test_searching_takes_the_whole_id_only(self) -> None:
        make_merchant()
        found = self.client.get(MERCHANTS, {"q": self.merchant.public_id}).context["cl"].result_list
        self.assertEqual([row.id for row in found], [self.merchant.id])
        for text in (EMAIL, PHONE, "Duka", self.merchant.public_id[:-1], "%"):
            self.assertFalse(self.client.get(MERCHANTS, {"q": text}).context["cl"].result_list, text)

    def test_no_filter_beside_those_that_are_drawn(self) -> None:
        compliance = signed_in(make_operator("compliance"))
        for page, name in (
            (MERCHANTS, "phone__startswith"),
            (MERCHANTS, "email"),
            (MERCHANTS, "memberships__user__email__contains"),
            (MERCHANTS, "status__startswith"),
            (PAPERS, "merchant__email__startswith"),
            (PAPERS, "merchant__exact"),
        ):
            answer = compliance.get(page, {name: "2547"})
            self.assertEqual(answer.status_code, 400, name)

    def test_letters_that_no_database_takes(self) -> None:
        for where in ("%00/change/", "?q=%00", "?status=a%00"):
            self.assertEqual(self.client.get(f"{MERCHANTS}{where}").status_code, 400, where)

    def test_more_rows_are_no_more_statements(self) -> None:
        for where, more in (
            (MERCHANTS, lambda: make_merchant()),
            (f"{self.page}change/", lambda: (make_member(self.merchant), make_api_key(self.merchant))),
            ("/operators/merchants/operator/", lambda: make_operator("risk")),
        ):
            counts = []
            for _ in range(2):
                with CaptureQueriesContext(connection) as asked:
                    self.client.get(where)
                counts.append(len(asked))
                for _ in range(5):
                    more()
            self.assertEqual(counts[0], counts[1], where)

    def test_a_look_that_cannot_be_recorded_shows_nothing(self) -> None:
        with mock.patch("audit.services.looks.record", side_effect=RuntimeError):
            for where in (MERCHANTS, f"{self.page}change/"):
                answer = self.client.get(where)
                self.assertEqual(answer.status_code, 500)
                self.assertNotIn(b"alert(1)", answer.content)


class Unmasked(MerchantCase):
    def test_for_a_reason_that_its_owner_reads(self) -> None:
        self.assertNotIn(EMAIL, self.client.get(f"{self.page}unmask/").content.decode())
        answer = self.client.post(f"{self.page}unmask/", {"reason": "fraud", "ticket": "RISK-12"})
        text = answer.content.decode()
        for clear in (EMAIL, PHONE, PIN):
            self.assertIn(clear, text)
        self.assertIn("no-store", answer["Cache-Control"])
        (link,) = self.own("operator.unmasked")
        self.assertEqual((link.told["reason"], link.told["ticket"]), ("fraud", "RISK-12"))
        self.assertNotIn(PHONE, str(link.detail))

    def test_without_a_reason_nothing(self) -> None:
        for sent in ({}, {"reason": "curiosity"}, {"reason": "fraud", "ticket": "call 254712345678"}):
            answer = self.client.post(f"{self.page}unmask/", sent)
            self.assertNotIn(EMAIL, answer.content.decode())
        self.assertFalse(self.own("operator.unmasked"))


class Standing(MerchantCase):
    def test_suspended_and_restored(self) -> None:
        answer = self.client.post(f"{self.page}suspend/", {"reason": "fraud", "ticket": "RISK-9"})
        self.assertEqual((answer.status_code, answer["Location"]), (302, f"{self.page}change/"))
        self.assertEqual(self.again().status, "suspended")
        (link,) = self.own("merchant.suspended")
        self.assertEqual((link.actor, link.told), (self.user.public_id, {"reason": "fraud RISK-9"}))
        self.assertEqual(self.client.post(f"{self.page}suspend/", {"reason": "fraud"}).status_code, 409)
        self.client.post(f"{self.page}restore/", {"reason": "operations"})
        self.assertEqual(self.again().status, "active")
        self.assertEqual(len(self.own("merchant.restored")), 1)

    def test_asking_does_nothing(self) -> None:
        self.client.get(f"{self.page}suspend/")
        self.client.post(f"{self.page}suspend/", {})
        self.client.head(f"{self.page}suspend/")
        self.assertEqual(self.again().status, "active")
        self.assertFalse(self.own("merchant.suspended"))

    def test_only_who_may(self) -> None:
        for role in ("operator", "read_only"):
            client = signed_in(make_operator(role))
            self.assertNotIn(b">Suspend<", client.get(f"{self.page}change/").content)
            self.assertEqual(client.post(f"{self.page}suspend/", {"reason": "fraud"}).status_code, 403)
        self.assertEqual(self.again().status, "active")


class Papers(MerchantCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(override_settings(KYC_ROOT=mkdtemp(), KYC_REQUIRED=("kra_pin",)))
        self.user = make_operator("compliance")
        self.client = signed_in(self.user)
        (self.paper,) = hand_in(self.merchant, "kra_pin")
        self.where = f"{PAPERS}{self.paper.id}/"

    def now(self) -> KycDocument:
        return KycDocument.objects.get(id=self.paper.id)

    def test_the_last_approval_verifies_the_business(self) -> None:
        waiting = {each.label: each.count for each in self.client.get("/operators/").context["waiting"]}
        self.assertEqual(waiting["Papers that wait for a reviewer"], 1)
        ends = (nairobi(now()) + timedelta(days=30)).date()
        self.client.post(f"{self.where}approve/", {"expires_on": ends.isoformat()})
        self.assertEqual((self.now().status, self.now().expires_on), ("approved", ends))
        self.assertEqual(self.now().decided_by, self.user.public_id)
        self.assertEqual((self.again().kyc_status, self.again().live_enabled), ("verified", True))
        later = ends + timedelta(days=30)
        self.client.post(f"{self.where}end/", {"expires_on": later.isoformat()})
        self.assertEqual(self.now().expires_on, later)

    def test_rejected_with_reasons(self) -> None:
        self.assertEqual(self.client.post(f"{self.where}reject/", {}).status_code, 200)
        answer = self.client.post(f"{self.where}reject/", {"reasons": ["other"]})
        self.assertEqual((answer.status_code, self.now().status), (400, "in_review"))
        self.client.post(f"{self.where}reject/", {"reasons": ["unreadable"], "note": "Too dark."})
        self.assertEqual(
            (self.now().status, self.now().reasons, self.now().note), ("rejected", ["unreadable"], "Too dark.")
        )

    def test_a_past_end_is_refused_in_words(self) -> None:
        answer = self.client.post(f"{self.where}approve/", {"expires_on": "2020-01-01"})
        self.assertEqual((answer.status_code, self.now().status), (400, "in_review"))
        self.assertIn(b"has ended", answer.content)

    def test_nobody_approves_what_they_sent(self) -> None:
        sender = User.objects.get(id=from_public("usr", self.paper.uploaded_by))
        answer = signed_in(make_operator("compliance", user=sender)).post(f"{self.where}approve/", {})
        self.assertEqual((answer.status_code, self.now().status), (403, "in_review"))

    def test_more_is_asked_for(self) -> None:
        self.client.post(f"{self.page}ask/", {"types": ["cr12"], "note": "Who owns it?"})
        self.assertEqual(KycRequest.objects.get().asked_by, self.user.public_id)
        self.assertEqual(len(self.own("kyc.asked")), 1)

    def test_the_file_is_to_keep_and_on_record(self) -> None:
        where = f"{PAPERS}file/{self.paper.id}/"
        answer = self.client.get(where)
        self.assertEqual((answer.status_code, answer["Content-Type"]), (200, "application/pdf"))
        self.assertTrue(answer.content.startswith(b"%PDF"))
        self.assertTrue(answer["Content-Disposition"].startswith(f'attachment; filename="{self.paper.public_id}.pdf"'))
        self.assertTrue(answer["Content-Security-Policy"].endswith("; sandbox"))
        self.assertEqual(answer["X-Content-Type-Options"], "nosniff")
        self.assertIn("no-store", answer["Cache-Control"])
        (link,) = self.own("kyc.document_downloaded")
        self.assertEqual((link.actor, link.object), (self.user.public_id, self.paper.public_id))

    def test_the_file_is_for_reviewers(self) -> None:
        for role in ("operator", "risk", "read_only"):
            answer = signed_in(make_operator(role)).get(f"{PAPERS}file/{self.paper.id}/")
            self.assertEqual(answer.status_code, 403)
        self.assertEqual(self.client.get(f"{PAPERS}file/{self.merchant.id}/").status_code, 404)
        self.assertFalse(self.own("kyc.document_downloaded"))
