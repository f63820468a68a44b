"""Whether an e-mail address is its person's: a mailed link shows it. Live mode and the team wait for that."""

from django.db import transaction

from merchants.models import OneTimeToken, User
from merchants.selectors.find import person_of, user_of
from merchants.selectors.records import forget_seats_of
from merchants.services import one_time
from merchants.services.people_mail import MOST_IN_AN_HOUR, may_mail, tell
from merchants.services.people_texts import VERIFY_EMAIL
from merchants.services.proofs import tell_chain
from merchants.services.sessions import locked_person
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem, RateLimited

BY_LINK = OneTimeToken.Purpose.VERIFY_EMAIL
PAUSE_SECONDS = 60 * 60


def verify_email(*, token: str) -> None:
    """The address is its person's. Raises Problem link_expired."""
    user = one_time.owner_of(token, BY_LINK)
    with transaction.atomic():
        locked_person(user.id)
        one_time.use(token, BY_LINK)
        if User.objects.filter(id=user.id, email_verified_at=None).update(email_verified_at=now()):
            tell_chain(user, "user.email_verified")
            transaction.on_commit(lambda: forget_seats_of(user.id), robust=True)


def mail_again(caller: Caller) -> None:
    """Mail the signed-in person another link. Raises Problem state_conflict when none is needed, and RateLimited."""
    user = user_of(caller)
    if user.email_verified_at is not None:
        raise Problem("state_conflict", "Your address is verified already.")
    with transaction.atomic():
        if not may_mail(VERIFY_EMAIL, to=user.email):
            detail = f"At most {MOST_IN_AN_HOUR} of these mails are sent in an hour; look among your unwanted mail."
            raise RateLimited(retry_after_seconds=PAUSE_SECONDS, detail=detail)
        tell(VERIFY_EMAIL, to=user.email)


def require_verified_email(caller: Caller, *, to: str) -> None:
    """`to` completes "before you ...". Raises Problem email_unverified, and permission_denied for an API key."""
    if User.objects.filter(id=person_of(caller), email_verified_at=None).exists():
        raise Problem("email_unverified", f"Verify your e-mail address before you {to}.")
