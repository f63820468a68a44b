"""The pages behind mailed links: they run their own file alone, learn no token, and hand it to a door that is there."""

from django.conf import settings
from django.test import override_settings
from django.urls import resolve

from merchants.services.people_mail import PAGES
from merchants.tests.base import ApiTestCase
from merchants.tests.people import TOKEN, PeopleCalls, mailed
from onpoint_pay.mailed_links import DEEDS
from onpoint_pay.tests.test_response_headers import HeadersTestCase, Page

STYLE, SCRIPT = "/static/onpoint_pay/pages.css", "/static/onpoint_pay/mailed-link.js"


class Pages(HeadersTestCase):
    def test_each_is_guarded_and_runs_its_own_file_alone(self) -> None:
        for name in DEEDS:
            with self.subTest(page=name):
                answer = self.client.get(f"/account/{name}")
                self.assertEqual(answer.status_code, 200)
                page = Page(answer.content.decode())
                self.assertEqual((page.inline, page.fetched), ([], [STYLE, SCRIPT]))
                self.assert_guarded(answer, f"/account/{name}")
                self.assertEqual(answer["Referrer-Policy"], "no-referrer")
                self.assertEqual(answer["Cache-Control"], "no-store")
                policy = answer["Content-Security-Policy"]
                self.assertIn("script-src 'self'; connect-src 'self'; form-action 'none'", policy)
                self.assertNotIn("unsafe", policy)
        self.assertEqual(self.client.get(SCRIPT).status_code, 200)

    def test_they_send_the_token_to_a_door_that_is_there(self) -> None:
        for deed in DEEDS.values():
            self.assertEqual(set(resolve(deed.sends_to).func.actions), {"post"})
            answer = self.client.post(deed.sends_to, {"token": "made-up", "password": "x" * 12}, "application/json")
            self.assert_problem(answer, 410, "link_expired")

    def test_nothing_of_the_address_gets_into_them(self) -> None:
        plain = self.client.get("/account/verify-email").content
        for query in ("?code=abc", '?"><script>alert(1)</script>'):
            self.assertEqual(self.client.get(f"/account/verify-email{query}").content, plain)

    def test_others_are_not_there(self) -> None:
        for name in ("nonsense", "password", "../static", "verify-email/"):
            self.assertEqual(self.client.get(f"/account/{name}").status_code, 404)
        self.assertEqual(self.client.post("/account/verify-email").status_code, 405)


class Links(PeopleCalls, ApiTestCase):
    def test_every_mailed_link_leads_to_a_page(self) -> None:
        self.assertLessEqual({*PAGES.values(), "invitation"}, DEEDS.keys())
        self.assertEqual(settings.DASHBOARD_URL, f"{settings.BASE_URL}/account")
        self.post("auth/password/forgot/", {"email": self.user.email})
        body = str(mailed("Set a new password")[0].body)
        link = next(line for line in body.splitlines() if "://" in line)
        where, _, behind = link.partition("#")
        self.assertEqual(where, f"{settings.BASE_URL}/account/password/reset")
        self.assertRegex(behind, f"^code={TOKEN.pattern}$")
        self.assertEqual(self.client.get(where.removeprefix(settings.BASE_URL)).status_code, 200)

    @override_settings(DASHBOARD_URL="https://dashboard.example.com")
    def test_or_to_the_pages_of_the_operators_own(self) -> None:
        self.post("auth/password/forgot/", {"email": self.user.email})
        self.assertIn("https://dashboard.example.com/password/reset#code=", str(mailed("Set a new password")[0].body))
