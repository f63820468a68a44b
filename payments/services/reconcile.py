"""Reconciliation of one account: its statements against what we say has moved, rule by rule, and what does not fit."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from audit.services import record
from onpoint_pay.kit.ids import new_id, to_public
from payments.services.reconcile_breaks import CLASSIFY, CLOSE_FITTING, MISSING_THERE, READ_BETWEEN, SETTLE
from payments.services.reconcile_heal import book_missing, fill_receipts
from payments.services.reconcile_objects import GATHER
from payments.services.reconcile_rules import NAMELESS, PROPOSE, RULES
from settlements.services.recon_charges import book_charges
from settlements.services.recon_events import announce_exceptions, announce_run
from settlements.services.recon_import import BANK, TIMEOUT, lock_account, owner_of
from settlements.services.recon_sources import party_digest

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Run:
    """What one run found: lines matched by rule, proposed to a person, charges booked, new exceptions by kind."""

    run_id: UUID
    matched: dict[str, int] = field(default_factory=dict)
    proposed: int = 0
    charges: int = 0
    exceptions: dict[str, int] = field(default_factory=dict)
    booked: int = 0
    closed: int = 0
    seconds: float = 0.0


def reconcile(*, account: str, mode: str, actor: str = "system", books_missing: bool = True) -> Run:
    """Match the lines that are open, name what does not fit, book what is missing here; safe to repeat.

    `account` is `provider:shortcode`, or `bank:` and a name. With `books_missing` money that only the provider knows of
    is looked up and booked through the doors that callbacks use; what has no owner waits in suspense.
    """
    started = time.monotonic()
    run = Run(run_id=new_id())
    place = _place(account, mode)
    _pass(run, place)
    if books_missing:
        run.booked = book_missing(account=account, mode=mode)
    fill_receipts(account=account, mode=mode)
    run.charges = book_charges(account=account, mode=mode)
    _pass(run, place, is_last=True)
    run.seconds = time.monotonic() - started
    _conclude(run, place, actor=actor)
    return run


def _place(account: str, mode: str) -> dict[str, Any]:
    provider, _, shortcode = account.partition(":")
    return {
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
        for rule, statement in RULES:
            cursor.execute(statement, place | {"rule": rule})
            run.matched[rule] = run.matched.get(rule, 0) + int(cursor.rowcount)
        run.proposed += _propose(cursor, place)
        cursor.execute(READ_BETWEEN, place)
        cursor.execute(CLASSIFY, place)
        if is_last:
            cursor.execute(MISSING_THERE, place)
        cursor.execute(SETTLE, place)
        cursor.execute(CLOSE_FITTING, place)
        run.closed += int(cursor.rowcount)


def _propose(cursor: Any, place: dict[str, Any]) -> int:
    """Payer, amount and ten minutes: the payers' numbers are compared as digests, which the database cannot make."""
    cursor.execute(NAMELESS, place)
    rows: Sequence[tuple[UUID, str]] = cursor.fetchall()
    if not rows:
        return 0
    parties = [party_digest(phone) for _, phone in rows]
    cursor.execute(PROPOSE, place | {"ids": [str(key) for key, _ in rows], "parties": parties})
    return int(cursor.rowcount)


def _conclude(run: Run, place: dict[str, Any], *, actor: str) -> None:
    with transaction.atomic():
        run.exceptions = announce_exceptions(account=place["account"], mode=place["mode"])
        found = {"matched": sum(run.matched.values()), "charges": run.charges, "exceptions": run.exceptions}
        if place["merchant"] is not None:
            announce_run(
                run.run_id, merchant_id=place["merchant"], mode=place["mode"], account=place["account"], found=found
            )
        record(
            merchant_id=place["merchant"],
            actor=actor,
            action="reconciliation.run",
            object_id=to_public("rec", run.run_id),
            detail={"account": place["account"], "mode": place["mode"]} | found,
        )
    log.info("reconciled", account=place["account"], mode=place["mode"], seconds=round(run.seconds, 2), **found)
