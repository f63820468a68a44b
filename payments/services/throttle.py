"""How often one merchant may ring one payer's phone."""

from django.conf import settings

from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.errors import RateLimited
from onpoint_pay.kit.ratelimit import give_back, spend
from payments.models import Payment

POLICIES = ("prompt", "prompt_day")


def take_prompt(payment: Payment) -> None:
    """Count one prompt to the payment's phone. Raises RateLimited with code prompt_throttled, and then counts none.

    Only live mode counts, unless PROMPT_LIMITS_IN_TEST_MODE: no phone rings in test mode.
    """
    if not _counts(payment):
        return
    for place, policy in enumerate(POLICIES):
        wait = spend(policy, key=_key(payment))
        if wait is not None:
            for earlier in POLICIES[:place]:
                give_back(earlier, key=_key(payment))
            raise RateLimited(
                code="prompt_throttled",
                retry_after_seconds=wait,
                detail=f"This phone was asked often enough for now; it may be asked again in {wait} seconds.",
            )


def return_prompt(payment: Payment) -> None:
    """Nothing was sent to the phone after all."""
    if _counts(payment):
        for policy in POLICIES:
            give_back(policy, key=_key(payment))


def _counts(payment: Payment) -> bool:
    return payment.mode == LIVE or bool(settings.PROMPT_LIMITS_IN_TEST_MODE)


def _key(payment: Payment) -> str:
    return f"{payment.merchant_id}:{payment.mode}:{payment.phone}"
