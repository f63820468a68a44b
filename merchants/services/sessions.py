"""Signing in and out: short access tokens, refresh tokens that work once, and sessions that end as a whole.

A refresh token's `jti` is its session's id, a dot, and random letters; the session runs while one of them is alive.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from audit.services import record
from merchants.models import Membership, Merchant, User
from merchants.selectors.find import memberships_of, person_of, running_tokens
from merchants.selectors.records import forget_session_records
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, new_id, random_letters, to_public

LONGEST_SESSION = timedelta(days=30)
BY_PASSWORD = ["pwd"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """A pair of tokens and how many seconds each is good for."""

    access: str
    refresh: str
    access_expires_in: int
    refresh_expires_in: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """A person who has just signed in, at one of their merchants."""

    tokens: Tokens
    user: User
    membership: Membership
    memberships: list[Membership]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token of ours says. `began_at` is when the person proved who they are."""

    user_id: UUID
    merchant_id: UUID
    session: str
    token_id: str
    began_at: datetime


class SessionRefreshToken(RefreshToken):
    """Leaves the question whether it is dead to `refresh`, which asks under a lock and ends the session."""

    def check_blacklist(self) -> None:
        return None


# --- reading ------------------------------------------------------------------------------------------------------


def read_access_token(text: str) -> Claims:
    """Raises Problem token_invalid (other key, algorithm, audience, issuer or type) or token_expired."""
    return _read(AccessToken, text)


def _read(kind: type[Token], text: str) -> Claims:
    try:
        token: Any = kind(text)  # type: ignore[arg-type]
        return Claims(
            user_id=from_public("usr", token["sub"]),
            merchant_id=from_public("mer", token["mid"]),
            session=str(token["sid"]),
            token_id=str(token["jti"]),
            began_at=datetime.fromtimestamp(token["auth_time"], UTC),
        )
    except ExpiredTokenError:
        raise Problem("token_expired") from None
    except (TokenError, PublicIdInvalid, KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise Problem("token_invalid") from None


# --- signing in ---------------------------------------------------------------------------------------------------


def log_in(*, email: str, password: str) -> OpenSession:
    """Raises Problem credentials_invalid, the same for an unknown address, a wrong password and a closed account."""
    user = User.objects.filter(email=email.lower()).first()
    if not _is_password_of(user, password) or user is None:
        _tell_refusal(user)
        raise Problem("credentials_invalid")
    return open_session(user)


def _is_password_of(user: User | None, password: str) -> bool:
    """Takes as long for an address nobody has as for one somebody has."""
    if user is None:
        User().set_password(password)
        return False
    return user.check_password(password) and user.is_active


def _tell_refusal(user: User | None) -> None:
    membership = memberships_of(user.id)[:1] if user else []
    with transaction.atomic():
        record(
            merchant_id=membership[0].merchant_id if membership else None,
            actor="anonymous",
            action="session.refused",
            object_id=user.public_id if user else "",
        )


def open_session(user: User) -> OpenSession:
    """A new session at the person's first merchant that may work. Raises Problem permission_denied without any."""
    memberships = memberships_of(user.id)
    if not memberships:
        raise Problem("permission_denied", "This account belongs to no merchant.")
    active = [found for found in memberships if found.merchant.status == Merchant.Status.ACTIVE]
    membership = (active or memberships)[0]
    session = to_public("ses", new_id())
    with transaction.atomic():
        tokens = _issue(membership, session=session, began_at=now())
        _tell(membership.merchant_id, user.public_id, "session.opened", session)
    return OpenSession(tokens=tokens, user=user, membership=membership, memberships=memberships)


def _issue(membership: Membership, *, session: str, began_at: datetime) -> Tokens:
    token = SessionRefreshToken()
    token["jti"] = f"{session}.{random_letters(20)}"
    token["sub"] = to_public("usr", membership.user_id)
    token["mid"] = to_public("mer", membership.merchant_id)
    token["sid"] = session
    token["role"] = membership.role
    token["amr"] = BY_PASSWORD
    token["auth_time"] = int(began_at.timestamp())
    moment = token.current_time
    ends_at = min(moment + token.lifetime, began_at + LONGEST_SESSION)
    token.set_exp(from_time=moment, lifetime=ends_at - moment)
    # The row is there to be looked up by its id; a stolen table must not hold tokens that work.
    OutstandingToken.objects.create(
        user_id=membership.user_id, jti=token["jti"], token="", created_at=moment, expires_at=ends_at
    )
    access = token.access_token
    return Tokens(
        access=str(access),
        refresh=str(token),
        access_expires_in=int(access.lifetime.total_seconds()),
        refresh_expires_in=int((ends_at - moment).total_seconds()),
    )


# --- going on and ending ------------------------------------------------------------------------------------------


def refresh(*, token: str) -> Tokens:
    """Both tokens anew; the old refresh token dies at once.

    Raises Problem token_invalid, token_expired, or session_revoked: a token that is dead already was copied, or the
    session has ended, so every token of the session dies with it.
    """
    claims = _read(SessionRefreshToken, token)
    with transaction.atomic():
        tokens = _rotate(claims)
    # Raised only now: the end of a copied session must be committed.
    if tokens is None:
        raise Problem("session_revoked")
    return tokens


def _rotate(claims: Claims) -> Tokens | None:
    user = _locked_user(claims.user_id)
    membership = Membership.objects.filter(user_id=claims.user_id, merchant_id=claims.merchant_id).first()
    living = running_tokens(claims.user_id).filter(jti=claims.token_id).first()
    if user is None or not user.is_active or membership is None or living is None:
        if _end(running_tokens(claims.user_id).filter(jti__startswith=f"{claims.session}.")):
            _tell(claims.merchant_id, to_public("usr", claims.user_id), "session.revoked", claims.session)
        return None
    BlacklistedToken.objects.create(token=living)
    return _issue(membership, session=claims.session, began_at=claims.began_at)


def log_out(*, token: str) -> None:
    """End the session of a refresh token; one that has ended stays so. Raises Problem token_invalid."""
    try:
        claims = _read(SessionRefreshToken, token)
    except Problem as problem:
        if problem.code == "token_expired":
            return
        raise
    with transaction.atomic():
        _locked_user(claims.user_id)
        if _end(running_tokens(claims.user_id).filter(jti__startswith=f"{claims.session}.")):
            _tell(claims.merchant_id, to_public("usr", claims.user_id), "session.closed", claims.session)


def log_out_everywhere(caller: Caller) -> None:
    """End every session of the signed-in person; told in the chain of the merchant they asked from."""
    user_id = person_of(caller)
    with transaction.atomic():
        _locked_user(user_id)
        if _end(running_tokens(user_id)):
            _tell(caller.merchant_id, caller.actor, "session.closed_all", caller.actor)


def _locked_user(user_id: UUID) -> User | None:
    """One change of a person's sessions at a time: none can be renewed while it is being ended."""
    return User.objects.select_for_update(no_key=True).filter(id=user_id).first()


def _end(tokens: QuerySet[OutstandingToken]) -> bool:
    """Kill the tokens, and with the commit what the cache knows of their sessions. False when none was alive."""
    found = list(tokens)
    BlacklistedToken.objects.bulk_create([BlacklistedToken(token=token) for token in found])
    sessions = {token.jti.partition(".")[0] for token in found}
    transaction.on_commit(lambda: forget_session_records(sessions), robust=True)
    return bool(found)


def _tell(merchant_id: UUID, actor: str, action: str, object_id: str) -> None:
    record(merchant_id=merchant_id, actor=actor, action=action, object_id=object_id)
