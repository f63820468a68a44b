"""Passwords: what is good enough, setting one by a mailed link, and changing one's own."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from audit.services import record
from merchants.models import OneTimeToken, Session, User
from merchants.selectors.find import user_of
from merchants.selectors.records import forget_seats_of
from merchants.services import one_time, totp
from merchants.services.lockout import open_gates
from merchants.services.people_mail import may_mail, tell
from merchants.services.people_texts import RESET_PASSWORD
from merchants.services.proofs import prove_password, tell_chain
from merchants.services.sessions import end_sessions, locked_person
from merchants.services.sign_in import end_challenges
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import from_public

BY_LINK = OneTimeToken.Purpose.RESET_PASSWORD
SAME = "This is the password you have."


def set_password(user: User, password: str, *, param: str = "password") -> None:
    """Hash a good password onto the person, unsaved; slow on purpose, so it is done before the transaction.

    Raises Invalid with every weakness found.
    """
    try:
        validate_password(password, user)
    except ValidationError as error:
        faults = [Fault(param=param, code="parameter_invalid", detail=text) for text in error.messages]
        raise Invalid(faults) from None
    user.set_password(password)


def ask_for_link(*, email: str) -> None:
    """Have a link mailed to whoever has the address, three an hour at most; the same steps when nobody has it."""
    with transaction.atomic():
        if may_mail(RESET_PASSWORD, to=email):
            tell(RESET_PASSWORD, to=email)


def reset_password(*, token: str, password: str) -> None:
    """Set a new password with a mailed token; every session ends. The second factor stays on.

    Unless the address is proven by this for the first time: then whoever registered it may have been somebody else,
    and their second factor goes. Raises Invalid for a weak password, Problem link_expired.
    """
    user = one_time.owner_of(token, BY_LINK)
    set_password(user, password)
    with transaction.atomic():
        end_sessions(user)
        one_time.use(token, BY_LINK)
        was_verified = not User.objects.filter(id=user.id, email_verified_at=None).update(email_verified_at=now())
        if not was_verified:
            totp.drop(user)
        _save(user)
        tell("password_was_reset", to=user.email)
        tell_chain(user, "user.password_reset", first_proof=not was_verified)
        user_id = user.id
        transaction.on_commit(lambda: forget_seats_of(user_id), robust=True)
    open_gates(user)


def change_password(caller: Caller, *, old: str, new: str) -> None:
    """Set a new password with the old one; the person's other sessions end, this one counts as proved.

    Raises Invalid, and what prove_password raises; so it does when somebody else has set another meanwhile.
    """
    user = prove_password(email=user_of(caller).email, password=old)
    if new == old:
        raise Invalid([Fault(param="new_password", code="parameter_invalid", detail=SAME)])
    compared = user.password
    set_password(user, new, param="new_password")
    this = from_public("ses", caller.session or "")
    with transaction.atomic():
        as_it_is = locked_person(user.id)
        if as_it_is is None or as_it_is.password != compared:
            raise Problem("credentials_invalid")
        end_sessions(user, besides=this)
        _save(user)
        Session.objects.filter(id=this).update(proved_at=now())
        tell("password_changed", to=user.email)
        record(
            merchant_id=caller.merchant_id,
            actor=caller.actor,
            action="user.password_changed",
            object_id=caller.actor,
        )


def _save(user: User) -> None:
    user.save(update_fields=["password"])
    end_challenges(user)
    # Links to the mailbox that were out would undo the change.
    one_time.end_all(user, BY_LINK)
    one_time.end_all(user, OneTimeToken.Purpose.CHANGE_EMAIL)
