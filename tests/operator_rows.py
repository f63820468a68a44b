"""A row for every page of the operators, so that a walk over their addresses finds something there."""

from collections.abc import Callable
from typing import Any

from audit.models import AuditCheckpoint, AuditHead, RequestLog
from merchants.models import KycDocument, Merchant, Operator
from merchants.tests.kyc import make_document
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id
from tests.operator_rows_money import ROWS_OF_MONEY

# By the page's part of the address: what makes its row for the merchant.
ROWS: dict[str, Callable[[Merchant], Any]] = {
    "audit/auditcheckpoint": lambda merchant: _checkpoint(),
    "audit/audithead": lambda merchant: AuditHead.objects.get(stream=f"m{merchant.id}"),
    "audit/requestlog": lambda merchant: _call(merchant),
    "merchants/kycdocument": lambda merchant: _document(merchant),
    "merchants/merchant": lambda merchant: merchant,
    "merchants/operator": lambda merchant: Operator.objects.earliest("user_id"),
    **ROWS_OF_MONEY,
}


def _checkpoint() -> AuditCheckpoint:
    return AuditCheckpoint.objects.get_or_create(
        number=1, defaults={"at": now(), "statement": "{}", "signature": "s", "public_key": "k", "heads": ""}
    )[0]


def _document(merchant: Merchant) -> KycDocument:
    found = KycDocument.objects.filter(merchant=merchant).first()
    if found is None:
        made = make_document(merchant)
        found = made if isinstance(made, KycDocument) else KycDocument.objects.get(merchant=merchant)
    return found


def _call(merchant: Merchant) -> RequestLog:
    found = RequestLog.objects.filter(merchant_id=merchant.id).first()
    return found or RequestLog.objects.create(
        id=new_id(),
        at=now(),
        merchant_id=merchant.id,
        mode="test",
        actor="key_X",
        method="GET",
        path="/api/v1/payments/",
        status=200,
        ms=3,
        address="203.0.113.9",
    )
