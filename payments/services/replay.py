"""The idempotency key of a call that sends a prompt: its claim, the stored answer, and what a repeat is told."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson

from merchants.idempotency import wait_for_answer
from merchants.models import IdempotencyKey
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from payments.models import Payment
from payments.serializers.payments import payment_body
from payments.services import hand_over
from payments.states import INITIATED


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The caller's key for one operation, and the fingerprint of what it asked."""

    key: str
    fingerprint: str
    request_id: str

    def as_json(self) -> str:
        return orjson.dumps({"key": self.key, "fingerprint": self.fingerprint, "request_id": self.request_id}).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """An answer's status and exact bytes; `original_request` is set on a replay."""

    status: int
    body: bytes
    location: UUID | None = None
    original_request: str | None = None


LEASE = timedelta(seconds=30)


def take_claim(claim: Claim, payment: Payment) -> dict[str, Any] | None:
    """Hold the key for a payment that exists already, in the transaction of its change; or the key as somebody has it.

    The other flow of payments does the same inside `payment_begin`.
    """
    row, is_new = IdempotencyKey.objects.get_or_create(
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        key=claim.key,
        defaults={
            "fingerprint": claim.fingerprint,
            "request_id": claim.request_id,
            "phase": IdempotencyKey.Phase.CLAIMED,
            "object_id": payment.id,
            "lease_until": now() + LEASE,
        },
    )
    return None if is_new else _as_found(row)


def known_claim(claim: Claim | None, payment: Payment) -> dict[str, Any] | None:
    """The key as somebody has it already; None when it is free, or when there is none."""
    row = None if claim is None else _row(claim, payment).first()
    return None if row is None else _as_found(row)


def _as_found(row: IdempotencyKey) -> dict[str, Any]:
    return {
        "fingerprint": row.fingerprint,
        "phase": row.phase,
        "status": row.status,
        "body": row.body,
        "request_id": row.request_id,
        "object_id": str(row.object_id),
        "lease_is_dead": row.lease_until < now(),
    }


def finish(claim: Claim | None, payment: Payment, stored: Stored) -> None:
    """Keep the answer for repeats of the same key."""
    if claim is not None:
        _row(claim, payment).update(phase="answered", status=stored.status, body=stored.body.decode())


def forget(claim: Claim | None, payment: Payment) -> None:
    """Nothing happened: the key is free for the next try."""
    if claim is not None:
        _row(claim, payment).delete()


def _row(claim: Claim, payment: Payment) -> Any:
    return IdempotencyKey.objects.filter(merchant_id=payment.merchant_id, mode=payment.mode, key=claim.key)


def replay(caller: Caller, found: dict[str, Any], claim: Claim | None) -> Stored:
    """What a repeat is answered: the first answer, once there is one; the payment as it stands after a crash.

    A refusal is kept with status 402 and the failed payment as its body.
    Raises Problem idempotency_key_reused and idempotency_in_progress.
    """
    if claim is None or found["fingerprint"] != claim.fingerprint:
        raise Problem("idempotency_key_reused", "This key was used for another request; use a new key.")
    if found["phase"] == "answered":
        return _again(found["status"], found["body"], found["request_id"])
    if found["lease_is_dead"]:
        return _resume(caller, UUID(found["object_id"]), claim)
    answered = wait_for_answer(caller.merchant_id, caller.mode, claim.key)
    if answered is None:
        raise Problem("idempotency_in_progress", retry_after_seconds=1)
    return _again(answered.status, answered.body, answered.request_id)


def _again(status: int | None, body: str | None, original_request: str) -> Stored:
    if status is None or body is None:
        raise Problem("idempotency_in_progress", retry_after_seconds=1)
    return Stored(status=status, body=body.encode(), original_request=original_request)


def _resume(caller: Caller, payment_id: UUID, claim: Claim) -> Stored:
    """The first request died between its commits: the prompt may be out, so it is never sent again."""
    payment = Payment.objects.scoped(caller.merchant_id, caller.mode).get(id=payment_id)
    if payment.status == INITIATED:
        newest = payment.ops.order_by("-id").first()
        payment = hand_over.doubt_hand_over(newest.id)
    stored = Stored(status=201, body=orjson.dumps(payment_body(payment), default=str), location=payment.id)
    finish(claim, payment, stored)
    return stored
