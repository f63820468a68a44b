"""Limits over HTTP: who sees them, who changes them, what is refused, and who hears of it."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import MerchantLimits
from merchants.services.limits import allow
from merchants.tests.factories import key_headers, make_api_key, make_limits, make_member, make_merchant, person_headers
from onpoint_pay.kit.caller import LIVE, TEST
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from payments.tests.base import PaymentTestCase, next_key
from payments.tests.factories import make_payment
from webhooks.models import Event

PATH = "merchant/limits/"
NONE = {"limit": None, "own": None, "cap": None}


class LimitsTestCase(PaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.owner = make_member(self.merchant)
        self.person = person_headers(self.owner)

    def show(self, headers: dict[str, str] | None = None) -> dict[str, Any]:
        answer = self.get(PATH, headers or self.person)
        self.assertEqual(answer.status_code, 200, answer.content)
        return dict(answer.json())

    def change(self, body: Any, **headers: str) -> HttpResponse:
        return self.patch(PATH, body, self.person | headers)

    def assert_nothing_changed(self) -> None:
        self.assertFalse(MerchantLimits.objects.exists())
        self.assertFalse(Event.objects.filter(type="merchant.limits_changed").exists())
        self.assertFalse(AuditEvent.objects.filter(action="merchant.limits_changed").exists())


class Shown(LimitsTestCase):
    def test_without_any(self) -> None:
        found = self.show()
        self.assertEqual(found["largest"], {"limit": "250000.00", "own": None, "cap": "250000.00"})
        self.assertEqual(found["per_day"], NONE | {"used": None, "left": None, "opens_at": None})
        self.assertEqual((found["per_payer_day"], found["payments_per_payer_day"]), (NONE, NONE))
        self.assertEqual((found["version"], found["livemode"], found["object"]), (1, False, "limits"))
        self.assertEqual(found["refunds"], {"approval_above": None})
        self.assertEqual(found["payouts"]["largest"], "1000000.00")
        self.assertEqual(found["rates"][0], {"policy": "api", "quota": 600, "window": 60, "is_usual": True})
        self.assertFalse(MerchantLimits.objects.exists())

    def test_what_is_used_and_left(self) -> None:
        make_payment(self.merchant, status="completed", amount=200)
        make_payment(self.merchant, status="pending", amount=100)
        make_payment(self.merchant, status="failed", amount=500)
        make_payment(self.merchant, mode=LIVE, amount=500)
        make_payment(make_merchant(), amount=500)
        make_limits(self.merchant, own_per_day=1000_00, cap_per_day=5000_00, cap_per_month=250_00)
        found = self.show()
        day = found["per_day"]
        self.assertEqual((day["limit"], day["own"], day["cap"]), ("1000.00", "1000.00", "5000.00"))
        self.assertEqual((day["used"], day["left"]), ("300.00", "700.00"))
        # It was set when more had been taken already.
        self.assertEqual((found["per_month"]["used"], found["per_month"]["left"]), ("300.00", "0.00"))

    def test_everybody_who_may_read_the_merchant(self) -> None:
        for role in ("viewer", "support", "developer", "finance", "admin"):
            self.show(person_headers(make_member(self.merchant, role)))
        self.show(self.headers)
        narrow = key_headers(make_api_key(self.merchant, scopes=["refunds:read"]))
        self.assert_problem(self.get(PATH, narrow), 403, "insufficient_scope")

    def test_each_mode_and_merchant_its_own(self) -> None:
        self.assertEqual(self.change({"per_day": "500"}).status_code, 200)
        self.assertEqual(self.show()["per_day"]["limit"], "500.00")
        other = key_headers(make_api_key(make_merchant()))
        self.assertIsNone(self.show(other)["per_day"]["limit"])
        self.merchant.live_enabled, self.merchant.kyc_status = True, "verified"
        self.merchant.save()
        live = key_headers(make_api_key(self.merchant, LIVE))
        self.assertIsNone(self.show(live)["per_day"]["limit"])


class Changed(LimitsTestCase):
    def test_a_limit_is_set_and_given_up(self) -> None:
        answer = self.change({"per_day": "1000.00", "payments_per_payer_day": 3})
        self.assertEqual(answer.status_code, 200, answer.content)
        found = answer.json()
        self.assertEqual((found["per_day"]["own"], found["per_day"]["left"]), ("1000.00", "1000.00"))
        self.assertEqual((found["payments_per_payer_day"]["limit"], found["version"]), (3, 2))
        self.assertEqual(answer["ETag"], '"2"')
        self.assertIsNone(self.change({"per_day": None}).json()["per_day"]["limit"])
        row = MerchantLimits.objects.get()
        self.assertEqual((row.version, row.own_per_day, row.own_payments_per_payer_day), (3, None, 3))
        self.assertEqual((row.changed_by, row.mode), (to_public("usr", self.owner.id), TEST))

    def test_it_is_told_and_written_down_once(self) -> None:
        for _ in range(2):
            self.assertEqual(self.change({"largest": "700"}).status_code, 200)
        event = Event.objects.get(type="merchant.limits_changed")
        self.assertEqual((event.merchant_id, event.mode), (self.merchant.id, TEST))
        link = AuditEvent.objects.get(action="merchant.limits_changed")
        self.assertEqual(link.detail["from"], {"largest": {"limit": "250000.00", "own": None, "cap": "250000.00"}})
        self.assertEqual(link.detail["to"]["largest"]["own"], "700.00")
        self.assertEqual(MerchantLimits.objects.get().version, 2)

    def test_what_is_no_limit(self) -> None:
        cases: list[tuple[str, Any, str]] = [
            ("per_day", "-1", "amount_invalid"),
            ("per_day", "0", "amount_too_small"),
            ("per_day", "0.00", "amount_too_small"),
            ("per_day", "100.50", "amount_not_whole"),
            ("per_day", "0.01", "amount_not_whole"),
            ("per_day", "1e5", "amount_invalid"),
            ("per_day", "NaN", "amount_invalid"),
            ("per_day", "99999999999999999999", "amount_invalid"),
            ("per_day", True, "amount_invalid"),
            ("per_day", [], "amount_invalid"),
            ("largest", "250001", "amount_too_large"),
            ("payments_per_payer_day", 0, "parameter_invalid"),
            ("payments_per_payer_day", -1, "parameter_invalid"),
            ("payments_per_payer_day", 1.5, "parameter_invalid"),
            ("payments_per_payer_day", "5", "parameter_invalid"),
            ("payments_per_payer_day", True, "parameter_invalid"),
            ("payments_per_payer_day", 10**9, "parameter_invalid"),
            ("cap", "100", "unknown_parameter"),
            ("rates", {"api": "9/1s"}, "unknown_parameter"),
        ]
        for name, value, code in cases:
            with self.subTest(name=name, value=value):
                found = self.assert_problem(self.change({name: value}), 400, code)
                self.assertEqual(found["param"], name)
        self.assert_nothing_changed()

    @override_settings(PAYMENT_CAPS={"per_month": 100_000_00})
    def test_not_more_than_the_operator_allows(self) -> None:
        make_limits(self.merchant, cap_per_day=1000_00)
        for body in ({"per_day": "1001"}, {"per_month": "100001"}, {"per_day": "5", "per_month": "100001"}):
            self.assert_problem(self.change(body), 400, "amount_too_large")
        self.assertEqual(self.change({"per_day": "1000", "per_month": "100000"}).status_code, 200)
        self.assertEqual(self.show()["per_month"]["cap"], "100000.00")
        # Giving one's own up leaves the operator's.
        self.assertEqual(self.change({"per_day": None}).json()["per_day"]["limit"], "1000.00")

    def test_a_cap_that_comes_later_wins(self) -> None:
        self.change({"per_day": "5000"})
        with self.captureOnCommitCallbacks(execute=True):
            allow(self.merchant.id, TEST, caps={"per_day": 100_00}, rates={}, actor="operator")
        day = self.show()["per_day"]
        self.assertEqual((day["limit"], day["own"], day["cap"]), ("100.00", "5000.00", "100.00"))

    def test_who_may_not(self) -> None:
        self.assert_problem(self.patch(PATH, {"per_day": "5"}, self.headers), 403, "insufficient_scope")
        for role in ("finance", "developer", "support", "viewer"):
            with self.subTest(role=role):
                headers = person_headers(make_member(self.merchant, role))
                self.assert_problem(self.patch(PATH, {"per_day": "5"}, headers), 403, "insufficient_scope")
        stranger = person_headers(make_member(make_merchant())) | {"OnPoint-Merchant": self.merchant.public_id}
        self.assert_problem(self.patch(PATH, {"per_day": "5"}, stranger), 403, "permission_denied")
        self.assert_nothing_changed()
        admin = person_headers(make_member(self.merchant, "admin"))
        self.assertEqual(self.patch(PATH, {"per_day": "5"}, admin).status_code, 200)

    def test_only_who_has_just_proved_themselves(self) -> None:
        self.owner.sessions.update(proved_at=now() - timedelta(minutes=11))
        self.assert_problem(self.change({"per_day": "5"}), 403, "step_up_required")
        self.assert_nothing_changed()


class Versions(LimitsTestCase):
    def test_the_slower_of_two_is_refused(self) -> None:
        tag = self.get(PATH, self.person)["ETag"]
        self.assertEqual(tag, '"1"')
        self.assertEqual(self.change({"per_day": "5"}, **{"If-Match": tag}).status_code, 200)
        self.assert_problem(self.change({"per_day": "6"}, **{"If-Match": tag}), 409, "version_conflict")
        self.assertEqual(MerchantLimits.objects.get().own_per_day, 5_00)
        self.assertEqual(self.change({"per_day": "6"}, **{"If-Match": '"2"'}).status_code, 200)

    def test_tags_that_are_none_of_ours(self) -> None:
        for tag in ("1", 'W/"1"', '"0"', '"-1"', '"abc"', '"9999999999999"', ""):
            with self.subTest(tag=tag):
                self.assert_problem(self.change({"per_day": "5"}, **{"If-Match": tag}), 409, "version_conflict")
        self.assert_nothing_changed()
        self.assertEqual(self.change({"per_day": "5"}, **{"If-Match": "*"}).status_code, 200)

    def test_a_repeat_is_answered_as_the_first_time(self) -> None:
        headers = {"If-Match": '"1"', "Idempotency-Key": next_key()}
        first = self.change({"per_day": "5"}, **headers)
        again = self.change({"per_day": "5"}, **headers)
        self.assertEqual((first.status_code, again.status_code, again.content), (200, 200, first.content))
        self.assertEqual(MerchantLimits.objects.get().version, 2)
