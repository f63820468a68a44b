"""Roles of a merchant's own: made, changed and deleted by people who may do all that the role may."""

from collections.abc import Collection
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q

from audit.services import record
from merchants.models import CustomRole, Invitation, Membership
from merchants.selectors.find import custom_role_of
from merchants.selectors.records import forget_seats_at
from merchants.services.step_up import require_recent
from merchants.services.team_rules import lock_team, refuse_wider, tell_owners
from merchants.services.verification import require_verified_email
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import broke
from onpoint_pay.kit.errors import Problem

MOST = 50


def create_role(caller: Caller, *, name: str, scopes: Collection[str]) -> CustomRole:
    """Raises Problem permission_denied (a scope the caller has not), state_conflict (the name is taken, or there are 50
    already), email_unverified (the caller's own address is), step_up_required.
    """
    _prove(caller)
    with transaction.atomic():
        lock_team(caller.merchant_id)
        refuse_wider(caller, scopes)
        if CustomRole.objects.filter(merchant_id=caller.merchant_id).count() >= MOST:
            raise Problem("state_conflict", f"A business has at most {MOST} roles of its own.")
        role = CustomRole(
            merchant_id=caller.merchant_id, name=name, scopes=sorted(set(scopes)), created_by=caller.actor
        )
        _save(role)
        _tell(caller, role, "created", scopes=role.scopes)
    return role


def change_role(
    caller: Caller, role_id: UUID, *, name: str | None = None, scopes: Collection[str] | None = None
) -> CustomRole:
    """From the next request on of everybody who holds it.

    Raises NotFound, and what create_role raises; permission_denied too when the role as it is may do more than the
    caller.
    """
    _prove(caller)
    with transaction.atomic():
        lock_team(caller.merchant_id)
        role = custom_role_of(caller, role_id)
        refuse_wider(caller, role.scopes, scopes or ())
        before = role.scopes
        role.name = role.name if name is None else name
        role.scopes = before if scopes is None else sorted(set(scopes))
        role.version += 1
        _save(role)
        _tell(caller, role, "changed", scopes=role.scopes, before=before)
    return role


def delete_role(caller: Caller, role_id: UUID) -> None:
    """Raises NotFound, and Problem permission_denied (it may do more than the caller), state_conflict while somebody
    has it or is invited to it, email_unverified, step_up_required.
    """
    _prove(caller)
    with transaction.atomic():
        lock_team(caller.merchant_id)
        role = custom_role_of(caller, role_id)
        refuse_wider(caller, role.scopes)
        is_offered = Q(accepted_at=None, revoked_at=None, expires_at__gt=now())
        if (
            Membership.objects.filter(custom_role=role).exists()
            or Invitation.objects.filter(is_offered, custom_role=role).exists()
        ):
            raise Problem("state_conflict", "Somebody has this role or is invited to it; give them another first.")
        _tell(caller, role, "deleted", before=role.scopes)
        role.delete()


def _prove(caller: Caller) -> None:
    require_verified_email(caller, to="make or change roles")
    require_recent(caller, to="make or change a role")


def _save(role: CustomRole) -> None:
    try:
        with transaction.atomic():
            role.save()
    except IntegrityError as error:
        if not broke(error, "custom_role_name_once"):
            raise
        raise Problem("state_conflict", "There is a role of this name already.", param="name") from None


def _tell(caller: Caller, role: CustomRole, deed: str, **detail: list[str]) -> None:
    record(
        merchant_id=caller.merchant_id,
        actor=caller.actor,
        action=f"role.{deed}",
        object_id=role.public_id,
        detail=dict(detail),
    )
    tell_owners(caller.merchant_id, f"A role was {deed}", object_id=role.public_id)
    transaction.on_commit(lambda: forget_seats_at(caller.merchant_id), robust=True)
