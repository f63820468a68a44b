"""What time does to documents: owners are warned, then it ends; files that nobody holds are removed."""

from datetime import date, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction

from merchants.models import KycDocument, KycNotice
from merchants.services.kyc_files import remove_strays
from merchants.services.kyc_mail import tell_owners
from merchants.services.kyc_standing import (
    locked_merchant,
    publish_expiring,
    settle_standing,
    tell_audit,
)
from merchants.states import APPROVED, EXPIRED
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.db import broke

log = structlog.get_logger(__name__)
SYSTEM = "system"


def tend_documents() -> dict[str, int]:
    """All of it, as of today in Nairobi; run again it does nothing more. Returns how many of each."""
    today = nairobi(now()).date()
    soon = today + timedelta(days=max(settings.KYC_WARN_DAYS))
    due = KycDocument.objects.filter(status=APPROVED, expires_on__lte=soon)
    done = {"expired": 0, "warned": 0}
    for document_id in list(due.order_by("expires_on", "id").values_list("id", flat=True)):
        try:
            is_over = _end(document_id, today)
            done["expired" if is_over else "warned"] += is_over or _warn(document_id, today)
        except Exception:  # noqa: BLE001 - one document's trouble is no other's
            log.exception("kyc_document_not_tended", document=str(document_id))
    return done | {"strays": remove_strays()}


def _end(document_id: UUID, today: date) -> bool:
    """Whether its last day is over, and nobody had ended it before."""
    with transaction.atomic():
        merchant = locked_merchant(KycDocument.objects.get(id=document_id).merchant_id)
        document = KycDocument.objects.get(id=document_id)
        if document.status != APPROVED or document.expires_on is None or document.expires_on >= today:
            return False
        document.status = EXPIRED
        document.version += 1
        document.save(update_fields=["status", "version"])
        detail = {"type": document.type, "expires_on": document.expires_on.isoformat()}
        tell_audit(merchant.id, "kyc.document_expired", actor=SYSTEM, object_id=document.public_id, detail=detail)
        settle_standing(merchant, actor=SYSTEM)
        tell_owners(merchant, KycNotice.Kind.EXPIRED, document=document)
    return True


def _warn(document_id: UUID, today: date) -> bool:
    """Once at each of KYC_WARN_DAYS, unless another document of the type holds longer."""
    try:
        with transaction.atomic():
            document = KycDocument.objects.select_for_update().get(id=document_id)
            if document.status != APPROVED or document.expires_on is None or _is_replaced(document):
                return False
            left = (document.expires_on - today).days
            stage = min((days for days in settings.KYC_WARN_DAYS if left <= days), default=None)
            if stage is None or document.notices.filter(kind=KycNotice.Kind.EXPIRING, days=stage).exists():
                return False
            tell_owners(document.merchant, KycNotice.Kind.EXPIRING, document=document, days=stage)
            publish_expiring(document, days=_told(document, stage))
            return True
    except IntegrityError as error:
        if broke(error, "kyc_notice_once"):
            return False
        raise


def _told(document: KycDocument, stage: int) -> int:
    """Tells this news from the same of another end, which a reviewer may have corrected."""
    assert document.expires_on is not None  # noqa: S101 - asked before
    return document.expires_on.toordinal() * 100 + stage


def _is_replaced(document: KycDocument) -> bool:
    others = KycDocument.objects.filter(merchant_id=document.merchant_id, type=document.type, status=APPROVED)
    others = others.exclude(id=document.id)
    return others.filter(expires_on=None).exists() or others.filter(expires_on__gt=document.expires_on).exists()
