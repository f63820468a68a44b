"""Periodic jobs of merchants."""

from celery import shared_task

from merchants.idempotency import forget_old_keys
from merchants.services.key_use import keep_requests as keep_waiting_requests
from merchants.services.kyc_nightly import tend_documents
from merchants.services.notice_mail import mail_notices
from merchants.services.people_mail import JOB as MAIL_PEOPLE
from merchants.services.people_mail import mail_people
from merchants.services.sign_in_rows import forget_old_sign_ins


@shared_task(name="merchants.forget_idempotency_keys")
def forget_idempotency_keys() -> int:
    return forget_old_keys()


@shared_task(name="merchants.mail_webhook_notices")
def mail_webhook_notices() -> int:
    return mail_notices()


@shared_task(name=MAIL_PEOPLE)
def mail_waiting_people() -> int:
    return mail_people()


@shared_task(name="merchants.forget_old_sign_ins")
def forget_sign_ins() -> int:
    return forget_old_sign_ins()


@shared_task(name="merchants.tend_kyc_documents")
def tend_kyc_documents() -> dict[str, int]:
    return tend_documents()


@shared_task(name="merchants.keep_requests")
def keep_requests() -> int:
    return keep_waiting_requests()
