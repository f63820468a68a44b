"""Operators and what merchants are told: endpoints, events, deliveries; secrets and people are never shown."""

from typing import Any

import orjson
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.ids import new_id, to_public
from tests.operators import OperatorsTestCase, make_operator, signed_in, told
from webhooks.models import Delivery, Endpoint, Event, Recovery
from webhooks.services import secrets
from webhooks.tests.factories import make_attempt, make_delivery, make_endpoint, publish

ENDPOINTS, DELIVERIES, EVENTS = (f"/operators/webhooks/{name}/" for name in ("endpoint", "delivery", "event"))
HOSTILE = "<img src=x onerror=alert(1)>"


class OperatorCase(OperatorsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora")
        self.operator = make_operator("operator")
        self.browser = signed_in(self.operator)

    def see(self, path: str, status: int = 200) -> str:
        answer = self.browser.get(path)
        self.assertEqual(answer.status_code, status, answer.content[-2000:])
        return str(answer.content.decode())

    def do(self, path: str, *, browser: Client | None = None, **said: Any) -> Any:
        return (browser or self.browser).post(path, said)


class Looking(OperatorCase):
    def test_an_endpoint_without_its_secret_and_what_follows_its_path(self) -> None:
        url = "https://shop.example/hooks?token=plain-words-of-theirs"
        endpoint, secret = make_endpoint(self.merchant, url=url)
        Endpoint.objects.filter(pk=endpoint.pk).update(description=HOSTILE)
        sealed = secrets.Secret.objects.get(endpoint=endpoint)
        for page in (self.see(ENDPOINTS), self.see(f"{ENDPOINTS}{endpoint.pk}/change/")):
            self.assertIn("https://shop.example/hooks?…", page)
            for hidden in ("plain-words-of-theirs", secret, sealed.ciphertext, HOSTILE):
                self.assertNotIn(hidden, page)
        (link,) = told("operator.viewed")
        self.assertEqual((link.object, link.stream), (to_public("whe", endpoint.pk), f"m{self.merchant.id}"))

    def test_a_delivery_with_its_tries_and_a_body_without_people(self) -> None:
        delivery = make_delivery(self.merchant)
        body = {"data": {"phone": "254712345678", "payer_name": "Wanjiku Kamau", "email": "wanjiku@example.com"}}
        Event.objects.filter(pk=delivery.event_id).update(body=orjson.dumps(body | {"note": HOSTILE}).decode())
        make_attempt(delivery, status=500, response_excerpt=f"{HOSTILE} of 254712345678")
        for path in (f"{DELIVERIES}{delivery.pk}/change/", f"{EVENTS}{delivery.event_id}/change/"):
            page = self.see(path)
            self.assertIn("2547****5678", page)
            for hidden in ("254712345678", "Wanjiku", "wanjiku@", HOSTILE):
                self.assertNotIn(hidden, page)
        self.assertIn("500", self.see(f"{DELIVERIES}{delivery.pk}/change/"))

    def test_fifty_rows_cost_as_much_as_one(self) -> None:
        first = make_delivery(self.merchant)
        few = {path: self.statements(path) for path in (ENDPOINTS, DELIVERIES, EVENTS)}
        endpoints = [make_endpoint(make_merchant(), url=f"https://shop.example/{n}")[0] for n in range(10)]
        for _ in range(5):
            for endpoint in endpoints:
                publish(endpoint.merchant)
        self.assertGreaterEqual(Delivery.objects.count(), 50)
        for path, found in few.items():
            many = self.statements(path)
            self.assertLessEqual(len(many), len(found), "\n".join(many))
            self.assertFalse([sql for sql in many if "COUNT(*)" in sql], path)
        self.assertIn(to_public("whe", first.endpoint_id), self.see(ENDPOINTS))

    def statements(self, path: str) -> list[str]:
        self.see(path)
        with CaptureQueriesContext(connection) as found:
            self.see(path)
        return [each["sql"] for each in found]

    def test_unknown_ones(self) -> None:
        for path in (ENDPOINTS, DELIVERIES, EVENTS):
            for name in (new_id(), to_public("whe", new_id()), to_public("whd", new_id()), "0", "nonsense", "9" * 30):
                self.see(f"{path}{name}/change/", 404)


class Doing(OperatorCase):
    def test_pause_and_enable(self) -> None:
        delivery = make_delivery(self.merchant)
        page = f"{ENDPOINTS}{delivery.endpoint_id}"
        self.assertEqual(self.do(f"{page}/pause/").status_code, 302)
        self.assert_standing(delivery, "paused", "held")
        self.assertEqual(self.do(f"{page}/pause/").status_code, 409)
        self.assertEqual(self.do(f"{page}/resume/").status_code, 302)
        self.assert_standing(delivery, "enabled", "held")
        links = told("webhook_endpoint.updated", stream=f"m{self.merchant.id}")
        self.assertEqual([link.actor for link in links], [self.operator.public_id] * 2)

    def test_what_it_missed(self) -> None:
        delivery = make_delivery(self.merchant)
        Delivery.objects.filter(pk=delivery.pk).update(state="failed")
        page = f"{ENDPOINTS}{delivery.endpoint_id}/recover/"
        self.assertEqual(self.do(page).status_code, 302)
        self.assertEqual(Recovery.objects.get().endpoint_id, delivery.endpoint_id)
        self.assertEqual(self.do(page).status_code, 409)
        self.assertEqual(Recovery.objects.count(), 1)

    def test_send_again(self) -> None:
        delivery = make_delivery(self.merchant)
        Delivery.objects.filter(pk=delivery.pk).update(state="failed", tries=9)
        self.assertEqual(self.do(f"{DELIVERIES}{delivery.pk}/resend/").status_code, 302)
        found = Delivery.objects.get(pk=delivery.pk)
        self.assertEqual((found.state, found.tries, found.trigger), ("open", 0, "manual"))
        (link,) = told("webhook_delivery.resent")
        self.assertEqual(link.actor, self.operator.public_id)

    def test_of_two_picked_one_is_refused_and_the_other_goes(self) -> None:
        paused, good = make_delivery(self.merchant), make_delivery(make_merchant())
        Endpoint.objects.filter(pk=paused.endpoint_id).update(status="paused")
        Delivery.objects.all().update(state="failed")
        chosen = {"action": "send_again", "_selected_action": [str(paused.pk), str(good.pk)]}
        answer = self.browser.post(DELIVERIES, chosen, follow=True)
        said = " ".join(str(message) for message in answer.context["messages"])
        self.assertIn("The endpoint is not enabled.", said)
        states = dict(Delivery.objects.values_list("pk", "state"))
        self.assertEqual(states, {paused.pk: "failed", good.pk: "open"})
        self.assertEqual(len(told("webhook_delivery.resent")), 1)

    def test_those_who_only_look(self) -> None:
        delivery = make_delivery(self.merchant)
        Delivery.objects.filter(pk=delivery.pk).update(state="failed")
        paths = [f"{ENDPOINTS}{delivery.endpoint_id}/{name}/" for name in ("pause", "recover")]
        paths.append(f"{DELIVERIES}{delivery.pk}/resend/")
        for role in ("read_only", "compliance", "risk"):
            browser = signed_in(make_operator(role))
            self.assertEqual([self.do(path, browser=browser).status_code for path in paths], [403] * 3)
            chosen = {"action": "send_again", "_selected_action": [str(delivery.pk)]}
            browser.post(DELIVERIES, chosen)
        self.assertEqual([self.do(path, browser=Client()).status_code for path in paths], [302] * 3)
        self.assert_standing(delivery, "enabled", "failed")
        self.assertFalse(Recovery.objects.exists())
        self.assertFalse(told("webhook_delivery.resent"))

    def assert_standing(self, delivery: Delivery, endpoint: str, state: str) -> None:
        found = Delivery.objects.select_related("endpoint").get(pk=delivery.pk)
        self.assertEqual((found.endpoint.status, found.state), (endpoint, state))
