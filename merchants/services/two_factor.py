"""Switching two-factor sign-in on and off, and its recovery codes; each told by mail and in the audit trail."""

from django.db import transaction

from audit.services import record
from merchants.models import User
from merchants.selectors.find import has_two_factor, person_of, user_of
from merchants.services import totp
from merchants.services.lockout import begin_code
from merchants.services.people_mail import tell
from merchants.services.proofs import refuse_code
from merchants.services.sessions import locked_person
from merchants.services.sign_in import end_challenges
from merchants.services.step_up import require_recent
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import Problem


def begin_setup(caller: Caller) -> totp.Setup:
    """A seed for an authenticator app, in place of one that was never confirmed.

    Raises Problem step_up_required, and state_conflict while two-factor sign-in is on.
    """
    require_recent(caller, to="set up two-factor sign-in")
    with transaction.atomic():
        user = _locked(caller)
        if has_two_factor(user.id):
            raise Problem("state_conflict", "Two-factor sign-in is on; switch it off before you set up another app.")
        return totp.begin(user)


def enable(caller: Caller, *, code: str) -> list[str]:
    """Switch it on with a code of the app, which proves that the seed arrived; returns ten recovery codes, shown once.

    Raises Problem two_factor_code_invalid, state_conflict (nothing was set up, or it is on), RateLimited.
    """
    user = user_of(caller)
    if not totp.is_waiting(user.id):
        raise Problem("state_conflict", "There is nothing to switch on: begin with /auth/2fa/setup/.")
    attempt = begin_code(user)
    with transaction.atomic():
        user = _locked(caller)
        is_on = totp.confirm(user, code.strip())
        if is_on:
            codes = totp.new_recovery_codes(user)
            end_challenges(user)
            _tell(caller, user, "two_factor_on")
    if not is_on:
        refuse_code(attempt)
    attempt.succeeded()
    return codes


def disable(caller: Caller) -> None:
    """Switch it off; the recovery codes are gone. Doing it again changes nothing. Raises Problem step_up_required."""
    require_recent(caller, to="switch two-factor sign-in off")
    with transaction.atomic():
        user = _locked(caller)
        if has_two_factor(user.id):
            _tell(caller, user, "two_factor_off")
        totp.drop(user)


def renew_recovery_codes(caller: Caller) -> list[str]:
    """Ten new codes in place of the earlier ones; shown once. Raises Problem step_up_required, state_conflict."""
    require_recent(caller, to="make new recovery codes")
    with transaction.atomic():
        user = _locked(caller)
        if not has_two_factor(user.id):
            raise Problem("state_conflict", "Two-factor sign-in is off.")
        _tell(caller, user, "recovery_codes_renewed")
        return totp.new_recovery_codes(user)


def _locked(caller: Caller) -> User:
    """Raises Problem session_revoked for a person who is gone."""
    user = locked_person(person_of(caller))
    if user is None:
        raise Problem("session_revoked")
    return user


def _tell(caller: Caller, user: User, deed: str) -> None:
    tell(deed, to=user.email)
    record(merchant_id=caller.merchant_id, actor=caller.actor, action=f"user.{deed}", object_id=caller.actor)
