"""The headers of every answer: each path of the URL map, refusals, crashes, files, pages and cookies."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import URLPattern, URLResolver, get_resolver, include, path

from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay import urls
from onpoint_pay.response_headers import ALWAYS, NOTHING, RULES, rule_for

METHODS = ("get", "post", "patch", "delete", "options", "head", "put")


def crash(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def loose(request: HttpRequest) -> HttpResponse:
    """A view that would have it easier."""
    answer = HttpResponse("x", headers={"Content-Security-Policy": "default-src *", "X-Frame-Options": "SAMEORIGIN"})
    answer.set_cookie("plain", "1")
    answer.set_cookie("guarded", "1", httponly=True, samesite="Strict", secure=True)
    return answer


urlpatterns = [path("api/v1/crash/", crash), path("api/v1/loose/", loose), path("", include(urls.urlpatterns))]
handler400, handler404, handler500 = urls.handler400, urls.handler404, urls.handler500


def addresses(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Every path of the URL map, with something in each gap."""
    for pattern in patterns:
        there = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from addresses(pattern.url_patterns, there)
        else:
            yield re.sub(r"<[^>]*>", "x", there)


class Page(HTMLParser):
    """What a browser would fetch or run for a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.inline: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.fetched += [given[name] or "" for name in ("src", "href") if tag in ("script", "link") and name in given]
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)


class HeadersTestCase(ApiTestCase):
    def assert_guarded(self, answer: HttpResponse, where: str) -> None:
        """Everything that holds everywhere, and the rule of this path."""
        for name, value in ALWAYS.items():
            self.assertEqual(answer.get(name), value, f"{name} of {where}")
        policy = answer["Content-Security-Policy"]
        self.assertEqual(policy, rule_for(where if where.endswith("/") else f"{where}/").policy, where)
        self.assertTrue(policy.startswith(NOTHING), where)
        self.assertIn(answer["Referrer-Policy"], ("no-referrer", "same-origin"))
        self.assertNotIn("Access-Control-Allow-Origin", answer)
        self.assertFalse(answer.cookies, where)


class EveryAddress(HeadersTestCase):
    def test_of_the_url_map_for_every_method_with_a_key_and_without(self) -> None:
        headers = key_headers(make_api_key(make_merchant()))
        # The operators' pages have cookies, and a walk of their own in tests/test_operators_walk.py.
        where = sorted({each for each in addresses(get_resolver().url_patterns) if not each.startswith("/operators/")})
        self.assertGreater(len(where), 80)
        with override_settings(RATE_LIMITS={**settings.RATE_LIMITS, "api": "9999/1m", "auth": "9999/1m"}):
            for address in where:
                for method in METHODS:
                    for sent in (headers, {}) if method == "get" else (headers,):
                        answer = self.ask(method, address, sent)
                        self.assert_guarded(answer, address)
                        if not address.startswith("/docs/errors/"):
                            self.assertIn("no-store", answer["Cache-Control"], address)

    def ask(self, method: str, address: str, headers: dict[str, str]) -> HttpResponse:
        return self.client.generic(method.upper(), address, b"{}", "application/json", headers=headers)

    def test_without_its_slash_too(self) -> None:
        for address in ("/api/v1/docs", "/api/v1/merchant", "/api/v1/health/live"):
            self.assert_guarded(self.client.get(address), address)

    @override_settings(ROOT_URLCONF=__name__)
    def test_that_is_refused_early_or_crashes(self) -> None:
        answers = {
            "/api/v1/crash/": self.client.get("/api/v1/crash/"),
            "/": self.client.get("/"),
            "/nowhere": self.client.get("/nowhere"),
            "/api/v1/merchant/": self.client.get("/api/v1/merchant/", headers={"Host": "evil.example"}),
            "/api/v1/payments/": self.client.get("/api/v1/payments/?api_key=x"),
            "/api/v1/auth/login/": self.client.post("/api/v1/auth/login/", b"x" * 300_000, "application/json"),
        }
        self.assertEqual([answer.status_code for answer in answers.values()], [500, 404, 404, 400, 401, 413])
        for where, answer in answers.items():
            self.assert_guarded(answer, where)
            self.assertEqual(answer["Cache-Control"], "no-store", where)

    @override_settings(ROOT_URLCONF=__name__)
    def test_that_would_loosen_them(self) -> None:
        answer = self.client.get("/api/v1/loose/")
        self.assertEqual((answer["Content-Security-Policy"], answer["X-Frame-Options"]), (NOTHING, "DENY"))


class Https(HeadersTestCase):
    @override_settings(SECURE_HSTS_SECONDS=31_536_000)
    def test_it_stays_https_once_it_was(self) -> None:
        for address in ("/api/v1/health/live/", "/nowhere", "/static/onpoint_pay/pages.css"):
            answer = self.client.get(address, secure=True)
            self.assertEqual(answer["Strict-Transport-Security"], "max-age=31536000", address)
            self.assertNotIn("Strict-Transport-Security", self.client.get(address))
        too_large = self.client.post("/api/v1/auth/login/", b"x" * 300_000, "application/json", secure=True)
        self.assertEqual(too_large["Strict-Transport-Security"], "max-age=31536000")

    @override_settings(ROOT_URLCONF=__name__)
    def test_cookies(self) -> None:
        for has_https in (True, False):
            with override_settings(HAS_HTTPS=has_https):
                cookies = self.client.get("/api/v1/loose/").cookies
            plain, guarded = cookies["plain"], cookies["guarded"]
            self.assertEqual((plain["httponly"], plain["samesite"], bool(plain["secure"])), (True, "Lax", has_https))
            self.assertEqual((guarded["samesite"], guarded["secure"]), ("Strict", True))


class Pages(HeadersTestCase):
    def page(self, address: str) -> tuple[Page, HttpResponse]:
        answer = self.client.get(address)
        self.assertEqual(answer.status_code, 200)
        return Page(answer.content.decode()), answer

    def test_the_reference_runs_nothing_but_its_own_files(self) -> None:
        page, answer = self.page("/api/v1/docs/")
        self.assertEqual(page.inline, [])
        self.assertEqual(len(page.fetched), 6)
        self.assertIn("script-src 'self'", answer["Content-Security-Policy"])
        for address in page.fetched:
            found = self.client.get(address)
            self.assertEqual(found.status_code, 200, address)
            self.assert_guarded(found, address.partition("?")[0])
        script = self.client.get(page.fetched[-1])
        self.assertEqual(script["Content-Type"], "application/javascript")
        self.assertIn(b"/api/v1/schema/", script.content)

    def test_nothing_in_the_address_gets_into_the_page(self) -> None:
        for query in ('?lang="><script>alert(1)</script>', "?script=</script><script>alert(1)", "?x='-alert(1)-'"):
            answer = self.client.get(f"/api/v1/docs/{query}")
            self.assertNotIn(b"<script>alert", answer.content)
            self.assertNotIn("unsafe", answer["Content-Security-Policy"])

    def test_the_page_of_an_error(self) -> None:
        page, answer = self.page("/docs/errors/amount_invalid")
        self.assertEqual((page.inline, page.fetched), ([], ["/static/onpoint_pay/pages.css"]))
        self.assertEqual(answer["Cache-Control"], "public, max-age=3600")
        self.assertEqual(self.client.get("/docs/errors/nonsense")["Cache-Control"], "no-store")

    def test_files_keep_their_own_caching(self) -> None:
        answer: Any = self.client.get("/static/onpoint_pay/pages.css")
        self.assert_guarded(answer, "/static/onpoint_pay/pages.css")
        self.assertIn("max-age", answer["Cache-Control"])


class TheTable(HeadersTestCase):
    def test_rules(self) -> None:
        self.assertEqual(RULES[-1].prefix, "/")
        for rule in RULES:
            self.assertTrue(rule.policy.startswith("default-src 'none'; frame-ancestors 'none'"), rule.prefix)
            # Scripts written into a page are refused everywhere: with them falls most of what a policy is for.
            scripts = next((part for part in rule.policy.split("; ") if part.startswith("script-src")), "")
            self.assertNotIn("unsafe-inline", scripts)
            self.assertNotIn("*", rule.policy)
            self.assertNotIn("http", rule.policy)
        self.assertEqual(rule_for("/api/v1/docs/").prefix, "/api/v1/docs/")
        self.assertEqual(rule_for("/api/v1/payments/").prefix, "/api/")
        self.assertEqual(rule_for("/operators/login/").prefix, "/operators/")
        self.assertEqual(rule_for("/elsewhere").prefix, "/")
