"""The callback inbox: store what came in, answer, and apply it at our own pace."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

import orjson
import structlog
from django.conf import settings
from django.db import connection

from audit.services import record
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import fetch_one, retry_unit
from onpoint_pay.kit.jobs import nudge
from payments import schedule, statements
from payments.models import ProviderEvent
from payments.services.c2b_confirmations import apply_confirmation
from payments.services.charge_claims import apply_charge_claim
from payments.services.evidence import lock_event
from payments.services.out_claims import apply_out_claim
from payments.services.status_claims import apply_status_claim
from providers.errors import CallbackMalformed
from providers.registry import parser_for
from providers.types import InboundRequest

log = structlog.get_logger(__name__)
JOB = "payments.apply_callbacks"
LEASE_SECONDS = 30
BATCH = 50

# Who applies what came in at which door. Answers to our own questions lie in the same table under doors of their own.
DOORS: dict[str, Callable[[ProviderEvent], str]] = {
    "collect": apply_charge_claim,
    "result-reversal": apply_out_claim,
    "timeout-reversal": apply_out_claim,
    "result-b2c": apply_out_claim,
    "timeout-b2c": apply_out_claim,
    "result-status": apply_status_claim,
    "timeout-status": apply_status_claim,
    "result-balance": apply_status_claim,
    "timeout-balance": apply_status_claim,
    "confirm": apply_confirmation,
}

# Taken rows come back by themselves when their worker dies before it is done with them.
TAKE = """
UPDATE provider_event SET tries = tries + 1, next_try = now() + %s::interval WHERE id IN (
  SELECT id FROM provider_event WHERE status IN ('new', 'orphan') AND next_try <= now()
    AND split_part(door, ':', 1) = ANY(%s)
  ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of an incoming claim: `new`, `repeat`, `differs`, or `refused` when its address sent too many without
    a token of ours; whether this one's token is; and the claim's number, if it was kept."""

    outcome: str
    token_ok: bool
    event_id: int | None = None


def receive_callback(provider_code: str, inbound: InboundRequest) -> Receipt:
    """Store the raw claim with one statement and ring for a worker; nothing is decided here."""
    parser = parser_for(provider_code)
    try:
        claim = parser.parse_callback(inbound)[0]
        dedupe, reference = claim.dedupe_key, claim.provider_reference
    except CallbackMalformed:
        dedupe, reference = sha256(inbound.body).hexdigest(), None
    except Exception:
        # A slip in our own reading must not cost a word that is said only once.
        log.exception("callback_not_read", door=inbound.door)
        dedupe, reference = sha256(inbound.body).hexdigest(), None
    row = fetch_one(
        statements.CALL_RECEIVED,
        {
            "provider": provider_code,
            "door": inbound.door,
            "dedupe": dedupe[:300],
            "reference": reference,
            "body": inbound.body,
            "headers": orjson.dumps(dict(inbound.headers)).decode(),
            "source": inbound.source_ip,
            "token_hash": sha256((inbound.token or "").encode()).digest(),
            "strangers": _strangers_per_minute(inbound.source_ip),
        },
    )
    assert row is not None  # noqa: S101 - the function always answers
    if row["outcome"] == "new":
        nudge(JOB)
    return Receipt(outcome=row["outcome"], token_ok=row["token_ok"], event_id=row["event_id"])


def _strangers_per_minute(source_ip: str | None) -> int | None:
    """How many claims without a token one address may leave in a minute; None for the provider's listed addresses."""
    return None if source_ip in settings.CALLBACK_ADDRESSES else settings.STRANGE_CALLBACKS_PER_MINUTE


def apply_callbacks() -> int:
    """Apply every claim that is due, oldest first; returns how many were looked at."""
    looked_at = 0
    while taken := _take():
        for event in ProviderEvent.objects.filter(id__in=taken).order_by("id"):
            looked_at += 1
            try:
                process_callback(event)
            except Exception:
                # One claim that cannot be applied must not hold up the rest; it is due again when its lease ends.
                log.exception("callback_not_applied", event_id=event.id)
    return looked_at


def _take() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [f"{schedule.scaled(LEASE_SECONDS).total_seconds()} s", list(DOORS), BATCH])
        return [row[0] for row in cursor.fetchall()]


def process_callback(event: ProviderEvent) -> str:
    """Decide what one claim may do, and do it; returns the status the claim ends in."""
    return DOORS[event.door.partition(":")[0]](event)


class NotReplayable(Exception):
    """The callback did its work already, or is being looked at."""


def replayable(*, ids: Sequence[int], status: str | None, hours: float) -> list[ProviderEvent]:
    """Stored callbacks by number, or all of one status received in the last hours; oldest first."""
    found = ProviderEvent.objects.filter(id__in=ids)
    if status is not None:
        since = now() - timedelta(hours=hours)
        found = found | ProviderEvent.objects.filter(status=status, received_at__gte=since)
    return [event for event in found.order_by("id") if event.door.partition(":")[0] in DOORS]


def replay_callback(event_id: int, *, actor: str = "operator") -> str:
    """Look at a stored callback once more; returns the status it ends in. Raises NotReplayable.

    It goes the way it came: through the same checks, with the trust it had.
    """

    def unit() -> ProviderEvent:
        event = lock_event(event_id)
        if event.door.partition(":")[0] not in DOORS:
            raise NotReplayable("came in at no door of callbacks: nothing to do")
        if event.status in ("applied", "duplicate", "new"):
            raise NotReplayable(f"is {event.status}: nothing to do")
        event.status, event.tries, event.next_try = "new", 1, now() + schedule.scaled(LEASE_SECONDS)
        event.save(update_fields=["status", "tries", "next_try"])
        record(
            merchant_id=event.op.merchant_id if event.op else None,
            actor=actor,
            action="callback.replayed",
            object_id=str(event.id),
        )
        return event

    return process_callback(retry_unit(unit))
