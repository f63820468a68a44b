"""Proving again who one is, before the things that hurt most. Kept with the session's row, so it dies with it."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from audit.services import record
from merchants.models import Session
from merchants.selectors.find import has_two_factor, person_of, running_sessions, user_of
from merchants.services.proofs import prove_code, prove_password
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import from_public

PROOF_LASTS = timedelta(minutes=10)
BY_CODE, BY_PASSWORD = "code", "password"


def step_up(caller: Caller, *, code: str | None = None, password: str | None = None) -> datetime:
    """Prove who is at this session, by a code where one is given, else by the password; returns until when that holds.

    Raises what prove_code and prove_password raise, and Problem two_factor_code_invalid for a code while two-factor
    sign-in is off.
    """
    user = user_of(caller)
    if code is not None:
        prove_code(user, code)
    else:
        prove_password(email=user.email, password=password or "")
    at = now()
    with transaction.atomic():
        Session.objects.filter(id=_session_of(caller)).update(proved_at=at)
        record(
            merchant_id=caller.merchant_id,
            actor=caller.actor,
            action="session.proved",
            object_id=caller.session or "",
            detail={"by": BY_PASSWORD if code is None else BY_CODE},
        )
    return at + PROOF_LASTS


def require_recent(caller: Caller, *, to: str) -> None:
    """`to` completes "to ...". Raises Problem step_up_required unless this session was proved in the last 10 minutes.

    Signing in proves it too. Raises Problem permission_denied for an API key, which cannot prove anything.
    """
    rows = running_sessions(person_of(caller)).filter(id=_session_of(caller), proved_at__gt=now() - PROOF_LASTS)
    if not rows.exists():
        raise Problem("step_up_required", f"To {to}, give your password or a code to /auth/step-up/ first.")


def require_two_factor(caller: Caller, *, to: str) -> None:
    """Raises Problem two_factor_required unless the person signs in with a second factor."""
    if not has_two_factor(person_of(caller)):
        raise Problem("two_factor_required", f"To {to}, switch two-factor sign-in on first.")


def require_live_key_maker(caller: Caller) -> None:
    """A person who makes a live key has a second factor and has just proved who they are.

    Nothing in test mode, and nothing for an API key: its right to make keys was given to it by name.

    Raises Problem two_factor_required, step_up_required.
    """
    if caller.mode == LIVE and caller.user_id is not None:
        require_two_factor(caller, to="make a live key")
        require_recent(caller, to="make a live key")


def require_recent_in_live(caller: Caller, *, to: str) -> None:
    """As require_recent, for a person in live mode alone. Raises Problem step_up_required."""
    if caller.mode == LIVE and caller.user_id is not None:
        require_recent(caller, to=to)


def _session_of(caller: Caller) -> UUID:
    """One that no row has for a person who came without a session."""
    return UUID(int=0) if caller.session is None else from_public("ses", caller.session)
