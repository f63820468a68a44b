"""The life of a run that a merchant sees: a statement is brought, perhaps agreed to, taken by a worker, compared."""

from dataclasses import dataclass
from datetime import date, timedelta
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from audit.services import record
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.jobs import nudge
from settlements.models import ReconRun, ReconRunPart
from settlements.selectors.recon_accounts import is_live, own_accounts
from settlements.services.recon_bytes import opened_pieces, sealed_pieces
from settlements.services.recon_events import announce_run
from settlements.services.recon_import import Imported
from settlements.states import RUN_COMPLETED, RUN_FAILED, RUN_QUEUED, RUN_REJECTED, RUN_WAITS

# The room that compares with payments does the work, under this name.
JOB = "payments.run_reconciliations"
LEASE = timedelta(hours=1)
TRIES = 3
IN_MEMORY = 4 * 1024 * 1024
NOBODY = ("key", "system", "operator", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A statement as somebody brings it; `days` are the first and last that a card provider's list tells whole."""

    account: str
    source: str
    name: str
    stream: BinaryIO
    currency: str = "KES"
    batch: str = ""
    days: tuple[date, date] | None = None


def ask_run(caller: Caller, brought: Brought, *, request_id: str) -> ReconRun:
    """Keep a statement of the caller's own account for a worker to take in.

    In live mode an operator agrees first: what a statement tells is booked. Raises NotFound for an account that is not
    the merchant's own, or that others share, and in test mode Problem state_conflict for one that is used in live mode.
    """
    if brought.account not in own_accounts(caller):
        raise NotFound("There is no such account of your own.")
    if not caller.livemode and is_live(brought.account):
        # A statement is of one mode: taken here, it could never be taken where its money is.
        raise Problem("state_conflict", "This shortcode is used in live mode: bring its statements there.")
    first, last = brought.days or (None, None)
    brought.stream.seek(0)
    with transaction.atomic():
        row = ReconRun.objects.create(
            merchant_id=caller.merchant_id,
            mode=caller.mode,
            account=brought.account,
            source=brought.source,
            name=brought.name[-200:],
            currency=brought.currency,
            batch=brought.batch,
            first_day=first,
            last_day=last,
            status=RUN_WAITS if caller.livemode else RUN_QUEUED,
            requested_by=caller.actor,
        )
        for number, body in sealed_pieces(brought.stream, place=_place(row)):
            ReconRunPart.objects.create(run=row, number=number, body=body)
        row.refresh_from_db()
        _record(row, "reconciliation.brought", actor=caller.actor, request=request_id)
        nudge(JOB)
    return row


def decide_run(run_id: UUID, *, actor: str, agrees: bool) -> ReconRun:
    """An operator lets a statement of live mode be taken in, or not.

    Raises NotFound, Problem 409 for a run that does not wait, 403 for somebody without a name.
    """
    if actor in NOBODY:
        raise Problem("permission_denied", "A person must decide this: say who you are.")
    with transaction.atomic():
        row: ReconRun | None = ReconRun.objects.select_for_update().filter(id=run_id).first()
        if row is None:
            raise NotFound("There is no such run.")
        if row.status != RUN_WAITS:
            raise Problem("state_conflict", f"The run is {row.status}.")
        row.decided_by = actor
        _move(row, RUN_QUEUED if agrees else RUN_REJECTED, actor=actor)
        nudge(JOB)
    return row


def take_run() -> ReconRun | None:
    """The oldest run that nobody works at, ours for an hour; None when there is none.

    One that broke its worker three times has failed, and the next in line is taken.
    """
    while True:
        with transaction.atomic():
            waiting = Q(status=RUN_QUEUED) & (Q(lease_until__isnull=True) | Q(lease_until__lt=now()))
            rows = ReconRun.objects.select_for_update(skip_locked=True).filter(waiting)
            row: ReconRun | None = rows.order_by("id").first()
            if row is None:
                return None
            if row.tries < TRIES:
                row.tries, row.lease_until = row.tries + 1, now() + LEASE
                row.save(update_fields=["tries", "lease_until"])
                return row
            row.failure = "The statement could not be compared; an operator will look into it."
            _move(row, RUN_FAILED, actor="system")


def brought_with(row: ReconRun) -> BinaryIO:
    """The statement as it came, to be read from its beginning."""
    stream = cast(BinaryIO, SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115 - the caller closes it
    parts = ReconRunPart.objects.filter(run=row).order_by("number").values_list("number", "body")
    for piece in opened_pieces(parts.iterator(chunk_size=4), place=_place(row)):
        stream.write(piece)
    stream.seek(0)
    return stream


def note_import(row: ReconRun, done: Imported) -> None:
    """Remember what became of the statement itself; the first try tells how many lines were new."""
    if row.file_id == done.file_id:
        return
    row.file_id = done.file_id
    row.found = {
        "lines": done.lines,
        "lines_new": done.lines_new,
        "unparsable": done.unparsable,
        "gaps": done.gaps,
        "is_new": done.is_new,
    }
    row.save(update_fields=["file_id", "found"])


def refuse_run(row: ReconRun, why: str) -> None:
    """The statement cannot be taken; `why` is for the person who brought it."""
    with transaction.atomic():
        row = ReconRun.objects.select_for_update().get(id=row.id)
        row.failure = why[:500]
        _move(row, RUN_FAILED, actor="system")


def give_up_lease(row: ReconRun) -> None:
    """Not compared this time; the next round tries again."""
    ReconRun.objects.filter(id=row.id, status=RUN_QUEUED).update(lease_until=None)


def conclude_run(
    run_id: UUID, *, merchant_id: UUID, mode: str, account: str, actor: str, found: dict[str, Any]
) -> ReconRun:
    """Keep what a comparison came to and tell the merchant; one that nobody asked for gets its row here.

    Must run in a transaction.
    """
    row: ReconRun | None = ReconRun.objects.select_for_update().filter(id=run_id).first()
    if row is None:
        row = ReconRun(id=run_id, merchant_id=merchant_id, mode=mode, account=account, requested_by=actor, version=0)
    row.found = row.found | found
    row.status, row.finished_at, row.lease_until, row.version = RUN_COMPLETED, now(), None, row.version + 1
    row.save()
    row.refresh_from_db()
    ReconRunPart.objects.filter(run=row).delete()
    announce_run(row)
    return row


def _move(row: ReconRun, status: str, *, actor: str) -> None:
    """To a state; the bytes are needed no longer once it is over."""
    row.status, row.lease_until, row.version = status, None, row.version + 1
    if status != RUN_QUEUED:
        row.finished_at = now()
        ReconRunPart.objects.filter(run=row).delete()
    row.save()
    _record(row, f"reconciliation.{status}", actor=actor)


def _place(row: ReconRun) -> str:
    return f"recon_run_part.body:{row.id}"


def _record(row: ReconRun, action: str, *, actor: str, **more: Any) -> None:
    detail = {"account": row.account, "mode": row.mode, "source": row.source} | more
    record(merchant_id=row.merchant_id, actor=actor, action=action, object_id=to_public("rec", row.id), detail=detail)
