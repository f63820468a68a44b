"""The story of one payment, from request to the delivery of the merchant's webhook, each line with its evidence."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from audit.models import StateHistory
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment, ProviderEvent
from settlements.models import LedgerTransfer
from settlements.selectors import entries_of
from webhooks.models import Attempt, Event

OP_TITLES = {
    "sending": "Prompt handed to the provider",
    "accepted": "Provider accepted the prompt",
    "rejected": "Provider refused the prompt",
    "cancelled": "Nothing was sent",
    "unknown": "The provider's answer was lost; its word is awaited",
    "succeeded": "Provider confirmed the money",
    "failed": "Provider reported a failure",
    "expired": "Provider has no result",
}
CLAIM_TITLES = {
    "new": "Callback received",
    "applied": "Callback received and applied",
    "duplicate": "Callback repeated; nothing changed",
    "orphan": "Callback waits for its payment",
    "quarantined": "Callback kept apart; nothing changed",
    "ignored": "Answer without a result",
}


def timeline_of(payment: Payment) -> list[dict[str, Any]]:
    """Every moment, oldest first: `at, kind, actor, title, detail, evidence`."""
    ops = list(MoneyOp.objects.filter(payment_id=payment.id).order_by("id"))
    moments = [
        _moment(payment.created_at, "payment.initiated", payment.created_by, "Payment asked for", payment.reference),
        *_op_moments(ops),
        *_claim_moments(ops),
        *_state_moments(payment),
        *_ledger_moments(payment),
        *_webhook_moments(payment),
    ]
    return [shown for _, _, shown in sorted(moments, key=lambda moment: moment[:2])]


def _moment(
    at: datetime,
    kind: str,
    actor: str,
    title: str,
    detail: str | None = None,
    *,
    evidence: dict[str, Any] | None = None,
    rank: int = 0,
) -> tuple[datetime, int, dict[str, Any]]:
    shown = {
        "at": rfc3339(at),
        "kind": kind,
        "actor": actor,
        "title": title,
        "detail": detail,
        "evidence": evidence,
    }
    return at, rank, shown


def _op_moments(ops: list[MoneyOp]) -> Iterator[tuple[datetime, int, dict[str, Any]]]:
    for step in StateHistory.objects.filter(entity="op", entity_id__in=[op.id for op in ops]).order_by("id"):
        title = OP_TITLES.get(step.to_state, step.to_state)
        yield _moment(step.at, f"operation.{step.to_state}", "system", title, rank=2, evidence=_proof(step.evidence_id))


def _claim_moments(ops: list[MoneyOp]) -> Iterator[tuple[datetime, int, dict[str, Any]]]:
    for event in ProviderEvent.objects.filter(op_id__in=[op.id for op in ops]).order_by("id"):
        is_answer = event.door in ("query", "push", "pull")
        title = "Provider answered our question" if is_answer else CLAIM_TITLES[event.status]
        yield _moment(
            event.received_at,
            f"provider.{event.door.partition(':')[0]}",
            event.provider,
            title,
            event.note or None,
            evidence=_proof(event.id, source_ip=event.source_ip),
            rank=1,
        )


def _proof(event_id: int | None, *, source_ip: str | None = None) -> dict[str, Any] | None:
    return None if event_id is None else {"type": "provider_event", "ref": str(event_id), "source_ip": source_ip}


def _state_moments(payment: Payment) -> Iterator[tuple[datetime, int, dict[str, Any]]]:
    for step in StateHistory.objects.filter(entity="payment", entity_id=payment.id).order_by("id"):
        title = f"Payment {step.to_state}"
        detail = f"was {step.from_state}"
        yield _moment(
            step.at, f"payment.{step.to_state}", "system", title, detail, evidence=_proof(step.evidence_id), rank=3
        )


def _ledger_moments(payment: Payment) -> Iterator[tuple[datetime, int, dict[str, Any]]]:
    if payment.capture_transfer_id is None:
        return
    transfer = LedgerTransfer.objects.get(id=payment.capture_transfer_id)
    entries = [
        {**entry, "amount": Money(entry["amount"], payment.currency).decimal_text()}
        for entry in entries_of(transfer.id)
    ]
    evidence = {"type": "ledger_transfer", "ref": str(transfer.id), "entries": entries}
    yield _moment(
        transfer.posted_at, "ledger.posted", "system", "Money booked", transfer.kind, evidence=evidence, rank=4
    )


def _webhook_moments(payment: Payment) -> Iterator[tuple[datetime, int, dict[str, Any]]]:
    keys = [
        f"payment.{name}:{payment.id}" for name in ("created", "pending", "completed", "failed", "cancelled", "expired")
    ]
    for event in Event.objects.filter(key__in=keys).order_by("id"):
        ref = {"type": "event", "ref": to_public("evt", event.id)}
        yield _moment(event.created_at, "webhook.event", "system", f"Event {event.type}", evidence=ref, rank=5)
        for attempt in Attempt.objects.filter(delivery__event_id=event.id).order_by("id"):
            title = f"Webhook {event.type}: " + (f"answered {attempt.status}" if attempt.status else attempt.error_code)
            yield _moment(
                attempt.started_at, "webhook.attempt", "system", title, f"try {attempt.n}", evidence=ref, rank=6
            )
