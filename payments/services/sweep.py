"""The recovery sweeper: whatever no callback finished is found in `money_op` and asked about."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from datetime import datetime
from uuid import UUID

import structlog

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from payments import schedule
from payments.models import MoneyOp
from payments.services import hand_over
from payments.services.lookup import look_up
from payments.services.out_sending import doubt_sending
from payments.services.questions import ask_about_operation
from payments.services.silence import silent_shortcodes
from payments.services.status import apply_answer, question
from payments.states import OP_ACCEPTED, OP_CREATED, OP_FILED, OP_OPEN, OP_OUT, OP_SENDING, OP_UNKNOWN
from providers.types import Outcome

log = structlog.get_logger(__name__)
JOB = "payments.sweep"
BATCH = 100
THREADS = 8
# What a payer pays without a prompt: only the provider's list can tell of it.
BY_HAND = "c2b"


def sweep(*, batches: int = 10) -> int:
    """Look at every operation that is due; returns how many. Two sweepers at once do each row once."""
    looked_at = 0
    for _ in range(batches):
        taken = retry_unit(_take)
        if not taken:
            break
        looked_at += len(taken)
        _conclude_dead_hand_overs(op for op in taken if op.status == OP_SENDING)
        waiting = [op for op in taken if op.status in (OP_ACCEPTED, OP_UNKNOWN)]
        _ask_by_callback(op for op in waiting if op.kind in OP_OUT)
        charges = [op for op in waiting if op.kind == "charge"]
        _ask_about([op for op in charges if op.provider_ref is not None])
        _look_up([op for op in charges if op.provider_ref is None] + [op for op in waiting if op.kind == BY_HAND])
    return looked_at


def _take() -> list[MoneyOp]:
    """Due rows, moved on to their next time before anybody is asked: a sweeper that dies has lost nothing."""
    at = now()
    due = MoneyOp.objects.select_for_update(skip_locked=True, of=("self",)).filter(
        status__in=OP_OPEN, next_check__lte=at
    )
    # What has not left yet belongs to its sender, and about what leaves in a file nobody can be asked.
    due = due.exclude(kind__in=OP_OUT, status=OP_CREATED).exclude(kind__in=OP_FILED)
    taken = list(due.select_related("payment").order_by("next_check")[:BATCH])
    silent = silent_shortcodes() if taken else frozenset()
    for op in taken:
        op.checks += 1
        op.next_check = _next_check(op, at, is_silent=_place_of(op) in silent)
        op.save(update_fields=["checks", "next_check"])
    return taken


def _next_check(op: MoneyOp, at: datetime, *, is_silent: bool) -> datetime:
    since = op.sent_at or op.created_at
    if op.kind == BY_HAND:
        return schedule.next_list_check(at, since=since)
    if op.kind not in OP_OUT and schedule.asks_closely(since, at, answered_checks=op.answered_checks):
        return schedule.unanswered_retry_at(at)
    return schedule.next_check_at(since, at, kind=op.kind, is_silent=is_silent)


def _conclude_dead_hand_overs(ops: Iterable[MoneyOp]) -> None:
    """The process that was sending died before it stored an answer: the prompt, or the money, may be out."""
    for op in ops:
        if op.lease_until is not None and op.lease_until > now():
            continue
        if op.kind in OP_OUT:
            doubt_sending(op.id, ask_at=now())
        else:
            hand_over.doubt_hand_over(op.id)


def _ask_by_callback(ops: Iterable[MoneyOp]) -> None:
    """About money that was sent: the answers come to our doors and are applied like every callback."""
    for op in ops:
        try:
            ask_about_operation(op)
        except Exception:
            # Due again by its schedule; the rest must not wait for it.
            log.exception("operation_not_asked_about", op=str(op.id))


def _ask_about(ops: list[MoneyOp]) -> None:
    """Ask in a few threads, which touch no database, and apply the answers here as they come."""
    if not ops:
        return
    with ThreadPoolExecutor(max_workers=min(THREADS, len(ops)), thread_name_prefix="ask") as pool:
        asked: dict[Future[Outcome | None], MoneyOp] = {pool.submit(question, op): op for op in ops}
        for future in as_completed(asked):
            _apply(asked[future], future)


def _ask_again_soon(ops: Iterable[MoneyOp]) -> None:
    soon = schedule.unanswered_retry_at(now())
    for op in ops:
        MoneyOp.objects.filter(id=op.id, status__in=OP_OPEN, next_check__gt=soon).update(next_check=soon)


def _look_up(ops: list[MoneyOp]) -> None:
    """Operations nobody can be asked about one by one, a list per account at a provider."""
    for book in {_book_of(op) for op in ops}:
        try:
            of_book = [op for op in ops if _book_of(op) == book]
            if not look_up(of_book):
                _ask_again_soon(of_book)
        except Exception:
            log.exception("statement_not_applied", provider=book[0], mode=book[1])


def _place_of(op: MoneyOp) -> tuple[str, str, str]:
    return op.provider, op.mode, op.payment.shortcode if op.payment else ""


def _book_of(op: MoneyOp) -> tuple[str, str, UUID | None]:
    return op.provider, op.mode, op.provider_account_id


def _apply(op: MoneyOp, future: "Future[Outcome | None]") -> None:
    try:
        outcome = future.result()
        if outcome is None:
            _ask_again_soon([op])
        else:
            apply_answer(op.id, outcome)
    except Exception:
        # One operation that cannot be concluded must not hold up the rest; it is due again by its schedule.
        log.exception("operation_not_concluded", op=str(op.id))
