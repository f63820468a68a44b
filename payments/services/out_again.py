"""When an order to send money of which nothing left is sent once more the same way."""

from dataclasses import dataclass
from datetime import datetime

from payments import schedule
from providers.types import Failure, FailureCode, RetryAdvice

# Refusals that say nothing against the order itself, only against the moment.
LATER = (RetryAdvice.NOW, RetryAdvice.WAIT)
MOST_REFUSALS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The same once more: when, and why the merchant waits meanwhile."""

    at: datetime
    pending_reason: str
    note: str


def may_be_repeated(failure: Failure) -> bool:
    """Whether the failure says nothing against the order itself."""
    return failure.code is FailureCode.INSUFFICIENT_FUNDS or failure.retry_advice in LATER


def again_after(failure: Failure, *, is_refusal: bool, tries: int, asked_at: datetime, at: datetime) -> Again | None:
    """What to do after a failure that may be repeated; None when it is given up.

    `is_refusal`: it was refused at once, so the provider has never had it.
    """
    if failure.code is not FailureCode.INSUFFICIENT_FUNDS:
        # Told later, it says that something went wrong inside: too little to send anything again.
        return later(tries, at) if is_refusal and tries < MOST_REFUSALS else None
    again = schedule.float_retry_at(asked_at, at, tries=tries)
    if again is None:
        return None
    note = "our account at the provider holds too little; sent again when it may hold more"
    return Again(at=again, pending_reason="insufficient_float", note=note)


def later(tries: int, at: datetime) -> Again:
    """The provider has not taken anything."""
    note = "nothing was taken; sent again later"
    return Again(at=schedule.resend_at(at, tries=tries), pending_reason="awaiting_provider", note=note)
