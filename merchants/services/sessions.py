"""Sessions: short access tokens, refresh tokens that work once, and an end that ends all of them.

A refresh token's `jti` is its session's id, a dot, and random letters; the session's row says until when it runs, from
where, and when its person last proved who they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from audit.services import record
from merchants.models import Membership, Merchant, Session, User
from merchants.selectors.find import memberships_of, person_of, running_sessions, running_tokens
from merchants.selectors.records import forget_session_records
from merchants.services.known_places import is_strange, shown_words
from merchants.services.origins import here
from merchants.services.people_mail import tell
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, random_letters, to_public

LONGEST_SESSION = timedelta(days=30)
BY_PASSWORD = ("pwd",)
SEEN_EVERY = timedelta(seconds=60)


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
    session_id: UUID
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
            session_id=from_public("ses", str(token["sid"])),
            token_id=str(token["jti"]),
            began_at=datetime.fromtimestamp(token["auth_time"], UTC),
        )
    except ExpiredTokenError:
        raise Problem("token_expired") from None
    except (TokenError, PublicIdInvalid, KeyError, TypeError, AttributeError, ValueError, OverflowError):
        raise Problem("token_invalid") from None


# --- signing in ---------------------------------------------------------------------------------------------------


def open_session(user: User, *, methods: Sequence[str] = BY_PASSWORD) -> OpenSession:
    """A new session at the person's first merchant that may work; `methods` have just proved who they are.

    Raises Problem permission_denied without any merchant, credentials_invalid when the password was changed, or the
    account closed, since it was compared.
    """
    memberships = memberships_of(user.id)
    if not memberships:
        raise Problem("permission_denied", "This account belongs to no merchant.")
    active = [found for found in memberships if found.merchant.status == Merchant.Status.ACTIVE]
    membership = (active or memberships)[0]
    began_at, origin = now(), here()
    session = Session(user=user, methods=list(methods), device=origin.device, began_at=began_at, proved_at=began_at)
    with transaction.atomic():
        as_it_is = locked_person(user.id)
        if as_it_is is None or not as_it_is.is_active or as_it_is.password != user.password:
            raise Problem("credentials_invalid")
        if is_strange(user, origin):
            tell("signed_in", to=user.email, device=shown_words(origin.device))
        tokens = _issue(membership, session, began_at=began_at)
        _tell(membership.merchant_id, user.public_id, "session.opened", session.public_id)
    return OpenSession(tokens=tokens, user=user, membership=membership, memberships=memberships)


def _issue(membership: Membership, session: Session, *, began_at: datetime) -> Tokens:
    """New tokens, and the session's row as they say."""
    token = SessionRefreshToken()
    token["jti"] = f"{session.public_id}.{random_letters(20)}"
    token["sub"] = to_public("usr", membership.user_id)
    token["mid"] = to_public("mer", membership.merchant_id)
    token["sid"] = session.public_id
    token["role"] = membership.role_name
    token["amr"] = list(session.methods)
    token["auth_time"] = int(began_at.timestamp())
    moment = token.current_time
    ends_at = min(moment + token.lifetime, began_at + LONGEST_SESSION)
    token.set_exp(from_time=moment, lifetime=ends_at - moment)
    # The row is there to be looked up by its id; a stolen table must not hold tokens that work.
    OutstandingToken.objects.create(
        user_id=membership.user_id, jti=token["jti"], token="", created_at=moment, expires_at=ends_at
    )
    _keep_row(session, expires_at=ends_at)
    access = token.access_token
    return Tokens(
        access=str(access),
        refresh=str(token),
        access_expires_in=int(access.lifetime.total_seconds()),
        refresh_expires_in=int((ends_at - moment).total_seconds()),
    )


def _keep_row(session: Session, *, expires_at: datetime) -> None:
    """The address is the latest one: people move about while they are signed in."""
    origin = here()
    if origin.address:
        session.address, session.place = origin.address, origin.place
    session.last_seen_at, session.expires_at = now(), expires_at
    # Not the whole row: the person may be proving who they are at this moment.
    session.save(update_fields=None if session._state.adding else ["address", "place", "last_seen_at", "expires_at"])


# --- going on and ending ------------------------------------------------------------------------------------------


