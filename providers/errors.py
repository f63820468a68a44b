"""How a provider fails: sent or not, refused or unclear.

ProviderError
├── ProviderUnavailable     nothing was sent, or nothing was taken: safe to ask again later
├── ProviderTimeout         it may have been taken: ask what became of it, never send it again
├── ProviderRejected        a definite refusal, with its failure: nothing was taken and nothing will be
├── NotSupported            this provider cannot do that
└── CallbackError
    ├── CallbackRejected    nothing shows that the provider sent it
    └── CallbackMalformed   it cannot be read
"""

from providers.types import Failure, Outcome


class ProviderError(Exception):
    """Any way a call to a provider, or a callback from it, goes wrong. The text is fit for a log."""


class ProviderUnavailable(ProviderError):
    """Nothing left, or nothing was taken."""


class ProviderTimeout(ProviderError):
    """The request left and no answer that can be relied on came back. `raw` is what came, masked."""

    def __init__(self, message: str, *, raw: bytes = b"") -> None:
        super().__init__(message)
        self.raw = raw


class ProviderRejected(ProviderError):
    """The provider said no. `outcome` is failed and carries the failure, its code and its words."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(f"{outcome.provider_code}: {outcome.provider_message}")
        if outcome.failure is None:
            raise ValueError("A refusal has a failure.")
        self.outcome = outcome
        self.failure: Failure = outcome.failure

    @property
    def provider_code(self) -> str | None:
        return self.outcome.provider_code

    @property
    def provider_message(self) -> str | None:
        return self.outcome.provider_message

    @property
    def raw(self) -> bytes:
        return self.outcome.raw


class NotSupported(ProviderError):
    """This provider cannot do that."""


class CallbackError(ProviderError):
    """A callback that may not be believed as it stands."""


class CallbackRejected(CallbackError):
    """Neither a secret nor an address shows that the provider sent it."""


class CallbackMalformed(CallbackError):
    """It cannot be read, or lacks what identifies it."""
