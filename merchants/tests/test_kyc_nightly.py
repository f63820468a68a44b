"""What time does: warnings, the end of a document, and files nobody holds."""

import os
from datetime import date, timedelta
from unittest import mock

from audit.models import AuditEvent
from merchants.models import KycDocument, KycNotice, Merchant
from merchants.services import kyc, kyc_nightly
from merchants.services.kyc_documents import submit
from merchants.services.kyc_files import path_of
from merchants.services.kyc_nightly import tend_documents
from merchants.tasks import tend_kyc_documents
from merchants.tests.kyc import KycTestCase, hand_in, make_document, owner_of, verify
from onpoint_pay.celery import app
from onpoint_pay.kit.clock import nairobi, now
from webhooks.models import Event

BY = "usr_operator"


class NightTestCase(KycTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.today = nairobi(now()).date()
        verify(self.merchant)
        self.pin = KycDocument.objects.get(type="kra_pin")

    def ends_in(self, days: int, document: KycDocument | None = None) -> None:
        """The day may be over already, which no service sets."""
        KycDocument.objects.filter(id=(document or self.pin).id).update(expires_on=self.today + timedelta(days=days))

    def told(self) -> list[int]:
        rows = KycNotice.objects.filter(kind="expiring").order_by("id")
        self.assertEqual(Event.objects.filter(type="kyc.expiring").count(), 2 * rows.count())
        return list(rows.values_list("days", flat=True))

    def standing(self) -> str:
        return Merchant.objects.get(id=self.merchant.id).kyc_status


class Warnings(NightTestCase):
    def test_at_each_stage_once(self) -> None:
        for left, wanted in (
            (40, []),
            (30, [30]),
            (29, [30]),
            (8, [30]),
            (7, [30, 7]),
            (1, [30, 7, 1]),
            (0, [30, 7, 1]),
        ):
            self.ends_in(left)
            tend_documents()
            tend_documents()
            with self.subTest(left=left):
                self.assertEqual(self.told(), wanted)
        self.assertEqual(self.standing(), "verified")

    def test_late_the_nearest_stage_alone(self) -> None:
        self.ends_in(3)
        self.assertEqual((tend_documents()["warned"], self.told()), (1, [7]))

    def test_another_end_is_told_anew(self) -> None:
        self.ends_in(5)
        tend_documents()
        kyc.set_expiry(self.pin.id, actor=BY, expires_on=self.today + timedelta(days=6))
        tend_documents()
        self.assertEqual(KycNotice.objects.filter(kind="expiring").count(), 1)
        self.assertEqual(Event.objects.filter(type="kyc.expiring", mode="test").count(), 2)

    def test_not_when_another_holds_longer(self) -> None:
        (new,) = hand_in(self.merchant, "kra_pin")
        kyc.approve(new.id, actor=BY, expires_on=date(2040, 1, 1))
        self.ends_in(5)
        self.assertEqual((tend_documents()["warned"], self.told()), (0, []))

    def test_what_is_only_sent_has_no_end(self) -> None:
        document = make_document(self.merchant, "permit")
        self.ends_in(-1, document)
        self.assertEqual(tend_documents(), {"expired": 0, "warned": 0, "strays": 0})


class TheEnd(NightTestCase):
    def test_it_holds_to_the_end_of_its_last_day(self) -> None:
        self.ends_in(0)
        tend_documents()
        self.assertEqual(self.standing(), "verified")
        self.ends_in(-1)
        self.assertEqual(tend_documents()["expired"], 1)
        self.assertEqual(self.standing(), "unverified")
        self.pin.refresh_from_db()
        self.assertEqual((self.pin.status, path_of(self.pin.id).exists()), ("expired", True))
        last = AuditEvent.objects.filter(action="kyc.document_expired").get()
        self.assertEqual((last.actor, last.object), ("system", self.pin.public_id))
        self.assertEqual(KycNotice.objects.filter(kind="expired", document=self.pin).count(), 1)
        self.assertEqual(tend_documents()["expired"], 0)

    def test_one_that_waits_keeps_live_mode_open(self) -> None:
        make_document(self.merchant, replaces=self.pin.id)
        submit(owner_of(self.merchant))
        self.ends_in(-1)
        tend_documents()
        self.assertEqual(self.standing(), "verified")
        kyc.reject(KycDocument.objects.get(status="in_review").id, actor=BY, reasons=["unreadable"])
        self.assertEqual(self.standing(), "rejected")

    def test_what_nobody_asked_for_closes_nothing(self) -> None:
        (permit,) = hand_in(self.merchant, "permit")
        kyc.approve(permit.id, actor=BY)
        self.ends_in(-1, permit)
        tend_documents()
        self.assertEqual(self.standing(), "verified")

    def test_one_documents_trouble_is_no_others(self) -> None:
        other = KycDocument.objects.get(type="director_id")
        self.ends_in(-1)
        self.ends_in(-2, other)
        end = kyc_nightly._end

        def stumble(document_id: object, today: date) -> bool:
            if document_id == other.id:
                raise RuntimeError("died")
            return end(document_id, today)  # type: ignore[arg-type]

        with mock.patch.object(kyc_nightly, "_end", stumble):
            self.assertEqual(tend_documents()["expired"], 1)
        self.assertEqual(tend_documents()["expired"], 1)


class Strays(NightTestCase):
    def test_files_that_nobody_holds_go_after_a_day(self) -> None:
        held = len(self.files())
        stray, half, fresh = (self.folder / name for name in ("stray.sealed", "half.part", "fresh.part"))
        for path in (stray, half, fresh):
            path.write_bytes(b"x")
        long_ago = (now() - timedelta(days=2)).timestamp()
        for path in [path for path in self.files() if path != fresh]:
            os.utime(path, (long_ago, long_ago))
        self.assertEqual(tend_kyc_documents()["strays"], 2)
        self.assertEqual((len(self.files()), fresh.exists()), (held + 1, True))

    def test_beat_asks_for_it(self) -> None:
        jobs = {entry["task"] for entry in app.conf.beat_schedule.values()}
        self.assertIn("merchants.tend_kyc_documents", jobs)
