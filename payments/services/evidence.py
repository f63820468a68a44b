"""What a provider said, kept: the claims and answers that allow a change of state."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from onpoint_pay.kit.clock import now
from payments import schedule
from payments.models import MoneyOp, ProviderEvent
from providers.registry import parser_for
from providers.types import CallbackEvent, Failure, InboundRequest, Outcome

APPLIED, DUPLICATE, QUARANTINED, IGNORED = "applied", "duplicate", "quarantined", "ignored"
# The claims that may still be applied.
WAITING = ("new", "orphan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A provider's answer to a question of ours, to be kept as evidence beside what it changes."""

    door: str
    body: bytes
    dedupe: str


def read_claim(event: ProviderEvent) -> CallbackEvent:
    """What a stored callback says. Raises CallbackMalformed."""
    door, _, _ = event.door.partition(":")
    inbound = InboundRequest(
        body=bytes(event.body), headers=event.headers, token=None, source_ip=event.source_ip, door=door
    )
    return parser_for(event.provider).parse_callback(inbound)[0]


def close_event(event: ProviderEvent, status: str, note: str, *, op: MoneyOp | None = None) -> str:
    """Conclude a claim that changes nothing; one that was concluded meanwhile stays as it is."""
    changes = {"status": status, "note": note[:300]} | ({"op_id": op.id} if op else {})
    ProviderEvent.objects.filter(id=event.id, status__in=WAITING).update(**changes)
    return status


def wait_for_owner(event: ProviderEvent) -> str:
    """Nobody here knows what it is about, yet: it may be faster than our own commit."""
    retry_at = schedule.orphan_retry_at(now(), tries=event.tries - 1)
    if retry_at is None:
        return close_event(event, QUARANTINED, "nobody here knows what it is about")
    ProviderEvent.objects.filter(id=event.id, status__in=WAITING).update(status="orphan", next_try=retry_at)
    return "orphan"


def lock_event(event_id: int) -> ProviderEvent:
    """The claim, locked: two workers that look at it wait for each other."""
    return ProviderEvent.objects.select_for_update().get(id=event_id)


RECEIPT_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
RECEIPT_LOCK_OF_OP = """
SELECT pg_advisory_xact_lock(hashtextextended(provider || ':' || mode || ':' || %s, 0)) FROM money_op WHERE id = %s
"""


def lock_receipt(provider: str, mode: str, receipt: str) -> None:
    """Hold everything about one receipt until the commit: the doors it may come by wait for each other.

    Taken after the claim's own lock and before those of operation and payment.
    """
    with connection.cursor() as cursor:
        cursor.execute(RECEIPT_LOCK, [f"{provider}:{mode}:{receipt}"])


def lock_receipt_of(op_id: UUID, receipt: str) -> None:
    """As lock_receipt, for the provider and mode of an operation that is not locked yet."""
    with connection.cursor() as cursor:
        cursor.execute(RECEIPT_LOCK_OF_OP, [receipt, op_id])


def keep_answer(op: MoneyOp, answer: Answer, *, status: str = "new", note: str = "") -> ProviderEvent:
    """Store the answer to a question of ours; the same answer twice is two pieces of evidence."""
    return ProviderEvent.objects.create(
        provider=op.provider,
        door=answer.door,
        dedupe=f"{op.id}:{answer.dedupe}",
        mode=op.mode,
        body=answer.body,
        token_ok=True,
        op=op,
        status=status,
        note=note,
        received_at=now(),
        next_try=now(),
    )


def failure_body(failure: Failure, outcome: Outcome | None, *, language: str) -> dict[str, Any]:
    """Why it failed, kept on the payment; the payer's words in `language`, `en` or `sw`.

    Without an outcome the failure is one that no provider told us of.
    """
    return {
        "code": failure.code,
        "provider_code": outcome.provider_code if outcome else None,
        "provider_message": outcome.provider_message if outcome else None,
        "reason": failure.reason,
        "customer_message": failure.customer_message_sw if language == "sw" else failure.customer_message,
        "merchant_action": failure.merchant_action,
        "certainty": failure.certainty,
        "retry": {"advice": failure.retry_advice, "after": failure.retry_after_seconds},
    }
