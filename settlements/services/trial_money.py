"""Money to try payouts with, in test mode only: a new business has none of its own before its first settlement."""

from uuid import UUID

from django.db import transaction

from audit.services import record
from onpoint_pay.kit.caller import TEST, Caller
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.money import Money
from settlements.chart import Leg
from settlements.services.ledger import post_transfer

LARGEST = 100_000_000
# A bank account that no payout leaves from.
BANK = "trial"


def add_trial_money(caller: Caller, amount: Money) -> UUID:
    """Make `amount` available to the caller's merchant in test mode; the key of its transfer.

    Raises Problem permission_denied in live mode, amount_too_small and amount_too_large.
    """
    if caller.mode != TEST:
        raise Problem("permission_denied", "Money comes out of nowhere in test mode only.")
    if not amount.is_positive:
        raise Problem("amount_too_small", "The amount must be more than zero.", param="amount")
    if amount.minor > LARGEST:
        raise Problem("amount_too_large", f"At most {Money(LARGEST, amount.currency)} at a time.", param="amount")
    legs = [
        Leg(kind="bank", side="D", amount=amount.minor, sub=BANK),
        Leg(kind="available", side="C", amount=amount.minor),
    ]
    fact = new_id()
    with transaction.atomic():
        transfer = post_transfer(
            legs,
            idem=f"trial:{fact}:money",
            kind="trial_money",
            merchant_id=caller.merchant_id,
            currency=amount.currency,
            mode=caller.mode,
            actor=caller.actor,
        )
        record(
            merchant_id=caller.merchant_id,
            actor=caller.actor,
            action="trial_money.added",
            object_id=to_public("trf", transfer),
            detail={"amount": amount.minor, "currency": amount.currency},
        )
    return transfer
