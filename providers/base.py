"""The interface every provider implements; stateless, so one object serves all threads."""

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar

from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.tokens import TokenStore
from providers.errors import NotSupported
from providers.types import (
    CallbackEvent,
    CallbackReply,
    Capability,
    ChargeRequest,
    InboundRequest,
    Outcome,
    PayoutRequest,
    QueryRequest,
    RefundRequest,
    StatementLine,
)


class CallbackParser(ABC):
    """Reads a provider's callbacks. Needs no credentials: at the door nobody knows yet whose callback it is."""

    code: ClassVar[str]

    @abstractmethod
    def parse_callback(self, inbound: InboundRequest) -> list[CallbackEvent]:
        """The claims in a callback, at least one. Raises CallbackMalformed, NotSupported for a door of another kind."""

    def reply_to_callback(self, event: CallbackEvent | None = None, *, accepted: bool = True) -> CallbackReply:
        """The answer at the door; None stands for a callback nobody has read yet."""
        return CallbackReply()


class Provider(CallbackParser):
    """One provider with one set of credentials: `config` is an object of the provider's own config class."""

    capabilities: ClassVar[frozenset[Capability]]

    @abstractmethod
    def __init__(self, config: Any, *, tokens: TokenStore, http: HttpClient) -> None:
        """`tokens` and `http` are shared by everything that calls this provider."""

    @property
    @abstractmethod
    def float_name(self) -> str:
        """The name of our account at the provider that the money reaches."""

    @property
    @abstractmethod
    def is_simulated(self) -> bool:
        """Whether a simulator stands in for the provider, so that no money moves."""

    @abstractmethod
    def charge(self, request: ChargeRequest) -> Outcome:
        """Ask a payer for money; answers pending, or at once the result.

        Raises ProviderUnavailable, ProviderTimeout, ProviderRejected.
        """

    @abstractmethod
    def query(self, request: QueryRequest) -> Outcome:
        """Ask what became of a charge. An answer without a decision is pending or unknown.

        Raises ProviderUnavailable when the question was not put, ProviderTimeout when it was not answered.
        """

    @abstractmethod
    def authenticate_callback(self, inbound: InboundRequest) -> None:
        """Raises CallbackRejected unless something shows that the provider sent it."""

    def refund(self, request: RefundRequest) -> Outcome:
        """Raises as charge does, and NotSupported."""
        raise NotSupported(f"{self.code} does not refund")

    def pay_out(self, request: PayoutRequest) -> Outcome:
        """Raises as charge does, and NotSupported."""
        raise NotSupported(f"{self.code} does not pay out")

    def fetch_statement(self, start: datetime, end: datetime) -> list[StatementLine]:
        """All lines of money that came in between two aware moments: the provider's own word, each receipt once.

        A list that could not be read whole is never given: raises ProviderUnavailable, ProviderTimeout, and
        NotSupported, also for a window that begins earlier than the provider's list does.
        """
        raise NotSupported(f"{self.code} has no statement")

    def register_callbacks(self, base_url: str) -> None:
        """Tell the provider where to send what it starts by itself; many need no telling."""
