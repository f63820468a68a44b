"""What each platform role may see and do: the one table. No role moves a merchant's money alone."""

from collections.abc import Iterable
from enum import StrEnum


class Right(StrEnum):
    """One thing in the operators' pages; a page names the one that shows it, a deed the one that does it."""

    MERCHANTS = "merchants"
    REQUESTS = "requests"
    KYC = "kyc"
    AUDIT = "audit"
    PAYMENTS = "payments"
    CALLBACKS = "callbacks"
    DELIVERIES = "deliveries"
    SETTLEMENTS = "settlements"
    PAYOUTS = "payouts"
    EXCEPTIONS = "exceptions"

    # Phones, addresses and names in clear, one object at a time and for a reason.
    UNMASK = "unmask"
    MERCHANTS_SUSPEND = "merchants.suspend"
    # The files that businesses sent, and the decision about them.
    KYC_REVIEW = "kyc.review"
    PROMPTS_RESEND = "prompts.resend"
    CALLBACKS_REPLAY = "callbacks.replay"
    DELIVERIES_RETRY = "deliveries.retry"
    # Hold a batch back and let it go.
    SETTLEMENTS_HOLD = "settlements.hold"
    # The second half of a pair: never of what the same person asked for.
    PAYOUTS_APPROVE = "payouts.approve"
    EXCEPTIONS_RESOLVE = "exceptions.resolve"


OPERATOR, RISK, COMPLIANCE, READ_ONLY = "operator", "risk", "compliance", "read_only"
SEE_WORK = frozenset(
    {
        Right.MERCHANTS,
        Right.REQUESTS,
        Right.PAYMENTS,
        Right.CALLBACKS,
        Right.DELIVERIES,
        Right.SETTLEMENTS,
        Right.PAYOUTS,
        Right.EXCEPTIONS,
    }
)
RIGHTS_OF: dict[str, frozenset[Right]] = {
    # Keeps things going: what is stuck is sent again or put right.
    OPERATOR: SEE_WORK
    | {Right.PROMPTS_RESEND, Right.CALLBACKS_REPLAY, Right.DELIVERIES_RETRY, Right.EXCEPTIONS_RESOLVE},
    # Decides about money that waits for a second person, and about merchants that are a danger.
    RISK: SEE_WORK
    | {Right.AUDIT, Right.UNMASK, Right.MERCHANTS_SUSPEND, Right.SETTLEMENTS_HOLD, Right.PAYOUTS_APPROVE},
    # Decides who a business is.
    COMPLIANCE: SEE_WORK | {Right.AUDIT, Right.KYC, Right.KYC_REVIEW, Right.UNMASK, Right.MERCHANTS_SUSPEND},
    READ_ONLY: SEE_WORK,
}
PLATFORM_ROLES = tuple(RIGHTS_OF)


def rights_of(roles: Iterable[str]) -> frozenset[str]:
    """All that the roles may together; a name nobody knows gives nothing."""
    return frozenset(right for role in roles for right in RIGHTS_OF.get(role, ()))
