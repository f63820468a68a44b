"""The people of a merchant: adding them, changing what they are, and letting them go. The same in both modes."""

from uuid import UUID

from django.db import transaction

from audit.services import record
from merchants.models import Membership, Merchant, Role, User
from merchants.selectors.find import member_of, person_of
from merchants.selectors.records import forget_seat
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound, Problem

NOBODY = "Nobody has registered here with this address. Ask them to register, then add them; no invitation is sent yet."


def add_member(caller: Caller, *, email: str, role: str) -> Membership:
    """Give somebody who has registered a role at the caller's merchant.

    Raises NotFound (nobody has this address), and Problem permission_denied (only an owner makes owners),
    state_conflict (a member already).
    """
    with transaction.atomic():
        _lock_team(caller.merchant_id)
        _refuse_owner(caller, role)
        user = User.objects.filter(email=email, is_active=True).first()
        if user is None:
            raise NotFound(NOBODY)
        if Membership.objects.filter(user=user, merchant_id=caller.merchant_id).exists():
            raise Problem("state_conflict", "They are a member already; change their role instead.")
        member = Membership.objects.create(user=user, merchant_id=caller.merchant_id, role=role, added_by=caller.actor)
        _tell(caller, member, "added", role=role)
        return member


def change_role(caller: Caller, member_id: UUID, *, role: str) -> Membership:
    """Give a member another role, from their next request on.

    Raises NotFound, and Problem permission_denied (only an owner makes or unmakes owners), state_conflict (the last
    owner stays one).
    """
    with transaction.atomic():
        _lock_team(caller.merchant_id)
        member = member_of(caller, member_id)
        _refuse_owner(caller, member.role, role)
        before = member.role
        if role != before:
            _refuse_last_owner(member)
            member.role = role
            member.save(update_fields=["role"])
            _tell(caller, member, "changed", role=role, before=before)
        return member


def remove_member(caller: Caller, member_id: UUID) -> None:
    """End somebody's place at the merchant, from their next request on; keys they have made stay.

    Raises NotFound, and Problem permission_denied (only an owner removes owners), state_conflict (the last owner).
    """
    with transaction.atomic():
        _lock_team(caller.merchant_id)
        member = member_of(caller, member_id)
        _refuse_owner(caller, member.role)
        _refuse_last_owner(member)
        _tell(caller, member, "removed", before=member.role)
        member.delete()


def _lock_team(merchant_id: UUID) -> None:
    """Two changes of one team wait for each other: each must see whether an owner is left."""
    Merchant.objects.select_for_update().get(id=merchant_id)


def _refuse_owner(caller: Caller, *roles: str) -> None:
    """Asked of the database: the caller's own role may have been taken a second ago."""
    if Role.OWNER not in roles:
        return
    own = Membership.objects.filter(user_id=person_of(caller), merchant_id=caller.merchant_id, role=Role.OWNER)
    if not own.exists():
        raise Problem("permission_denied", "Only an owner decides who is one.")


def _refuse_last_owner(member: Membership) -> None:
    others = Membership.objects.filter(merchant_id=member.merchant_id, role=Role.OWNER).exclude(pk=member.pk)
    if member.role == Role.OWNER and not others.exists():
        raise Problem("state_conflict", "They are the last owner; make somebody else an owner first.")


def _tell(caller: Caller, member: Membership, deed: str, **detail: str) -> None:
    """The audit event, and a seat that is read anew."""
    record(
        merchant_id=caller.merchant_id,
        actor=caller.actor,
        action=f"member.{deed}",
        object_id=member.public_id,
        detail={"user": member.user.public_id, **detail},
    )
    user_id = member.user_id
    transaction.on_commit(lambda: forget_seat(user_id, caller.merchant_id), robust=True)
