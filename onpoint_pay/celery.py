"""The Celery application and the one table of periodic jobs."""

import os

from celery import Celery
from celery.schedules import crontab
from celery.signals import task_prerun
from django.conf import settings
from django.db import close_old_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "onpoint_pay.settings")

app = Celery("onpoint_pay", task_cls="onpoint_pay.kit.jobs:Job")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def part_with_broken_connections(**_: object) -> None:
    """CELERY_DB_REUSE_MAX keeps a connection from task to task, also one that a restart of the database has broken."""
    close_old_connections()


def every(seconds: float, task: str, *, queue: str = "default") -> dict[str, object]:
    """A periodic job that is worthless once the next one is due: the broker drops what nobody took in time."""
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 1.0), "queue": queue}}


app.conf.beat_schedule = {
    "apply-callbacks": every(1.0, "payments.apply_callbacks"),
    "sweep-payments": every(1.0, "payments.sweep"),
    "send-refunds": every(1.0, "payments.send_refunds"),
    "send-payouts": every(1.0, "payments.send_payouts"),
    "send-bulk": every(1.0, "payments.send_bulk"),
    "close-not-found": every(600.0, "payments.close_not_found"),
    "put-questions": every(5.0, "payments.put_questions"),
    "make-exports": every(15.0, "payments.make_exports"),
    "run-reconciliations": every(15.0, "payments.run_reconciliations"),
    "expire-exports": every(600.0, "payments.expire_exports"),
    "close-stale-claims": every(300.0, "payments.close_stale_claims"),
    "read-statements": every(15.0, "payments.read_statements"),
    "listen-for-callbacks": every(15.0, "payments.listen_for_callbacks"),
    # Starts the drains that are missing: a process that has one drops the message when it is a second old.
    "deliver-webhooks": every(1.0, "webhooks.drain", queue="webhooks"),
    "number-events": every(1.0, "webhooks.number_events"),
    "recover-webhooks": every(1.0, "webhooks.recover"),
    "hold-webhooks": every(60.0, "webhooks.hold_leftovers"),
    "mail-people": every(5.0, "merchants.mail_people"),
    "forget-old-sign-ins": every(3600.0, "merchants.forget_old_sign_ins"),
    "mail-webhook-notices": every(60.0, "merchants.mail_webhook_notices"),
    # Soon after midnight in Nairobi; what one night missed, the next hours do.
    "tend-kyc-documents": {
        "task": "merchants.tend_kyc_documents",
        "schedule": crontab(hour="21,22,3", minute="40"),
        "options": {"expires": 3000.0, "queue": "default"},
    },
    "tend-webhook-attempts": every(3600.0, "webhooks.tend_attempts"),
    # Beat counts in UTC, and Nairobi is three hours ahead of it all year. The floats are proved before.
    "prove-morning": {
        "task": "settlements.prove_morning",
        "schedule": crontab(hour=str((settings.SETTLEMENT_HOUR - 4) % 24), minute="30"),
        "options": {"expires": 3600.0, "queue": "default"},
    },
    # A day is closed a little after midnight; what one night missed, the next hours do.
    "keep-statements": {
        "task": "settlements.keep_statements",
        "schedule": crontab(hour="21,22,2", minute="20"),
        "options": {"expires": 3000.0, "queue": "default"},
    },
    "settle": {
        "task": "settlements.settle",
        "schedule": crontab(hour=str((settings.SETTLEMENT_HOUR - 3) % 24), minute="0"),
        "options": {"expires": 3600.0, "queue": "default"},
    },
    "carry-on-settlements": every(60.0, "settlements.carry_on"),
    "apply-retention": {
        "task": "payments.apply_retention",
        "schedule": crontab(hour="23", minute="30"),
        "options": {"expires": 3600.0, "queue": "default"},
    },
    "run-erasures": every(60.0, "payments.run_erasures"),
    "keep-requests": every(2.0, "merchants.keep_requests"),
    "tend-requests": every(3600.0, "audit.tend_requests"),
    "checkpoint-audit": every(3600.0, "audit.write_checkpoint"),
    "forget-idempotency-keys": every(3600.0, "merchants.forget_idempotency_keys"),
}
