"""What a merchant decides about its own money: above which amount a refund waits for a second person."""

from django.db import transaction

from audit.services import record
from merchants.models import Merchant
from merchants.services.step_up import require_recent
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.money import Money


def change_refund_limit(caller: Caller, limit: Money | None) -> None:
    """Refunds of more than `limit` wait from now on; None lets all go that their asker might approve.

    Raises Problem step_up_required.
    """
    require_recent(caller, to="change a limit")
    with transaction.atomic():
        merchant = Merchant.objects.select_for_update().get(id=caller.merchant_id)
        before = merchant.refund_approval_above
        merchant.refund_approval_above = None if limit is None else limit.minor
        if merchant.refund_approval_above == before:
            return
        merchant.version += 1
        merchant.save(update_fields=["refund_approval_above", "version"])
        record(
            merchant_id=merchant.id,
            actor=caller.actor,
            action="merchant.refund_limit_changed",
            object_id=merchant.public_id,
            detail={"from": before, "to": merchant.refund_approval_above},
        )
