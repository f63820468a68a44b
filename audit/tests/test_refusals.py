"""Who was not allowed is written down: once in a while, beside the refused work, and never at its expense."""

from unittest import mock

from django.test import override_settings

from audit.models import AuditEvent
from audit.services.refusals import ACTION, note_refusal
from merchants.models import Role
from merchants.services.key_use import keep_requests
from merchants.tests.base import AWAY, ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay import settings as product
from onpoint_pay.kit.ids import new_id


def refusals() -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=ACTION).order_by("seq"))


class Refused(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        self.headers = key_headers(make_api_key(self.merchant, scopes=["payments:read"]))

    def test_a_scope_that_is_missing(self) -> None:
        self.assert_problem(self.get("refunds/", self.headers), 403, "insufficient_scope")
        (link,) = refusals()
        self.assertEqual(link.stream, f"m{self.merchant.id}")
        self.assertRegex(link.actor, "^key_")
        wanted = {
            "code": "insufficient_scope",
            "place": "GET refunds",
            "mode": "test",
            "required_scope": "refunds:read",
        }
        self.assertEqual(link.told, wanted)
        self.assertRegex(link.detail["origin"]["request"], "^req_")

    def test_a_person_whose_role_may_not(self) -> None:
        headers = person_headers(make_member(self.merchant, Role.VIEWER))
        self.assert_problem(self.get("audit/records/", headers), 403, "insufficient_scope")
        self.assertRegex(refusals()[0].actor, "^usr_")

    def test_an_address_that_may_not(self) -> None:
        headers = key_headers(make_api_key(self.merchant, allowed_ips=["203.0.113.0/24"]))
        self.assert_problem(self.get("payments/", headers), 403, "ip_not_allowed")
        self.assertEqual([link.told["code"] for link in refusals()], ["ip_not_allowed"])

    def test_the_same_again_adds_nothing(self) -> None:
        for _ in range(20):
            self.assert_problem(self.get("refunds/", self.headers), 403, "insufficient_scope")
        self.assert_problem(self.get("balance/", self.headers), 403, "insufficient_scope")
        self.assertEqual([link.told["place"] for link in refusals()], ["GET refunds", "GET balance"])

    def test_a_flood_of_different_ones_ends(self) -> None:
        with override_settings(RATE_LIMITS=product.RATE_LIMITS | {"audit_refusals": "5/1h"}):
            for number in range(12):
                note_refusal(merchant_id=self.merchant.id, actor=f"key_{number}", code="insufficient_scope")
            note_refusal(merchant_id=new_id(), actor="key_1", code="insufficient_scope")
        self.assertEqual(len([link for link in refusals() if link.stream == f"m{self.merchant.id}"]), 5)
        self.assertEqual(len(refusals()), 6)

    def test_without_the_cache_it_is_answered_all_the_same(self) -> None:
        with override_settings(CACHES=AWAY | {"counters": AWAY["default"]}):
            self.assert_problem(self.get("refunds/", self.headers), 403, "insufficient_scope")
        self.assertEqual(refusals(), [])

    def test_what_was_allowed_or_unknown_is_none(self) -> None:
        self.assertEqual(self.get("payments/", self.headers).status_code, 200)
        self.assert_problem(self.get("payments/", key_headers("sk_test_x")), 401, "api_key_invalid")
        self.assert_problem(self.get(f"payments/pay_{'0' * 26}/", self.headers), 404, "payment_not_found")
        self.assertEqual(refusals(), [])

    def test_a_table_that_is_busy_does_not_change_the_answer(self) -> None:
        from django.db import OperationalError

        with mock.patch("audit.services.refusals.record", side_effect=OperationalError):
            self.assert_problem(self.get("refunds/", self.headers), 403, "insufficient_scope")
        self.assertEqual(refusals(), [])


class FirstUse(ApiTestCase):
    def test_a_keys_first_use_is_told_once(self) -> None:
        merchant = make_merchant()
        headers = key_headers(make_api_key(merchant))
        for _ in range(3):
            self.assertEqual(self.get("payments/", headers).status_code, 200)
            keep_requests()
        (link,) = AuditEvent.objects.filter(action="api_key.first_used")
        self.assertEqual((link.stream, link.actor), (f"m{merchant.id}", link.object))
