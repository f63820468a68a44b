"""Forged forwarding headers against what depends on the address or the scheme: lists, limits, lock-out, https, links."""

from ipaddress import ip_network
from pathlib import Path
from runpy import run_path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import SimpleTestCase, override_settings
from django.urls import path
from gunicorn.config import Config
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant
from onpoint_pay import gunicorn_conf
from payments.models import ProviderEvent

PROXY = override_settings(TRUSTED_PROXIES=[ip_network("10.0.0.0/8")])
STRANGER, BEHIND_PROXY, FRIEND = "203.0.113.9", "10.1.2.3", "198.51.100.1"
FORGED = {
    "X-Forwarded-For": FRIEND,
    "X-Real-IP": FRIEND,
    "Forwarded": f"for={FRIEND};proto=https;host=pay.example.com",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "443",
    "X-Client-IP": FRIEND,
    "CF-Connecting-IP": FRIEND,
    "True-Client-IP": FRIEND,
}
LIMITS = {**settings.RATE_LIMITS, "auth": "3/1m"}


def whoami(request: HttpRequest) -> HttpResponse:
    seen = (request.META["REMOTE_ADDR"], str(request.is_secure()), request.get_host(), request.build_absolute_uri())
    return HttpResponse("\n".join(seen))


urlpatterns = [path("api/v1/whoami/", whoami)]


@override_settings(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["pay.example.com"])
class WhatViewsSee(ApiTestCase):
    def seen(self, peer: str, headers: dict[str, str], **extra: Any) -> list[str]:
        headers = {"Host": "pay.example.com"} | headers
        return self.get("whoami/", headers, REMOTE_ADDR=peer, **extra).content.decode().splitlines()

    def test_an_untrusted_peer_is_believed_nothing(self) -> None:
        plain = self.seen(STRANGER, {})
        self.assertEqual(plain, [STRANGER, "False", "pay.example.com", "http://pay.example.com/api/v1/whoami/"])
        self.assertEqual(self.seen(STRANGER, FORGED), plain)
        with PROXY:
            self.assertEqual(self.seen(STRANGER, FORGED), plain)

    @PROXY
    def test_a_trusted_proxy_is_believed_the_address_and_the_scheme_and_no_host(self) -> None:
        secure = [FRIEND, "True", "pay.example.com", "https://pay.example.com/api/v1/whoami/"]
        self.assertEqual(self.seen(BEHIND_PROXY, FORGED), secure)

    @PROXY
    def test_the_other_headers_count_for_nothing_behind_the_proxy_either(self) -> None:
        headers = {
            name: value for name, value in FORGED.items() if name not in ("X-Forwarded-For", "X-Forwarded-Proto")
        }
        self.assertEqual(self.seen(BEHIND_PROXY, headers)[:2], [BEHIND_PROXY, "False"])

    @PROXY
    def test_our_own_note_of_the_scheme_cannot_be_sent(self) -> None:
        for name in ("onpoint.scheme", "onpoint-scheme", "Onpoint.Scheme"):
            self.assertEqual(self.seen(STRANGER, {name: "https"})[1], "False")

    def test_where_python_itself_serves_https_it_is_https(self) -> None:
        self.assertEqual(self.seen(STRANGER, {"X-Forwarded-Proto": "http"}, secure=True)[1], "True")


class Lists(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)
        self.headers = key_headers(make_api_key(self.merchant, allowed_ips=[FRIEND]))

    def test_a_forged_address_is_on_no_list(self) -> None:
        for trusted in ([], [ip_network("10.0.0.0/8")]):
            with override_settings(TRUSTED_PROXIES=trusted):
                answer = self.get("merchant/", self.headers | FORGED, REMOTE_ADDR=STRANGER)
                self.assert_problem(answer, 403, "ip_not_allowed")

    @PROXY
    def test_nor_is_one_the_client_sent_through_the_proxy(self) -> None:
        headers = self.headers | {"X-Forwarded-For": f"{FRIEND}, {STRANGER}"}
        self.assert_problem(self.get("merchant/", headers, REMOTE_ADDR=BEHIND_PROXY), 403, "ip_not_allowed")
        headers = self.headers | {"X-Forwarded-For": f"{STRANGER}, {FRIEND}"}
        self.assertEqual(self.get("merchant/", headers, REMOTE_ADDR=BEHIND_PROXY).status_code, 200)

    @override_settings(BASE_URL="https://pay.example.com", TRUSTED_PROXIES=[ip_network("10.0.0.0/8")])
    def test_a_live_key_over_http_is_refused_whatever_the_peer_claims(self) -> None:
        live = key_headers(make_api_key(self.merchant, mode="live"))
        refused = self.get("merchant/", live | FORGED, REMOTE_ADDR=STRANGER)
        self.assert_problem(refused, 403, "https_required")
        self.assertEqual(self.get("merchant/", live | FORGED, REMOTE_ADDR=BEHIND_PROXY).status_code, 200)

    @override_settings(CALLBACK_ADDRESSES=[FRIEND], STRANGE_CALLBACKS_PER_MINUTE=2)
    def test_a_forged_provider_is_counted_as_the_stranger_it_is(self) -> None:
        codes = []
        for number in range(4):
            body = b'{"number": %d}' % number
            answer = self.client.post(
                "/api/v1/payments/mpesa/callback/", body, "application/json", headers=FORGED, REMOTE_ADDR=STRANGER
            )
            codes.append(answer.status_code)
        self.assertEqual(codes[-1], 429, codes)
        self.assertEqual(set(ProviderEvent.objects.values_list("source_ip", flat=True)), {STRANGER})


