"""M-Pesa as one of our providers: prompts to payers, money back and out, questions, and enrolment of a shortcode."""

import time
from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv6Address, ip_address

from onpoint_pay.kit import clock
from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.tokens import TokenStore
from providers.base import Provider
from providers.errors import CallbackRejected, NotSupported, ProviderRejected, ProviderTimeout, ProviderUnavailable
from providers.mpesa import client, initiator, mapping, qr, registration, statement, words
from providers.mpesa.answers import not_sent, told_to_receiver
from providers.mpesa.callbacks import MpesaCallbacks
from providers.mpesa.client import MpesaClient
from providers.mpesa.codes import Api
from providers.mpesa.config import MpesaConfig
from providers.mpesa.gateway import GatewayAnswer
from providers.mpesa.urls import objections
from providers.strict_json import JsonObject
from providers.types import (
    BalanceRequest,
    CallbackRegistration,
    Capability,
    ChargeRequest,
    CodeRequest,
    InboundRequest,
    Outcome,
    PayoutRequest,
    QueryRequest,
    RefundRequest,
    StatementLine,
    StatusRequest,
)

MOST_PAGES = 1_000
# Seconds before a page is asked for again.
PAGE_PAUSES = (0.2, 0.5, 1.0, 2.0)


class MpesaProvider(MpesaCallbacks, Provider):
    """One shortcode, by the credentials of its Daraja app.

    Refunds, payouts and questions need its API user too: without one they are refused here, before anything is sent.
    """

    capabilities = frozenset({
        Capability.CHARGE, Capability.QUERY, Capability.REFUND, Capability.PAYOUT, Capability.C2B,
        Capability.STATEMENT, Capability.TRANSACTION_STATUS, Capability.BALANCE, Capability.PAYMENT_CODE,
    })  # fmt: skip

    def __init__(self, config: MpesaConfig, *, tokens: TokenStore, http: HttpClient) -> None:
        self.config = config
        self._client = MpesaClient(config, tokens=tokens, http=http)

    @property
    def float_name(self) -> str:
        """The shortcode: money of a till arrives on its store's account too."""
        return self.config.shortcode

    @property
    def is_simulated(self) -> bool:
        return self.config.simulated

    def charge(self, request: ChargeRequest) -> Outcome:
        """Put a prompt on the payer's phone. Raises ProviderUnavailable, ProviderTimeout, ProviderRejected."""
        document = mapping.push_document(request, self.config, at=clock.now())
        answer = self._client.post(client.PUSH_PATH, document, headers=self._steering(request.scenario))
        return mapping.push_outcome(answer, request, self.config)

    def query(self, request: QueryRequest) -> Outcome:
        """What became of a prompt. Raises ProviderUnavailable and ProviderTimeout."""
        document = mapping.query_document(request, self.config, at=clock.now())
        answer = self._ask(client.QUERY_PATH, document, deadline_seconds=request.deadline_seconds)
        return mapping.query_outcome(answer, request)

    def refund(self, request: RefundRequest) -> Outcome:
        """Reverse a whole payment; pending, the result comes to `result_url`. Raises as charge does.

        Daraja: a payout cannot be reversed, and a second reversal of one payment is refused there.
        """
        document = initiator.reversal_document(request, self.config)
        answer = self._order(client.REVERSAL_PATH, document, scenario=request.scenario)
        return initiator.accepted(answer, Api.REVERSAL, amount=request.amount)

    def pay_out(self, request: PayoutRequest) -> Outcome:
        """Send KES 10 to 250,000 in whole shillings; pending, the result comes to `result_url`. Raises as charge does.

        Daraja: a `reference` sent twice is refused the second time, which is ProviderTimeout: the first one counts.
        """
        document = initiator.payout_document(request, self.config)
        answer = self._order(client.PAYOUT_PATH, document, scenario=request.scenario)
        return initiator.accepted(
            answer, Api.B2C, reference=request.reference, amount=request.amount, phone=request.phone
        )

    def ask_status(self, request: StatusRequest) -> Outcome:
        """Ask what became of any transaction of the shortcode, money in or out. Raises as charge does."""
        document = initiator.status_document(request, self.config)
        return initiator.accepted(self._order(client.STATUS_PATH, document), Api.STATUS)

    def ask_balance(self, request: BalanceRequest) -> Outcome:
        """Ask what the shortcode's accounts hold. Raises as charge does."""
        document = initiator.balance_document(request, self.config)
        return initiator.accepted(self._order(client.BALANCE_PATH, document), Api.STATUS)

    def _order(self, path: str, document: JsonObject, *, scenario: str | None = None) -> GatewayAnswer:
        """Put an order of ours; refused credentials are told in words for the one who waits for money."""
        try:
            return self._client.post(path, document, headers=self._steering(scenario))
        except ProviderRejected as error:
            raise told_to_receiver(error) from error

    def payment_code(self, request: CodeRequest) -> bytes:
        """The picture for the M-Pesa app, of the till or the paybill. Raises as charge does."""
        document = qr.code_document(request, self.config)
        return qr.picture(self._client.post(client.CODE_PATH, document, headers={}))

    def check_addresses(self, urls: Sequence[str]) -> list[str]:
        """As the base says. Daraja: its words are refused everywhere, the rest is demanded in production."""
        return objections(urls, self.config)

    def register_callbacks(self, request: CallbackRegistration) -> None:
        """Register for payments that payers start (C2B), once for all in production. Raises as charge does.

        In production an address that M-Pesa would object to is refused here.
        """
        path = registration.c2b_path(self.config)
        if self.config.environment == "production" and not self.config.simulated:
            self._refuse_bad_addresses(request.confirmation_url, request.validation_url)
        document = registration.c2b_document(request, self.config)
        registration.check_c2b_answer(self._client.post(path, document, headers={}))

    def _refuse_bad_addresses(self, *addresses: str) -> None:
        faults = objections(addresses, self.config)
        if faults:
            raise not_sent(words.ADDRESS_REFUSED, " ".join(faults))

    def register_statement(self, *, phone: str, callback_url: str) -> None:
        """Enrol for the list of money received; `phone` is the number nominated for it. Raises as charge does."""
        document = registration.pull_document(self.config, phone=phone, callback_url=callback_url)
        registration.check_pull_answer(self._client.post(client.PULL_REGISTER_PATH, document, headers={}))

    def check_credentials(self) -> None:
        """Fetch a token and forget it. Raises ProviderRejected when refused, ProviderUnavailable when not answered."""
        self._client.check()

    def check_shortcode(self) -> None:
        """Ask about a prompt that never was, signed with shortcode and passkey. Raises as the base says."""
        document = mapping.query_document(mapping.PROBE, self.config, at=clock.now())
        mapping.check_probe_answer(self._client.post(client.QUERY_PATH, document, headers={}))

    def fetch_statement(self, start: datetime, end: datetime) -> list[StatementLine]:
        """What the shortcode received, page by page. The shortcode must be registered for Pull at M-Pesa.

        Raises ProviderUnavailable, ProviderTimeout, and NotSupported for what lies further back than 48 hours.
        """
        if start < clock.now() - statement.REACH:
            raise NotSupported("M-Pesa lists the last 48 hours only")
        found: dict[str, StatementLine] = {}
        offset = 0
        for _ in range(MOST_PAGES):
            rows = self._page(statement.pull_document(self.config, start=start, end=end, offset=offset))
            known = len(found)
            found.update((line.receipt, line) for line in statement.lines(rows))
            offset += len(rows)
            if len(rows) < statement.PAGE_ROWS:
                return list(found.values())
            if len(found) == known:
                raise ProviderUnavailable("the statement repeats a page")
        raise ProviderUnavailable("the statement has no end")

    def _page(self, document: JsonObject) -> list[JsonObject]:
        """One page, asked for again after a short pause: a long list is read whole or not at all. Moves no money."""
        for pause in PAGE_PAUSES:
            try:
                return statement.page_rows(self._ask(client.PULL_PATH, document))
            except (ProviderUnavailable, ProviderTimeout):
                time.sleep(pause)
        return statement.page_rows(self._ask(client.PULL_PATH, document))

    def _ask(self, path: str, document: JsonObject, *, deadline_seconds: float | None = None) -> GatewayAnswer:
        """A question that moves no money. Raises ProviderUnavailable and ProviderTimeout."""
        try:
            return self._client.post(path, document, headers={}, deadline_seconds=deadline_seconds)
        except ProviderRejected as error:
            # Our credentials were refused: that says nothing about any payment.
            raise ProviderUnavailable(f"the question was refused: {error}") from error

    def _steering(self, scenario: str | None) -> dict[str, str]:
        """What the simulator shall do; Safaricom never hears of it."""
        scenario = scenario or ""
        is_header_text = scenario.isascii() and scenario.isprintable()
        return {"OnPoint-Scenario": scenario} if self.config.simulated and scenario and is_header_text else {}

    def authenticate_callback(self, inbound: InboundRequest) -> None:
        """The secret in the path, or a listed source address; Safaricom signs nothing. Raises CallbackRejected."""
        if not inbound.token and not self._is_listed(inbound.source_ip):
            raise CallbackRejected("neither a token in the path nor a listed source address")

    def _is_listed(self, source_ip: str | None) -> bool:
        try:
            address = ip_address(source_ip or "")
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return str(address) in self.config.callback_addresses
