"""The lines of a story: steps, claims, postings and events, each with its evidence."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from audit.models import StateHistory
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, ProviderEvent
from settlements.models import LedgerTransfer
from settlements.selectors import entries_of
from webhooks.models import Attempt, Event

# When, which of several at the same time comes first, and what is shown.
Moment = tuple[datetime, int, dict[str, Any]]

CLAIM_TITLES = {
    "new": "Callback received",
    "applied": "Callback received and applied",
    "duplicate": "Callback repeated; nothing changed",
    "orphan": "Callback waits for its payment",
    "quarantined": "Callback kept apart; nothing changed",
    "ignored": "Answer without a result",
}
ANSWER_DOORS = ("query", "push", "pull", "result-status")


def moment(
    at: datetime,
    kind: str,
    actor: str,
    title: str,
    detail: str | None = None,
    *,
    evidence: dict[str, Any] | None = None,
    rank: int = 0,
) -> Moment:
    shown = {
        "at": rfc3339(at),
        "kind": kind,
        "actor": actor,
        "title": title,
        "detail": detail,
        "evidence": evidence,
    }
    return at, rank, shown


def proof(event_id: int | None, *, source_ip: str | None = None) -> dict[str, Any] | None:
    return None if event_id is None else {"type": "provider_event", "ref": str(event_id), "source_ip": source_ip}


def op_moments(ops: Iterable[MoneyOp], titles: Mapping[str, str]) -> Iterator[Moment]:
    """Every step of these tries, in the words of `titles` by state."""
    for step in StateHistory.objects.filter(entity="op", entity_id__in=[op.id for op in ops]).order_by("id"):
        title = titles.get(step.to_state, step.to_state)
        yield moment(step.at, f"operation.{step.to_state}", "system", title, rank=2, evidence=proof(step.evidence_id))


def claim_moments(ops: Iterable[MoneyOp]) -> Iterator[Moment]:
    """Everything the provider said of these tries, and what became of its words."""
    for event in ProviderEvent.objects.filter(op_id__in=[op.id for op in ops]).order_by("id"):
        door = event.door.partition(":")[0]
        is_persons = door == "operator"
        title = "Provider answered our question" if door in ANSWER_DOORS else CLAIM_TITLES[event.status]
        yield moment(
            event.received_at,
            "person.decided" if is_persons else f"provider.{door}",
            "operator" if is_persons else event.provider,
            "A person decided" if is_persons else title,
            event.note or None,
            evidence=proof(event.id, source_ip=event.source_ip),
            rank=1,
        )


def state_moments(entity: str, key: UUID) -> Iterator[Moment]:
    for step in StateHistory.objects.filter(entity=entity, entity_id=key).order_by("id"):
        title = f"{entity.capitalize()} {step.to_state}"
        detail = f"was {step.from_state}"
        yield moment(
            step.at, f"{entity}.{step.to_state}", "system", title, detail, evidence=proof(step.evidence_id), rank=3
        )


def ledger_moments(transfers: Iterable[LedgerTransfer], *, title: str) -> Iterator[Moment]:
    for transfer in transfers:
        entries = [
            {**entry, "amount": Money(entry["amount"], transfer.currency).decimal_text()}
            for entry in entries_of(transfer.id)
        ]
        evidence = {"type": "ledger_transfer", "ref": str(transfer.id), "entries": entries}
        yield moment(transfer.posted_at, "ledger.posted", "system", title, transfer.kind, evidence=evidence, rank=4)


def event_moments(keys: Iterable[str]) -> Iterator[Moment]:
    """The webhook events of these keys, and every try to deliver them."""
    for event in Event.objects.filter(key__in=list(keys)).order_by("id"):
        ref = {"type": "event", "ref": to_public("evt", event.id)}
        yield moment(event.created_at, "webhook.event", "system", f"Event {event.type}", evidence=ref, rank=5)
        for attempt in Attempt.objects.filter(delivery__event_id=event.id).order_by("id"):
            title = f"Webhook {event.type}: " + (f"answered {attempt.status}" if attempt.status else attempt.error_code)
            yield moment(
                attempt.started_at, "webhook.attempt", "system", title, f"try {attempt.n}", evidence=ref, rank=6
            )
