"""API keys through the API: made, shown once, listed, ended, and out of reach of others."""

from datetime import timedelta

from audit.models import AuditEvent
from merchants.models import ApiKey, IdempotencyKey
from merchants.serializers import ApiKeyListSerializer, ApiKeySerializer, ShownApiKeySerializer
from merchants.services.api_keys import DEFAULT_SCOPES
from merchants.services.key_format import LETTERS, checksum, is_well_formed, new_key
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import (
    key_headers,
    make_api_key,
    make_member,
    make_merchant,
    make_two_factor,
    person_headers,
)
from onpoint_pay.kit.api import encode_cursor
from onpoint_pay.kit.clock import now, rfc3339
from onpoint_pay.kit.crypto import keyed_digest


class FormatTests(ApiTestCase):
    def test_a_key_is_recognised_offline(self) -> None:
        for kind, mode, prefix in (("secret", "test", "sk_test_"), ("restricted", "live", "rk_live_")):
            key = new_key(kind, mode)
            self.assertTrue(key.startswith(prefix))
            self.assertEqual(len(key), len(prefix) + 38)
            self.assertTrue(is_well_formed(key))
            self.assertLessEqual(set(key[len(prefix) :]), set(LETTERS))

    def test_every_single_change_is_noticed(self) -> None:
        key = new_key("secret", "test")
        for place in range(len("sk_test_"), len(key)):
            letter = "0" if key[place] != "0" else "1"
            self.assertFalse(is_well_formed(key[:place] + letter + key[place + 1 :]))
        self.assertFalse(is_well_formed(key + "0"))
        self.assertFalse(is_well_formed(key[:-1] + "é"))

    def test_the_checksum_is_crc_32_in_base_62(self) -> None:
        # 0xCBF43926 is the published check value of CRC-32 for these nine digits.
        number = 0
        for letter in checksum("123456789"):
            number = number * 62 + LETTERS.index(letter)
        self.assertEqual(number, 0xCBF43926)
        self.assertEqual(len(checksum("")), 6)


class CreateTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)
        self.owner = make_member(self.merchant)
        self.headers = person_headers(self.owner)

    def create(self, headers: dict[str, str] | None = None, **body: object) -> object:
        return self.post("api-keys/", {"name": "Shop"} | body, headers or self.headers)

    def test_a_new_key_is_shown_once_and_works(self) -> None:
        answer = self.create()
        found = answer.json()
        self.assertEqual(answer.status_code, 201, found)
        self.assertEqual(list(found), list(ShownApiKeySerializer().fields))
        self.assertEqual(answer["Location"], f"/api/v1/api-keys/{found['id']}/")
        self.assertEqual(
            (found["object"], found["livemode"], found["kind"], found["prefix"]),
            ("api_key", False, "secret", "sk_test_"),
        )
        self.assertEqual(found["last4"], found["key"][-4:])
        self.assertEqual(set(found["scopes"]), DEFAULT_SCOPES)
        self.assertTrue(found["created_by"].startswith("usr_"))
        self.assertEqual(self.get("merchant/", key_headers(found["key"])).status_code, 200)
        again = self.get(f"api-keys/{found['id']}/", self.headers)
        self.assertEqual(list(again.json()), list(ApiKeySerializer().fields))
        self.assertNotIn(found["key"], again.content.decode())

    def test_the_database_and_the_audit_trail_hold_no_key(self) -> None:
        key = self.create().json()["key"]
        row = ApiKey.objects.get()
        self.assertEqual(bytes(row.digest), keyed_digest(key))
        self.assertNotIn(key[8:20], str(row.__dict__))
        event = AuditEvent.objects.get(action="api_key.created")
        self.assertEqual((event.stream, event.object), (f"m{self.merchant.id}", row.public_id))
        self.assertNotIn(key[8:20], str(event.detail))

    def test_a_restricted_key_has_what_it_names(self) -> None:
        expires_at = now() + timedelta(days=30)
        found = self.create(
            kind="restricted",
            scopes=["payments:read"],
            allowed_ips=["10.1.2.3/8", "2001:DB8::1"],
            expires_at=rfc3339(expires_at),
        ).json()
        self.assertEqual((found["prefix"], found["scopes"]), ("rk_test_", ["payments:read"]))
        self.assertEqual(found["allowed_ips"], ["10.0.0.0/8", "2001:db8::1/128"])
        self.assertEqual(found["expires_at"], rfc3339(expires_at))
        self.assertEqual(
            self.assert_problem(self.create(kind="restricted"), 400, "parameter_missing")["param"], "scopes"
        )

    def test_faults(self) -> None:
        for body, param in (
            ({"name": ""}, "name"),
            ({"kind": "public"}, "kind"),
            ({"kind": "publishable", "scopes": ["payments:read"]}, "scopes"),
            ({"allowed_ips": ["0.0.0.0/0"]}, "allowed_ips[0]"),
            ({"scopes": ["payments:read", "everything"]}, "scopes[1]"),
            ({"scopes": []}, "scopes"),
            ({"allowed_ips": ["10.0.0.0/8", "home"]}, "allowed_ips[1]"),
            ({"expires_at": rfc3339(now() - timedelta(seconds=1))}, "expires_at"),
            ({"expires_at": "soon"}, "expires_at"),
        ):
            found = self.create(**body).json()
            self.assertEqual((found["status"], found["param"]), (400, param), found)
        self.assertEqual(ApiKey.objects.count(), 0)

    def test_the_mode_of_the_request_is_the_mode_of_the_key(self) -> None:
        make_two_factor(self.owner)
        live = self.create(person_headers(self.owner, mode="live")).json()
        self.assertTrue(live["livemode"])
        self.assertTrue(live["key"].startswith("sk_live_"))

    def test_no_live_key_before_live_mode_is_open(self) -> None:
        closed = make_member(make_merchant())
        self.assert_problem(self.create(person_headers(closed, mode="live")), 403, "kyc_required")
        self.assertEqual(ApiKey.objects.count(), 0)

    def test_nobody_gives_what_they_do_not_have(self) -> None:
        developer = make_member(self.merchant, "developer")
        make_two_factor(developer)
        test, live = (person_headers(developer, mode=mode) for mode in ("test", "live"))
        self.assertEqual(self.create(test).status_code, 201)
        self.assertEqual(self.create(live, kind="restricted", scopes=["payments:read"]).status_code, 201)
        for headers, scopes in (
            (test, ["payouts:approve"]),
            (live, ["payments:write"]),
            (live, None),
        ):
            body = {} if scopes is None else {"scopes": scopes}
            found = self.assert_problem(self.create(headers, **body), 403, "insufficient_scope")
            self.assertEqual(found["param"], "scopes")
        self.assertEqual(ApiKey.objects.count(), 2)

    def test_a_key_gives_at_most_its_own_scopes(self) -> None:
        maker = key_headers(make_api_key(self.merchant, scopes=["keys:write", "payments:read"]))
        self.assertEqual(self.create(maker, scopes=["payments:read"]).status_code, 201)
        self.assert_problem(self.create(maker), 403, "insufficient_scope")

    def test_who_may_not(self) -> None:
        self.assert_problem(self.create(key_headers(make_api_key(self.merchant))), 403, "insufficient_scope")
        for role in ("finance", "support", "viewer"):
            self.assert_problem(
                self.create(person_headers(make_member(self.merchant, role))), 403, "insufficient_scope"
            )


