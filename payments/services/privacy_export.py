"""All that is kept of one payer of one merchant, as JSON: what a person may ask to see."""

from typing import Any

import orjson

from onpoint_pay.kit.clock import now, rfc3339
from onpoint_pay.kit.ids import to_public
from payments.models import DoubtDecision, ProviderEvent
from payments.serializers.c2b import account_body, receipt_body
from payments.serializers.payments import payment_body
from payments.serializers.refunds import refund_body
from payments.services.privacy_subject import Subject


def access_file(subject: Subject) -> dict[str, Any]:
    """Payments, refunds, receipts and accounts as the API shows them; what others said, word for word."""
    events = ProviderEvent.objects.filter(op_id__in=subject.keys["ops"])
    events |= ProviderEvent.objects.filter(id__in=subject.keys["evidence"])
    decisions = DoubtDecision.objects.filter(op_id__in=subject.keys["ops"]).select_related("op")
    return {
        "object": "privacy_export",
        "merchant": to_public("mer", subject.merchant_id),
        "phone": subject.asked.phone,
        "email": subject.asked.email,
        "created_at": rfc3339(now()),
        "names": subject.known.names,
        "payments": [payment_body(payment) for payment in subject.payments],
        "refunds": [refund_body(refund) for refund in subject.refunds],
        "c2b_receipts": [receipt_body(receipt) for receipt in subject.receipts],
        "c2b_accounts": [account_body(account) for account in subject.accounts],
        "decisions": [_decision(row) for row in decisions.order_by("id")],
        "provider_messages": [_message(event) for event in events.distinct().order_by("id")],
    }


def _decision(row: DoubtDecision) -> dict[str, Any]:
    """Not who decided: these are people of the operator."""
    refund = row.op.refund_id
    return {
        "id": to_public("dbt", row.id),
        "refund": to_public("ref", refund) if refund else None,
        "proposed_at": rfc3339(row.proposed_at),
        "decided_at": rfc3339(row.decided_at) if row.decided_at else None,
        "status": row.status,
        "outcome": row.outcome,
        "receipt": row.receipt,
        "note": row.note,
    }


def _message(event: ProviderEvent) -> dict[str, Any]:
    body = bytes(event.body)
    try:
        said: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        said = body.decode("utf-8", "replace")
    return {"received_at": rfc3339(event.received_at), "provider": event.provider, "door": event.door, "body": said}
