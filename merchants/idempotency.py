"""One operation per Idempotency-Key: the first answer is kept and given again to every repeat."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request

from merchants.models import IdempotencyKey
from onpoint_pay.kit.api import PROBLEM_TYPE, DecimalText, json_answer, problem_answer, to_problem
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import CannotOpen, seal, unseal
from onpoint_pay.kit.crypto import fingerprint as canonical_digest
from onpoint_pay.kit.db import fetch_one, retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public

LEASE_SECONDS = 30
FIRST_POLL_SECONDS, LONGEST_POLL_SECONDS = 0.025, 0.1
FORGET_BATCH = 5000
KEY_SHAPE = re.compile(r"[\x21-\x7e]{8,255}")
# These told the caller to send something else, or to come back: the next try must run.
NOT_KEPT = {400, 401, 403, 404, 405, 406, 413, 415, 429}
SEALED = ("v1.", "v2.")
IN_PROGRESS = "idempotency_in_progress"

# A free key is taken; so is one whose holder died, by a repeat of the same request.
CLAIM = """
INSERT INTO merchants_idempotency_key (merchant_id, mode, key, fingerprint, request_id, lease_until)
VALUES (%(merchant_id)s, %(mode)s, %(key)s, %(fingerprint)s, %(request_id)s,
        clock_timestamp() + make_interval(secs => %(lease)s))
ON CONFLICT (merchant_id, mode, key) DO UPDATE
   SET request_id = EXCLUDED.request_id, lease_until = EXCLUDED.lease_until
 WHERE merchants_idempotency_key.phase = 'claimed'
   AND merchants_idempotency_key.lease_until < clock_timestamp()
   AND merchants_idempotency_key.fingerprint = EXCLUDED.fingerprint
