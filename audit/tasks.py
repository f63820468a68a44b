"""Periodic jobs of audit."""

from celery import shared_task

from audit.services.checkpoint_mail import mail_checkpoints
from audit.services.checkpoints import write_checkpoint
from audit.services.request_log import tend_requests as tend


@shared_task(name="audit.write_checkpoint")
def checkpoint() -> int | None:
    """None when none was made."""
    signed = write_checkpoint()
    mail_checkpoints()
    return signed.statement.number if signed else None


@shared_task(name="audit.tend_requests")
def tend_requests() -> None:
    tend()
