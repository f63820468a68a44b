"""Mail to the owners of a business whose endpoint fails: sent outside transactions, once for each notice."""

from datetime import timedelta

import structlog
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q

from merchants.models import Membership, Merchant, Role
from merchants.services.people_mail import has_mail_server
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import to_public
from webhooks.models import Notice
from webhooks.schedule import DISABLE_LEVEL
from webhooks.serializers.recoveries import notice_words

log = structlog.get_logger(__name__)
AT_ONCE = 20
# Longer than sending them takes; after a crash another worker takes them up.
LEASE = timedelta(minutes=10)
# What nobody could be told for so long is old news, and the dashboard shows it.
TRIED_FOR = timedelta(days=3)


def mail_notices() -> int:
    """Send what has not been sent; returns how many notices went out.

    While there is no mail server, or it is away, they wait for the next run, up to three days.
    """
    if not has_mail_server():
        return 0
    return sum(_send(notice) for notice in _claimed())


def _claimed() -> list[Notice]:
    """Notices that are nobody else's until their lease ends."""
    moment = now()
    free = Q(lease_until=None) | Q(lease_until__lt=moment)
    with transaction.atomic():
        rows = Notice.objects.select_for_update(of=("self",), skip_locked=True).select_related("endpoint")
        found = list(rows.filter(free, mailed_at=None, created_at__gt=moment - TRIED_FOR).order_by("id")[:AT_ONCE])
        Notice.objects.filter(pk__in=[notice.pk for notice in found]).update(lease_until=moment + LEASE)
    return found


def _send(notice: Notice) -> bool:
    try:
        _message(notice).send()
    except Exception as error:  # noqa: BLE001 - whatever the mail server does, the notice waits for the next run
        log.warning("webhook_notice_not_mailed", notice=notice.pk, error=type(error).__name__)
        Notice.objects.filter(pk=notice.pk).update(lease_until=None)
        return False
    Notice.objects.filter(pk=notice.pk).update(mailed_at=now(), lease_until=None)
    return True


def _message(notice: Notice) -> EmailMessage:
    merchant = Merchant.objects.get(pk=notice.endpoint.merchant_id)
    is_off = notice.level >= DISABLE_LEVEL
    what = "is switched off" if is_off else "does not take events"
    subject = f"{merchant.business_name}: a webhook endpoint {what}"
    return EmailMessage(subject=" ".join(subject.split()), body=_body(notice, merchant), to=_owners(merchant))


def _body(notice: Notice, merchant: Merchant) -> str:
    endpoint = notice.endpoint
    lines = [
        notice_words(notice),
        "",
        f"Business: {merchant.business_name}, {endpoint.mode} mode",
        f"Endpoint: {to_public('whe', endpoint.pk)}",
        f"Since: {nairobi(notice.failing_since):%d.%m.%Y %H:%M} in Nairobi",
        "",
        "Every try and its answer: GET /api/v1/webhook-deliveries/?endpoint=" + to_public("whe", endpoint.pk),
        "Once it works again: set its status to enabled, and send what it missed with its recover/ action.",
    ]
    return "\n".join(lines)


def _owners(merchant: Merchant) -> list[str]:
    """The owners who can still sign in; the address of the business when there is none."""
    members = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    return list(members.order_by("user_id").values_list("user__email", flat=True)) or [merchant.email]
