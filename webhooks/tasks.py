"""The door for Celery."""

from celery import shared_task

from onpoint_pay.kit import jobs
from webhooks.services import delivery, outbox


@shared_task(name=outbox.DELIVER_DUE)
def deliver_due() -> None:
    jobs.taken(outbox.DELIVER_DUE)
    delivery.deliver_due()
