"""Tokens that are forged, borrowed, replayed or out of date: each is refused, and says no more than it must."""

import base64
import json
from typing import Any

import jwt
from django.conf import settings
from django.core.cache import cache
from django.test import override_settings

from merchants.models import Membership, PersonMail, Session, User
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_member, make_merchant, person_headers, sign_in
from merchants.tests.people import EMAIL, PeopleCalls, mailed, told
from merchants.tests.test_sign_in import MANY
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.tests.travel import travel

OTHER_KEY = "another key that is long enough to sign with"


def part(content: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
class Hostile(PeopleCalls, ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.tokens = sign_in(self.user).tokens
        self.claims = jwt.decode(self.tokens.access, options={"verify_signature": False})
        self.refresh_claims = jwt.decode(self.tokens.refresh, options={"verify_signature": False})

    def signed(self, claims: dict[str, Any] | None = None, key: str = settings.SECRET_KEY, **header: Any) -> str:
        return jwt.encode(claims or self.claims, key, header.pop("alg", "HS256"), headers=header)

    def refused(self, token: str, code: str = "token_invalid") -> None:
        self.assert_problem(self.get("auth/profile/", key_headers(token)), 401, code)

    def renew_refused(self, token: str, code: str = "token_invalid") -> None:
        self.assert_problem(self.post("auth/refresh/", {"refresh": token}), 401, code)

    def test_the_real_one_works(self) -> None:
        self.assertEqual(self.get("auth/profile/", key_headers(self.signed())).status_code, 200)

    def test_no_algorithm_in_any_spelling(self) -> None:
        for name in ("none", "None", "NONE", "nOnE", "", None):
            for signature in ("", self.tokens.access.rpartition(".")[2]):
                forged = f"{part({'alg': name, 'typ': 'JWT'})}.{part(self.claims)}.{signature}"
                self.refused(forged)
                self.renew_refused(f"{part({'alg': name, 'typ': 'JWT'})}.{part(self.refresh_claims)}.{signature}")

    def test_other_algorithms_with_the_right_secret(self) -> None:
        for name in ("HS384", "HS512"):
            self.refused(self.signed(alg=name))
            self.renew_refused(self.signed(self.refresh_claims, alg=name))

    def test_a_key_the_token_brings_along(self) -> None:
        secret = base64.urlsafe_b64encode(OTHER_KEY.encode()).decode().rstrip("=")
        for header in (
            {"jwk": {"kty": "oct", "k": secret}},
            {"jku": "https://evil.example/keys.json"},
            {"kid": "../../dev/null"},
            {"x5u": "https://evil.example/cert.pem"},
        ):
            self.refused(self.signed(key=OTHER_KEY, **header))

    def test_changed_claims_under_the_old_signature(self) -> None:
        header, _, signature = self.tokens.access.split(".")
        other = make_member(make_merchant("Mama Mboga"))
        for change in ({"sub": to_public("usr", other.id)}, {"mid": to_public("mer", new_id())}, {"exp": 2**40}):
            self.refused(f"{header}.{part(self.claims | change)}.{signature}")

    def test_somebody_elses_audience_issuer_and_type(self) -> None:
        for change in (
            {"aud": "somebody-else"},
            {"aud": []},
            {"iss": "somebody-else"},
            {"typ": "refresh"},
            {"typ": ""},
        ):
            self.refused(self.signed(self.claims | change))
            self.renew_refused(
                self.signed(self.refresh_claims | change | ({"typ": "access"} if "typ" in change else {}))
            )

    def test_one_kind_in_place_of_the_other(self) -> None:
        self.refused(self.tokens.refresh)
        self.renew_refused(self.tokens.access)

    def test_out_of_date(self) -> None:
        self.assertEqual(self.claims["exp"] - self.claims["iat"], 900)
        with travel(self.claims["exp"] + 1):
            self.refused(self.tokens.access, "token_expired")
        with travel(self.refresh_claims["exp"] + 1):
            self.renew_refused(self.tokens.refresh, "token_expired")

    def test_a_session_that_never_was_and_somebody_elses(self) -> None:
        colleague = make_member(self.merchant)
        theirs = jwt.decode(sign_in(colleague).tokens.access, options={"verify_signature": False})["sid"]
        for sid in (to_public("ses", new_id()), theirs):
            self.refused(self.signed(self.claims | {"sid": sid}), "session_revoked")
        for sid in ("ses_x", "", None, 7):
            self.refused(self.signed(self.claims | {"sid": sid}))

    def test_a_member_who_was_removed(self) -> None:
        colleague = make_member(self.merchant, "admin")
        headers = person_headers(colleague)
        self.assertEqual(self.get("merchant/", headers).status_code, 200)
        seat = Membership.objects.get(user=colleague)
        with self.captureOnCommitCallbacks(execute=True):
            self.assertEqual(self.delete(f"team/{seat.public_id}/", self.headers).status_code, 204)
        self.assert_problem(self.get("merchant/", headers), 403, "permission_denied")

    def test_an_account_that_was_closed(self) -> None:
        User.objects.filter(id=self.user.id).update(is_active=False)
        cache.clear()
        self.refused(self.tokens.access, "session_revoked")
        self.renew_refused(self.tokens.refresh, "session_revoked")
        self.assertEqual(PersonMail.objects.count(), 0)

    def test_a_replayed_refresh_token_ends_the_family_and_is_told(self) -> None:
        fresh = self.post("auth/refresh/", {"refresh": self.tokens.refresh}).json()["tokens"]
        with self.captureOnCommitCallbacks(execute=True):
            self.renew_refused(self.tokens.refresh, "session_revoked")
        self.refused(fresh["access"], "session_revoked")
        self.renew_refused(fresh["refresh"], "session_revoked")
        self.assertEqual(len(told("session.revoked")), 1)
        (message,) = mailed("A session of yours was ended")
        self.assertEqual(message.to, [EMAIL])
        self.assertEqual(self.get("auth/profile/", self.headers).status_code, 200)

    def test_renewing_after_signing_out_tells_nobody(self) -> None:
        self.post("auth/logout/", {"refresh": self.tokens.refresh})
        self.renew_refused(self.tokens.refresh, "session_revoked")
        self.assertEqual((mailed("A session of yours was ended"), told("session.revoked")), ([], []))

    def test_a_made_up_refresh_token_ends_nothing(self) -> None:
        running = Session.objects.filter(ended_at=None).count()
        self.renew_refused(self.signed(self.refresh_claims, key=OTHER_KEY))
        self.assertEqual(Session.objects.filter(ended_at=None).count(), running)

    def test_no_refusal_shows_the_token(self) -> None:
        for token in (self.tokens.refresh, self.signed(key=OTHER_KEY)):
            answer = self.get("auth/profile/", key_headers(token))
            self.assertNotIn(token[:20], answer.content.decode())
        self.assertLess(self.claims["iat"], now().timestamp() + 1)