@override_settings(RATE_LIMITS=LIMITS)
class Limits(ApiTestCase):
    def sign_in(self, peer: str, number: int, forwarded: str) -> int:
        body = {"email": f"nobody{number}@example.com", "password": "guess"}
        headers = {"X-Forwarded-For": forwarded, "X-Real-IP": forwarded}
        return self.post("auth/login/", body, headers, REMOTE_ADDR=peer).status_code

    def test_new_addresses_in_a_header_buy_no_new_tries(self) -> None:
        codes = [self.sign_in(STRANGER, number, f"198.51.100.{number}") for number in range(5)]
        self.assertEqual(codes, [401, 401, 401, 429, 429])

    @PROXY
    def test_nor_do_they_behind_the_proxy(self) -> None:
        codes = [self.sign_in(BEHIND_PROXY, number, f"198.51.100.{number}, {STRANGER}") for number in range(5)]
        self.assertEqual(codes, [401, 401, 401, 429, 429])
        self.assertEqual(self.sign_in(BEHIND_PROXY, 9, FRIEND), 401)

    def test_nor_do_the_many_addresses_of_one_home(self) -> None:
        codes = [self.sign_in(f"2001:db8:1:2::{number + 1:x}", number, FRIEND) for number in range(5)]
        self.assertEqual(codes, [401, 401, 401, 429, 429])
        self.assertEqual(self.sign_in("2001:db8:1:3::1", 9, FRIEND), 401)

    @override_settings(RATE_LIMITS={**settings.RATE_LIMITS, "auth": "100/1m", "login": "3/15m"})
    def test_an_account_stays_locked_from_every_address(self) -> None:
        person = make_member(make_merchant())
        for number in range(3):
            body = {"email": person.email, "password": "guess"}
            self.post("auth/login/", body, FORGED, REMOTE_ADDR=f"203.0.113.{number}")
        answer = self.post(
            "auth/login/", {"email": person.email, "password": "guess"}, {"X-Forwarded-For": FRIEND}, REMOTE_ADDR=FRIEND
        )
        self.assert_problem(answer, 429, "rate_limited")


class TheServer(SimpleTestCase):
    def read(self, peer: Any) -> Request:
        """What gunicorn makes of a forged request, under our own configuration."""
        config = Config()
        ours = run_path(str(Path(gunicorn_conf.__file__)))
        for name in config.settings:
            if name in ours:
                config.set(name, ours[name])
        raw = (
            b"GET /x HTTP/1.1\r\nHost: pay.example.com\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Ssl: on\r\n"
            b"X-Forwarded-Protocol: ssl\r\nSCRIPT_NAME: /x\r\nPATH_INFO: /y\r\nREMOTE_ADDR: 10.0.0.1\r\n\r\n"
        )
        return Request(config, IterUnreader(iter([raw])), peer)

    def test_it_believes_nobody_about_scheme_and_path_not_even_this_machine(self) -> None:
        for peer in (("127.0.0.1", 4711), ("::1", 4711), ("203.0.113.9", 4711), "/run/onpoint.sock"):
            with self.subTest(peer=peer):
                request = self.read(peer)
                self.assertEqual(request.scheme, "http")
                names = {name for name, _ in request.headers}
                self.assertFalse(names & {"SCRIPT_NAME", "PATH_INFO", "REMOTE_ADDR"}, names)
