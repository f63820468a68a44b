"""Destroying the keys of papers that were kept long enough: whoever has the files reads none of them any more."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from merchants.models import KycDocument
from merchants.services import kyc_files
from merchants.services.kyc_standing import locked_merchant, tell_audit
from onpoint_pay.kit.clock import now

SYSTEM = "system"
AT_ONCE = 100


def shreddable(closed_before: datetime) -> QuerySet[KycDocument]:
    """Papers that can still be read, of accounts that were closed before then."""
    return KycDocument.objects.filter(merchant__closed_at__lt=closed_before, data_key__isnull=False)


def shred_documents(closed_before: datetime) -> int:
    """Shred some of them; returns how many. Each commits alone, and stands in its merchant's audit trail."""
    keys = list(shreddable(closed_before).order_by("id").values_list("id", flat=True)[:AT_ONCE])
    return sum(_shred(key, closed_before) for key in keys)


def _shred(key: Any, closed_before: datetime) -> bool:
    with transaction.atomic():
        merchant = locked_merchant(KycDocument.objects.get(id=key).merchant_id)
        document = shreddable(closed_before).filter(id=key).first()
        if document is None:
            return False
        kyc_files.discard(document)
        document.shredded_at, document.note = now(), ""
        document.version += 1
        document.save(update_fields=["data_key", "shredded_at", "note", "version"])
        detail = {"type": document.type, "sha256": document.sha256}
        tell_audit(merchant.id, "kyc.document_shredded", actor=SYSTEM, object_id=document.public_id, detail=detail)
    return True
