"""Signing in: the password, and with a second factor a challenge that a code must answer."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import F

from merchants.models import Challenge, User
from merchants.selectors.find import has_two_factor
from merchants.services.proofs import DOOR, prove_code, prove_password
from merchants.services.sessions import BY_PASSWORD, OpenSession, locked_person, open_session
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import random_letters

T = TypeVar("T")
CHALLENGE_LIVES = timedelta(minutes=5)
MOST_CODES = 5
LETTERS = 26
OVER = "This sign-in is over: begin again with your password."


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenged:
    """The password was right, a code is missing. `challenge` is shown once; it ends in `expires_in` seconds."""

    challenge: str
    expires_in: int
    methods: tuple[str, ...] = ("totp", "recovery")


def log_in(*, email: str, password: str) -> OpenSession | Challenged:
    """A session, or a challenge where two-factor sign-in is on. Raises what prove_password and open_session raise."""
    user = prove_password(email=email, password=password)
    with transaction.atomic():
        # Locked, so that nobody slips in while the second factor is being switched on.
        locked_person(user.id)
        return begin_challenge(user) if has_two_factor(user.id) else open_session(user)


def begin_challenge(user: User) -> Challenged:
    """Call it inside a transaction that holds the person's row."""
    text, at = f"mfa_{random_letters(LETTERS)}", now()
    Challenge.objects.create(user=user, digest=_digest(text), created_at=at, expires_at=at + CHALLENGE_LIVES)
    return Challenged(challenge=text, expires_in=int(CHALLENGE_LIVES.total_seconds()))


def answer_challenge(*, challenge: str, code: str) -> OpenSession:
    """Open the session a challenge stands for. Five wrong codes burn it; it works once.

    Raises Problem token_invalid, the same for an unknown, burnt, old or answered challenge; what prove_code and
    open_session raise.
    """
    return settle_challenge(
        challenge, code, then=lambda user, method: open_session(user, methods=(*BY_PASSWORD, method))
    )


def settle_challenge(challenge: str, code: str, *, then: Callable[[User, str], T], door: str = DOOR) -> T:
    """What `then` makes of the person and how they proved themselves, in the transaction that ends the challenge.

    Raises as answer_challenge, and what `then` raises.
    """
    found = _living(challenge)
    # Counted before the code is looked at, and committed whatever comes of it.
    if not Challenge.objects.filter(id=found.id, ended_at=None, tries__lt=MOST_CODES).update(tries=F("tries") + 1):
        raise Problem("token_invalid", OVER)
    method = prove_code(found.user, code, door=door)
    with transaction.atomic():
        locked_person(found.user_id)
        if not Challenge.objects.filter(id=found.id, ended_at=None).update(ended_at=now()):
            raise Problem("token_invalid", OVER)
        return then(found.user, method)


def _living(text: str) -> Challenge:
    usable = Challenge.objects.filter(ended_at=None, expires_at__gt=now(), tries__lt=MOST_CODES, user__is_active=True)
    found = usable.select_related("user").filter(digest=_digest(text)).first()
    if found is None:
        raise Problem("token_invalid", OVER)
    return found


def end_challenges(user: User) -> None:
    """What the password of before has begun goes no further. Call it in the transaction of the change."""
    Challenge.objects.filter(user=user, ended_at=None).update(ended_at=now())


def _digest(text: str) -> bytes:
    return keyed_digest(f"challenge:{text}")
