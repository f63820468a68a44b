"""The suite every provider inherits: what the rest of the product relies on, whoever the provider is.

Subclass ProviderContract together with unittest.TestCase and fill in the class attributes and `make_provider`.
"""

import json
import unittest
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import ClassVar, NamedTuple

from onpoint_pay.kit import clock
from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.tests.local_server import (
    LocalServer,
    Reply,
    answer,
    cut_short,
    drip,
    hang_up,
    json_answer,
    reset,
    unused_port,
)
from onpoint_pay.kit.tokens import TokenStore
from providers import registry
from providers.base import Provider
from providers.errors import (
    CallbackMalformed,
    CallbackRejected,
    NotSupported,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnavailable,
)
from providers.tests.tokens import PlainTokens
from providers.types import (
    BalanceRequest,
    CallbackEvent,
    CallbackRegistration,
    Capability,
    ChargeRequest,
    CodeRequest,
    InboundRequest,
    NextAction,
    Outcome,
    OutcomeStatus,
    PayoutRequest,
    QueryRequest,
    RefundRequest,
    StatementLine,
    StatusRequest,
    ValidationRefusal,
)

PHONE = "254708374149"
HOOKS = "https://pay.example.co.ke/api/v1/hooks/5f0c9a61e27b4d3ca8417f20"
SECRETS = ("contract-consumer-key", "contract-consumer-secret", "contract-passkey")
DEADLINE_SECONDS = 2.0
TOO_LONG = b'{"a":"' + b"x" * 10_000_000 + b'"}'

DRIP_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n"
UNCLEAR: tuple[Reply, ...] = (
    reset, hang_up, cut_short(b'{"a":', promised=500), answer(200, TOO_LONG), answer(500), answer(503),
    answer(504, b"<html></html>", kind="text/html"), json_answer({}), json_answer({}, 500),
)  # fmt: skip

UNREADABLE: tuple[bytes, ...] = (
    b"", b" ", b"null", b"[]", b'"text"', b"0", b"<html></html>", b"{", b'{"a":', b"\xff\xfe{}", b'{"a":"\xff"}',
    b'{"a":NaN}', b'{"a":Infinity}', b'{"a":' + b"9" * 5_000 + b"}", b'{"a":1e99999999999999999999}',
    b"[" * 10_000 + b"]" * 10_000, b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b'{"a":"\\u0000"}', b'{"a":"\\ud800"}',
    b'{"a":1,"a":2}', b"\x00", b"{}", b'{"Body":null}', b'{"Body":[]}', b'{"event":1,"data":2}',
)  # fmt: skip


def make_http() -> HttpClient:
    return HttpClient("contract", allow_private=True, deadline_seconds=DEADLINE_SECONDS)


class Replies(NamedTuple):
    """What the provider's server answers: `before` to the calls that precede a charge or query, such as for a token.

    `accepting_order` is the answer to refunds, payouts and questions; None for a provider that takes none.
    """

    accepting: Reply
    refusing: Reply
    still_pending: Reply
    paid: Reply
    not_paid: Reply
    before: tuple[Reply, ...] = ()
    accepting_order: Reply | None = None


