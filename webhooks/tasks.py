"""The doors for Celery."""

from ctypes import c_bool
from multiprocessing.sharedctypes import RawValue

import structlog
from celery import shared_task
from celery.signals import worker_shutting_down
from django.conf import settings

from onpoint_pay.kit import jobs
from webhooks.services import holding, recovery, retention
from webhooks.services.drain import drain as deliver
from webhooks.services.numbering import number_events as give_numbers

log = structlog.get_logger(__name__)
DRAIN = "webhooks.drain"
HANDOVER_SECONDS = 5
# Made before the worker forks: its processes see when it is told to stop, and a resident drain ends. It has no lock: a
# process that is killed while it holds one leaves all others waiting for ever.
_stopping = RawValue(c_bool, False)


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    _stopping.value = True


@shared_task(name=DRAIN)
def drain() -> None:
    """Deliver for a while and hand over to the next run, so that no second is without one.

    While the broker is away there is no next run, so this one goes on.
    """
    while True:
        deliver(seconds=settings.WEBHOOK_DRAIN_SECONDS, is_over=lambda: _stopping.value)
        if _stopping.value or _is_handed_over():
            return


def _is_handed_over() -> bool:
    try:
        drain.apply_async(expires=HANDOVER_SECONDS, retry=False)
    except Exception as error:  # noqa: BLE001 - whatever the broker does, the work is in the tables
        log.warning("drain_not_handed_over", error=type(error).__name__)
        return False
    return True


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
