"""Who gets in with a key or a token, who does not and why, and what it costs."""

import base64
import json
from datetime import timedelta
from ipaddress import ip_network
from unittest import mock

import jwt
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.request import Request
from rest_framework_simplejwt.tokens import AccessToken

from merchants.authentication import CallerAuthentication
from merchants.models import ApiKey, Membership, Merchant
from merchants.selectors import records
from merchants.selectors.records import forget_key_records, keep_key_record, kept_key_record, load_key_record
from merchants.services.addresses import is_allowed
from merchants.services.api_keys import revoke_api_key
from merchants.services.key_format import new_key
from merchants.services.sessions import log_out, refresh
from merchants.services.standing import restore_merchant, suspend_merchant
from merchants.tests.base import AWAY, ApiTestCase, CommittingTestCase
from merchants.tests.factories import (
    key_headers,
    make_api_key,
    make_member,
    make_merchant,
    person_headers,
    sign_in,
)
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public


def authenticate(headers: dict[str, str], path: str = "/", address: str = "127.0.0.1") -> Caller | None:
    request = RequestFactory(headers=headers, REMOTE_ADDR=address).get(path)
    found = CallerAuthentication().authenticate(Request(request))
    return found[0] if found else None


class KeyTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora", live_enabled=True, fee_bps=150)
        self.key = make_api_key(self.merchant)

    def refused(self, headers: dict[str, str], path: str = "/", address: str = "127.0.0.1") -> Problem:
        with self.assertRaises(Problem) as caught:
            authenticate(headers, path, address)
        return caught.exception

    def test_a_key_becomes_its_caller(self) -> None:
        caller = authenticate(key_headers(self.key))
        row = ApiKey.objects.get()
        assert caller is not None
        self.assertEqual(caller.merchant.id, self.merchant.id)
        self.assertEqual(caller.merchant.fee_bps, 150)
        self.assertEqual((caller.mode, caller.kind, caller.key_id), ("test", "secret", row.id))
        self.assertEqual(caller.actor, to_public("key", row.id))
        self.assertTrue(caller.may("payments:write"))
        for withheld in ("payouts:approve", "refunds:approve", "keys:write", "session"):
            self.assertFalse(caller.may(withheld))

    def test_the_same_caller_comes_out_of_the_cache(self) -> None:
        key = make_api_key(self.merchant, expires_at=now() + timedelta(days=1), allowed_ips=["127.0.0.0/8"])
        first = authenticate(key_headers(key))
        with self.assertNumQueries(0):
            self.assertEqual(authenticate(key_headers(key)), first)

    def test_basic_takes_the_key_as_user_name(self) -> None:
        encoded = base64.b64encode(f"{self.key}:".encode()).decode()
        caller = authenticate({"Authorization": f"Basic {encoded}"})
        assert caller is not None
        self.assertEqual(caller.merchant_id, self.merchant.id)
        self.assertEqual(self.refused({"Authorization": "Basic not-base64!"}).code, "api_key_invalid")

    def test_no_credentials_and_foreign_schemes_are_nobody(self) -> None:
        self.assertIsNone(authenticate({}))
        self.assertIsNone(authenticate({"Authorization": "Digest username=x"}))
        answer = self.get("merchant/")
        self.assert_problem(answer, 401, "authentication_required")
        self.assertEqual(answer["WWW-Authenticate"], 'Bearer realm="onpoint-pay"')

    def test_a_mistyped_key_is_told_without_asking_anybody(self) -> None:
        letter = "a" if self.key[20] != "a" else "b"
        for wrong in (self.key[:20] + letter + self.key[21:], self.key[:-1], "sk_test_", "pk_test_x", "rubbish", ""):
            with self.assertNumQueries(0), mock.patch.object(records, "cache", None):
                self.assertEqual(self.refused(key_headers(wrong)).code, "api_key_invalid")

    def test_a_key_moved_to_the_other_mode_is_not_a_key(self) -> None:
        moved = self.key.replace("sk_test_", "sk_live_")
        self.assertEqual(self.refused(key_headers(moved)).code, "api_key_invalid")

    def test_an_unknown_key_is_refused_and_not_remembered(self) -> None:
        key = new_key("secret", "test")
        self.assertEqual(self.refused(key_headers(key)).code, "api_key_invalid")
        self.assertIsNone(cache.get(f"key:{keyed_digest(key).hex()}"))

    def test_a_key_in_the_address_is_refused_whatever_the_header_says(self) -> None:
        for query in (f"?api_key={self.key}", f"?q={self.key}", "?access_token=x"):
            found = self.assert_problem(self.get(f"merchant/{query}", key_headers(self.key)), 401, "api_key_invalid")
            self.assertIn("header", found["detail"])
        self.assert_problem(self.get(f"merchant/?key={self.key}"), 401, "api_key_invalid")

    def test_expired_and_revoked_keys_say_so(self) -> None:
        row = ApiKey.objects.get()
        ApiKey.objects.update(created_at=now() - timedelta(days=2), expires_at=now() - timedelta(seconds=1))
        self.assertEqual(self.refused(key_headers(self.key)).code, "api_key_expired")
        ApiKey.objects.filter(id=row.id).update(revoked_at=now())
        self.assertEqual(self.refused(key_headers(self.key)).code, "api_key_revoked")

    def test_a_key_that_expires_while_it_is_cached_is_refused(self) -> None:
        ApiKey.objects.update(expires_at=now() + timedelta(days=1))
        record = load_key_record(keyed_digest(self.key))
        assert record is not None
        authenticate(key_headers(self.key))
        with mock.patch("merchants.authentication.now", lambda: now() + timedelta(days=2)):
            self.assertEqual(self.refused(key_headers(self.key)).code, "api_key_expired")

    def test_only_listed_addresses_may_use_a_key(self) -> None:
        key = make_api_key(self.merchant, allowed_ips=["203.0.113.7/32", "10.0.0.0/8", "2001:db8::/32"])
        for address in ("203.0.113.7", "10.255.0.1", "2001:db8::1", "::ffff:10.1.2.3"):
            self.assertIsNotNone(authenticate(key_headers(key), address=address))
        for address in ("203.0.113.8", "2001:db9::1", "", "nonsense"):
            self.assertEqual(self.refused(key_headers(key), address=address).code, "ip_not_allowed")
        self.assertFalse(is_allowed("10.0.0.1", ("2001:db8::/32",)))

    def test_a_suspended_merchant_is_refused_at_once_and_let_back(self) -> None:
        authenticate(key_headers(self.key))
        with self.captureOnCommitCallbacks(execute=True):
            suspend_merchant(merchant_id=self.merchant.id, actor="operator", reason="review")
        self.assertEqual(self.refused(key_headers(self.key)).code, "merchant_suspended")
        with self.captureOnCommitCallbacks(execute=True):
            restore_merchant(merchant_id=self.merchant.id, actor="operator", reason="cleared")
        self.assertIsNotNone(authenticate(key_headers(self.key)))

    def test_live_keys_wait_for_live_mode(self) -> None:
        key = make_api_key(self.merchant, mode="live")
        caller = authenticate(key_headers(key))
        assert caller is not None
        self.assertTrue(caller.livemode)
        cache.clear()
        Merchant.objects.update(live_enabled=False)
        self.assertEqual(self.refused(key_headers(key)).code, "live_mode_disabled")
        self.assertIsNotNone(authenticate(key_headers(self.key)))

    @override_settings(BASE_URL="https://pay.example.com", TRUSTED_PROXIES=[ip_network("127.0.0.1")])
    def test_live_keys_need_https_where_the_service_has_it(self) -> None:
        headers = key_headers(make_api_key(self.merchant, mode="live"))
        self.assertEqual(self.refused(headers).code, "https_required")
        answer = self.get("merchant/", headers | {"X-Forwarded-Proto": "https"})
        self.assertEqual(answer.status_code, 200, answer.content)
        self.assertIsNotNone(authenticate(key_headers(self.key)))


class KeyCacheTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.key = make_api_key(self.merchant)
        self.digest = keyed_digest(self.key)

    def revoke(self) -> None:
        caller = authenticate(key_headers(self.key))
        assert caller is not None and caller.key_id is not None
        with self.captureOnCommitCallbacks(execute=True):
            revoke_api_key(caller, caller.key_id)

    def test_warm_it_costs_one_cache_read_and_no_sql(self) -> None:
        authenticate(key_headers(self.key))
        with self.assertNumQueries(0), mock.patch.object(records, "cache", wraps=cache) as watched:
            authenticate(key_headers(self.key))
        self.assertEqual([call[0] for call in watched.method_calls], ["get"])

    def test_a_revoked_key_leaves_the_cache_with_the_commit(self) -> None:
        self.revoke()
        self.assertIsNone(kept_key_record(self.digest))
        with self.assertRaisesMessage(Problem, "api_key_revoked"):
            authenticate(key_headers(self.key))

    def test_a_record_loaded_before_the_revocation_cannot_come_back(self) -> None:
        loaded_before = load_key_record(self.digest)
        assert loaded_before is not None
        self.revoke()
        keep_key_record(self.digest, loaded_before)
        self.assertIsNone(kept_key_record(self.digest))

    def test_with_the_cache_away_the_database_decides(self) -> None:
        with override_settings(CACHES=AWAY):
            self.assertIsNotNone(authenticate(key_headers(self.key)))
            self.assertEqual(self.get("merchant/", key_headers(self.key)).status_code, 200)
            self.revoke()
            with self.assertRaisesMessage(Problem, "api_key_revoked"):
                authenticate(key_headers(self.key))
            forget_key_records([self.digest])

    def test_a_use_writes_nothing(self) -> None:
        with CaptureQueriesContext(connection) as queries:
            authenticate(key_headers(self.key))
        self.assertEqual([query["sql"][:6] for query in queries], ["SELECT"])
        self.assertIsNone(ApiKey.objects.get().last_used_at)

    def test_the_cached_record_holds_no_key(self) -> None:
        authenticate(key_headers(self.key))
        kept = cache.get(f"key:{self.digest.hex()}")
        self.assertNotIn(self.key, kept)
        self.assertNotIn(self.key[8:20], kept)

    def test_what_another_release_kept_is_read_anew(self) -> None:
        authenticate(key_headers(self.key))
        kept = json.loads(cache.get(f"key:{self.digest.hex()}"))
        for strange in (kept | {"more": 1}, {name: kept[name] for name in kept if name != "allowed_origins"}):
            cache.set(f"key:{self.digest.hex()}", json.dumps(strange))
            self.assertIsNotNone(authenticate(key_headers(self.key)))


class TokenTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)
        self.user = make_member(self.merchant, "developer")
        self.session = sign_in(self.user)
        self.headers = key_headers(self.session.tokens.access)
        self.claims = jwt.decode(self.session.tokens.access, options={"verify_signature": False})

    def refused(self, headers: dict[str, str]) -> str:
        with self.assertRaises(Problem) as caught:
            authenticate(headers)
        return caught.exception.code

    def signed(self, key: str = settings.SECRET_KEY, algorithm: str = "HS256", **changes: object) -> dict[str, str]:
        return key_headers(jwt.encode(self.claims | changes, key, algorithm))

    def test_a_token_becomes_its_person(self) -> None:
        caller = authenticate(self.headers)
        assert caller is not None
        self.assertEqual(caller.actor, to_public("usr", self.user.id))
        # The business is verified, so that they work in live mode unless they say otherwise.
        self.assertEqual((caller.kind, caller.role, caller.mode), ("user", "developer", "live"))
        self.assertEqual((caller.user_id, caller.merchant_id), (self.user.id, self.merchant.id))
        self.assertEqual(caller.session, self.claims["sid"])
        self.assertTrue(caller.may("session"))
        with self.assertNumQueries(0):
            self.assertEqual(authenticate(self.headers), caller)

    def test_the_claims_are_those_of_the_contract(self) -> None:
        self.assertLessEqual(
            {"sub", "mid", "role", "sid", "amr", "iat", "exp", "jti", "aud", "iss", "typ"}, set(self.claims)
        )
        self.assertEqual(self.claims["exp"] - self.claims["iat"], 900)
        self.assertNotIn("email", self.claims)

    def test_a_sound_copy_is_taken(self) -> None:
        self.assertIsNotNone(authenticate(self.signed()))

    def test_forged_tokens_are_refused(self) -> None:
        unsigned = jwt.encode(self.claims, "", "none")
        header, payload, _ = self.session.tokens.access.split(".")
        for forged in (
            key_headers(unsigned),
            key_headers(f"{header}.{payload}."),
            key_headers("a.b.c"),
            self.signed(key="another key that is long enough to sign with"),
            self.signed(algorithm="HS512"),
            self.signed(aud="somebody-else"),
            self.signed(iss="somebody-else"),
            self.signed(typ="refresh"),
            self.signed(sub="usr_nonsense"),
            self.signed(mid=None),
            self.signed(auth_time="yesterday"),
        ):
            self.assertEqual(self.refused(forged), "token_invalid")

    def test_tokens_without_a_needed_claim_are_refused(self) -> None:
        for claim in ("aud", "iss", "exp", "typ", "jti", "sub", "mid", "sid"):
            rest = {name: value for name, value in self.claims.items() if name != claim}
            self.assertEqual(self.refused(key_headers(jwt.encode(rest, settings.SECRET_KEY, "HS256"))), "token_invalid")

    def test_a_refresh_token_is_no_access_token(self) -> None:
        self.assertEqual(self.refused(key_headers(self.session.tokens.refresh)), "token_invalid")

    def test_an_old_token_has_expired(self) -> None:
        self.assertEqual(self.refused(self.signed(exp=int(now().timestamp()) - 1)), "token_expired")
        forged_and_old = self.signed(key="another key that is long enough to sign with", exp=1)
        self.assertEqual(self.refused(forged_and_old), "token_invalid")

    def test_signing_out_ends_the_access_token_too(self) -> None:
        authenticate(self.headers)
        with self.captureOnCommitCallbacks(execute=True):
            log_out(token=self.session.tokens.refresh)
        self.assertEqual(self.refused(self.headers), "session_revoked")

    def test_renewing_keeps_the_earlier_access_token_alive(self) -> None:
        refresh(token=self.session.tokens.refresh)
        cache.clear()
        self.assertIsNotNone(authenticate(self.headers))

    def test_a_closed_account_is_out(self) -> None:
        self.user.is_active = False
        self.user.save()
        self.assertEqual(self.refused(self.headers), "session_revoked")

    def test_the_header_chooses_among_ones_own_merchants(self) -> None:
        second, foreign = make_merchant("Second"), make_merchant("Foreign")
        make_member(second, "viewer", self.user)
        caller = authenticate(self.headers | {"OnPoint-Merchant": to_public("mer", second.id)})
        assert caller is not None
        self.assertEqual((caller.merchant_id, caller.role), (second.id, "viewer"))
        for outside in (to_public("mer", foreign.id), to_public("mer", new_id()), "mer_nonsense", ""):
            self.assertEqual(self.refused(self.headers | {"OnPoint-Merchant": outside}), "permission_denied")

    def test_who_lost_their_place_is_out(self) -> None:
        Membership.objects.all().delete()
        self.assertEqual(self.refused(self.headers), "permission_denied")

    def test_the_header_chooses_the_mode(self) -> None:
        live = authenticate(self.headers | {"OnPoint-Mode": "live"})
        test = authenticate(self.headers | {"OnPoint-Mode": "test"})
        assert live is not None and test is not None
        self.assertTrue(live.livemode)
        self.assertFalse(live.may("payments:write"))
        self.assertTrue(test.may("payments:write"))
        self.assertEqual(self.refused(self.headers | {"OnPoint-Mode": "production"}), "parameter_invalid")

    def test_live_mode_must_be_open_and_the_merchant_in_standing(self) -> None:
        Merchant.objects.update(live_enabled=False)
        self.assertEqual(self.refused(self.headers | {"OnPoint-Mode": "live"}), "live_mode_disabled")
        with self.captureOnCommitCallbacks(execute=True):
            suspend_merchant(merchant_id=self.merchant.id, actor="operator", reason="review")
        self.assertEqual(self.refused(self.headers), "merchant_suspended")

    def test_the_role_is_the_one_of_today_not_of_the_token(self) -> None:
        Membership.objects.update(role="viewer")
        caller = authenticate(self.signed(role="owner"))
        assert caller is not None
        self.assertEqual(caller.role, "viewer")
        self.assertFalse(caller.may("keys:write"))

    def test_with_the_cache_away_the_database_decides(self) -> None:
        with override_settings(CACHES=AWAY):
            self.assertIsNotNone(authenticate(self.headers))
            with self.captureOnCommitCallbacks(execute=True):
                log_out(token=self.session.tokens.refresh)
            self.assertEqual(self.refused(self.headers), "session_revoked")

    def test_a_plain_access_token_of_the_library_lacks_our_claims(self) -> None:
        self.assertEqual(self.refused(key_headers(str(AccessToken()))), "token_invalid")


class SuspensionCommitTests(CommittingTestCase):
    def test_a_suspension_reaches_people_and_keys_after_its_commit(self) -> None:
        merchant = make_merchant()
        person, key = person_headers(make_member(merchant)), key_headers(make_api_key(merchant))
        for headers in (person, key):
            self.assertEqual(self.get("merchant/", headers).status_code, 200)
        suspend_merchant(merchant_id=merchant.id, actor="operator", reason="review")
        for headers in (person, key):
            self.assert_problem(self.get("merchant/", headers), 403, "merchant_suspended")
