"""Celery's door: each job takes down its bell and calls one service."""

from celery import shared_task

from onpoint_pay.kit.jobs import taken
from payments.services import callbacks, sweep


@shared_task(name=callbacks.JOB)
def apply_callbacks() -> None:
    taken(callbacks.JOB)
    callbacks.apply_callbacks()


@shared_task(name=sweep.JOB)
def sweep_payments() -> None:
    taken(sweep.JOB)
    sweep.sweep()
