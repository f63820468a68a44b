"""Whether a merchant may work at all: suspended and restored by the operator of the installation."""

from uuid import UUID

from django.db import transaction

from audit.services import record
from merchants.models import Merchant
from merchants.selectors.records import forget_merchant
from onpoint_pay.kit.errors import NotFound


def suspend_merchant(*, merchant_id: UUID, actor: str, reason: str) -> Merchant:
    """From the next request on every key and person of the merchant is refused. Raises NotFound."""
    return _change_status(merchant_id, Merchant.Status.SUSPENDED, actor=actor, reason=reason)


def restore_merchant(*, merchant_id: UUID, actor: str, reason: str) -> Merchant:
    """Undo a suspension. Raises NotFound."""
    return _change_status(merchant_id, Merchant.Status.ACTIVE, actor=actor, reason=reason)


def _change_status(merchant_id: UUID, status: Merchant.Status, *, actor: str, reason: str) -> Merchant:
    action = "merchant.suspended" if status is Merchant.Status.SUSPENDED else "merchant.restored"
    with transaction.atomic():
        merchant = Merchant.objects.select_for_update().filter(id=merchant_id).first()
        if merchant is None:
            raise NotFound()
        if merchant.status != status:
            merchant.status = status
            merchant.version += 1
            merchant.save(update_fields=["status", "version"])
            detail = {"reason": reason}
            record(merchant_id=merchant.id, actor=actor, action=action, object_id=merchant.public_id, detail=detail)
            transaction.on_commit(lambda: forget_merchant(merchant_id), robust=True)
    return merchant
