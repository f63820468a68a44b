"""Links that are mailed: signed, stored as digests, good once, for one purpose and one address, for a while."""

from datetime import timedelta

from django.core.signing import BadSignature, Signer
from django.db.models import Q

from merchants.models import OneTimeToken, User
from merchants.services.origins import here
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import random_letters

Purpose = OneTimeToken.Purpose
LIVES = {
    Purpose.VERIFY_EMAIL: timedelta(hours=24),
    Purpose.RESET_PASSWORD: timedelta(hours=1),
    Purpose.CHANGE_EMAIL: timedelta(hours=24),
}
# Five bits each.
LETTERS = 32


def mint(user: User, purpose: Purpose, *, new_email: str = "") -> str:
    """A new token for the person's address of today. Only its digest is stored: the text exists in the mail alone.

    `new_email` is the address it is mailed to, where that is another one.
    """
    text = _signer(purpose).sign(random_letters(LETTERS))
    at = now()
    OneTimeToken.objects.create(
        user=user,
        purpose=purpose,
        digest=_digest(text),
        email_digest=_digest(user.email),
        new_email=new_email,
        created_at=at,
        expires_at=at + LIVES[purpose],
    )
    return text


def owner_of(text: str, purpose: Purpose) -> User:
    """Whose token it is. Raises Problem link_expired, the same for made-up, used, old and foreign ones."""
    return _living(text, purpose).user


def use(text: str, purpose: Purpose) -> OneTimeToken:
    """Use the token up, and with it every other of its person and purpose. Call it in the transaction of the change.

    Raises Problem link_expired; of two uses at once one gets through.
    """
    token = _living(text, purpose)
    if not OneTimeToken.objects.filter(id=token.id, used_at=None).update(used_at=now(), used_place=here().place):
        raise _expired()
    end_all(token.user, purpose)
    return token


def end_all(user: User, purpose: Purpose) -> None:
    """No link of this purpose that was mailed to the person works any more."""
    OneTimeToken.objects.filter(user=user, purpose=purpose, used_at=None).update(used_at=now())


def _living(text: str, purpose: Purpose) -> OneTimeToken:
    try:
        _signer(purpose).unsign(text)
    except BadSignature:
        raise _expired() from None
    is_usable = Q(used_at=None, expires_at__gt=now(), user__is_active=True)
    token = OneTimeToken.objects.select_related("user").filter(is_usable, digest=_digest(text), purpose=purpose).first()
    if token is None or bytes(token.email_digest) != _digest(token.user.email):
        raise _expired()
    return token


def _expired() -> Problem:
    return Problem("link_expired", "This link was used, has expired, or is not one of ours.")


def _signer(purpose: Purpose) -> Signer:
    return Signer(salt=f"merchants.one_time.{purpose}", sep=".")


def _digest(text: str) -> bytes:
    return keyed_digest(f"one_time:{text}")
