"""What proves who somebody is: the password or a code, each try counted, each refusal on record."""

from collections.abc import Callable
from typing import NoReturn
from uuid import UUID

from django.db import transaction

from audit.services import record
from merchants.models import Membership, User
from merchants.services import totp
from merchants.services.lockout import Attempt, begin_code, begin_password
from merchants.services.people_mail import tell
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public

# Where somebody proves who they are.
DOOR, OPERATORS_DOOR = "merchants", "operators"


def prove_password(*, email: str, password: str, only: Callable[[User | None], bool] | None = None) -> User:
    """The person whose password this is, and at the operators' door one of those whom `only` lets in.

    Raises Problem credentials_invalid, the same and after the same steps for an unknown address, a wrong password, a
    closed account and whoever is not let in; RateLimited while further tries must wait; Problem sign_in_unavailable
    without the counters.
    """
    email = email.lower()
    attempt = begin_password(email)
    user = User.objects.filter(email=email).first()
    is_right, is_wanted = _is_password_of(user, password), only is None or only(user)
    if not (is_right and is_wanted) or user is None:
        _refuse(attempt, step="password", door=DOOR if only is None else OPERATORS_DOOR)
        raise Problem("credentials_invalid")
    attempt.succeeded()
    return user


def _is_password_of(user: User | None, password: str) -> bool:
    """Takes as long for an address nobody has as for one somebody has."""
    if user is None:
        User().set_password(password)
        return False
    return user.check_password(password) and user.is_active


def prove_code(user: User, code: str, *, door: str = DOOR) -> str:
    """Use up a code of the person's app or list: `otp` or `recovery`.

    Raises Problem two_factor_code_invalid, RateLimited while further tries must wait, and Problem sign_in_unavailable
    without the counters.
    """
    attempt = begin_code(user)
    method = totp.take(user, code)
    if method is None:
        refuse_code(attempt, door=door)
    attempt.succeeded()
    if method == totp.RECOVERY:
        _tell_recovery(user)
    return method


def refuse_code(attempt: Attempt, *, door: str = DOOR) -> NoReturn:
    _refuse(attempt, step="code", door=door)
    raise Problem("two_factor_code_invalid")


def _tell_recovery(user: User) -> None:
    left = totp.codes_left(user)
    with transaction.atomic():
        tell("recovery_code_used", to=user.email, left=str(left))
        tell_chain(user, "user.recovery_code_used", left=left)


def _refuse(attempt: Attempt, *, step: str, door: str) -> None:
    """On record in the chain of the person's first merchant, or the platform's for an address nobody has.

    At the operators' door in the platform's, whoever it was.
    """
    places = Membership.objects.filter(user__email=attempt.email).order_by("created_at", "id")
    found = places.values_list("merchant_id", "user_id").first()
    merchant_id, user_id = found or (None, None)
    is_ours = door == OPERATORS_DOOR
    with transaction.atomic():
        attempt.failed()
        record(
            merchant_id=None if is_ours else merchant_id,
            actor="anonymous",
            action="operator.refused" if is_ours else "session.refused",
            object_id=to_public("usr", user_id) if user_id else "",
            detail={"step": step, "locked": attempt.has_shut},
        )


def tell_chain(user: User, action: str, **detail: object) -> None:
    """An audit event of what a person did before or beside any merchant: in the chain of their first one."""
    record(
        merchant_id=first_merchant_of(user.id),
        actor=user.public_id,
        action=action,
        object_id=user.public_id,
        detail=dict(detail),
    )


def first_merchant_of(user_id: UUID) -> UUID | None:
    places = Membership.objects.filter(user_id=user_id).order_by("created_at", "id")
    return places.values_list("merchant_id", flat=True).first()
