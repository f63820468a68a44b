"""Closed by default, one scope per action, and the roles of the contract."""

from django.test import RequestFactory
from django.urls import path
from rest_framework.request import Request
from rest_framework.views import APIView

from merchants.models import Role
from merchants.permissions import ALL_SCOPES, PERSONAL_SCOPES, ROLE_SCOPES, SESSION, HasRequiredScope, scopes_of_role
from merchants.services.api_keys import DEFAULT_SCOPES
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.api import ApiViewSet, json_answer
from onpoint_pay.kit.errors import Problem


class OpenNowhere(ApiViewSet):
    """A view somebody forgot to name scopes for."""

    def list(self, request: Request) -> object:
        return json_answer({"reached": True})


class Forgotten(APIView):
    """A plain view with neither scopes nor actions."""

    def get(self, request: Request) -> object:
        return json_answer({"reached": True})


urlpatterns = [
    path("api/v1/forgotten/", OpenNowhere.as_view({"get": "list"})),
    path("api/v1/plain/", Forgotten.as_view()),
]


class DefaultDenyTests(ApiTestCase):
    def test_a_view_without_scopes_refuses_everybody(self) -> None:
        merchant = make_merchant()
        owner = person_headers(make_member(merchant))
        key = key_headers(make_api_key(merchant, scopes=sorted(ALL_SCOPES)))
        with self.settings(ROOT_URLCONF=__name__):
            for address in ("forgotten/", "plain/"):
                for headers in (owner, key):
                    found = self.assert_problem(self.get(address, headers), 403, "insufficient_scope")
                    self.assertIsNone(found["required_scope"])
                self.assert_problem(self.get(address), 401, "authentication_required")

    def test_a_missing_scope_is_named(self) -> None:
        headers = key_headers(make_api_key(make_merchant(), scopes=["events:read"], kind="restricted"))
        found = self.assert_problem(self.get("merchant/", headers), 403, "insufficient_scope")
        self.assertEqual(found["required_scope"], "payments:read")

    def test_a_wrong_method_is_no_question_of_rights(self) -> None:
        headers = key_headers(make_api_key(make_merchant(), scopes=["events:read"]))
        self.assert_problem(self.post("merchant/", headers=headers), 405, "method_not_allowed")
        self.assert_problem(self.client.options("/api/v1/merchant/", headers=headers), 403, "insufficient_scope")

    def test_something_else_than_a_caller_is_nobody(self) -> None:
        request = Request(RequestFactory().get("/"), authenticators=[])
        with self.assertRaisesMessage(Problem, "authentication_required"):
            HasRequiredScope().has_permission(request, OpenNowhere())

    def test_no_key_reaches_an_account(self) -> None:
        headers = key_headers(make_api_key(make_merchant(), scopes=sorted(ALL_SCOPES)))
        for call in (
            self.get("auth/profile/", headers),
            self.patch("auth/profile/", {"first_name": "Mallory"}, headers),
            self.post("auth/logout-all/", headers=headers),
        ):
            self.assert_problem(call, 403, "insufficient_scope")


class RoleTests(ApiTestCase):
    def test_every_role_has_its_row_and_nothing_unknown(self) -> None:
        self.assertEqual(set(ROLE_SCOPES), set(Role.values))
        self.assertLessEqual(set().union(*ROLE_SCOPES.values()), ALL_SCOPES)
        self.assertFalse(set().union(*PERSONAL_SCOPES.values()) & ALL_SCOPES)
        self.assertEqual(scopes_of_role("intruder", "test"), {SESSION})

    def test_the_table_of_the_contract(self) -> None:
        owner, admin, finance, developer, support, viewer = Role.values
        everyone = set(Role.values)
        for scope, roles in {
            "payments:read": everyone,
            "customers:read": everyone,
            "events:read": everyone,
            "payments:write": {owner, admin, finance, support},
            "links:write": {owner, admin, finance, support},
            "invoices:write": {owner, admin, finance, support},
            "refunds:write": {owner, admin, finance, support},
            "refunds:approve": {owner, admin, finance},
            "payouts:write": {owner, admin, finance},
            "payouts:approve": {owner, admin},
            "c2b:write": {owner, admin, finance, support},
            "settlements:read": {owner, admin, finance},
            "exports:write": {owner, admin, finance},
            "ledger:read": {owner, admin, finance},
            "keys:write": {owner, admin, developer},
            "webhooks:write": {owner, admin, developer},
            "audit:read": {owner, admin, finance},
            "accounts:write": {owner, admin},
            "team:write": {owner, admin},
            "limits:write": {owner, admin},
            "statements:write": {owner, admin, finance},
        }.items():
            with self.subTest(scope):
                self.assertEqual({role for role in Role.values if scope in scopes_of_role(role, "live")}, roles)

    def test_a_developer_starts_payments_in_test_mode_only(self) -> None:
        self.assertIn("payments:write", scopes_of_role("developer", "test"))
        self.assertNotIn("payments:write", scopes_of_role("developer", "live"))
        self.assertNotIn("payments:write", scopes_of_role("viewer", "test"))

    def test_the_usual_scopes_of_a_key(self) -> None:
        self.assertEqual(ALL_SCOPES - DEFAULT_SCOPES, {"payouts:approve", "refunds:approve", "keys:write"})
