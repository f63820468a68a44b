"""What signing in leaves behind goes after a while: sessions and tokens, links, challenges, letters that were sent."""

from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session as OperatorSession
from django.db.models import QuerySet
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from merchants.models import Challenge, Invitation, OneTimeToken, PersonMail, Session
from onpoint_pay.kit.clock import now

# After they have ended, so that a person may still be told what happened.
KEPT = timedelta(days=30)
AT_ONCE = 5000


def forget_old_sign_ins() -> int:
    """Delete rows that ended a month ago, so many of each kind at once; returns how many."""
    before = now() - KEPT
    return (
        _forget(Session.objects.filter(expires_at__lt=before))
        + _forget(OperatorSession.objects.filter(expire_date__lt=before))
        + _forget(OutstandingToken.objects.filter(expires_at__lt=before))
        + _forget(OneTimeToken.objects.filter(expires_at__lt=before))
        + _forget(Challenge.objects.filter(expires_at__lt=before))
        + _forget(Invitation.objects.filter(expires_at__lt=before))
        + _forget(PersonMail.objects.filter(closed_at__lt=before))
    )


def _forget(rows: QuerySet[Any]) -> int:
    found = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    rows.filter(pk__in=found).delete()
    return len(found)
