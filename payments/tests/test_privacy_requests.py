"""Asking for it: over the API, by those who may; every table is thought of, every spelling is found."""

import json

from django.test import SimpleTestCase, TestCase

from audit.models import AuditEvent
from merchants.models import Role
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from payments.models import Erasure
from payments.services.privacy import run_erasures
from payments.services.privacy_places import BY_HAND, COMMON, NO_PAYERS, PLACES, SILENT
from payments.services.privacy_scrub import Needles
from payments.tests.factories import caller_of, op_of
from payments.tests.privacy import (
    EMAIL,
    NAME,
    PHONE,
    SPELLED,
    PayerTestCase,
    columns,
    places_that_name,
)
from settlements.models import ReconFilePart
from settlements.services.recon_bytes import seal_piece
from settlements.services.recon_import import original_bytes, place_of


class OverTheApi(PayerTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.owner = make_member(self.merchant, Role.OWNER)
        self.me = person_headers(self.owner)

    def test_asked_for_done_and_told(self) -> None:
        self.paid(phone=PHONE, email=EMAIL)
        answer = self.post("privacy/erasures/", {"phone": "0711222333"}, self.me)
        self.assertEqual((answer.status_code, answer.json()["status"]), (202, "queued"), answer.content)
        self.assertFalse([text for row in Erasure.objects.values() for text in map(str, row.values()) if PHONE in text])
        self.assertEqual(run_erasures(), 0)
        shown = self.get(f"privacy/erasures/{answer.json()['id']}/", self.me).json()
        self.assertEqual(shown["status"], "waiting")
        self.assertIn("have not arrived", shown["waits_for"])
        self.deliver()
        Erasure.objects.update(next_try=now())
        self.assertEqual((run_erasures(), run_erasures()), (1, 0))
        shown = self.get("privacy/erasures/", self.me).json()["data"][0]
        self.assertEqual((shown["status"], shown["waits_for"], shown["rows"]["transactions"]), ("done", None, 1))
        self.assertEqual(places_that_name(SPELLED), {})
        self.assertIsNone(Erasure.objects.get().subject)
        actions = AuditEvent.objects.filter(action__startswith="privacy.").order_by("seq")
        self.assertEqual(
            [(link.action, link.actor) for link in actions],
            [(name, self.owner.public_id) for name in ("privacy.erasure_asked", "privacy.erased")],
        )

    def test_refused(self) -> None:
        self.start(phone=PHONE)
        self.assert_problem(self.post("privacy/erasures/", {"phone": PHONE}, self.me), 409, "state_conflict")
        self.assertEqual(self.post("privacy/erasures/", {"email": EMAIL}, self.me).status_code, 202)
        self.assert_problem(self.post("privacy/erasures/", {"email": EMAIL}, self.me), 409, "state_conflict")
        for body, code in (
            ({}, "parameter_missing"),
            ({"phone": "1"}, "phone_invalid"),
            ({"email": "x"}, "email_invalid"),
            ({"phone": PHONE, "x": 1}, "unknown_parameter"),
        ):
            for path in ("privacy/erasures/", "privacy/exports/"):
                self.assert_problem(self.post(path, body, self.me), 400, code)

    def test_a_file(self) -> None:
        payment = self.start(phone=PHONE)
        found = self.post("privacy/exports/", {"phone": PHONE}, self.me)
        self.assertEqual(found.status_code, 200, found.content)
        self.assertEqual([each["id"] for each in found.json()["payments"]], [to_public("pay", payment.id)])
        self.assertTrue(op_of(payment))


class Askers(ApiTestCase):
    """Owners alone, in person, who have just proved who they are."""

    def test_who_may(self) -> None:
        merchant = make_merchant()
        for role in (Role.ADMIN, Role.FINANCE, Role.SUPPORT):
            headers = person_headers(make_member(merchant, role))
            for path in ("privacy/erasures/", "privacy/exports/"):
                self.assert_problem(self.post(path, {"phone": PHONE}, headers), 403, "insufficient_scope")
        headers = key_headers(make_api_key(merchant))
        self.assert_problem(self.post("privacy/exports/", {"phone": PHONE}, headers), 403, "insufficient_scope")
        self.assertFalse(Erasure.objects.exists())

    def test_a_session_that_has_not_proved_itself_lately(self) -> None:
        merchant = make_merchant()
        owner = make_member(merchant, Role.OWNER)
        headers = person_headers(owner)
        owner.sessions.update(proved_at=now().replace(year=2020))
        for path in ("privacy/erasures/", "privacy/exports/"):
            self.assert_problem(self.post(path, {"phone": PHONE}, headers), 403, "step_up_required")
        self.assertFalse(AuditEvent.objects.filter(action__startswith="privacy.").exists())
        self.assertTrue(caller_of(merchant))


class TheList(TestCase):
    def test_every_table_is_thought_of(self) -> None:
        """A new table has its Place, or a reason why it names no payer."""
        tables = {table for table, _, _ in columns()}
        thought_of = {place.table for place in PLACES} | BY_HAND.keys() | NO_PAYERS.keys()
        self.assertEqual(tables - thought_of, set())
        self.assertEqual({place.table for place in PLACES} & NO_PAYERS.keys(), set())

    def test_every_text_of_their_tables_is_thought_of(self) -> None:
        """A new text of a table with a Place is gone through, or says nothing of a payer."""
        for place in PLACES:
            known = {column for table, column, _ in columns() if table == place.table}
            silent = set(SILENT.get(place.table, "").split())
            self.assertEqual(known - {*place.texts}, silent | (COMMON & known - {*place.texts}), place.table)
            self.assertLessEqual({*place.texts}, known, place.table)
            self.assertEqual({*place.texts} & silent, set(), place.table)


class Spellings(SimpleTestCase):
    def test_each_is_found_and_nothing_else(self) -> None:
        needles = Needles(token="erased1", phones=[PHONE], emails=[EMAIL], names=[NAME])
        for text in (
            "0711222333",
            "711222333",
            "254711222333",
            "+254 711 222 333",
            "0711-222-333",
            EMAIL.upper(),
            NAME,
            "Zawadi",
        ):
            self.assertEqual(needles.text(text), "erased1", text)
            self.assertEqual(needles.text(f"from {text}, thanks"), "from erased1, thanks", text)
        for text in ("10711222333", "07112223334", "2547112223335", "ZAWADINI", "jo@example.com", "UKL0711222"):
            self.assertEqual(needles.text(text), text)
        self.assertEqual(needles.text("ws_CO_21112026093000123711222333"), "ws_CO_21112026093000123erased1")

    def test_values(self) -> None:
        needles = Needles(token="erased1", phones=[PHONE], names=[NAME])
        value = {"phone": int(PHONE), "a": ["0711222333", 5, None, True], "Zawadi": {"t": "to Zawadi"}, "n": 1.5}
        wanted = {"phone": None, "a": [None, 5, None, True], "erased1": {"t": "to erased1"}, "n": 1.5}
        self.assertEqual(needles.json(value), wanted)
        self.assertEqual(json.loads(needles.raw(json.dumps(value).encode())), wanted)
        self.assertEqual(needles.raw(b"\xff 0711222333"), b"\xff erased1")

    def test_stars_keep_the_places(self) -> None:
        needles = Needles(token="erased1", phones=[PHONE], names=[NAME])
        raw = b"UKL1,254711222333 - Zawadi K,100.00\xff"
        starred = needles.starred(raw)
        self.assertEqual((len(starred), starred[-8:]), (len(raw), b",100.00\xff"))
        self.assertNotIn(b"711222333", starred)

    def test_nobody(self) -> None:
        self.assertEqual(Needles(token="x").text("0711222333"), "0711222333")


class AcrossPieces(TestCase):
    def test_a_number_cut_by_the_pieces_of_a_file(self) -> None:
        from payments.services.privacy_erase import _star
        from settlements.models import ReconFile

        row = ReconFile.objects.create(
            source="pull",
            account="daraja:1",
            mode="test",
            currency="KES",
            name="x",
            sha256="0" * 64,
            size=1,
            imported_by="t",
        )
        whole = b"a" * 100 + b"254711222333" + b"b" * 100
        for number, piece in enumerate((whole[:105], whole[105:150], whole[150:])):
            ReconFilePart.objects.create(
                file=row, number=number, body=seal_piece(piece, place=place_of(row.id), number=number)
            )
        changed = _star(row.id, Needles(token="x", phones=[PHONE]))
        kept = list(original_bytes(row.id))
        self.assertEqual((changed, [len(piece) for piece in kept]), (2, [105, 45, len(whole) - 150]))
        self.assertEqual(b"".join(kept), whole.replace(b"254711222333", b"*" * 12))
