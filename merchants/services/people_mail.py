"""Mail to people: a sealed row in the transaction of what it tells of, sent afterwards by a worker, tried again.

Links are made when they are sent: no row ever holds one, and asking for one takes the same steps and the same time
whether or not anybody has the address.
"""

from datetime import datetime, timedelta

import orjson
import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.db.models import QuerySet

from merchants.models import OneTimeToken, PersonMail, User
from merchants.services.one_time import mint
from merchants.services.origins import here
from merchants.services.people_texts import (
    CHANGE_EMAIL,
    EMAIL_WANTED,
    OTHERWISE_HOURS,
    RESET_PASSWORD,
    USEFUL_HOURS,
    VERIFY_EMAIL,
    words_of,
)
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.crypto import CannotOpen, keyed_digest
from onpoint_pay.kit.jobs import nudge, taken

log = structlog.get_logger(__name__)
JOB = "merchants.mail_people"
SMTP = "django.core.mail.backends.smtp.EmailBackend"
# Written out by whoever sends it; everything else is a kind of TEXTS and goes to somebody registered.
MESSAGE = "message"
AT_ONCE = 20
# Longer than sending them takes; after a crash another worker takes them up.
LEASE = timedelta(minutes=10)
LONGEST_PAUSE_MINUTES = 15
# What is asked for by anybody, for one address: links, and notices of being locked.
MOST_IN_AN_HOUR = 3
PAGES = {VERIFY_EMAIL: "verify-email", RESET_PASSWORD: "password/reset", CHANGE_EMAIL: "email/confirm"}


def send(*, to: str, subject: str, body: str) -> None:
    """Mail somebody, registered or not. Call it inside the transaction of the change.

    Nothing in it may be of use to whoever reads the row with our keys after it was sent: it is emptied then.
    """
    _write(MESSAGE, to, {"subject": " ".join(subject.split()), "body": body})


def tell(kind: str, *, to: str, **facts: str) -> None:
    """Mail a person one of TEXTS; nothing when nobody has the address. Call it in the transaction of the change."""
    at = f"{nairobi(now()):%d.%m.%Y %H:%M} in Nairobi"
    _write(kind, to, {"at": at, "address": here().address or "an address we do not know"} | facts)


def may_mail(kind: str, *, to: str, most: int = MOST_IN_AN_HOUR) -> bool:
    """Whether fewer than `most` of a kind were written to the address within an hour."""
    lately = PersonMail.objects.filter(to_digest=_digest(to), kind=kind, created_at__gt=now() - timedelta(hours=1))
    return lately.count() < most


def _write(kind: str, to: str, content: dict[str, str]) -> None:
    if not connection.in_atomic_block:
        raise RuntimeError("a mail is written in the transaction of the change it tells of")
    mail = PersonMail(kind=kind, to_digest=_digest(to))
    mail.seal_content(orjson.dumps(content | {"to": to}).decode())
    mail.save(force_insert=True)
    nudge(JOB)


def _digest(address: str) -> bytes:
    return keyed_digest(f"person_mail:{address.lower()}")


# --- the worker ---------------------------------------------------------------------------------------------------


def mail_people() -> int:
    """Send what is due; returns how many mails went out. Without a mail server they wait until they are old."""
    taken(JOB)
    _close_old()
    if not has_mail_server():
        return 0
    return sum(_send(mail) for mail in _claimed())


def has_mail_server() -> bool:
    return bool(settings.EMAIL_BACKEND != SMTP or settings.EMAIL_HOST)


def _close_old() -> None:
    for kind, hours in USEFUL_HOURS.items():
        _close(PersonMail.objects.filter(kind=kind), older_than=timedelta(hours=hours))
    _close(PersonMail.objects.all(), older_than=timedelta(hours=OTHERWISE_HOURS))


def _close(mails: QuerySet[PersonMail], *, older_than: timedelta) -> None:
    at = now()
    mails.filter(closed_at=None, created_at__lt=at - older_than).update(closed_at=at, sealed="")


def _claimed() -> list[PersonMail]:
    """Mails that are nobody else's until their lease ends."""
    at = now()
    with transaction.atomic():
        rows = PersonMail.objects.select_for_update(skip_locked=True)
        found = list(rows.filter(closed_at=None, next_try_at__lte=at).order_by("next_try_at")[:AT_ONCE])
        PersonMail.objects.filter(id__in=[mail.id for mail in found]).update(next_try_at=at + LEASE)
    return found


def _send(mail: PersonMail) -> bool:
    try:
        message = _message(mail)
        if message is not None:
            message.send()
    except CannotOpen:
        log.error("person_mail_cannot_be_opened", mail=str(mail.id), kind=mail.kind)
        message = None
    except Exception as error:  # noqa: BLE001 - whatever the mail server does, the mail waits for its next try
        log.warning("person_mail_not_sent", mail=str(mail.id), kind=mail.kind, error=type(error).__name__)
        pause = timedelta(minutes=min(2**mail.tries, LONGEST_PAUSE_MINUTES))
        PersonMail.objects.filter(id=mail.id).update(tries=mail.tries + 1, next_try_at=now() + pause)
        return False
    _finish(mail, sent_at=now() if message else None)
    return message is not None


def _finish(mail: PersonMail, *, sent_at: datetime | None) -> None:
    PersonMail.objects.filter(id=mail.id).update(
        tries=mail.tries + 1, sent_at=sent_at, closed_at=sent_at or now(), sealed=""
    )


def _message(mail: PersonMail) -> EmailMessage | None:
    """None when nobody is to be told. Raises CannotOpen."""
    content: dict[str, str] = orjson.loads(mail.open_content())
    to = content["to"]
    if mail.kind == MESSAGE:
        subject, body = content["subject"], content["body"]
    elif mail.kind == CHANGE_EMAIL:
        # Whether somebody has the address is told to whoever reads its mailbox, and to nobody else.
        if User.objects.filter(email=to).exists():
            subject, body = words_of(EMAIL_WANTED, content)
        else:
            asking = User.objects.filter(id=content["user"], is_active=True).first()
            if asking is None:
                return None
            subject, body = words_of(mail.kind, content | {"link": _link(asking, mail.kind, new_email=to)})
    else:
        person = User.objects.filter(email=to, is_active=True).first()
        if person is None or (mail.kind == VERIFY_EMAIL and person.email_verified_at is not None):
            return None
        link = _link(person, mail.kind) if mail.kind in PAGES else ""
        subject, body = words_of(mail.kind, content | {"link": link})
    return EmailMessage(subject=subject, body=f"{body}\n", to=[to], headers={"Auto-Submitted": "auto-generated"})


def _link(person: User, kind: str, *, new_email: str = "") -> str:
    """The token stands behind a `#`: no server that serves the page learns it.

    Not under its own name, which logs hide: in development the mail is read there.
    """
    with transaction.atomic():
        token = mint(person, OneTimeToken.Purpose(kind), new_email=new_email)
    return f"{settings.DASHBOARD_URL}/{PAGES[kind]}#code={token}"
