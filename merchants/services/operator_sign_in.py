"""Operators sign in with password and code, stay a short while, and are out as soon as anything about them changes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import constant_time_compare

from audit.operators.rights import rights_of
from audit.services import record
from merchants.models import Operator, User
from merchants.services.proofs import OPERATORS_DOOR, prove_code, prove_password
from merchants.services.sessions import locked_person
from merchants.services.sign_in import begin_challenge, settle_challenge
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.operator import OperatorCard

SEEN_EVERY_SECONDS = 60
# What a session holds of its operator.
PERSON, WORD, BEGAN, SEEN, PROVED = "person", "word", "began", "seen", "proved"
# Nobody has it: asked for, so that the same is asked whoever knocks.
NOBODY = UUID(int=0)


def give_password(*, email: str, password: str) -> str:
    """The challenge that a code must answer. Only operators with two-factor sign-in come so far.

    Raises Problem credentials_invalid, the same for everybody else; RateLimited; Problem sign_in_unavailable.
    """
    user = prove_password(email=email, password=password, only=_may_enter)
    with transaction.atomic():
        locked_person(user.id)
        return begin_challenge(user).challenge


def give_code(*, challenge: str, code: str) -> dict[str, Any]:
    """What the new session is to hold. A code and a challenge work once; five wrong codes burn the challenge.

    Raises Problem token_invalid, two_factor_code_invalid, credentials_invalid (the account has changed since the
    password was given), RateLimited, Problem sign_in_unavailable.
    """
    try:
        return settle_challenge(challenge, code, then=_open, door=OPERATORS_DOOR)
    except Problem as problem:
        if problem.code == "credentials_invalid":
            _note_refused()
        raise


def card_of(facts: Mapping[str, Any]) -> OperatorCard | None:
    """The operator of a session; None when it is too old or lay idle, or the person, password or role has changed."""
    at = _seconds()
    try:
        began, seen, proved = int(facts[BEGAN]), int(facts[SEEN]), int(facts[PROVED])
        person, word = UUID(str(facts[PERSON])), str(facts[WORD])
    except (KeyError, TypeError, ValueError):
        return None
    is_old = at - began > settings.OPERATOR_SESSION_HOURS * 3600
    if is_old or at - seen > settings.OPERATOR_IDLE_MINUTES * 60:
        return None
    row = _living().filter(user_id=person).first()
    if row is None or not constant_time_compare(row.user.get_session_auth_hash(), word):
        return None
    return OperatorCard(
        user_id=row.user_id,
        actor=row.user.public_id,
        roles=tuple(row.roles),
        rights=rights_of(row.roles),
        proved_at=datetime.fromtimestamp(proved, UTC),
    )


def seen_again(facts: Mapping[str, Any]) -> dict[str, int] | None:
    """What changes in a session that is in use, once a minute; None otherwise."""
    at = _seconds()
    return {SEEN: at} if at - int(facts[SEEN]) >= SEEN_EVERY_SECONDS else None


def prove_again(card: OperatorCard, *, code: str) -> dict[str, int]:
    """A fresh code, before the deeds that hurt most; what changes in the session.

    Raises Problem two_factor_code_invalid, RateLimited, Problem sign_in_unavailable.
    """
    method = prove_code(User.objects.get(id=card.user_id), code, door=OPERATORS_DOOR)
    with transaction.atomic():
        record(
            merchant_id=None,
            actor=card.actor,
            action="operator.proved",
            object_id=card.actor,
            detail={"by": method},
        )
    return {PROVED: _seconds()}


def note_signed_out(card: OperatorCard) -> None:
    """The operator has ended the session."""
    with transaction.atomic():
        record(merchant_id=None, actor=card.actor, action="operator.signed_out", object_id=card.actor)


def _open(user: User, method: str) -> dict[str, Any]:
    """In the transaction that ends the challenge, which holds the person's row."""
    row = _living().filter(user_id=user.id).first()
    if row is None or row.user.password != user.password:
        raise Problem("credentials_invalid")
    actor, detail = user.public_id, {"by": method, "roles": row.roles}
    record(merchant_id=None, actor=actor, action="operator.signed_in", object_id=actor, detail=detail)
    return facts_of(row)


def facts_of(row: Operator) -> dict[str, Any]:
    """What a session that begins now holds of its operator."""
    at = _seconds()
    return {PERSON: str(row.user_id), WORD: row.user.get_session_auth_hash(), BEGAN: at, SEEN: at, PROVED: at}


def _note_refused() -> None:
    """Password and code were right, and not an operator's: a challenge of the API was brought here, or a role went."""
    with transaction.atomic():
        record(merchant_id=None, actor="anonymous", action="operator.refused", detail={"step": "role"})


def _may_enter(user: User | None) -> bool:
    return _living().filter(user_id=NOBODY if user is None else user.id).exists()


def _living() -> QuerySet[Operator]:
    """Operators whose account is open and whose second factor is on."""
    rows = Operator.objects.select_related("user")
    return rows.filter(user__is_active=True, user__totp__confirmed_at__isnull=False)


def _seconds() -> int:
    return int(now().timestamp())
