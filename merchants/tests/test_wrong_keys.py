"""Keys that nobody has are counted by address; whoever has a right one works on from there."""

from django.conf import settings
from django.test import override_settings

from merchants.services.key_format import new_key
from merchants.tests.base import AWAY, ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers

FEW = settings.RATE_LIMITS | {"auth": "3/1m"}
HOME, ELSEWHERE = "203.0.113.7", "198.51.100.4"


def guess() -> dict[str, str]:
    """Well formed, and nobody's."""
    return key_headers(new_key("secret", "test"))


@override_settings(RATE_LIMITS=FEW)
class Guessing(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.key = key_headers(make_api_key(self.merchant))

    def ask(self, headers: dict[str, str], address: str = HOME):  # type: ignore[no-untyped-def]
        return self.get("merchant/", headers, REMOTE_ADDR=address)

    def use_up(self) -> None:
        for left in (2, 1, 0):
            answer = self.ask(guess())
            self.assert_problem(answer, 401, "api_key_invalid")
            self.assertIn('"auth";q=3;w=60', answer["RateLimit-Policy"])
            self.assertEqual(answer["X-RateLimit-Remaining"], str(left))

    def test_of_an_address_so_many_and_then_none_is_looked_at(self) -> None:
        self.use_up()
        for headers in (guess(), key_headers("sk_test_made-up"), {"Authorization": "Basic bm9ib2R5Og=="}):
            answer = self.ask(headers)
            self.assert_problem(answer, 429, "rate_limited")
            self.assertGreater(int(answer["Retry-After"]), 0)

    def test_a_right_key_from_there_goes_on_working(self) -> None:
        self.use_up()
        for _ in range(5):
            answer = self.ask(self.key)
            self.assertEqual(answer.status_code, 200, answer.content)
            self.assertNotIn('"auth"', answer["RateLimit-Policy"])
        self.assertEqual(self.ask(person_headers(make_member(self.merchant))).status_code, 200)
        self.assert_problem(self.ask(guess()), 429, "rate_limited")

    def test_right_keys_are_not_counted_and_other_addresses_are_their_own(self) -> None:
        for _ in range(6):
            self.assertEqual(self.ask(self.key).status_code, 200)
        self.use_up()
        self.assert_problem(self.ask(guess(), ELSEWHERE), 401, "api_key_invalid")

    def test_nobody_is_kept_from_signing_in_by_them(self) -> None:
        self.use_up()
        body = {"email": "nobody@example.com", "password": "some password here"}
        answer = self.post("auth/login/", body, REMOTE_ADDR=HOME)
        self.assert_problem(answer, 401, "credentials_invalid")

    @override_settings(CACHES=AWAY)
    def test_without_the_counters_they_are_refused_as_before(self) -> None:
        for _ in range(5):
            self.assert_problem(self.ask(guess()), 401, "api_key_invalid")
        self.assertEqual(self.ask(self.key).status_code, 200)
