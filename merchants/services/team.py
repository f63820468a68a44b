"""The people of a merchant: adding them, changing what they are, and letting them go. The same in both modes."""

from uuid import UUID

from django.db import transaction

from audit.services import record
from merchants.models import Membership, Role, User
from merchants.selectors.find import member_of
from merchants.selectors.records import forget_seat
from merchants.services.step_up import require_recent
from merchants.services.team_rules import given_in, lock_team, refuse_wider, role_at, tell_owners
from merchants.services.verification import require_verified_email
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound, Problem

NOBODY = (
    "Nobody has registered here with this address and verified it. Invite them by mail: POST /api/v1/team/invitations/."
)


def add_member(caller: Caller, *, email: str, role: str) -> Membership:
    """Give somebody who has registered, and verified their address, a role at the caller's merchant.

    Raises NotFound (nobody has shown that the address is theirs), and Problem permission_denied (a role that may do
    more than the caller's), parameter_invalid (no role), state_conflict (a member already), email_unverified (the
    caller's own address is), step_up_required.
    """
    require_verified_email(caller, to="add people")
    require_recent(caller, to="add somebody")
    with transaction.atomic():
        lock_team(caller.merchant_id)
        given = role_at(caller.merchant_id, role)
        refuse_wider(caller, given.scopes)
        user = User.objects.filter(email=email, is_active=True, email_verified_at__isnull=False).first()
        if user is None:
            raise NotFound(NOBODY)
        if Membership.objects.filter(user=user, merchant_id=caller.merchant_id).exists():
            raise Problem("state_conflict", "They are a member already; change their role instead.")
        member = Membership.objects.create(
            user=user,
            merchant_id=caller.merchant_id,
            role=given.role,
            custom_role=given.custom_role,
            added_by=caller.actor,
        )
        _tell(caller, member, "added", role=given.name)
        return member


def change_role(caller: Caller, member_id: UUID, *, role: str) -> Membership:
    """Give a member another role, from their next request on.

    Raises NotFound, and Problem permission_denied (either role may do more than the caller's), parameter_invalid (no
    role), state_conflict (the last owner stays one), email_unverified (the caller's own address is), step_up_required.
    """
    require_verified_email(caller, to="change roles")
    require_recent(caller, to="change a role")
    with transaction.atomic():
        lock_team(caller.merchant_id)
        member = member_of(caller, member_id)
        before, given = given_in(member), role_at(caller.merchant_id, role)
        refuse_wider(caller, before.scopes, given.scopes)
        if given.name != before.name:
            _refuse_last_owner(member)
            member.role, member.custom_role = given.role, given.custom_role
            member.save(update_fields=["role", "custom_role"])
            _tell(caller, member, "changed", role=given.name, before=before.name)
        return member


def remove_member(caller: Caller, member_id: UUID) -> None:
    """End somebody's place at the merchant, from their next request on; keys they have made stay.

    Raises NotFound, and Problem permission_denied (they may do more than the caller), state_conflict (the last owner),
    step_up_required.
    """
    require_recent(caller, to="remove somebody")
    with transaction.atomic():
        lock_team(caller.merchant_id)
        member = member_of(caller, member_id)
        given = given_in(member)
        refuse_wider(caller, given.scopes)
        _refuse_last_owner(member)
        _tell(caller, member, "removed", before=given.name)
        member.delete()


def _refuse_last_owner(member: Membership) -> None:
    others = Membership.objects.filter(merchant_id=member.merchant_id, role=Role.OWNER).exclude(pk=member.pk)
    if member.role == Role.OWNER and not others.exists():
        raise Problem("state_conflict", "They are the last owner; make somebody else an owner first.")


def _tell(caller: Caller, member: Membership, deed: str, **detail: str) -> None:
    """The audit event, a mail to the owners, and a seat that is read anew."""
    record(
        merchant_id=caller.merchant_id,
        actor=caller.actor,
        action=f"member.{deed}",
        object_id=member.public_id,
        detail={"user": member.user.public_id, **detail},
    )
    tell_owners(caller.merchant_id, f"A member was {deed}", object_id=member.public_id)
    user_id = member.user_id
    transaction.on_commit(lambda: forget_seat(user_id, caller.merchant_id), robust=True)
