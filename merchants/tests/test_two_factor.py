"""Two-factor sign-in: set up, asked for, used once, guessed at, and lost."""

import base64
import re
from datetime import timedelta
from unittest import mock
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings
from django.test import override_settings

from merchants.models import Challenge, RecoveryCode, Session, Totp
from merchants.serializers import SessionSerializer
from merchants.serializers.people import RecoveryCodesSerializer, TwoFactorSetupSerializer
from merchants.services import totp
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import code_of, key_headers, make_member, make_two_factor, make_user, sign_in
from merchants.tests.people import EMAIL, PeopleCalls, mailed, told
from merchants.tests.test_sign_in import MANY
from merchants.tests.threads import at_once
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import CannotOpen, seal
from onpoint_pay.kit.tests.travel import standing_at, travel

FROZEN = "2026-11-21T08:00:10Z"


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
@standing_at(FROZEN)
class SwitchingOn(PeopleCalls, ApiTestCase):
    def setup_answer(self) -> dict[str, str]:
        answer = self.post("auth/2fa/setup/", headers=self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        return answer.json()

    def enable(self, code: str) -> object:
        return self.post("auth/2fa/enable/", {"code": code}, self.headers)

    def test_from_setup_to_codes(self) -> None:
        found = self.setup_answer()
        self.assertEqual(list(found), list(TwoFactorSetupSerializer().fields))
        url = urlsplit(found["otpauth_url"])
        self.assertEqual((url.scheme, url.netloc, unquote(url.path)), ("otpauth", "totp", f"/OnPoint Pay:{EMAIL}"))
        self.assertEqual(parse_qs(url.query)["secret"], [found["secret"]])
        self.assertTrue(found["qr_svg"].startswith("<svg ") and found["qr_svg"].endswith("</svg>"))
        self.assertFalse(self.get("auth/profile/", self.headers).json()["two_factor_enabled"])
        seed = base64.b32decode(found["secret"])
        self.assertEqual(len(seed), 20)
        answer = self.enable(code_of(seed))
        codes = answer.json()["recovery_codes"]
        self.assertEqual((answer.status_code, list(answer.json())), (200, list(RecoveryCodesSerializer().fields)))
        self.assertEqual(len(set(codes)), 10)
        self.assertTrue(all(re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", each) for each in codes))
        self.assertTrue(self.get("auth/profile/", self.headers).json()["two_factor_enabled"])
        self.assertEqual(len(told("user.two_factor_on")), 1)
        self.assertEqual([message.to for message in mailed("Two-factor sign-in is on")], [[EMAIL]])

    def test_the_code_that_switched_it_on_does_not_sign_in(self) -> None:
        seed = base64.b32decode(self.setup_answer()["secret"])
        self.enable(code_of(seed))
        challenge = self.challenge()
        self.assert_problem(self.answer(challenge, code_of(seed)), 401, "two_factor_code_invalid")
        self.assertEqual(self.answer(challenge, code_of(seed, steps=1)).status_code, 200)

    def test_nothing_is_on_until_a_code_was_right(self) -> None:
        self.setup_answer()
        self.assert_problem(self.enable("000000"), 401, "two_factor_code_invalid")
        self.assertIn("tokens", self.log_in().json())
        self.assertFalse(RecoveryCode.objects.exists())
        self.assertEqual(told("user.two_factor_on"), [])

    def test_set_up_again_the_earlier_seed_is_worthless(self) -> None:
        first, second = (base64.b32decode(self.setup_answer()["secret"]) for _ in range(2))
        self.assert_problem(self.enable(code_of(first)), 401, "two_factor_code_invalid")
        self.assertEqual(self.enable(code_of(second)).status_code, 200)
        self.assert_problem(self.post("auth/2fa/setup/", headers=self.headers), 409, "state_conflict")
        self.assert_problem(self.enable(code_of(second, steps=1)), 409, "state_conflict")

    def test_a_stale_session_sets_up_nothing(self) -> None:
        Session.objects.update(proved_at=now() - timedelta(minutes=11))
        for path in ("setup", "disable", "recovery-codes"):
            self.assert_problem(self.post(f"auth/2fa/{path}/", headers=self.headers), 403, "step_up_required")
        self.assertFalse(Totp.objects.exists())

    def test_the_seed_is_sealed_to_its_row(self) -> None:
        found = self.setup_answer()
        row, seed = Totp.objects.get(), base64.b32decode(found["secret"])
        self.assertRegex(row.sealed_seed, r"^v[0-9]+\.")
        for clear in (found["secret"], seed.hex()):
            self.assertNotIn(clear, row.sealed_seed)
        row.sealed_seed = seal(seed.hex(), bound_to="merchants_totp.sealed_seed:another")
        with self.assertRaises(CannotOpen):
            row.open_seed()

    def test_recovery_codes_are_stored_as_digests(self) -> None:
        seed = base64.b32decode(self.setup_answer()["secret"])
        codes = self.enable(code_of(seed)).json()["recovery_codes"]
        stored = b"".join(bytes(row.digest) for row in RecoveryCode.objects.all())
        for code in codes:
            self.assertNotIn(code.encode(), stored)
            self.assertNotIn(code.replace("-", "").encode(), stored)


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
@standing_at(FROZEN)
class Answering(PeopleCalls, ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        make_two_factor(self.user)
        self.recovery = totp.new_recovery_codes(self.user)

    def test_the_password_alone_opens_nothing(self) -> None:
        before = Session.objects.count()
        found = self.log_in().json()
        self.assertEqual(list(found), ["two_factor_required", "challenge", "methods", "expires_in"])
        self.assertEqual((found["methods"], found["expires_in"]), (["totp", "recovery"], 300))
        self.assertRegex(found["challenge"], r"^mfa_[0-9A-Z]{26}$")
        self.assertNotIn(found["challenge"].encode(), bytes(Challenge.objects.get().digest))
        self.assertEqual(Session.objects.count(), before)

    def test_a_code_opens_the_session_of_the_contract(self) -> None:
        answer = self.answer(self.challenge(), code_of())
        self.assertEqual((answer.status_code, list(answer.json())), (200, list(SessionSerializer().fields)))
        session = Session.objects.latest("id")
        self.assertEqual(session.methods, ["pwd", "otp"])
        self.assertEqual(self.get("merchant/", self.access(answer)).status_code, 200)

    def test_one_step_to_each_side(self) -> None:
        for steps in (-1, 0, 1):
            Totp.objects.update(last_step=0)
            self.assertEqual(self.answer(self.challenge(), code_of(steps=steps)).status_code, 200, steps)
        Totp.objects.update(last_step=0)
        for steps in (-2, 2):
            self.assert_problem(self.answer(self.challenge(), code_of(steps=steps)), 401, "two_factor_code_invalid")

    def test_a_code_works_once_and_so_do_those_before_it(self) -> None:
        self.assertEqual(self.answer(self.challenge(), code_of()).status_code, 200)
        for steps in (0, -1):
            self.assert_problem(self.answer(self.challenge(), code_of(steps=steps)), 401, "two_factor_code_invalid")
        self.assertEqual(self.answer(self.challenge(), code_of(steps=1)).status_code, 200)

    def test_a_challenge_works_once(self) -> None:
        challenge = self.challenge()
        self.assertEqual(self.answer(challenge, code_of()).status_code, 200)
        self.assert_problem(self.answer(challenge, code_of(steps=1)), 401, "token_invalid")
        self.assertEqual(Totp.objects.get().last_step, int(now().timestamp()) // 30)

    def test_five_wrong_codes_burn_it(self) -> None:
        challenge = self.challenge()
        for _ in range(5):
            self.assert_problem(self.answer(challenge, "000000"), 401, "two_factor_code_invalid")
        self.assert_problem(self.answer(challenge, code_of()), 401, "token_invalid")
        self.assertEqual(self.answer(self.challenge(), code_of()).status_code, 200)

    def test_it_ends_after_five_minutes(self) -> None:
        challenge = self.challenge()
        with travel(now() + timedelta(minutes=5, seconds=1), tick=False):
            self.assert_problem(self.answer(challenge, code_of()), 401, "token_invalid")

    def test_made_up_challenges(self) -> None:
        for wrong in ("mfa_" + "0" * 26, "mfa_", "x", self.challenge()[:-1]):
            self.assert_problem(self.answer(wrong, code_of()), 401, "token_invalid")
        self.assertEqual(Totp.objects.get().last_step, 0)

    def test_the_code_of_somebody_else(self) -> None:
        other = make_member(self.merchant, user=make_user("other@example.com"))
        seed = make_two_factor(other, b"quite another seed..")
        theirs = totp.new_recovery_codes(other)
        for code in (code_of(seed), theirs[0]):
            self.assert_problem(self.answer(self.challenge(), code), 401, "two_factor_code_invalid")
        self.assertFalse(RecoveryCode.objects.filter(used_at__isnull=False).exists())

    def test_a_recovery_code_works_once_however_it_is_typed(self) -> None:
        code = self.recovery[3]
        answer = self.answer(self.challenge(), f" {code.lower().replace('-', ' ')} ")
        self.assertEqual(answer.status_code, 200)
        self.assertEqual(Session.objects.latest("id").methods, ["pwd", "recovery"])
        self.assert_problem(self.answer(self.challenge(), code), 401, "two_factor_code_invalid")
        (message,) = mailed("A recovery code was used")
        self.assertIn("9 are left", message.body)
        (event,) = told("user.recovery_code_used")
        self.assertEqual(event.detail["left"], 9)

    def test_odd_codes_are_wrong_codes(self) -> None:
        for odd in ("٣٤٥٦٧٨", "12345", "1234567", "-12345", "+12345", "1e5000", "0x1234"):
            self.assert_problem(self.answer(self.challenge(), odd), 401, "two_factor_code_invalid")

    def test_a_person_who_was_closed_meanwhile(self) -> None:
        challenge = self.challenge()
        self.user.is_active = False
        self.user.save()
        self.assert_problem(self.answer(challenge, code_of()), 401, "token_invalid")

    def test_refused_codes_are_on_record_without_the_code(self) -> None:
        self.answer(self.challenge(), "123456")
        (event,) = told("session.refused")
        self.assertEqual((event.detail["step"], event.object), ("code", self.user.public_id))
        self.assertNotIn("123456", str(event.detail))


@override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY)
@standing_at(FROZEN)
class SwitchingOff(PeopleCalls, ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        make_two_factor(self.user)
        self.recovery = totp.new_recovery_codes(self.user)

    def test_seed_and_codes_are_gone(self) -> None:
        self.assertEqual(self.post("auth/2fa/disable/", headers=self.headers).status_code, 204)
        self.assertEqual((Totp.objects.count(), RecoveryCode.objects.count()), (0, 0))
        self.assertIn("tokens", self.log_in().json())
        self.assertEqual(self.post("auth/2fa/disable/", headers=self.headers).status_code, 204)
        self.assertEqual((len(told("user.two_factor_off")), len(mailed("Two-factor sign-in is off"))), (1, 1))

    def test_new_recovery_codes_end_the_earlier_ones(self) -> None:
        found = self.post("auth/2fa/recovery-codes/", headers=self.headers).json()["recovery_codes"]
        self.assertFalse(set(found) & set(self.recovery))
        challenge = self.challenge()
        self.assert_problem(self.answer(challenge, self.recovery[0]), 401, "two_factor_code_invalid")
        self.assertEqual(self.answer(challenge, found[0]).status_code, 200)
        Totp.objects.all().delete()
        self.assert_problem(self.post("auth/2fa/recovery-codes/", headers=self.headers), 409, "state_conflict")

    def test_only_ones_own(self) -> None:
        other = make_member(self.merchant)
        headers = key_headers(sign_in(other).tokens.access)
        self.post("auth/2fa/disable/", headers=headers)
        self.assertEqual(Totp.objects.get().user_id, self.user.id)


class AtOnce(PeopleCalls, CommittingTestCase):
    """Real threads, each with its own connection."""

    def setUp(self) -> None:
        super().setUp()
        make_two_factor(self.user)

    def test_one_code_at_two_processes_is_taken_once(self) -> None:
        code = code_of()
        self.assertEqual(sorted(at_once(4, lambda _: str(totp.take(self.user, code)))), ["None"] * 3 + ["otp"])

    def test_a_recovery_code_too(self) -> None:
        code = totp.new_recovery_codes(self.user)[0]
        self.assertEqual(sorted(at_once(4, lambda _: str(totp.take(self.user, code)))), ["None"] * 3 + ["recovery"])

    @override_settings(RATE_LIMITS=settings.RATE_LIMITS | MANY | {"code": "1000/1m"})
    def test_of_many_guesses_at_once_five_are_looked_at(self) -> None:
        challenge = self.challenge()
        with mock.patch.object(totp, "take", return_value=None) as looked_at:
            codes = at_once(12, lambda _: self.guess(challenge))
        self.assertEqual((looked_at.call_count, codes.count("two_factor_code_invalid")), (5, 5))
        self.assertEqual(codes.count("token_invalid"), 7)

    def guess(self, challenge: str) -> str:
        body = {"challenge": challenge, "code": "000000"}
        return str(self.client_class().post("/api/v1/auth/2fa/verify/", body, "application/json").json()["code"])
