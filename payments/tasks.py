"""Celery's door: each job takes down its bell and calls one service."""

from celery import shared_task

from onpoint_pay.kit.jobs import taken
from payments.services import (
    bulk,
    c2b_claims,
    callbacks,
    exports,
    out_not_found,
    out_sending,
    payout_start,
    privacy,
    questions,
    reconcile_runs,
    retention,
    silence,
    statement_run,
    sweep,
)
from settlements.services import exports as export_life
from settlements.services import recon_runs


@shared_task(name=callbacks.JOB)
def apply_callbacks() -> None:
    taken(callbacks.JOB)
    callbacks.apply_callbacks()


@shared_task(name=sweep.JOB)
def sweep_payments() -> None:
    taken(sweep.JOB)
    sweep.sweep()


@shared_task(name=silence.JOB)
def listen_for_callbacks() -> None:
    silence.listen()


@shared_task(name=out_sending.JOB)
def send_out() -> None:
    taken(out_sending.JOB)
    out_sending.send_out()


@shared_task(name=payout_start.JOB)
def send_payouts() -> None:
    taken(payout_start.JOB)
    payout_start.start_payouts()
    out_sending.send_out()


@shared_task(name=out_not_found.JOB)
def close_not_found() -> None:
    out_not_found.close_not_found()


@shared_task(name=bulk.JOB)
def send_bulk() -> None:
    taken(bulk.JOB)
    bulk.send_bulk()


@shared_task(name=questions.JOB)
def put_questions() -> None:
    taken(questions.JOB)
    questions.put_questions()


@shared_task(name=c2b_claims.JOB)
def close_stale_claims() -> None:
    c2b_claims.close_stale_claims()


@shared_task(name=statement_run.JOB)
def read_statements() -> None:
    statement_run.read_statements()


@shared_task(name=export_life.JOB)
def make_exports() -> None:
    taken(export_life.JOB)
    exports.make_exports()


@shared_task(name=export_life.EXPIRE_JOB)
def expire_exports() -> None:
    export_life.expire_exports()


@shared_task(name=privacy.JOB)
def run_erasures() -> None:
    taken(privacy.JOB)
    privacy.run_erasures()


@shared_task(name="payments.apply_retention")
def apply_retention() -> None:
    retention.apply(actor="system")


@shared_task(name=recon_runs.JOB)
def run_reconciliations() -> None:
    taken(recon_runs.JOB)
    reconcile_runs.run_reconciliations()