def refresh(*, token: str) -> Tokens:
    """Both tokens anew; the old refresh token dies at once.

    Raises Problem token_invalid, token_expired, or session_revoked: a token that is dead already was copied, or the
    session has ended, so every token of the session dies with it. Of a copy the person is told by mail.
    """
    claims = _read(SessionRefreshToken, token)
    with transaction.atomic():
        tokens = _rotate(claims)
    # Raised only now: the end of a copied session must be committed.
    if tokens is None:
        raise Problem("session_revoked")
    return tokens


def _rotate(claims: Claims) -> Tokens | None:
    user = locked_person(claims.user_id)
    membership = Membership.objects.filter(user_id=claims.user_id, merchant_id=claims.merchant_id).first()
    session = running_sessions(claims.user_id).filter(id=claims.session_id).first()
    living = running_tokens(claims.user_id).filter(jti=claims.token_id).first()
    if user is None or not user.is_active or membership is None or session is None or living is None:
        if _end(claims.user_id, only=claims.session_id):
            _tell(claims.merchant_id, to_public("usr", claims.user_id), "session.revoked", claims.session)
            if user is not None and user.is_active and living is None:
                tell("session_copied", to=user.email)
        return None
    BlacklistedToken.objects.create(token=living)
    return _issue(membership, session, began_at=claims.began_at)


def log_out(*, token: str) -> None:
    """End the session of a refresh token; one that has ended stays so. Raises Problem token_invalid."""
    try:
        claims = _read(SessionRefreshToken, token)
    except Problem as problem:
        if problem.code == "token_expired":
            return
        raise
    with transaction.atomic():
        locked_person(claims.user_id)
        if _end(claims.user_id, only=claims.session_id):
            _tell(claims.merchant_id, to_public("usr", claims.user_id), "session.closed", claims.session)


def log_out_everywhere(caller: Caller) -> None:
    """End every session of the signed-in person; told in the chain of the merchant they asked from."""
    user_id = person_of(caller)
    with transaction.atomic():
        locked_person(user_id)
        if _end(user_id):
            _tell(caller.merchant_id, caller.actor, "session.closed_all", caller.actor)


def end_session(caller: Caller, session_id: UUID) -> None:
    """End one session of the signed-in person. Raises NotFound for one that has ended, and for another person's."""
    user_id = person_of(caller)
    with transaction.atomic():
        locked_person(user_id)
        if not _end(user_id, only=session_id):
            raise NotFound
        _tell(caller.merchant_id, caller.actor, "session.closed", to_public("ses", session_id))


def end_sessions(user: User, *, besides: UUID | None = None) -> None:
    """End every session of the person but one. Call it in the transaction of the change that asks for it."""
    locked_person(user.id)
    _end(user.id, besides=besides)


def note_seen(session_id: UUID) -> None:
    """Remember that the session is in use, at most once a minute."""
    moment = now()
    Session.objects.filter(id=session_id, last_seen_at__lt=moment - SEEN_EVERY).update(last_seen_at=moment)


def locked_person(user_id: UUID) -> User | None:
    """One change of a person's account at a time: no session begins or is renewed while others are being ended.

    Taken before any other row of theirs. Call it inside a transaction.
    """
    return User.objects.select_for_update(no_key=True).filter(id=user_id).first()


def _end(user_id: UUID, *, only: UUID | None = None, besides: UUID | None = None) -> bool:
    """Kill sessions with their tokens, and with the commit what the cache knows of them. False: none was running."""
    rows = running_sessions(user_id)
    rows = rows.filter(id=only) if only else rows.exclude(id=besides) if besides else rows
    found = {row.id: row.public_id for row in rows}
    Session.objects.filter(id__in=found).update(ended_at=now())
    alive = running_tokens(user_id)
    BlacklistedToken.objects.bulk_create(
        [BlacklistedToken(token=token) for token in alive if token.jti.partition(".")[0] in found.values()]
    )
    transaction.on_commit(lambda: forget_session_records(found), robust=True)
    return bool(found)


def _tell(merchant_id: UUID, actor: str, action: str, object_id: str) -> None:
    record(merchant_id=merchant_id, actor=actor, action=action, object_id=object_id)
