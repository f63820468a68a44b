"""Doing the runs that were asked for: the statement is taken in, compared with the books, and its days are proved."""

import structlog

from onpoint_pay.kit.entries import FileRefused
from payments.services.reconcile import reconcile
from settlements.models import ReconFile, ReconRun
from settlements.services.daily_proofs import prove_file
from settlements.services.recon_import import import_statement
from settlements.services.recon_runs import brought_with, give_up_lease, note_import, refuse_run, take_run

log = structlog.get_logger(__name__)
LARGEST_ROUND = 20


def run_reconciliations() -> int:
    """Do the runs that wait, one after another; returns how many were compared."""
    done = 0
    for _ in range(LARGEST_ROUND):
        row = take_run()
        if row is None:
            break
        try:
            _do(row)
            done += 1
        except FileRefused as error:
            refuse_run(row, str(error))
        except Exception:
            # A fault of ours: told of as failed after a few tries.
            log.exception("run_not_done", run=str(row.id))
            give_up_lease(row)
    return done


def _do(row: ReconRun) -> None:
    with brought_with(row) as stream:
        taken = import_statement(
            stream,
            source=row.source or "",
            account=row.account,
            mode=row.mode,
            name=row.name or "",
            actor=row.requested_by,
            currency=row.currency,
            batch=row.batch,
            days=None if row.first_day is None or row.last_day is None else (row.first_day, row.last_day),
        )
    note_import(row, taken)
    reconcile(account=row.account, mode=row.mode, actor=row.requested_by, run_id=row.id)
    prove_file(ReconFile.objects.get(id=taken.file_id))
