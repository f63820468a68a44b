"""What a stranger could ask of the audit trail and of personal data."""

from django.db import transaction

from audit.models import AuditEvent
from audit.selectors.records import record_key
from audit.services import record
from merchants.models import Merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import Erasure
from tests.outsider_cases import Case, ListCase, ObjectCase


def audit_record(merchant: Merchant, mode: str) -> str:
    """Of both modes: a merchant has one trail."""
    with transaction.atomic():
        record(merchant_id=merchant.id, actor="tests", action="tests.asked", object_id=to_public("pay", new_id()))
    link = AuditEvent.objects.filter(stream=f"m{merchant.id}").latest("seq")
    return to_public("aud", record_key(link))


def erasure(merchant: Merchant, mode: str) -> str:
    """One that is done: who it was is gone."""
    row = Erasure.objects.create(
        merchant_id=merchant.id, digest=new_id().hex, status="done", requested_by="tests", completed_at=now()
    )
    return to_public("ers", row.id)


AUDIT_CASES: dict[str, Case] = {
    "audit-record": ObjectCase(
        make=audit_record, nonsense=lambda: to_public("aud", new_id()), in_person=True, both_modes=True
    ),
    "audit-records": ListCase(
        make=audit_record, filters=lambda name: {"actor": "tests"}, in_person=True, both_modes=True
    ),
    "privacy-erasure": ObjectCase(
        make=erasure, nonsense=lambda: to_public("ers", new_id()), in_person=True, both_modes=True
    ),
    "privacy-erasures": ListCase(make=erasure, in_person=True, both_modes=True),
}
AUDIT_WITHOUT_NAMES: dict[str, str] = {
    "audit-checkpoints": "tells of the installation as a whole; names no merchant",
    "audit-receipt": "takes no name: always the caller's own chain; tested on its own",
    "privacy-exports": "takes a phone or an address: finds the caller's own rows of it alone; tested on its own",
    "audit-verify": "takes no name: recomputes the caller's own chain; tested on its own",
}
