"""The interface every provider implements; stateless, so one object serves all threads."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from onpoint_pay.kit.http import HttpClient
from onpoint_pay.kit.tokens import TokenStore
from providers.errors import NotSupported
from providers.types import (
    BalanceRequest,
    CallbackEvent,
    CallbackRegistration,
    CallbackReply,
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
    ValidationRefusal,
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

    def without_personal(self, body: bytes) -> bytes:
        """What may stay of a stored body once nobody needs to know who it was about: nothing, where nobody knows."""
        return b""

    def reply_to_validation(self, refusal: ValidationRefusal | None) -> CallbackReply:
        """The answer to a payer's wish to pay: taken (None), or refused for this reason."""
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
        """Ask for a charge to be given back; pending with the provider's reference, or at once the result.

        Raises as charge does, and NotSupported.
        """
        raise NotSupported(f"{self.code} does not refund")

    def pay_out(self, request: PayoutRequest) -> Outcome:
        """Send money; pending with the provider's reference, or at once the result.

        A repeat of a `reference` the provider already has is ProviderTimeout, never a refusal: the first one counts.
        Raises as charge does, and NotSupported.
        """
        raise NotSupported(f"{self.code} does not pay out")

    def ask_status(self, request: StatusRequest) -> Outcome:
        """Put a question whose answer comes by callback; pending with the question's reference there.

        Raises ProviderUnavailable, ProviderTimeout, ProviderRejected, NotSupported.
        """
        raise NotSupported(f"{self.code} cannot be asked about a transaction")

    def ask_balance(self, request: BalanceRequest) -> Outcome:
        """As ask_status, about our account there."""
        raise NotSupported(f"{self.code} does not tell its balance")

    def payment_code(self, request: CodeRequest) -> bytes:
        """A PNG to scan. Raises as charge does, and NotSupported."""
        raise NotSupported(f"{self.code} makes no codes")

    def fetch_statement(self, start: datetime, end: datetime) -> list[StatementLine]:
        """All lines of money that came in between two aware moments: the provider's own word, each receipt once.

        A list that could not be read whole is never given: raises ProviderUnavailable, ProviderTimeout, and
        NotSupported, also for a window that begins earlier than the provider's list does.
        """
        raise NotSupported(f"{self.code} has no statement")

    def check_addresses(self, urls: Sequence[str]) -> list[str]:
        """What the provider would object to in our callback addresses, one sentence each; nothing is sent."""
        return []

    def register_callbacks(self, request: CallbackRegistration) -> None:
        """Tell the provider where to send what payers start. Registered already is done, not a failure.

        Raises ProviderUnavailable, ProviderTimeout, ProviderRejected, NotSupported.
        """
        raise NotSupported(f"{self.code} needs no registration")

    def register_statement(self, *, phone: str, callback_url: str) -> None:
        """Enrol our account for the provider's list of money received; enrolled already is done, not a failure.

        Raises as register_callbacks does.
        """
        raise NotSupported(f"{self.code} needs no registration")

    def check_credentials(self) -> None:
        """Prove the credentials with a call that changes nothing.

        Raises ProviderRejected when they are refused, ProviderUnavailable and ProviderTimeout when nobody could tell.
        """
        raise NotSupported(f"{self.code} has no check")

    def check_shortcode(self) -> None:
        """Prove that we may ask payers for money with this account there, by a call that asks nobody.

        Raises ProviderRejected when the account or its secret is refused, ProviderUnavailable and ProviderTimeout when
        nobody could tell.
        """
        raise NotSupported(f"{self.code} has no check")
