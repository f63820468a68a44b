"""Waking workers: by name, after commit, at most one waiting nudge per job. Tables hold the work, this only rings."""

import structlog
from celery import Task, current_app
from django.core.cache import cache
from django.db import transaction

log = structlog.get_logger(__name__)
NUDGE_SECONDS = 2


class Job(Task):  # type: ignore[type-arg]
    """Every job of the product."""

    abstract = True
    # By name: only workers load it.
    Request = "onpoint_pay.kit.acknowledging:JobRequest"


def _flag(job: str) -> str:
    return f"nudge:{job}"


def _send(job: str) -> None:
    try:
        # A burst of commits needs one wake-up: the flag falls when the job begins to look.
        if cache.add(_flag(job), 1, NUDGE_SECONDS):
            current_app.send_task(job, expires=NUDGE_SECONDS * 5, retry=False)
    except Exception as error:  # noqa: BLE001 - whatever the broker does, the periodic sweep does the work
        log.warning("nudge_failed", job=job, error=type(error).__name__)


def nudge(job: str) -> None:
    """Ring for `job` once the open transaction is committed; never fails the caller."""
    transaction.on_commit(lambda: _send(job), robust=True)


def taken(job: str) -> None:
    """The job has begun: whatever commits from now on rings again."""
    try:
        cache.delete(_flag(job))
    except Exception as error:  # noqa: BLE001 - the flag falls by itself within NUDGE_SECONDS
        log.warning("nudge_flag_failed", job=job, error=type(error).__name__)
