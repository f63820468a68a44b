"""Making operators, changing and removing them: from a terminal only, and in the platform's audit chain."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from audit.operators.rights import PLATFORM_ROLES
from audit.services import record
from merchants.models import Operator, User
from merchants.selectors.find import has_two_factor
from merchants.services import totp
from merchants.services.passwords import set_password
from merchants.services.people_mail import tell
from merchants.services.sessions import end_sessions, locked_person
from merchants.services.sign_in import end_challenges
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import NotFound, Problem

NOBODY = "Nobody has registered here with this address."
NO_OPERATOR = "This person is no operator."


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """An operator, and what was made for them: shown once. Empty is what they had already."""

    operator: Operator
    password: str = ""
    setup: totp.Setup | None = None
    recovery_codes: tuple[str, ...] = ()


def enrol(email: str, *, roles: Sequence[str], first_name: str, last_name: str, actor: str) -> Enrolled:
    """Give a person platform roles, and an account, a password and a second factor where they have none.

    Raises Problem parameter_invalid for roles nobody knows; state_conflict for somebody who is an operator, and for an
    address that was registered and never verified: whoever did that may be anybody.
    """
    wanted, password = _roles(roles), ""
    found = User.objects.filter(email=email.lower()).first()
    if found is None:
        found = User(email=email.lower(), first_name=first_name, last_name=last_name, email_verified_at=now())
        password = secrets.token_urlsafe(15)
        set_password(found, password)
    if found.email_verified_at is None:
        raise Problem("state_conflict", "The address was never verified: see manage.py person, or use another.")
    with transaction.atomic():
        if password:
            found.save(force_insert=True)
        user = locked_person(found.id) or found
        if Operator.objects.filter(user=user).exists():
            raise Problem("state_conflict", "This person is an operator already: change the roles.")
        operator = Operator.objects.create(user=user, roles=wanted)
        _tell(operator, "operator.enrolled", actor=actor)
        if has_two_factor(user.id):
            return Enrolled(operator=operator, password=password)
        return _with_second_factor(operator, password=password)


def change_roles(email: str, *, roles: Sequence[str], actor: str) -> Operator:
    """Give other roles in place of the present ones; they hold from the next request on.

    Raises NotFound, Problem parameter_invalid.
    """
    wanted = _roles(roles)
    with transaction.atomic():
        operator = _locked(email)
        before, operator.roles = operator.roles, wanted
        operator.save(update_fields=["roles"])
        _tell(operator, "operator.roles_changed", actor=actor, before=before)
    return operator


def dismiss(email: str, *, actor: str) -> None:
    """Take the platform roles away: whoever is signed in is out. Account and merchants stay. Raises NotFound."""
    with transaction.atomic():
        operator = _locked(email)
        _tell(operator, "operator.dismissed", actor=actor)
        operator.delete()


def renew(email: str, *, actor: str) -> Enrolled:
    """A new password and a new second factor, for somebody who lost theirs; every session ends. Raises NotFound."""
    password = secrets.token_urlsafe(15)
    with transaction.atomic():
        operator = _locked(email)
        user = operator.user
        set_password(user, password)
        user.save(update_fields=["password"])
        end_sessions(user)
        end_challenges(user)
        totp.drop(user)
        tell("password_changed", to=user.email)
        _tell(operator, "operator.renewed", actor=actor)
        return _with_second_factor(operator, password=password)


def _with_second_factor(operator: Operator, *, password: str) -> Enrolled:
    setup = totp.begin_confirmed(operator.user)
    codes = totp.new_recovery_codes(operator.user)
    return Enrolled(operator=operator, password=password, setup=setup, recovery_codes=tuple(codes))


def _roles(roles: Sequence[str]) -> list[str]:
    wanted = sorted(set(roles))
    if not wanted or set(wanted) - set(PLATFORM_ROLES):
        raise Problem("parameter_invalid", f"Name roles of {', '.join(PLATFORM_ROLES)}.", param="roles")
    return wanted


def _locked(email: str) -> Operator:
    found = User.objects.filter(email=email.lower()).first()
    if found is None:
        raise NotFound(NOBODY)
    locked_person(found.id)
    operator = Operator.objects.select_related("user").filter(user=found).first()
    if operator is None:
        raise NotFound(NO_OPERATOR)
    return operator


def _tell(operator: Operator, action: str, *, actor: str, **more: object) -> None:
    detail = {"roles": operator.roles, **more}
    record(merchant_id=None, actor=actor, action=action, object_id=operator.user.public_id, detail=detail)
