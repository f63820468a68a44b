"""Periodic jobs of merchants."""

from celery import shared_task

from merchants.idempotency import forget_old_keys
from merchants.services.notice_mail import mail_notices


@shared_task(name="merchants.forget_idempotency_keys")
def forget_idempotency_keys() -> int:
    return forget_old_keys()


@shared_task(name="merchants.mail_webhook_notices")
def mail_webhook_notices() -> int:
    return mail_notices()
