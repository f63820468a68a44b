"""The audit trail as its merchant reads it: who, what, from where, and proof of it to take home."""

import base64
import json
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import transaction

from audit.merkle import Head, Step, climb
from audit.models import AuditEvent, AuditOrigin
from audit.services import origin_digest, record
from audit.services.checkpoints import write_checkpoint
from audit.tests.base import WithFolder, as_owner, write_links
from merchants.models import Role
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.ids import to_public

AGENT = "curl/8.14.1"


class TrailTestCase(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.owner = make_member(self.merchant, Role.OWNER)
        self.me = person_headers(self.owner)

    def records(self, query: str = "", **headers: str) -> list[dict[str, Any]]:
        answer = self.get(f"audit/records/{query}", self.me | headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        return answer.json()["data"]

    def make_key(self, name: str = "Till") -> str:
        headers = self.me | {"User-Agent": AGENT}
        answer = self.post("api-keys/", {"name": name}, headers, REMOTE_ADDR="203.0.113.7")
        self.assertEqual(answer.status_code, 201, answer.content)
        return str(answer.json()["id"])


class Records(TrailTestCase):
    def test_who_what_and_from_where(self) -> None:
        key = self.make_key()
        (found,) = self.records("?action=api_key.created")
        self.assertEqual((found["actor"], found["actor_type"]), (self.owner.public_id, "user"))
        self.assertEqual((found["object"], found["object_id"]), ("audit_record", key))
        self.assertEqual((found["address"], found["user_agent"]), ("203.0.113.7", AGENT))
        self.assertRegex(found["request_id"], "^req_")
        self.assertNotIn("origin", found["detail"])
        self.assertEqual(found["detail"]["kind"], "secret")

    def test_the_chain_knows_the_address_by_a_digest_only(self) -> None:
        self.make_key()
        link = AuditEvent.objects.get(action="api_key.created")
        self.assertNotIn("203.0.113.7", json.dumps(link.detail))
        self.assertNotIn("curl", json.dumps(link.detail))
        self.assertEqual(link.detail["origin"]["address"], origin_digest("203.0.113.7"))
        AuditOrigin.objects.all().delete()
        (found,) = self.records("?action=api_key.created")
        self.assertEqual((found["address"], found["user_agent"]), (None, None))
        self.assertRegex(found["request_id"], "^req_")

    def test_what_no_request_did_has_no_address(self) -> None:
        with transaction.atomic():
            record(merchant_id=self.merchant.id, actor="system", action="payment.completed", detail={"amount": 1})
        (found,) = self.records("?actor=system")
        self.assertEqual((found["actor_type"], found["address"], found["request_id"]), ("system", None, None))
        self.assertEqual(AuditOrigin.objects.filter(seq=found["number"]).count(), 0)

    def test_the_hash_can_be_recomputed_from_what_is_shown(self) -> None:
        for number in range(3):
            self.make_key(f"Till {number}")
        found = self.records("?limit=100")
        for each in found:
            text = bytes.fromhex(each["previous_hash"]) + each["hashed"].encode()
            self.assertEqual(sha256(text).hexdigest(), each["hash"])
        numbers = [each["number"] for each in found]
        self.assertEqual(numbers, list(range(len(found), 0, -1)))
        self.assertEqual([later["previous_hash"] for later in found[:-1]], [earlier["hash"] for earlier in found[1:]])

    def test_secrets_that_slipped_in_are_masked(self) -> None:
        with transaction.atomic():
            slip = {"password": "hunter2", "phone": "254712345678"}
            record(merchant_id=self.merchant.id, actor="system", action="slip", detail=slip)
        (found,) = self.records("?action=slip")
        self.assertEqual((found["detail"]["password"], found["detail"]["phone"]), ("****", "2547****5678"))
        self.assertIsNone(found["hashed"])

    def test_filters(self) -> None:
        key = self.make_key()
        self.assertEqual([each["action"] for each in self.records(f"?object={key}")], ["api_key.created"])
        self.assertEqual(len(self.records("?action=api_key.*")), 1)
        self.assertEqual(self.records("?action=api_key.c"), [])
        self.assertGreaterEqual(len(self.records(f"?actor={self.owner.public_id}")), 2)
        self.assertEqual(self.records("?date_to=2020-01-01"), [])
        self.assertGreaterEqual(len(self.records("?date_from=2020-01-01")), 2)
        for query, code in (
            ("?date_from=x", "date_invalid"),
            ("?who=x", "parameter_invalid"),
            ("?actor=%00", "parameter_invalid"),
        ):
            self.assert_problem(self.get(f"audit/records/{query}", self.me), 400, code)

    def test_page_by_page(self) -> None:
        write_links(self.merchant.id, 5)
        whole = [each["id"] for each in self.records("?limit=100")]
        seen, cursor = [], ""
        while cursor is not None:
            page = self.get(f"audit/records/?limit=2{cursor and f'&cursor={cursor}'}", self.me).json()
            seen += [each["id"] for each in page["data"]]
            cursor = page["next_cursor"]
        self.assertEqual(seen, whole)
        cursor = self.get("audit/records/?limit=2", self.me).json()["next_cursor"]
        self.assert_problem(self.get(f"audit/records/?actor=x&cursor={cursor}", self.me), 400, "cursor_invalid")

    def test_one(self) -> None:
        self.make_key()
        (found,) = self.records("?action=api_key.created")
        self.assertEqual(self.get(f"audit/records/{found['id']}/", self.me).json(), found)
        guessed = to_public("aud", type(self.merchant.id)(int=found["number"] << 80))
        for name in (guessed, "aud_x", to_public("aud", self.merchant.id)):
            self.assert_problem(self.get(f"audit/records/{name}/", self.me), 404, "resource_missing")


class Readers(TrailTestCase):
    def test_only_roles_that_may(self) -> None:
        for role, status in ((Role.ADMIN, 200), (Role.FINANCE, 200), (Role.DEVELOPER, 403), (Role.SUPPORT, 403)):
            headers = person_headers(make_member(self.merchant, role))
            for path in ("audit/records/", "audit/checkpoints/", "audit/verify/"):
                with self.subTest(role=role, path=path):
                    self.assertEqual(self.get(path, headers).status_code, status)

    def test_no_key_gets_in(self) -> None:
        headers = key_headers(make_api_key(self.merchant, scopes=["audit:read"]))
        self.assert_problem(self.get("audit/records/", headers), 403, "permission_denied")

    def test_nothing_of_another_merchant(self) -> None:
        self.make_key()
        (found,) = self.records("?action=api_key.created")
        other = make_merchant("Mama Mboga")
        stranger = person_headers(make_member(other, Role.OWNER))
        self.assert_problem(self.get(f"audit/records/{found['id']}/", stranger), 404, "resource_missing")
        numbers = self.get(f"audit/records/?object={found['object_id']}", stranger).json()["data"]
        self.assertEqual(numbers, [])


class Receipts(WithFolder, CommittingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant, self.other = make_merchant(), make_merchant("Mama Mboga")
        self.me = person_headers(make_member(self.merchant, Role.OWNER))

    def receipt(self, query: str = "") -> dict[str, Any]:
        answer = self.get(f"audit/checkpoints/receipt/{query}", self.me)
        self.assertEqual(answer.status_code, 200, answer.content)
        return answer.json()

    def test_a_receipt_proves_the_head(self) -> None:
        write_links(self.merchant.id, 3)
        write_links(self.other.id, 2)
        write_checkpoint()
        found = self.receipt()
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(found["public_key"]))
        public.verify(base64.b64decode(found["signature"]), found["statement"].encode())
        head = found["head"]
        reached = climb(
            Head(stream=head["stream"], seq=head["number"], hash=head["hash"]), [Step(**step) for step in found["path"]]
        )
        self.assertEqual(reached, json.loads(found["statement"])["root"])
        last = AuditEvent.objects.get(stream=f"m{self.merchant.id}", seq=head["number"])
        self.assertEqual(bytes(last.hash).hex(), head["hash"])
        self.assertNotIn(str(self.other.id), json.dumps(found))

    def test_an_earlier_one_by_its_number(self) -> None:
        write_checkpoint()
        write_links(self.merchant.id, 1)
        write_checkpoint()
        first, second = self.receipt("?number=1"), self.receipt()
        self.assertEqual((first["number"], second["number"]), (1, 2))
        self.assertEqual(second["head"]["number"], first["head"]["number"] + 1)
        listed = self.get("audit/checkpoints/?limit=1", self.me).json()
        self.assertEqual(([each["number"] for each in listed["data"]], listed["has_more"]), ([2], True))
        more = self.get(f"audit/checkpoints/?cursor={listed['next_cursor']}", self.me).json()
        self.assertEqual([each["number"] for each in more["data"]], [1])

    def test_there_may_be_none(self) -> None:
        self.assert_problem(self.get("audit/checkpoints/receipt/", self.me), 404, "resource_missing")
        write_checkpoint()
        self.assert_problem(self.get("audit/checkpoints/receipt/?number=9", self.me), 404, "resource_missing")
        for query in ("?number=x", "?number=-1", "?seq=1"):
            self.assert_problem(self.get(f"audit/checkpoints/receipt/{query}", self.me), 400, "parameter_invalid")
        young = make_merchant("Kiosk")
        owner = make_member(young, Role.OWNER)
        headers = person_headers(owner, merchant=young)
        as_owner(
            f"DELETE FROM audit_event WHERE stream = 'm{young.id}'",
            f"DELETE FROM audit_head WHERE stream = 'm{young.id}'",
        )
        self.assert_problem(self.get("audit/checkpoints/receipt/?number=1", headers), 404, "resource_missing")

    def test_the_own_chain_is_recomputed(self) -> None:
        write_links(self.merchant.id, 3)
        write_checkpoint()
        answer = self.get("audit/verify/", self.me).json()
        self.assertEqual((answer["ok"], answer["first"], answer["last"], answer["checkpoint"]), (True, 1, 4, 1))
        as_owner(f"UPDATE audit_event SET actor = 'x' WHERE stream = 'm{self.merchant.id}' AND seq = 2")
        answer = self.get("audit/verify/", self.me).json()
        self.assertEqual((answer["ok"], answer["fault"]), (False, 2))
