"""Changing one's e-mail address: asked for after a fresh proof, done when somebody reads the new mailbox."""

from django.db import IntegrityError, transaction

from audit.services import record
from merchants.models import OneTimeToken, User
from merchants.selectors.find import user_of
from merchants.selectors.records import forget_seats_of
from merchants.services import one_time
from merchants.services.origins import here
from merchants.services.people_mail import MOST_IN_AN_HOUR, may_mail, send, tell
from merchants.services.people_texts import CHANGE_EMAIL, words_of
from merchants.services.proofs import tell_chain
from merchants.services.sessions import locked_person
from merchants.services.sign_in import end_challenges
from merchants.services.step_up import require_recent
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.db import broke
from onpoint_pay.kit.errors import Problem, RateLimited

BY_LINK = OneTimeToken.Purpose.CHANGE_EMAIL
PAUSE_SECONDS = 60 * 60


def ask_email_change(caller: Caller, *, email: str) -> None:
    """Mail the new address a link, and tell the old one. The same steps whether or not somebody has the new one.

    Raises Problem step_up_required, state_conflict for the address one has, and RateLimited.
    """
    require_recent(caller, to="change your e-mail address")
    user = user_of(caller)
    if email == user.email:
        raise Problem("state_conflict", "This is the address you have.", param="email")
    with transaction.atomic():
        locked_person(user.id)
        if not may_mail(CHANGE_EMAIL, to=email) or not may_mail("email_change_asked", to=user.email):
            detail = f"At most {MOST_IN_AN_HOUR} of these mails are sent in an hour."
            raise RateLimited(retry_after_seconds=PAUSE_SECONDS, detail=detail)
        # Of two addresses that were asked for the later one counts.
        one_time.end_all(user, BY_LINK)
        tell(CHANGE_EMAIL, to=email, user=str(user.id))
        tell("email_change_asked", to=user.email)
        record(
            merchant_id=caller.merchant_id,
            actor=caller.actor,
            action="user.email_change_asked",
            object_id=caller.actor,
        )


def confirm_email_change(*, token: str) -> None:
    """The account has the new address from now on, verified; sessions go on. The old address is told.

    Raises Problem link_expired, also when somebody has registered the address meanwhile.
    """
    user = one_time.owner_of(token, BY_LINK)
    try:
        with transaction.atomic():
            locked_person(user.id)
            used = one_time.use(token, BY_LINK)
            old = used.user.email
            User.objects.filter(id=user.id).update(email=used.new_email, email_verified_at=now())
            end_challenges(user)
            send(to=old, **_last_letter())
            tell_chain(user, "user.email_changed")
            transaction.on_commit(lambda: forget_seats_of(user.id), robust=True)
    except IntegrityError as error:
        if not broke(error, "user_email_once"):
            raise
        raise Problem("link_expired", "This link was used, has expired, or is not one of ours.") from None


def _last_letter() -> dict[str, str]:
    """Written out, for nobody has the old address any more when it is sent."""
    at = f"{nairobi(now()):%d.%m.%Y %H:%M} in Nairobi"
    subject, body = words_of("email_changed", {"at": at, "address": here().address or "an address we do not know"})
    return {"subject": subject, "body": body}
