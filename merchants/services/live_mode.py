"""The one gate of live mode: a verified business that the operator has not switched off, and people we know.

Authentication needs this module before the REST framework has its views, so it must not import kit.api.
"""

from typing import Protocol

from merchants.models import Merchant
from onpoint_pay.kit.errors import Problem


class Known(Protocol):
    """A merchant's row, or the card of it that requests carry."""

    @property
    def kyc_status(self) -> str: ...
    @property
    def live_enabled(self) -> bool: ...


def is_verified(merchant: Known) -> bool:
    """Whether the business has shown what it must, and none of it was rejected or has ended since."""
    return merchant.kyc_status == Merchant.Kyc.VERIFIED


def is_live(merchant: Known, *, email_verified: bool = True) -> bool:
    """Whether live calls come through; `email_verified` is of the person who calls, and no matter for a key."""
    return is_verified(merchant) and merchant.live_enabled and email_verified


def require_live(merchant: Known, *, email_verified: bool = True) -> None:
    """Raises Problem kyc_required, live_mode_disabled for a verified business that was switched off, or
    email_unverified for a person of one.
    """
    if not is_verified(merchant):
        raise Problem("kyc_required")
    if not merchant.live_enabled:
        raise Problem("live_mode_disabled")
    if not email_verified:
        raise Problem("email_unverified", "Live mode waits until your e-mail address is verified.")