class ProviderContract(unittest.TestCase, ABC):
    """The promises, each a test. Callbacks are raw bodies and speak of `provider_reference` and 1,500 shillings."""

    __test__ = False
    code: ClassVar[str]
    door: ClassVar[str]
    replies: ClassVar[Replies]
    provider_reference: ClassVar[str]
    callback_paid: ClassVar[bytes]
    callback_not_paid: ClassVar[bytes]

    @abstractmethod
    def make_provider(self, base_url: str, *, tokens: TokenStore, http: HttpClient) -> Provider:
        """The provider with SECRETS as credentials."""

    def setUp(self) -> None:
        self.server = self.enterContext(LocalServer())
        self.http = make_http()
        self.addCleanup(self.http.close)
        self.start_over()

    def start_over(self) -> None:
        """A provider that knows no token, and a server that remembers nothing."""
        self.server.received.clear()
        self.provider = self.make_provider(self.server.url, tokens=PlainTokens(), http=self.http)

    def charge(self, *replies: Reply) -> Outcome:
        self.server.script(*self.replies.before, *replies)
        return self.provider.charge(self.charge_request())

    def query(self, *replies: Reply) -> Outcome:
        self.server.script(*self.replies.before, *replies)
        return self.provider.query(
            QueryRequest(provider_reference=self.provider_reference, amount=Money(150_000), reference="TXN1-1")
        )

    def orders(self) -> dict[Capability, Callable[[Provider], Outcome]]:
        """What a provider can be asked to do beside prompts, of which the result comes later."""
        urls = {"result_url": f"{HOOKS}/result/", "timeout_url": f"{HOOKS}/timeout/"}
        refund = RefundRequest(reference="R1", receipt="UKE7Q2M9XB", amount=Money(150_000), reason="returned", **urls)
        payout = PayoutRequest(reference="P1", amount=Money(150_000), phone=PHONE, description="payout", **urls)
        return {
            Capability.REFUND: lambda provider: provider.refund(refund),
            Capability.PAYOUT: lambda provider: provider.pay_out(payout),
            Capability.TRANSACTION_STATUS: lambda provider: provider.ask_status(
                StatusRequest(reference="Q1", receipt="UKE7Q2M9XB", **urls)
            ),
            Capability.BALANCE: lambda provider: provider.ask_balance(BalanceRequest(reference="Q2", **urls)),
        }

    def taken_orders(self) -> list[Capability]:
        return [capability for capability in self.orders() if capability in self.provider.capabilities]

    def order(self, capability: Capability, *replies: Reply) -> Outcome:
        self.server.script(*self.replies.before, *replies)
        return self.orders()[capability](self.provider)

    def charge_request(self) -> ChargeRequest:
        return ChargeRequest(
            reference="TXN1-1",
            amount=Money(150_000),
            phone=PHONE,
            account_reference="INV-20418",
            description="Order 20418",
            callback_url=f"{HOOKS}/collect/",
            payee="Duka Bora",
        )

    def inbound(self, body: bytes, *, token: str | None = "5f0c9a61e27b4d3ca8417f20") -> InboundRequest:
        return InboundRequest(body=body, headers={}, token=token, source_ip="127.0.0.1", door=self.door)

    def event(self, body: bytes) -> CallbackEvent:
        return self.provider.parse_callback(self.inbound(body))[0]

    # --- charge ---

    def test_an_accepted_charge_is_pending_and_can_be_asked_about(self) -> None:
        outcome = self.charge(self.replies.accepting)
        self.assertIs(outcome.status, OutcomeStatus.PENDING)
        self.assertEqual(outcome.provider_reference, self.provider_reference)
        self.assertIsNot(outcome.next_action, NextAction.NONE)
        self.assertTrue(outcome.customer_message)
        self.assertIsNone(outcome.receipt)

    def test_a_refused_charge_says_why_in_two_languages(self) -> None:
        with self.assertRaises(ProviderRejected) as raised:
            self.charge(self.replies.refusing)
        refusal = raised.exception
        self.assertIs(refusal.outcome.status, OutcomeStatus.FAILED)
        why = refusal.failure
        for text in (why.reason, why.reason_sw, why.customer_message, why.customer_message_sw, why.merchant_action):
            self.assertTrue(text)
        self.assertTrue(refusal.provider_code and refusal.raw)

    def test_nobody_listens_so_nothing_was_sent(self) -> None:
        provider = self.make_provider(f"http://127.0.0.1:{unused_port()}", tokens=PlainTokens(), http=self.http)
        with self.assertRaises(ProviderUnavailable):
            provider.charge(self.charge_request())

    def test_a_charge_without_a_clear_answer_may_have_been_taken(self) -> None:
        for number, reply in enumerate((*UNCLEAR, drip(DRIP_HEAD), *(answer(200, body) for body in UNREADABLE))):
            with self.subTest(number=number), self.assertRaises(ProviderTimeout):
                self.charge(reply)
            self.start_over()

    def test_a_charge_is_sent_once(self) -> None:
        with self.assertRaises(ProviderTimeout):
            self.charge(hang_up)
        self.assertEqual(len(self.server.received), len(self.replies.before) + 1)

    # --- query ---

    def test_answers_to_a_query(self) -> None:
        for reply, status in (
            (self.replies.still_pending, OutcomeStatus.PENDING),
            (self.replies.paid, OutcomeStatus.SUCCEEDED),
            (self.replies.not_paid, OutcomeStatus.FAILED),
        ):
            with self.subTest(status=status):
                outcome = self.query(reply)
                self.assertIs(outcome.status, status)
                self.assertEqual(outcome.provider_reference, self.provider_reference)
                self.assertTrue(outcome.raw)
            self.start_over()

    def test_an_unreadable_answer_to_a_query_decides_nothing(self) -> None:
        for number, body in enumerate(UNREADABLE):
            for status in (200, 400, 500):
                with self.subTest(number=number, status=status):
                    self.assertIs(self.query(answer(status, body)).status, OutcomeStatus.UNKNOWN)
                self.start_over()

    def test_a_query_that_is_not_answered_says_so(self) -> None:
        with self.assertRaises(ProviderTimeout):
            self.query(reset)
        provider = self.make_provider(f"http://127.0.0.1:{unused_port()}", tokens=PlainTokens(), http=self.http)
        with self.assertRaises(ProviderUnavailable):
            provider.query(QueryRequest(provider_reference=self.provider_reference, amount=Money(100)))

    # --- refunds, payouts and questions ---

    def test_an_accepted_order_is_pending_and_can_be_told_from_others(self) -> None:
        for capability in self.taken_orders():
            with self.subTest(capability=capability):
                assert self.replies.accepting_order
                outcome = self.order(capability, self.replies.accepting_order)
                self.assertIs(outcome.status, OutcomeStatus.PENDING)
                self.assertTrue(outcome.provider_reference)
                self.assertIsNone(outcome.receipt)
            self.start_over()

    def test_an_order_without_a_clear_answer_may_have_been_taken(self) -> None:
        for capability in self.taken_orders():
            for number, reply in enumerate((*UNCLEAR, *(answer(200, body) for body in UNREADABLE))):
                with self.subTest(capability=capability, number=number):
                    with self.assertRaises(ProviderTimeout):
                        self.order(capability, reply)
                    self.assertEqual(len(self.server.received), len(self.replies.before) + 1)
                self.start_over()

    def test_nobody_listens_so_no_order_was_put(self) -> None:
        provider = self.make_provider(f"http://127.0.0.1:{unused_port()}", tokens=PlainTokens(), http=self.http)
        for capability in self.taken_orders():
            with self.subTest(capability=capability), self.assertRaises(ProviderUnavailable):
                self.orders()[capability](provider)

    # --- statement ---

    def fetch_statement(self) -> list[StatementLine]:
        return self.provider.fetch_statement(clock.now() - timedelta(hours=1), clock.now())

    def test_an_unreadable_statement_is_not_an_empty_one(self) -> None:
        if Capability.STATEMENT not in self.provider.capabilities:
            self.skipTest("has no statement")
        bodies: list[Reply] = [answer(status, body) for body in UNREADABLE for status in (200, 400, 500)]
        for number, reply in enumerate((reset, hang_up, answer(503), answer(403), *bodies)):
            self.server.script(*self.replies.before, reply)
            with self.subTest(number=number), self.assertRaises((ProviderUnavailable, ProviderTimeout)):
                self.fetch_statement()
            self.start_over()

    # --- callbacks ---

    def test_a_callback_of_success(self) -> None:
        event = self.event(self.callback_paid)
        self.assertEqual(event.provider_reference, self.provider_reference)
        self.assertIs(event.outcome.status, OutcomeStatus.SUCCEEDED)
        self.assertEqual(event.outcome.money, Money(150_000))
        self.assertTrue(event.outcome.receipt)
        self.assertIsNotNone(event.outcome.occurred_at)

    def test_a_callback_of_failure(self) -> None:
        event = self.event(self.callback_not_paid)
        self.assertEqual(event.provider_reference, self.provider_reference)
        self.assertIs(event.outcome.status, OutcomeStatus.FAILED)
        self.assertIsNotNone(event.outcome.failure)

    def test_the_same_word_has_the_same_key(self) -> None:
        self.assertEqual(self.event(self.callback_paid).dedupe_key, self.event(self.callback_paid).dedupe_key)
        self.assertNotEqual(self.event(self.callback_paid).dedupe_key, self.event(self.callback_not_paid).dedupe_key)
        spaced = json.dumps(json.loads(self.callback_paid), indent=4).encode()
        self.assertEqual(self.event(spaced).dedupe_key, self.event(self.callback_paid).dedupe_key)

    def test_callbacks_are_read_without_credentials(self) -> None:
        parser = registry.parser_for(self.code)
        self.assertEqual(parser.parse_callback(self.inbound(self.callback_paid)), [self.event(self.callback_paid)])

    def test_an_unreadable_callback_is_malformed_and_nothing_worse(self) -> None:
        for number, body in enumerate(UNREADABLE):
            with self.subTest(number=number), self.assertRaises(CallbackMalformed):
                self.event(body)

    def test_every_cut_of_a_callback_is_malformed(self) -> None:
        for length in range(0, len(self.callback_paid.rstrip()), 7):
            with self.subTest(length=length), self.assertRaises(CallbackMalformed):
                self.event(self.callback_paid[:length])

    def test_a_callback_from_nowhere_is_rejected(self) -> None:
        with self.assertRaises(CallbackRejected):
            self.provider.authenticate_callback(self.inbound(self.callback_paid, token=None))

    def test_the_door_is_answered(self) -> None:
        event = self.event(self.callback_paid)
        for reply in (
            self.provider.reply_to_callback(),
            self.provider.reply_to_callback(event),
            self.provider.reply_to_callback(event, accepted=False),
        ):
            self.assertEqual(reply.status, 200)
        for refusal in (None, *ValidationRefusal):
            self.assertEqual(self.provider.reply_to_validation(refusal).status, 200)

    # --- the rest ---

    def test_is_found_by_its_code(self) -> None:
        self.assertEqual(self.provider.code, self.code)
        self.assertTrue(self.provider.float_name)

    def test_what_it_cannot_do_it_says(self) -> None:
        calls: dict[Capability, Callable[[], object]] = {
            **{capability: partial(call, self.provider) for capability, call in self.orders().items()},
            Capability.PAYMENT_CODE: lambda: self.provider.payment_code(
                CodeRequest(payee="Duka Bora", account_reference="INV-20418")
            ),
            Capability.C2B: lambda: self.provider.register_callbacks(
                CallbackRegistration(confirmation_url=HOOKS, validation_url=HOOKS)
            ),
            Capability.STATEMENT: self.fetch_statement,
        }
        self.assertLessEqual({Capability.CHARGE, Capability.QUERY}, self.provider.capabilities)
        for capability in calls.keys() - self.provider.capabilities:
            with self.subTest(capability=capability), self.assertRaises(NotSupported):
                calls[capability]()

    def test_no_address_is_nothing_to_object_to(self) -> None:
        self.assertEqual(self.provider.check_addresses([]), [])

    def test_nothing_secret_or_personal_is_shown(self) -> None:
        outcome = self.charge(self.replies.accepting)
        event = self.event(self.callback_paid)
        shown = repr((self.provider, vars(self.provider), outcome, event, self.charge_request()))
        kept = outcome.raw + event.outcome.raw
        for secret in (*SECRETS, PHONE):
            self.assertNotIn(secret, shown.replace(self.provider_reference, ""))
            self.assertNotIn(secret.encode(), kept)
