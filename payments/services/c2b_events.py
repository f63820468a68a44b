"""Telling the world about money that payers sent by themselves, in the same transaction as the change."""

from typing import Any
from uuid import UUID

from audit.services import record
from onpoint_pay.kit.ids import to_public
from payments.models import C2bAccount, C2bClaim, C2bReceipt
from payments.serializers.c2b import claim_body, receipt_body
from webhooks.services.outbox import publish_event


def tell_receipt(row: C2bReceipt, news: str, *, previous: dict[str, Any] | None = None, actor: str = "system") -> None:
    """Publish `c2b.<news>` with the receipt as it is now, and write its audit event."""
    publish_receipt(row, news, previous=previous)
    note_receipt(row, news, actor=actor)


def publish_receipt(row: C2bReceipt, news: str, *, previous: dict[str, Any] | None = None) -> None:
    """The webhook event alone. A receipt that is nobody's yet is told to nobody."""
    if row.merchant_id is None:
        return
    publish_event(
        merchant_id=row.merchant_id,
        mode=row.mode,
        type=f"c2b.{news}",
        object_id=row.id,
        body_object=receipt_body(row),
        previous=previous,
        request_id=None,
        nth=row.version,
    )


def note_receipt(row: C2bReceipt, news: str, *, actor: str = "system") -> None:
    """The audit event alone, in the platform's own chain while the receipt is nobody's. Locks come in the order of the
    house, ledger before audit: call it when the money is booked.
    """
    record(
        merchant_id=row.merchant_id,
        actor=actor,
        action=f"c2b.{news}",
        object_id=to_public("c2b", row.id),
        detail={
            "amount": row.amount,
            "currency": row.currency,
            "state": row.state,
            "verification": row.verification,
            "rule": row.rule,
            "payment": None if row.payment_id is None else to_public("pay", row.payment_id),
            "evidence": row.evidence_id,
        },
    )


def tell_claim(claim: C2bClaim) -> None:
    """Publish `c2b.claimed` and write its audit event."""
    publish_event(
        merchant_id=claim.merchant_id,
        mode=claim.mode,
        type="c2b.claimed",
        object_id=claim.id,
        body_object=claim_body(claim),
        previous={"status": "pending"},
        request_id=None,
    )
    note_claim(claim)


def note_claim(claim: C2bClaim) -> None:
    """A claim's state in the audit chain."""
    record(
        merchant_id=claim.merchant_id,
        actor=claim.created_by,
        action=f"c2b_claim.{claim.status}",
        object_id=to_public("clm", claim.id),
        detail={"c2b_receipt": None if claim.c2b_receipt_id is None else to_public("c2b", claim.c2b_receipt_id)},
    )


def note_account(account: C2bAccount, change: str, *, actor: str, detail: dict[str, Any] | None = None) -> None:
    """A change of an account in the audit chain, without the payer's name or number."""
    record(
        merchant_id=account.merchant_id,
        actor=actor,
        action=f"c2b_account.{change}",
        object_id=to_public("acc", account.id),
        detail=detail,
    )


def note_alias(*, merchant_id: UUID, account: C2bAccount, actor: str) -> None:
    """What was learned from a person, in the audit chain."""
    record(merchant_id=merchant_id, actor=actor, action="c2b_alias.learned", object_id=to_public("acc", account.id))