RETURNING id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A key as one request wants to use it."""

    merchant_id: UUID
    mode: str
    key: str
    fingerprint: str
    request_id: str
    actor: str

    @property
    def seal_name(self) -> str:
        """A sealed answer opens for its own row and for the one who asked first, nobody else at the merchant."""
        return f"merchants_idempotency_key.body:{self.merchant_id}:{self.mode}:{self.key}:{self.actor}"


# --- parts that other flows use too -------------------------------------------------------------------------------


def read_key(request: HttpRequest | Request) -> str | None:
    """The Idempotency-Key, bare or in double quotes; None without one. Raises Problem idempotency_key_invalid."""
    text = request.headers.get("Idempotency-Key")
    if text is None:
        return None
    key = text.strip()
    if len(key) >= 2 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not KEY_SHAPE.fullmatch(key):
        raise Problem("idempotency_key_invalid")
    return key


def request_fingerprint(request: HttpRequest | Request, body: Any) -> str:
    """Hex SHA-256 of method, path and body; the order of keys and the spelling of numbers do not matter."""
    return canonical_digest([request.method, request.path.rstrip("/"), _with_plain_numbers(body)])


def _with_plain_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_plain_numbers(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_with_plain_numbers(item) for item in value]
    is_number = isinstance(value, DecimalText) or (isinstance(value, int) and not isinstance(value, bool))
    return ["number", _plain_number(str(value))] if is_number else value


def _plain_number(text: str) -> str:
    """One spelling for 100, 100.0 and 1e2, exact at any length."""
    try:
        sign, digits, exponent = Decimal(text).as_tuple()
    except InvalidOperation:
        return text
    written = "".join(map(str, digits))
    figures = written.rstrip("0")
    return f"{'-' * sign}{figures}e{int(exponent) + len(written) - len(figures)}" if figures else "0"


def replay_answer(status: int, body: str, request_id: str) -> HttpResponse:
    """The stored answer again, byte for byte; `request_id` is that of the first request."""
    answer = json_answer(body.encode(), status)
    if status >= 400:
        answer["Content-Type"] = PROBLEM_TYPE
    answer["Idempotent-Replayed"] = "true"
    answer["Idempotent-Original-Request"] = request_id
    return answer


def wait_for_answer(merchant_id: UUID, mode: str, key: str, *, fingerprint: str | None = None) -> IdempotencyKey | None:
    """The row of a key somebody holds, as soon as it is answered, within IDEMPOTENCY_WAIT_SECONDS.

    None when the first request is still at work, or ended without an answer worth keeping so that the key is free.
    Raises Problem idempotency_key_reused, at once, when the key was used with another `fingerprint`.
    """
    deadline = time.monotonic() + settings.IDEMPOTENCY_WAIT_SECONDS
    pause = FIRST_POLL_SECONDS
    while True:
        row = IdempotencyKey.objects.filter(merchant_id=merchant_id, mode=mode, key=key).first()
        if row is not None and fingerprint is not None and row.fingerprint != fingerprint:
            raise Problem("idempotency_key_reused")
        if row is not None and row.phase == IdempotencyKey.Phase.ANSWERED:
            return row
        if row is None or time.monotonic() >= deadline:
            return None
        time.sleep(pause)
        pause = min(pause * 2, LONGEST_POLL_SECONDS)


# --- the whole flow -----------------------------------------------------------------------------------------------


def replayable(
    request: Request,
    caller: Caller,
    work: Callable[[], HttpResponse],
    *,
    shows_secret: bool = False,
    needs_key: bool = False,
    compared: Any = None,
) -> HttpResponse:
    """Run `work` once per Idempotency-Key and answer repeats with its first answer; without a key just run it.

    `work` and the keeping of its answer are one transaction, so `work` must not speak to the network. With
    `shows_secret` the kept body is sealed and opens only for the caller who asked first. With `needs_key` nothing runs
    without a key. `compared` stands for a body that is no JSON.
    Raises Problem idempotency_key_required, idempotency_key_invalid, idempotency_key_reused, idempotency_in_progress,
    and what `work` raises.
    """
    key = read_key(request)
    if key is None:
        if needs_key:
            raise Problem("idempotency_key_required")
        return work()
    claim = Claim(
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        key=key,
        fingerprint=request_fingerprint(request, request.data if compared is None else compared),
        request_id=getattr(request._request, "request_id", None) or to_public("req", new_id()),
        actor=caller.actor,
    )
    if not _take(claim):
        row = wait_for_answer(claim.merchant_id, claim.mode, claim.key, fingerprint=claim.fingerprint)
        if row is not None:
            return _earlier_answer(row, claim)
        if not _take(claim):
            raise _in_progress()
    return _run(request, claim, work, shows_secret=shows_secret)


def _take(claim: Claim) -> bool:
    """Whether the key is ours now; if not, somebody holds it or has had an answer to it."""
    row = fetch_one(
        CLAIM,
        {
            "merchant_id": claim.merchant_id,
            "mode": claim.mode,
            "key": claim.key,
            "fingerprint": claim.fingerprint,
            "request_id": claim.request_id,
            "lease": LEASE_SECONDS,
        },
    )
    return row is not None


def _earlier_answer(row: IdempotencyKey, claim: Claim) -> HttpResponse:
    status, body = row.status or 500, row.body or ""
    if body.startswith(SEALED):
        try:
            body = unseal(body, bound_to=claim.seal_name, merchant_id=claim.merchant_id)
        except CannotOpen:
            raise Problem("idempotency_key_reused", "Somebody else used this key.") from None
    return replay_answer(status, body, row.request_id)


def _run(request: Request, claim: Claim, work: Callable[[], HttpResponse], *, shows_secret: bool) -> HttpResponse:
    def unit() -> HttpResponse:
        answer = work()
        if _is_worth_keeping(answer.status_code):
            _keep(claim, answer, shows_secret=shows_secret)
        return answer

    try:
        # A deadlock inside undoes the whole of it: what is retried is this, not the work in it.
        answer = retry_unit(unit)
    except Exception as error:
        problem = to_problem(error)
        if problem is None or problem.code == IN_PROGRESS or not _is_worth_keeping(problem.http_status):
            _let_go(claim)
            raise
        answer = problem_answer(problem, request._request)
        _keep(claim, answer, shows_secret=False)
    if not _is_worth_keeping(answer.status_code):
        _let_go(claim)
    return answer


def _is_worth_keeping(status: int) -> bool:
    return status < 500 and status not in NOT_KEPT


def _mine(claim: Claim) -> Any:
    """The row while this request holds it: whoever takes a dead lease over writes its own request id."""
    return IdempotencyKey.objects.filter(
        merchant_id=claim.merchant_id,
        mode=claim.mode,
        key=claim.key,
        request_id=claim.request_id,
        phase=IdempotencyKey.Phase.CLAIMED,
    )


def _keep(claim: Claim, answer: HttpResponse, *, shows_secret: bool) -> None:
    """Raises Problem idempotency_in_progress, and so undoes the work, when a repeat took the key over."""
    body = answer.content.decode()
    kept = seal(body, bound_to=claim.seal_name, merchant_id=claim.merchant_id) if shows_secret else body
    phase = IdempotencyKey.Phase.ANSWERED
    if not _mine(claim).update(phase=phase, status=answer.status_code, body=kept):
        raise _in_progress()


def _in_progress() -> Problem:
    return Problem(IN_PROGRESS, retry_after_seconds=1)


def _let_go(claim: Claim) -> None:
    _mine(claim).delete()


def forget_old_keys() -> int:
    """Delete keys older than IDEMPOTENCY_KEEP_DAYS, FORGET_BATCH at a time; how many."""
    old = IdempotencyKey.objects.filter(created_at__lt=now() - timedelta(days=settings.IDEMPOTENCY_KEEP_DAYS))
    total = 0
    while True:
        batch = list(old.order_by("created_at").values_list("id", flat=True)[:FORGET_BATCH])
        total += IdempotencyKey.objects.filter(id__in=batch).delete()[0]
        if len(batch) < FORGET_BATCH:
            return total
