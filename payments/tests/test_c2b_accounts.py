"""Account numbers that payers type: made, found, changed, closed."""

from typing import Any

from django.http import HttpResponse

from merchants.models import Role
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from payments.account_codes import is_gateway_code
from payments.models import C2bAccount
from payments.tests.base import next_key
from payments.tests.c2b import C2bTestCase


class AccountsTestCase(C2bTestCase):
    def add(self, headers: dict[str, str] | None = None, **body: Any) -> HttpResponse:
        return self.post("c2b/accounts/", {"name": "Amina Otieno"} | body, headers or self.headers)

    def added(self, headers: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
        answer = self.add(headers, **body)
        self.assertEqual(answer.status_code, 201, answer.content)
        found: dict[str, Any] = answer.json()
        return found


class Made(AccountsTestCase):
    def test_a_code_of_the_gateways_own(self) -> None:
        shown = self.added()
        self.assertTrue(is_gateway_code(shown["code"]))
        self.assertEqual(len(shown["code"]), 8)
        self.assertEqual(
            (shown["object"], shown["status"], shown["shortcode"], shown["livemode"]),
            ("c2b_account", "open", "600123", False),
        )

    def test_everything_that_can_be_said(self) -> None:
        body = {
            "code": "SHULE 01",
            "customer": "student-7",
            "phone": "0712345678",
            "expected_amount": "15000.00",
            "expires_at": "2030-01-01T00:00:00Z",
            "aliases": ["AMINA FORM 2"],
        }
        answer = self.add(**body)
        self.assertEqual(answer.status_code, 201, answer.content)
        shown = answer.json()
        self.assertEqual(answer["Location"], f"/api/v1/c2b/accounts/{shown['id']}/")
        self.assertEqual(shown | body | {"phone": "254712345678"}, shown | {"expires_at": body["expires_at"]})
        self.assertEqual(self.get(f"c2b/accounts/{shown['id']}/", self.headers).json(), shown)

    def test_a_code_that_is_in_use_or_looks_like_it(self) -> None:
        self.added(code="SHULE01")
        for code in ("SHULE01", "shule-o1", "SHULE 0I"):
            with self.subTest(code=code):
                self.assert_problem(self.add(code=code), 409, "state_conflict")
        self.assertEqual(C2bAccount.objects.count(), 1)

    def test_the_code_of_a_closed_account_stays_taken(self) -> None:
        shown = self.added(code="SHULE01")
        self.post(f"c2b/accounts/{shown['id']}/close/", {}, self.headers)
        self.assert_problem(self.add(code="SHULE01"), 409, "state_conflict")

    def test_a_code_that_is_a_payments_own(self) -> None:
        payment = self.start(payment_method="mpesa_c2b")
        self.assert_problem(self.add(code=payment.account_reference), 409, "state_conflict")

    def test_faults(self) -> None:
        for body, code in (
            ({"code": "A"}, "parameter_invalid"),
            ({"code": "-- --"}, "parameter_invalid"),
            ({"code": "A" * 21}, "parameter_invalid"),
            ({"name": ""}, "parameter_missing"),
            ({"expected_amount": "0"}, "amount_too_small"),
            ({"expected_amount": "1.234"}, "amount_invalid"),
            ({"phone": "123"}, "phone_invalid"),
            ({"aliases": ["x"]}, "parameter_invalid"),
            ({"amount": 5}, "unknown_parameter"),
        ):
            with self.subTest(body=body):
                self.assert_problem(self.add(**body), 400, code)
        self.assertFalse(C2bAccount.objects.exists())

    def test_one_key_one_account(self) -> None:
        headers = self.headers | {"Idempotency-Key": next_key()}
        first, again = self.add(headers), self.add(headers)
        self.assertEqual(first.content, again.content)
        self.assertEqual(again["Idempotent-Replayed"], "true")
        self.assertEqual(C2bAccount.objects.count(), 1)

    def test_merchants_of_the_platforms_shortcode_share_its_codes(self) -> None:
        mine, theirs = make_merchant("Mama Mboga"), make_merchant("Baba Nyama")
        keys = [key_headers(make_api_key(merchant)) for merchant in (mine, theirs)]
        self.assertEqual(self.added(keys[0], code="SHULE01")["shortcode"], "174379")
        refused = self.assert_problem(self.add(keys[1], code="SHULE01"), 409, "state_conflict")
        self.assertNotIn("Mama Mboga", str(refused))
        self.added(keys[1], code="KODI77")

    def test_no_text_means_two_accounts(self) -> None:
        """Else a stranger's alias would keep money from its owner."""
        keys = [key_headers(make_api_key(make_merchant(name))) for name in ("Mama Mboga", "Baba Nyama")]
        self.added(keys[0], code="SHULE01", aliases=["AMINA"])
        for body in ({"aliases": ["shule o1"]}, {"aliases": ["Amina"]}, {"code": "AMINA"}):
            with self.subTest(body=body):
                self.assert_problem(self.add(keys[1], **body), 409, "state_conflict")
        other = self.added(keys[1], code="KODI77")
        answer = self.patch(f"c2b/accounts/{other['id']}/", {"aliases": ["SHULE01"]}, keys[1])
        self.assert_problem(answer, 409, "state_conflict")
        self.added(code="SHULE01")

    def test_live_mode_without_a_shortcode(self) -> None:
        merchant = make_merchant(live_enabled=True)
        headers = key_headers(make_api_key(merchant, mode="live"))
        self.assert_problem(self.add(headers), 503, "provider_not_configured")


class Changed(AccountsTestCase):
    def change(self, account: dict[str, Any], **body: Any) -> HttpResponse:
        return self.patch(f"c2b/accounts/{account['id']}/", body, self.headers)

    def test_what_is_named_changes_and_the_rest_stays(self) -> None:
        account = self.added(code="SHULE01", customer="student-7", expected_amount="100")
        answer = self.change(account, name="Amina W.", expected_amount=None, aliases=["FORM 2"])
        self.assertEqual(answer.status_code, 200, answer.content)
        changed = {"name": "Amina W.", "expected_amount": None, "aliases": ["FORM 2"], "version": 2}
        self.assertEqual(answer.json(), account | changed)

    def test_a_new_alias_is_found(self) -> None:
        account = self.added(code="SHULE01")
        self.change(account, aliases=["BURSARY"])
        self.assert_credited(self.confirm(bill_ref="bursary"))

    def test_the_code_cannot_change(self) -> None:
        self.assert_problem(self.change(self.added(code="SHULE01"), code="SHULE02"), 400, "unknown_parameter")

    def test_closing_twice(self) -> None:
        account = self.added(code="SHULE01")
        for _ in range(2):
            answer = self.post(f"c2b/accounts/{account['id']}/close/", {}, self.headers)
            self.assertEqual(
                (answer.status_code, answer.json()["status"], answer.json()["version"]), (200, "closed", 2)
            )


class Listed(AccountsTestCase):
    def ids(self, query: str = "") -> list[str]:
        answer = self.get(f"c2b/accounts/{query}", self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        return [account["id"] for account in answer.json()["data"]]

    def test_newest_first_page_by_page(self) -> None:
        made = [self.added()["id"] for _ in range(5)]
        seen, cursor = [], ""
        while True:
            page = self.get(f"c2b/accounts/?limit=2{cursor}", self.headers).json()
            seen += [account["id"] for account in page["data"]]
            if not page["has_more"]:
                break
            cursor = f"&cursor={page['next_cursor']}"
        self.assertEqual(seen, made[::-1])

    def test_filters(self) -> None:
        first, second = self.added(code="SHULE01", customer="s-1"), self.added(code="KODI77", name="Plot 9")
        self.post(f"c2b/accounts/{second['id']}/close/", {}, self.headers)
        self.assertEqual(self.ids("?status=open"), [first["id"]])
        self.assertEqual(self.ids("?status=closed"), [second["id"]])
        self.assertEqual(self.ids("?code=shule-o1"), [first["id"]])
        self.assertEqual(self.ids("?customer=s-1"), [first["id"]])
        self.assertEqual(self.ids("?q=plot"), [second["id"]])
        self.assertEqual(self.ids("?q=kodi 77"), [second["id"]])

    def test_filters_that_are_none(self) -> None:
        for query in ("?colour=red", "?status=half", "?code=%00"):
            with self.subTest(query=query):
                self.assert_problem(self.get(f"c2b/accounts/{query}", self.headers), 400, "parameter_invalid")

    def test_a_cursor_of_another_list(self) -> None:
        for _ in range(3):
            self.added()
        cursor = self.get("c2b/accounts/?limit=1", self.headers).json()["next_cursor"]
        answer = self.get(f"c2b/accounts/?limit=1&status=open&cursor={cursor}", self.headers)
        self.assert_problem(answer, 400, "cursor_invalid")


class Rights(AccountsTestCase):
    def test_scopes(self) -> None:
        reads = key_headers(make_api_key(self.merchant, scopes=["c2b:read"]))
        writes = key_headers(make_api_key(self.merchant, scopes=["c2b:write"]))
        self.assert_problem(self.add(reads), 403, "insufficient_scope")
        self.assertEqual(self.add(writes).status_code, 201)
        self.assertEqual(self.get("c2b/accounts/", reads).status_code, 200)
        self.assert_problem(self.get("c2b/accounts/", writes), 403, "insufficient_scope")

    def test_roles(self) -> None:
        for role, status in ((Role.FINANCE, 201), (Role.SUPPORT, 201), (Role.VIEWER, 403), (Role.DEVELOPER, 403)):
            with self.subTest(role=role):
                headers = person_headers(make_member(self.merchant, role))
                self.assertEqual(self.add(headers).status_code, status)