class RepeatTests(CommittingTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.headers = person_headers(make_member(self.merchant)) | {"Idempotency-Key": "key-for-shop-1"}

    def test_a_repeat_gets_the_same_key_which_is_sealed_meanwhile(self) -> None:
        first = self.post("api-keys/", {"name": "Shop"}, self.headers)
        again = self.post("api-keys/", {"name": "Shop"}, self.headers)
        self.assertEqual((again.status_code, again.content), (201, first.content))
        self.assertEqual(again["Idempotent-Replayed"], "true")
        self.assertEqual(again["Idempotent-Original-Request"], first["Request-Id"])
        self.assertEqual(ApiKey.objects.count(), 1)
        self.assertNotIn(first.json()["key"], IdempotencyKey.objects.get().body)

    def test_a_colleague_cannot_ask_for_the_answer_again(self) -> None:
        self.post("api-keys/", {"name": "Shop"}, self.headers)
        colleague = person_headers(make_member(self.merchant, "developer")) | {"Idempotency-Key": "key-for-shop-1"}
        self.assert_problem(self.post("api-keys/", {"name": "Shop"}, colleague), 422, "idempotency_key_reused")

    def test_a_refusal_leaves_the_key_free(self) -> None:
        self.assert_problem(
            self.post("api-keys/", {"name": "Shop", "kind": "restricted"}, self.headers), 400, "parameter_missing"
        )
        self.assertEqual(self.post("api-keys/", {"name": "Shop"}, self.headers).status_code, 201)


class RevokeTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)
        self.headers = person_headers(make_member(self.merchant))
        self.key = make_api_key(self.merchant)
        self.path = f"api-keys/{ApiKey.objects.get().public_id}/"

    def test_a_revoked_key_is_refused_from_the_next_request_on(self) -> None:
        self.assertEqual(self.get("merchant/", key_headers(self.key)).status_code, 200)
        with self.captureOnCommitCallbacks(execute=True):
            answer = self.post(f"{self.path}revoke/", headers=self.headers)
        self.assertEqual(answer.status_code, 200)
        self.assertIsNotNone(answer.json()["revoked_at"])
        self.assert_problem(self.get("merchant/", key_headers(self.key)), 401, "api_key_revoked")
        self.assertEqual(self.get(self.path, self.headers).json(), answer.json())

    def test_ending_it_again_changes_nothing(self) -> None:
        first = self.post(f"{self.path}revoke/", headers=self.headers).json()
        self.assertEqual(self.delete(self.path, self.headers).json(), first)
        self.assertEqual(AuditEvent.objects.filter(action="api_key.revoked").count(), 1)

    def test_outsiders_find_nothing(self) -> None:
        outsider = person_headers(make_member(make_merchant()))
        other_mode = self.headers | {"OnPoint-Mode": "live"}
        for headers in (outsider, other_mode):
            self.assert_problem(self.get(self.path, headers), 404, "resource_missing")
            self.assert_problem(self.post(f"{self.path}revoke/", headers=headers), 404, "resource_missing")
            self.assert_problem(self.delete(self.path, headers), 404, "resource_missing")
            self.assertEqual(self.get("api-keys/", headers).json()["data"], [])
        self.assertIsNone(ApiKey.objects.get().revoked_at)
        for strange in ("api-keys/key_nonsense/", "api-keys/usr_01K/"):
            self.assert_problem(self.get(strange, self.headers), 404, "resource_missing")


class ListTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.headers = person_headers(make_member(self.merchant))
        for number in range(5):
            make_api_key(self.merchant, name=f"key {number}")
        make_api_key(self.merchant, mode="live", name="live")
        make_api_key(make_merchant(), name="foreign")

    def test_pages_newest_first(self) -> None:
        first = self.get("api-keys/?limit=3", self.headers)
        found = first.json()
        self.assertEqual(set(found), set(ApiKeyListSerializer().fields) - {"total", "total_is_estimate"})
        self.assertEqual([key["name"] for key in found["data"]], ["key 4", "key 3", "key 2"])
        self.assertIn('rel="next"', first["Link"])
        make_api_key(self.merchant, name="made while paging")
        rest = self.get(f"api-keys/?limit=3&cursor={found['next_cursor']}", self.headers).json()
        self.assertEqual([key["name"] for key in rest["data"]], ["key 1", "key 0"])
        self.assertEqual((rest["has_more"], rest["next_cursor"]), (False, None))

    def test_strange_questions(self) -> None:
        cursor = self.get("api-keys/?limit=1", self.headers).json()["next_cursor"]
        self.assert_problem(self.get("api-keys/?status=active", self.headers), 400, "parameter_invalid")
        self.assert_problem(self.get("api-keys/?limit=0", self.headers), 400, "parameter_invalid")
        self.assert_problem(self.get("api-keys/?cursor=nonsense", self.headers), 400, "cursor_invalid")
        self.assert_problem(self.get(f"api-keys/?cursor={cursor[:-4]}", self.headers), 400, "cursor_invalid")
        for foreign in (["payments", "test", "0" * 32], ["api_keys", "live", "0" * 32], ["api_keys", "test", "no key"]):
            answer = self.get(f"api-keys/?cursor={encode_cursor(foreign)}", self.headers)
            self.assert_problem(answer, 400, "cursor_invalid")
