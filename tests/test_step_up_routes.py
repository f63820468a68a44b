"""Every change that hurts most asks who is there again, and every other one is on the list of those that need not."""

import json
from typing import Any

from django.conf import settings
from django.test import TestCase, override_settings
from django.urls import reverse

from audit.models import AuditEvent
from merchants.models import Session
from merchants.tests.base import ApiCalls
from merchants.tests.factories import (
    key_headers,
    make_api_key,
    make_member,
    make_merchant,
    make_two_factor,
    person_headers,
)
from onpoint_pay.kit.clock import now
from tests.outsiders import route_names
from tests.step_up_cases import FREE, SENSITIVE, SOMETIMES, Sensitive

MANY = {name: "99999/1m" for name in settings.RATE_LIMITS}


@override_settings(RATE_LIMITS=MANY)
class TheRoutes(ApiCalls, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant(live_enabled=True)
        self.owner = make_member(self.merchant)
        make_two_factor(self.owner)

    def ask(self, case: Sensitive, headers: dict[str, str], name: str | None) -> Any:
        path = reverse(case.route, args=[name] if name else [])
        return self.client.generic(
            case.method.upper(), path, json.dumps(case.body), "application/json", headers=headers
        )

    def test_a_session_that_was_not_proved_lately_is_asked_to(self) -> None:
        for case in SENSITIVE:
            with self.subTest(route=case.route, method=case.method):
                name = case.make(self.merchant, case.mode) if case.make else None
                headers = person_headers(self.owner, mode=case.mode)
                Session.objects.filter(user=self.owner).update(proved_at=now().replace(year=2020))
                before = AuditEvent.objects.count()
                answer = self.ask(case, headers, name)
                self.assert_problem(answer, 403, "step_up_required")
                self.assertIn("/auth/step-up/", answer.json()["detail"])
                changes = AuditEvent.objects.order_by("at")[before:].values_list("action", flat=True)
                self.assertEqual([action for action in changes if "refused" not in action], [])

    def test_one_that_was_is_not(self) -> None:
        for case in SENSITIVE:
            with self.subTest(route=case.route, method=case.method):
                name = case.make(self.merchant, case.mode) if case.make else None
                answer = self.ask(case, person_headers(self.owner, mode=case.mode), name)
                code = answer.json().get("code") if answer.content else None
                self.assertNotIn(code, ("step_up_required", "route_not_found"), answer.content)

    def test_no_key_gets_around_it(self) -> None:
        """A key proves nothing: it may make keys where it was given that right by name, and nothing else of this."""
        for case in SENSITIVE:
            with self.subTest(route=case.route, method=case.method):
                name = case.make(self.merchant, case.mode) if case.make else None
                headers = key_headers(make_api_key(self.merchant, case.mode))
                answer = self.ask(case, headers, name)
                self.assertEqual(answer.status_code, 403, answer.content)
                self.assertIn(answer.json()["code"], ("insufficient_scope", "permission_denied"))


class TheList(TestCase):
    def test_every_change_is_on_it_once(self) -> None:
        changes = {(name, method) for name, _, methods in route_names() for method in methods if method != "get"}
        asked = {(case.route, case.method) for case in SENSITIVE} | SOMETIMES
        free: set[tuple[str, str]] = set()
        for text in FREE.values():
            for word in text.split():
                route, _, method = word.partition(".")
                free |= {pair for pair in changes - asked if pair[0] == route and method in ("", pair[1])}
        self.assertEqual(changes - asked - free, set())
        self.assertEqual(asked - changes, set())

    def test_nothing_on_it_is_no_route(self) -> None:
        known = {name for name, _, _ in route_names()}
        named = {word.partition(".")[0] for text in FREE.values() for word in text.split()}
        self.assertEqual(named - known, set())
