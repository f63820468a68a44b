"""M-Pesa's own doors and switches: who is believed, what is answered, and what only the simulator hears."""

import json
import unittest
from dataclasses import replace

from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.tests.local_server import LocalServer, answer
from providers.errors import CallbackRejected, NotSupported
from providers.mpesa.callbacks import MpesaCallbacks
from providers.mpesa.provider import MpesaProvider
from providers.mpesa.tests.shapes import make_config, shape
from providers.mpesa.tests.test_shapes import make_request
from providers.tests.tokens import PlainTokens
from providers.types import InboundRequest

SCENARIO = "stk=1032; callback.delay=30"


def inbound(*, token: str | None = None, source_ip: str | None = None, door: str = "collect") -> InboundRequest:
    body = shape("stk_callback_success")
    return InboundRequest(body=body, headers={}, token=token, source_ip=source_ip, door=door)


class AuthenticationTests(unittest.TestCase):
    def setUp(self) -> None:
        http = HttpClient("test", allow_private=False)
        self.provider = MpesaProvider(make_config(), tokens=PlainTokens(), http=http)

    def test_a_token_or_a_listed_address(self) -> None:
        for token, source_ip in (
            ("5f0c9a61e27b4d3ca8417f20", None), ("5f0c9a61e27b4d3ca8417f20", "203.0.113.5"), (None, "196.201.214.200"),
            (None, "196.201.212.132"), (None, "::ffff:196.201.214.200"),
        ):  # fmt: skip
            with self.subTest(token=token, source_ip=source_ip):
                self.provider.authenticate_callback(inbound(token=token, source_ip=source_ip))

    def test_strangers(self) -> None:
        for source_ip in (
            None,
            "",
            "203.0.113.5",
            "196.201.214.201",
            "127.0.0.1",
            "::1",
            "not an address",
            "196.201.214.200, 1",
        ):
            for token in (None, ""):
                with self.subTest(source_ip=source_ip, token=token), self.assertRaises(CallbackRejected):
                    self.provider.authenticate_callback(inbound(token=token, source_ip=source_ip))


class DoorTests(unittest.TestCase):
    def test_every_callback_is_answered_alike(self) -> None:
        for accepted in (True, False):
            reply = MpesaCallbacks().reply_to_callback(accepted=accepted)
            self.assertEqual((reply.status, reply.content_type), (200, "application/json"))
            self.assertEqual(json.loads(reply.body), {"ResultCode": 0, "ResultDesc": "Accepted"})

    def test_other_doors_are_not_read(self) -> None:
        for door in ("confirmation", "result", "timeout", "result-b2b", "collect:1", ""):
            with self.subTest(door=door), self.assertRaises(NotSupported):
                MpesaCallbacks().parse_callback(inbound(door=door))


class ScenarioTests(unittest.TestCase):
    def headers(self, *, simulated: bool, scenario: str | None) -> str | None:
        with LocalServer() as server:
            server.script(
                answer(200, shape("oauth_generate_success")), answer(200, shape("stk_push_response_accepted"))
            )
            http = HttpClient("test", allow_private=True)
            provider = MpesaProvider(make_config(server.url, simulated=simulated), tokens=PlainTokens(), http=http)
            provider.charge(replace(make_request(), scenario=scenario))
            self.assertNotIn("onpoint-scenario", server.received[0].headers)
            return server.received[1].headers.get("onpoint-scenario")

    def test_the_simulator_hears_the_scenario(self) -> None:
        self.assertEqual(self.headers(simulated=True, scenario=SCENARIO), SCENARIO)

    def test_nobody_else_does(self) -> None:
        self.assertIsNone(self.headers(simulated=False, scenario=SCENARIO))
        self.assertIsNone(self.headers(simulated=True, scenario=None))

    def test_a_scenario_cannot_smuggle_headers(self) -> None:
        for scenario in ("stk=1\r\nAuthorization: x", "stk=\x00", "stk=é"):
            with self.subTest(scenario=scenario):
                self.assertIsNone(self.headers(simulated=True, scenario=scenario))


class ConfigTests(unittest.TestCase):
    def test_shows_no_credentials(self) -> None:
        shown = repr(make_config())
        for secret in ("contract-consumer-key", "contract-consumer-secret", "contract-passkey"):
            self.assertNotIn(secret, shown)
        self.assertIn("600987", shown)
