"""The doors for Celery."""

from multiprocessing import Event

from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings

from onpoint_pay.kit import jobs
from webhooks.services import holding, recovery, retention
from webhooks.services.drain import drain as deliver
from webhooks.services.numbering import number_events as give_numbers

DRAIN = "webhooks.drain"
HANDOVER_SECONDS = 5
# Made before the worker forks: its processes see when it is told to stop, and a resident drain ends.
_stopping = Event()


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    _stopping.set()


@shared_task(name=DRAIN)
def drain() -> None:
    """Deliver for a while and hand over to the next run, so that no second is without one."""
    deliver(seconds=settings.WEBHOOK_DRAIN_SECONDS, is_over=_stopping.is_set)
    if not _stopping.is_set():
        drain.apply_async(expires=HANDOVER_SECONDS, retry=False)


@shared_task(name="webhooks.number_events")
def number_events() -> None:
    give_numbers()


@shared_task(name=recovery.RECOVER)
def recover() -> None:
    jobs.taken(recovery.RECOVER)
    recovery.run_recoveries()


@shared_task(name=holding.HOLD_LEFTOVERS)
def hold_leftovers() -> None:
    jobs.taken(holding.HOLD_LEFTOVERS)
    holding.hold_leftovers()


@shared_task(name="webhooks.tend_attempts")
def tend_attempts() -> None:
    retention.tend_attempts()
