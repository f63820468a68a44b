"""What the operator of the installation does for a person, or about them: audited, and told to them by mail."""

from collections.abc import Callable

from django.db import transaction

from audit.services import record
from merchants.models import User
from merchants.selectors.records import forget_seats_of
from merchants.services import totp
from merchants.services.people_mail import tell
from merchants.services.proofs import first_merchant_of
from merchants.services.sessions import end_sessions, locked_person
from merchants.services.sign_in import end_challenges
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import NotFound


def verify_address(email: str, *, actor: str) -> User:
    """Take the operator's word that the address is the person's, as where no mail server is. Raises NotFound."""

    def work(user: User) -> None:
        user.email_verified_at = user.email_verified_at or now()
        user.save(update_fields=["email_verified_at"])

    return _change(email, work, action="user.email_verified", actor=actor)


def drop_second_factor(email: str, *, actor: str) -> User:
    """For somebody who lost phone and recovery codes: the password alone signs in again, anew. Raises NotFound."""

    def work(user: User) -> None:
        totp.drop(user)
        _throw_out(user)
        tell("two_factor_off", to=user.email)

    return _change(email, work, action="user.two_factor_off", actor=actor)


def close_account(email: str, *, actor: str) -> User:
    """Nobody signs in with it any more, and whoever was is out. API keys they made stay. Raises NotFound."""

    def work(user: User) -> None:
        user.is_active = False
        user.save(update_fields=["is_active"])
        _throw_out(user)

    return _change(email, work, action="user.closed", actor=actor)


def open_account(email: str, *, actor: str) -> User:
    """Undo the closing. Raises NotFound."""

    def work(user: User) -> None:
        user.is_active = True
        user.save(update_fields=["is_active"])

    return _change(email, work, action="user.opened", actor=actor)


def _throw_out(user: User) -> None:
    end_sessions(user)
    end_challenges(user)


def _change(email: str, work: Callable[[User], None], *, action: str, actor: str) -> User:
    with transaction.atomic():
        found = User.objects.filter(email=email.lower()).first()
        user = found and locked_person(found.id)
        if user is None:
            raise NotFound("Nobody has registered here with this address.")
        work(user)
        record(merchant_id=first_merchant_of(user.id), actor=actor, action=action, object_id=user.public_id)
        user_id = user.id
        transaction.on_commit(lambda: forget_seats_of(user_id), robust=True)
    return user
