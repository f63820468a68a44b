"""Whether a merchant may work at all: suspended and restored by the operator of the installation."""

from uuid import UUID

from django.db import transaction

from audit.services import record
from merchants.models import Merchant
from merchants.selectors.records import forget_merchant
from merchants.serializers.merchants import merchant_body
from onpoint_pay.kit.caller import LIVE, MODES
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import NotFound, Problem
from webhooks.services.outbox import publish_event


def suspend_merchant(*, merchant_id: UUID, actor: str, reason: str) -> Merchant:
    """From the next request on every key and person of the merchant is refused. Raises NotFound."""
    return _change_status(merchant_id, Merchant.Status.SUSPENDED, actor=actor, reason=reason)


def restore_merchant(*, merchant_id: UUID, actor: str, reason: str) -> Merchant:
    """Undo a suspension, or the closing of an account. Raises NotFound."""
    return _change_status(merchant_id, Merchant.Status.ACTIVE, actor=actor, reason=reason)


def close_merchant(*, merchant_id: UUID, actor: str, reason: str) -> Merchant:
    """Suspended for good. Its records stay for as long as the law wants them; its papers go seven years later.

    Whether anything is owed or open is for the caller to ask. Raises NotFound, Problem state_conflict.
    """
    with transaction.atomic():
        merchant = _locked(merchant_id)
        if merchant.closed_at is not None:
            raise Problem("state_conflict", "The account is closed already.")
        before, merchant.status, merchant.closed_at = merchant.status, Merchant.Status.SUSPENDED, now()
        merchant.version += 1
        merchant.save(update_fields=["status", "closed_at", "version"])
        detail = {"reason": reason}
        record(
            merchant_id=merchant.id, actor=actor, action="merchant.closed", object_id=merchant.public_id, detail=detail
        )
        if before != merchant.status:
            _publish(merchant, "merchant.suspended", before=before)
        transaction.on_commit(lambda: forget_merchant(merchant_id), robust=True)
    return merchant


def _locked(merchant_id: UUID) -> Merchant:
    merchant = Merchant.objects.select_for_update().filter(id=merchant_id).first()
    if merchant is None:
        raise NotFound()
    return merchant


def _change_status(merchant_id: UUID, status: Merchant.Status, *, actor: str, reason: str) -> Merchant:
    action = "merchant.suspended" if status is Merchant.Status.SUSPENDED else "merchant.restored"
    with transaction.atomic():
        merchant = _locked(merchant_id)
        if merchant.status != status:
            before, merchant.status, merchant.closed_at = merchant.status, status, None
            merchant.version += 1
            merchant.save(update_fields=["status", "closed_at", "version"])
            detail = {"reason": reason}
            record(merchant_id=merchant.id, actor=actor, action=action, object_id=merchant.public_id, detail=detail)
            _publish(merchant, action, before=before)
            transaction.on_commit(lambda: forget_merchant(merchant_id), robust=True)
    return merchant


def _publish(merchant: Merchant, type: str, *, before: str) -> None:
    """To the webhooks of both modes; the version tells one change from the next."""
    for number, mode in enumerate(MODES):
        publish_event(
            merchant_id=merchant.id,
            mode=mode,
            type=type,
            object_id=merchant.id,
            body_object=merchant_body(merchant) | {"livemode": mode == LIVE},
            previous={"status": before},
            request_id=None,
            nth=len(MODES) * merchant.version + number,
        )
