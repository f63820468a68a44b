"""Reconciliation of one account: its statements against what we say has moved, rule by rule, and what does not fit."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from audit.services import record
from onpoint_pay.kit.ids import new_id, to_public
from payments.services.reconcile_absent import expire_absent
from payments.services.reconcile_breaks import (
    CLASSIFY,
    CLOSE_READ,
    FIT_AFTER_ALL,
    LEAVE_TO_STATEMENT,
    MISSING_THERE,
    NAMED,
    READ_BETWEEN,
    SETTLE,
)
from payments.services.reconcile_heal import book_missing
from payments.services.reconcile_objects import GATHER, phones_of
from payments.services.reconcile_receipts import teach
from payments.services.reconcile_rules import NAMELESS, PROPOSE, RULES
from payments.services.reconcile_undone import book_undone
from settlements.services.recon_batches import match_batches
from settlements.services.recon_charges import book_charges
from settlements.services.recon_events import announce_exceptions
from settlements.services.recon_import import BANK, TIMEOUT, lock_account, owner_of
from settlements.services.recon_runs import conclude_run
from settlements.services.recon_sources import party_digest

log = structlog.get_logger(__name__)
# How long before and after a movement its statement must reach before its absence means anything.
MARGIN, BANK_MARGIN = timedelta(minutes=5), timedelta(days=3)


@dataclass(slots=True, kw_only=True)
class Run:
    """What one run found: lines matched by rule, proposed to a person, charges booked, new exceptions by kind.

    `undone`: what was taken or came back and was offered to the books; `expired`: prompts that no statement knows.
    """

    run_id: UUID
    matched: dict[str, int] = field(default_factory=dict)
    proposed: int = 0
    charges: int = 0
    batches: int = 0
    exceptions: dict[str, int] = field(default_factory=dict)
    booked: int = 0
    undone: int = 0
    expired: int = 0
    closed: int = 0
    seconds: float = 0.0


def reconcile(
    *,
    account: str,
    mode: str,
    actor: str = "system",
    books_missing: bool = True,
    is_whole: bool = True,
    run_id: UUID | None = None,
) -> Run:
    """Match the lines that are open, name what does not fit, book what is missing here; safe to repeat.

    `account` is `provider:shortcode`, or `bank:` and a name. With `books_missing` money that only the provider knows of
    is looked up and booked through the doors that callbacks use; what has no owner waits in suspense. Unless it
    `is_whole`, only what new lines name is looked at, and not what the statements leave out. `run_id` is
    of the run that somebody asked for.
    """
    started = time.monotonic()
    run = Run(run_id=run_id or new_id())
    place = _place(account, mode, is_whole=is_whole)
    _pass(run, place)
    # First what is matched learns its receipt: else a second line of one payment would be taken for it.
    teach(account=account, mode=mode)
    if books_missing:
        run.booked = book_missing(account=account, mode=mode)
        run.undone = book_undone(account=account, mode=mode)
    run.charges = book_charges(account=account, mode=mode)
    run.batches = match_batches(mode)
    _pass(run, place, is_last=True)
    teach(account=account, mode=mode)
    if books_missing and is_whole:
        run.expired = expire_absent(account=account, mode=mode)
    run.seconds = time.monotonic() - started
    _conclude(run, place, actor=actor)
    return run


def _place(account: str, mode: str, *, is_whole: bool) -> dict[str, Any]:
    provider, _, shortcode = account.partition(":")
    return {
        "is_whole": is_whole,
        "margin": BANK_MARGIN if provider == BANK else MARGIN,
        "account": account,
        "mode": mode,
        "provider": provider,
        "shortcode": shortcode,
        "paid_from": shortcode if provider == BANK else account,
        "merchant": owner_of(account, mode),
    }


def _pass(run: Run, place: dict[str, Any], *, is_last: bool = False) -> None:
    """One look in one transaction: gather, match, name what is left, close what fits."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TIMEOUT)
        lock_account(cursor, account=place["account"], mode=place["mode"])
        for statement in GATHER:
            cursor.execute(statement, place)
        cursor.execute(CLOSE_READ, place)
        run.closed += int(cursor.rowcount)
        for rule, statement in RULES:
            cursor.execute(statement, place | {"rule": rule})
            run.matched[rule] = run.matched.get(rule, 0) + int(cursor.rowcount)
        run.proposed += _propose(cursor, place)
        for statement in (LEAVE_TO_STATEMENT, READ_BETWEEN, NAMED, CLASSIFY):
            cursor.execute(statement, place | {"is_last": is_last})
        if is_last:
            cursor.execute(MISSING_THERE, place)
        for statement in FIT_AFTER_ALL:
            cursor.execute(statement, place)
            run.closed += 0 if statement is SETTLE else int(cursor.rowcount)


def _propose(cursor: Any, place: dict[str, Any]) -> int:
    """Payer, amount and ten minutes: the payers' numbers are compared as digests, which the database cannot make."""
    cursor.execute(NAMELESS, place)
    rows: Sequence[tuple[str, UUID, str | None]] = cursor.fetchall()
    payees = phones_of(key for kind, key, _ in rows if kind == "payout_op")
    named = [(kind, str(key), phone or payees.get(key, "")) for kind, key, phone in rows]
    known = [(kind, key, party_digest(phone)) for kind, key, phone in named if phone]
    if not known:
        return 0
    types, ids, parties = (list(column) for column in zip(*known, strict=True))
    cursor.execute(PROPOSE, place | {"types": types, "ids": ids, "parties": parties})
    return int(cursor.rowcount)


def _conclude(run: Run, place: dict[str, Any], *, actor: str) -> None:
    with transaction.atomic():
        run.exceptions = announce_exceptions(account=place["account"], mode=place["mode"])
        found = {"matched": sum(run.matched.values()), "charges": run.charges, "exceptions": run.exceptions}
        if place["merchant"] is not None:
            more = {"proposed": run.proposed, "booked": run.booked, "closed": run.closed}
            conclude_run(
                run.run_id,
                merchant_id=place["merchant"],
                mode=place["mode"],
                account=place["account"],
                actor=actor,
                found=found | more,
            )
        record(
            merchant_id=place["merchant"],
            actor=actor,
            action="reconciliation.run",
            object_id=to_public("rec", run.run_id),
            detail={"account": place["account"], "mode": place["mode"]} | found,
        )
    if run.exceptions.get("missing_there"):
        count = run.exceptions["missing_there"]
        log.error("money_missing_at_provider", account=place["account"], mode=place["mode"], movements=count)
    log.info("reconciled", account=place["account"], mode=place["mode"], seconds=round(run.seconds, 2), **found)
