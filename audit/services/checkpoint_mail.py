"""Checkpoints by mail to the operators: a copy in mailboxes that nobody can rewrite afterwards."""

import structlog
from django.conf import settings
from django.core.mail import EmailMessage

from audit.models import AuditCheckpoint
from audit.statement import joined_text
from onpoint_pay.kit.clock import now

log = structlog.get_logger(__name__)
SMTP = "django.core.mail.backends.smtp.EmailBackend"
AT_ONCE = 24
# Statement and signature prove the heads, which are in the folder as well.
LARGEST_ATTACHMENT = 2_000_000


def mail_checkpoints() -> int:
    """Send what has not been sent, the newest first; returns how many went out. They wait while there is no mail."""
    if not settings.CHECKPOINT_EMAILS or (settings.EMAIL_BACKEND == SMTP and not settings.EMAIL_HOST):
        return 0
    waiting = AuditCheckpoint.objects.filter(mailed_at=None).order_by("-number")[:AT_ONCE]
    return sum(_send(checkpoint) for checkpoint in waiting)


def _send(checkpoint: AuditCheckpoint) -> bool:
    try:
        _message(checkpoint).send()
    except Exception as error:  # noqa: BLE001 - whatever the mail server does, it waits for the next run
        log.warning("audit_checkpoint_not_mailed", number=checkpoint.number, error=type(error).__name__)
        return False
    AuditCheckpoint.objects.filter(number=checkpoint.number).update(mailed_at=now())
    return True


def _message(checkpoint: AuditCheckpoint) -> EmailMessage:
    lines = [
        f"Checkpoint {checkpoint.number} of the audit trail of {settings.BASE_URL}.",
        "Keep this message: with it, manage.py audit_verify finds any change of the trail made since.",
        "",
        f"statement: {checkpoint.statement}",
        f"signature: {checkpoint.signature}",
    ]
    message = EmailMessage(
        subject=f"OnPoint Pay: audit checkpoint {checkpoint.number}",
        body="\n".join(lines),
        to=settings.CHECKPOINT_EMAILS,
    )
    whole = joined_text(checkpoint.statement, checkpoint.signature, heads=checkpoint.heads)
    if len(whole) <= LARGEST_ATTACHMENT:
        message.attach(f"checkpoint-{checkpoint.number:08d}.jsonl", whole, "application/json")
    return message
