"""How often one merchant may ring one payer's phone."""

from collections.abc import Mapping

from django.conf import settings

from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.errors import RateLimited
from onpoint_pay.kit.ratelimit import OF_EVERYBODY, give_back, spend
from payments.models import Payment

POLICIES = ("prompt", "prompt_day")


def take_prompt(payment: Payment, *, own: Mapping[str, str] = OF_EVERYBODY) -> None:
    """Count one prompt to the payment's phone. Raises RateLimited with code prompt_throttled, and then counts none.

    `own` are the merchant's rates where they differ. Only live mode counts, unless PROMPT_LIMITS_IN_TEST_MODE: no
    phone rings in test mode.
    """
    if not _counts(payment):
        return
    for place, policy in enumerate(POLICIES):
        wait = spend(policy, key=_key(payment), own=own, is_told=True)
        if wait is not None:
            for earlier in POLICIES[:place]:
                give_back(earlier, key=_key(payment), own=own)
            raise RateLimited(
                code="prompt_throttled",
                retry_after_seconds=wait,
                detail=f"This phone was asked often enough for now; it may be asked again in {wait} seconds.",
            )


def return_prompt(payment: Payment, *, own: Mapping[str, str] = OF_EVERYBODY) -> None:
    """Nothing was sent to the phone after all."""
    if _counts(payment):
        for policy in POLICIES:
            give_back(policy, key=_key(payment), own=own)


def _counts(payment: Payment) -> bool:
    return payment.mode == LIVE or bool(settings.PROMPT_LIMITS_IN_TEST_MODE)


def _key(payment: Payment) -> str:
    return f"{payment.merchant_id}:{payment.mode}:{payment.phone}"
