"""The callback inbox: store what came in, answer, and apply it at our own pace."""

from dataclasses import dataclass
from hashlib import sha256

import orjson
import structlog
from django.conf import settings
from django.db import connection

from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import fetch_one
from onpoint_pay.kit.jobs import nudge
from payments import schedule, statements
from payments.models import MoneyOp, ProviderEvent
from payments.services.outcome import apply_outcome
from payments.services.status import question
from payments.states import OP_OPEN, OP_SUCCEEDED
from providers.errors import CallbackMalformed
from providers.registry import parser_for
from providers.types import CallbackEvent, InboundRequest, OutcomeStatus

log = structlog.get_logger(__name__)
JOB = "payments.apply_callbacks"
LEASE_SECONDS = 30
BATCH = 50

# Taken rows come back by themselves when their worker dies before it is done with them.
TAKE = """
UPDATE provider_event SET tries = tries + 1, next_try = now() + %s::interval WHERE id IN (
  SELECT id FROM provider_event WHERE status IN ('new', 'orphan') AND next_try <= now() AND door LIKE 'collect%%'
  ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED)
RETURNING id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of an incoming claim: `new`, `repeat`, `differs`, or `refused` when its address sent too many without
    a token of ours; and whether this one's token is."""

    outcome: str
    token_ok: bool


def receive_callback(provider_code: str, inbound: InboundRequest) -> Receipt:
    """Store the raw claim with one statement and ring for a worker; nothing is decided here."""
    parser = parser_for(provider_code)
    try:
        claim = parser.parse_callback(inbound)[0]
        dedupe, reference = claim.dedupe_key, claim.provider_reference
    except CallbackMalformed:
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
    return Receipt(outcome=row["outcome"], token_ok=row["token_ok"])


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
        cursor.execute(TAKE, [f"{schedule.scaled(LEASE_SECONDS).total_seconds()} s", BATCH])
        return [row[0] for row in cursor.fetchall()]


def process_callback(event: ProviderEvent) -> str:
    """Decide what one claim may do, and do it; returns the status the claim ends in."""
    try:
        claim = _parse(event)
    except CallbackMalformed as error:
        if event.op is not None:
            _ask_ourselves(event.op)
        return _close(event, "quarantined", f"cannot be read: {error}")
    op = _owner(event, claim)
    if op is None:
        return _wait_for_owner(event)
    doubt = _distrust(event, claim, op)
    if doubt:
        _ask_ourselves(op)
        return _close(event, "quarantined", doubt, op=op)
    if claim.outcome.status is OutcomeStatus.SUCCEEDED and _needs_confirmation(op):
        return _confirm_then_apply(event, claim, op)
    return apply_outcome(op.id, claim.outcome, evidence=event.id, source="callback")


def _parse(event: ProviderEvent) -> CallbackEvent:
    door, _, _ = event.door.partition(":")
    inbound = InboundRequest(
        body=bytes(event.body), headers=event.headers, token=None, source_ip=event.source_ip, door=door
    )
    return parser_for(event.provider).parse_callback(inbound)[0]


def _owner(event: ProviderEvent, claim: CallbackEvent) -> MoneyOp | None:
    """The operation the claim is about: by its path token, else by the provider's reference."""
    if event.op_id is not None:
        return MoneyOp.objects.get(id=event.op_id)
    return MoneyOp.objects.filter(
        provider=event.provider, kind="charge", provider_ref=claim.provider_reference or ""
    ).first()


def _distrust(event: ProviderEvent, claim: CallbackEvent, op: MoneyOp) -> str:
    """Why the claim may not be applied as it stands; empty when it may."""
    if not event.token_ok:
        return "untrusted: the address it came to has no token of ours"
    if _is_of_another(op, claim):
        return "the token belongs to another operation than the claim names"
    return ""


def _is_of_another(op: MoneyOp, claim: CallbackEvent) -> bool:
    if op.provider_ref is not None:
        return claim.provider_reference != op.provider_ref
    # The answer to the hand-over is still out or was lost; whose the reference is may be known all the same.
    others = MoneyOp.objects.filter(provider=op.provider, mode=op.mode, kind=op.kind)
    return others.filter(provider_ref=claim.provider_reference).exists()


def _ask_ourselves(op: MoneyOp) -> None:
    """An untrusted claim makes us look for the truth, it never tells it."""
    MoneyOp.objects.filter(id=op.id, status__in=OP_OPEN).update(next_check=now())
    nudge("payments.sweep")


def _wait_for_owner(event: ProviderEvent) -> str:
    retry_at = schedule.orphan_retry_at(now(), tries=event.tries - 1)
    if retry_at is None:
        return _close(event, "quarantined", "nobody here knows what it is about")
    ProviderEvent.objects.filter(id=event.id, status__in=("new", "orphan")).update(status="orphan", next_try=retry_at)
    return "orphan"


def _close(event: ProviderEvent, status: str, note: str, *, op: MoneyOp | None = None) -> str:
    changes = {"status": status, "note": note[:300]} | ({"op_id": op.id} if op else {})
    ProviderEvent.objects.filter(id=event.id, status__in=("new", "orphan")).update(**changes)
    return status


def _needs_confirmation(op: MoneyOp) -> bool:
    """Whether this merchant wants every success asked for again; by default in live mode: callbacks are unsigned."""
    if op.status == OP_SUCCEEDED:
        return False
    policy = op.merchant.confirm_policy
    return policy == "always" or (policy == "default" and op.mode == LIVE)


def _confirm_then_apply(event: ProviderEvent, claim: CallbackEvent, op: MoneyOp) -> str:
    """The provider must say the same when we ask: then the claim is applied, with the receipt it brought."""
    if op.provider_ref is None:
        op.provider_ref = claim.provider_reference
    answer = question(op)
    if answer is None or answer.status in (OutcomeStatus.PENDING, OutcomeStatus.UNKNOWN):
        # The claim stays where it is and is looked at again when its lease ends.
        return "new"
    if answer.status is OutcomeStatus.FAILED:
        # Not applied either: two words of the provider disagree, and that is for the schedule and a person to settle.
        return _close(event, "quarantined", "the provider says otherwise when asked", op=op)
    return apply_outcome(op.id, claim.outcome, evidence=event.id, source="callback")
