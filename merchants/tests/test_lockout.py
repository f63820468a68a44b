"""Guessing passwords and codes: whom it slows down, for how long, who is told, and what happens without the counters."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from unittest import mock

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.http import HttpResponse
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from merchants.models import Challenge, PersonMail, Session, User
from merchants.services import totp
from merchants.services.origins import place_of
from merchants.tests.base import AWAY, ApiTestCase, CommittingTestCase
from merchants.tests.factories import PASSWORD, code_of, key_headers, make_two_factor, sign_in
from merchants.tests.people import BETTER, EMAIL, WRONG, PeopleCalls, mailed, token_in, told
from merchants.tests.threads import at_once
from onpoint_pay.kit.tests.travel import travel

# So many requests come from one address here; that limit has tests of its own.
MANY = settings.RATE_LIMITS | {"auth": "100000/1m", "api": "100000/1m"}
HOME, STRANGE = "127.0.0.1", "203.0.113.7"


class Clock:
    """Time that stands still until it is moved."""

    def __init__(self, traveller: Any) -> None:
        self._traveller = traveller

    def wait(self, **span: float) -> None:
        self._traveller.shift(timedelta(**span))


@override_settings(RATE_LIMITS=MANY)
class LockoutTestCase(PeopleCalls, ApiTestCase):
    def setUp(self) -> None:
        self.clock = Clock(self.enterContext(travel("2026-11-21T08:00:10Z", tick=False)))
        super().setUp()
        self.was_at(HOME)

    def was_at(self, *addresses: str) -> None:
        """Where the owner has signed in from before."""
        Session.objects.all().delete()
        for address in addresses:
            self.log_in_from(address)

    def log_in_from(self, address: str) -> None:
        self.assertEqual(self.log_in(address=address).status_code, 200)

    def miss(self, times: int = 1, *, email: str = EMAIL, address: str = HOME) -> None:
        for _ in range(times):
            self.assert_problem(self.log_in(WRONG, email, address), 401, "credentials_invalid")

    def fresh_session(self) -> dict[str, str]:
        return key_headers(sign_in(self.user).tokens.access)

    def wait_of(self, answer: HttpResponse) -> int:
        self.assert_problem(answer, 429, "rate_limited")
        return int(answer["Retry-After"])


class AccountAndAddress(LockoutTestCase):
    def test_the_delay_grows_to_fifteen_minutes_and_no_further(self) -> None:
        self.miss(5)
        waits = []
        for _ in range(7):
            wait = self.wait_of(self.log_in())
            waits.append(wait)
            self.clock.wait(seconds=wait - 1)
            self.assertEqual(self.wait_of(self.log_in()), 1)
            self.clock.wait(seconds=1)
            self.miss()
        self.assertEqual(waits, [60, 120, 240, 480, 900, 900, 900])

    def test_the_right_password_waits_too_and_then_opens(self) -> None:
        self.miss(5)
        self.assertEqual(self.wait_of(self.log_in()), 60)
        self.clock.wait(seconds=60)
        self.log_in_from(HOME)
        self.miss(4)
        self.log_in_from(HOME)

    def test_asking_while_it_is_shut_makes_it_no_longer(self) -> None:
        self.miss(5)
        for _ in range(20):
            self.log_in(WRONG)
        self.assertEqual(self.wait_of(self.log_in()), 60)

    def test_a_few_mistakes_are_forgotten_after_fifteen_minutes(self) -> None:
        self.miss(4)
        self.clock.wait(minutes=15)
        self.miss(4)
        self.log_in_from(HOME)

    def test_who_was_slowed_down_is_remembered_for_a_day(self) -> None:
        self.miss(5)
        self.clock.wait(hours=23)
        self.miss()
        self.assertEqual(self.wait_of(self.log_in()), 120)
        self.clock.wait(hours=25)
        self.miss(4)
        self.log_in_from(HOME)

    def test_nobody_is_told_whether_the_account_exists(self) -> None:
        # Whatever is made once for all people is made now.
        self.miss(5, email="first@example.com", address="198.51.100.9")
        bodies = []
        for email in (EMAIL, "nobody@example.com"):
            steps = []
            for _ in range(6):
                with CaptureQueriesContext(connection) as queries:
                    answer = self.log_in(WRONG, email, STRANGE)
                found = answer.json() | {"request_id": "", "instance": ""}
                steps.append((answer.status_code, found, [query["sql"].split()[0] for query in queries]))
            bodies.append(steps)
        self.assertEqual(bodies[0], bodies[1])
        self.assertEqual([step[0] for step in bodies[0]], [401] * 5 + [429])

    def test_the_person_is_told_once_an_hour(self) -> None:
        self.miss(5)
        (message,) = mailed("Sign-in to your account is slowed down")
        self.assertEqual(message.to, [EMAIL])
        self.assertIn(HOME, message.body)
        self.clock.wait(seconds=60)
        self.miss()
        self.assertEqual(len(mailed("Sign-in to your account is slowed down")), 1)
        self.clock.wait(hours=1)
        self.miss()
        self.assertEqual(len(mailed("Sign-in to your account is slowed down")), 2)
        self.assertEqual([event.detail["locked"] for event in told("session.refused")].count(True), 3)

    def test_of_an_address_nobody_has_no_mail_leaves(self) -> None:
        self.miss(5, email="nobody@example.com")
        self.assertEqual(mailed("Sign-in to your account is slowed down"), [])
        self.assertTrue(all(row.closed_at and not row.sent_at for row in PersonMail.objects.all()))


class ManyAddresses(LockoutTestCase):
    def test_strange_addresses_count_together(self) -> None:
        for number in range(5):
            self.miss(address=f"203.0.113.{number}")
        self.assertEqual(self.wait_of(self.log_in(address="203.0.113.99")), 60)

    def test_the_owner_gets_in_where_they_have_been_before(self) -> None:
        for number in range(5):
            self.miss(address=f"203.0.113.{number}")
        self.log_in_from(HOME)
        for number in range(20):
            self.clock.wait(minutes=16)
            self.miss(address=f"198.51.100.{number}")
            self.log_in_from(HOME)

    def test_and_from_anywhere_by_a_mailed_link(self) -> None:
        for number in range(5):
            self.miss(address=f"203.0.113.{number}")
        self.wait_of(self.log_in(address="198.51.100.1"))
        self.post("auth/password/forgot/", {"email": EMAIL})
        token = token_in(mailed("Set a new password")[0])
        body = {"token": token, "password": BETTER}
        self.assertEqual(self.post("auth/password/reset/", body, REMOTE_ADDR="198.51.100.1").status_code, 204)
        self.miss(3, address="203.0.113.50")
        self.miss(2, address="203.0.113.51")
        self.wait_of(self.log_in(BETTER, address="203.0.113.52"))
        self.assertEqual(self.log_in(BETTER, address="198.51.100.1").status_code, 200)

    def test_ipv6_addresses_of_one_network_are_one(self) -> None:
        for number in range(5):
            self.miss(email="nobody@example.com", address=f"2001:db8:1:2::{number}")
        self.assertEqual(place_of("2001:db8:1:2::99"), "2001:db8:1:2::/64")
        self.was_at("2001:db8:1:2::1")
        self.log_in_from("2001:db8:1:2:3:4:5:6")
        self.assertEqual((place_of("::ffff:203.0.113.7"), place_of("nonsense")), ("203.0.113.7", ""))


@override_settings(RATE_LIMITS=MANY | {"login_address": "8/15m"})
class ManyAccounts(LockoutTestCase):
    def test_an_address_that_tries_many_accounts_is_slowed_down(self) -> None:
        for number in range(8):
            self.miss(email=f"person{number}@example.com", address=STRANGE)
        self.assertEqual(self.wait_of(self.log_in(WRONG, "another@example.com", STRANGE)), 60)
        self.assertEqual(self.wait_of(self.log_in(address=STRANGE)), 60)
        self.log_in_from(HOME)
        self.assertEqual(mailed("Sign-in to your account is slowed down"), [])

    def test_success_takes_back_its_own_try_alone(self) -> None:
        for number in range(7):
            self.miss(email=f"person{number}@example.com", address=STRANGE)
            self.log_in_from(STRANGE)
        self.miss(email="person8@example.com", address=STRANGE)
        self.wait_of(self.log_in(address=STRANGE))


class OtherDoors(LockoutTestCase):
    def test_guessing_in_a_stolen_session_counts_as_well(self) -> None:
        for path, body in (
            ("auth/step-up/", {"password": WRONG}),
            ("auth/password/change/", {"old_password": WRONG, "new_password": BETTER}),
        ):
            cache.clear()
            for _ in range(5):
                self.assert_problem(self.post(path, body, self.fresh_session()), 401, "credentials_invalid")
            self.assertEqual(self.wait_of(self.post(path, body, self.fresh_session())), 60)
            self.assertEqual(self.wait_of(self.log_in()), 60)

    def test_codes_are_counted_per_account_over_many_challenges(self) -> None:
        make_two_factor(self.user)
        tries = 0
        for _ in range(2):
            challenge = self.challenge()
            for _ in range(5):
                self.assert_problem(self.answer(challenge, "000000"), 401, "two_factor_code_invalid")
                tries += 1
        self.assertEqual(tries, 10)
        answer = self.answer(self.challenge(), code_of(), REMOTE_ADDR=STRANGE)
        self.assertEqual(self.wait_of(answer), 60)
        self.assertEqual(len(mailed("Somebody gives wrong codes for your account")), 1)
        self.clock.wait(seconds=60)
        self.assertEqual(self.answer(self.challenge(), code_of()).status_code, 200)

    def test_a_shut_gate_does_not_use_the_code_up(self) -> None:
        make_two_factor(self.user)
        for _ in range(2):
            challenge = self.challenge()
            for _ in range(5):
                self.answer(challenge, "000000")
        with mock.patch.object(totp, "take") as taken:
            self.wait_of(self.answer(self.challenge(), code_of()))
        taken.assert_not_called()

    def test_a_mailed_link_opens_the_gate_of_codes(self) -> None:
        make_two_factor(self.user)
        for _ in range(2):
            challenge = self.challenge()
            for _ in range(5):
                self.answer(challenge, "000000")
        self.post("auth/password/forgot/", {"email": EMAIL})
        token = token_in(mailed("Set a new password")[0])
        self.post("auth/password/reset/", {"token": token, "password": BETTER})
        self.assertEqual(self.answer(self.challenge(password=BETTER), code_of()).status_code, 200)


class WithoutCounters(LockoutTestCase):
    @contextmanager
    def away(self) -> Iterator[None]:
        with override_settings(CACHES=AWAY | {"counters": AWAY["default"]}):
            yield

    def test_nobody_signs_in_and_nothing_is_checked(self) -> None:
        with self.away(), mock.patch.object(User, "check_password") as checked:
            for password in (PASSWORD, WRONG):
                answer = self.log_in(password)
                found = self.assert_problem(answer, 503, "sign_in_unavailable")
                self.assertEqual((answer["Retry-After"], found["retryable"]), ("5", True))
        checked.assert_not_called()
        self.assertEqual(told("session.refused"), [])

    def test_nor_with_a_code(self) -> None:
        make_two_factor(self.user)
        challenge = self.challenge()
        with self.away():
            self.assert_problem(self.answer(challenge, code_of()), 503, "sign_in_unavailable")
        self.assertEqual(self.answer(challenge, code_of()).status_code, 200)
        self.assertEqual(Challenge.objects.get().tries, 2)

    def test_other_limits_pass_and_sessions_go_on(self) -> None:
        with self.away():
            self.assertEqual(self.get("auth/profile/", self.fresh_session()).status_code, 200)
            self.assertEqual(self.post("auth/password/forgot/", {"email": EMAIL}).status_code, 202)
            self.assert_problem(
                self.post("auth/step-up/", {"password": PASSWORD}, self.fresh_session()), 503, "sign_in_unavailable"
            )


@override_settings(RATE_LIMITS=MANY)
class AtOnce(PeopleCalls, CommittingTestCase):
    def test_of_many_guesses_at_once_five_are_checked(self) -> None:
        with mock.patch.object(User, "check_password", return_value=False) as checked:
            codes = at_once(16, lambda _: self.guess())
        self.assertEqual((checked.call_count, codes.count(401), codes.count(429)), (5, 5, 11))

    def guess(self) -> int:
        body = {"email": EMAIL, "password": WRONG}
        return int(self.client_class().post("/api/v1/auth/login/", body, "application/json").status_code)
