"""M-Pesa as one of our providers: prompts to the payer's phone, and what became of them."""

import json
import time
from datetime import datetime
from ipaddress import IPv6Address, ip_address

from onpoint_pay.kit import clock
from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.tokens import TokenStore
from providers.base import CallbackParser, Provider
from providers.errors import CallbackRejected, NotSupported, ProviderRejected, ProviderTimeout, ProviderUnavailable
from providers.mpesa import mapping, statement
from providers.mpesa.client import PULL_PATH, PUSH_PATH, QUERY_PATH, MpesaClient
from providers.mpesa.config import MpesaConfig
from providers.mpesa.gateway import GatewayAnswer
from providers.strict_json import JsonObject
from providers.types import (
    CallbackEvent,
    CallbackReply,
    Capability,
    ChargeRequest,
    InboundRequest,
    Outcome,
    QueryRequest,
    StatementLine,
)

COLLECT_DOOR = "collect"
MOST_PAGES = 100
# Seconds before a page is asked for again.
PAGE_PAUSES = (0.2, 0.5)
ACCEPTED = json.dumps({"ResultCode": 0, "ResultDesc": "Accepted"}, separators=(",", ":")).encode()


class MpesaCallbacks(CallbackParser):
    """Reads what Safaricom sends to our doors."""

    code = "daraja"

    def parse_callback(self, inbound: InboundRequest) -> list[CallbackEvent]:
        """The result of one prompt. Raises CallbackMalformed, NotSupported for doors other than `collect`."""
        if inbound.door != COLLECT_DOOR:
            raise NotSupported(f"no callbacks are read at the door {inbound.door}")
        return [mapping.push_callback(inbound.body)]

    def reply_to_callback(self, event: CallbackEvent | None = None, *, accepted: bool = True) -> CallbackReply:
        """Always the same: Safaricom sends a result once, and the answer to it cannot change anything."""
        return CallbackReply(body=ACCEPTED)


class MpesaProvider(MpesaCallbacks, Provider):
    """One shortcode, by the credentials of its Daraja app."""

    capabilities = frozenset({Capability.CHARGE, Capability.QUERY, Capability.STATEMENT})

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
        answer = self._client.post(PUSH_PATH, document, headers=self._steering(request))
        return mapping.push_outcome(answer, request, self.config)

    def query(self, request: QueryRequest) -> Outcome:
        """What became of a prompt. Raises ProviderUnavailable and ProviderTimeout."""
        document = mapping.query_document(request, self.config, at=clock.now())
        answer = self._ask(QUERY_PATH, document, deadline_seconds=request.deadline_seconds)
        return mapping.query_outcome(answer, request)

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
                return statement.page_rows(self._ask(PULL_PATH, document))
            except (ProviderUnavailable, ProviderTimeout):
                time.sleep(pause)
        return statement.page_rows(self._ask(PULL_PATH, document))

    def _ask(self, path: str, document: JsonObject, *, deadline_seconds: float | None = None) -> GatewayAnswer:
        """A question that moves no money. Raises ProviderUnavailable and ProviderTimeout."""
        try:
            return self._client.post(path, document, headers={}, deadline_seconds=deadline_seconds)
        except ProviderRejected as error:
            # Our credentials were refused: that says nothing about any payment.
            raise ProviderUnavailable(f"the question was refused: {error}") from error

    def _steering(self, request: ChargeRequest) -> dict[str, str]:
        """What the simulator shall do; Safaricom never hears of it."""
        scenario = request.scenario or ""
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
