"""Single rows and short lists, scoped to one merchant and mode, or to one person.

Authentication needs this module before the REST framework has its views, so it must not import kit.api.
"""

from collections.abc import Collection
from uuid import UUID

from django.db.models import QuerySet
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from merchants.models import ApiKey, CustomRole, Invitation, Membership, Merchant, Session, Totp, User
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import NotFound, Problem
from webhooks.models import Secret

LARGEST_ID = 2**63 - 1

# --- people -------------------------------------------------------------------------------------------------------


def person_of(caller: Caller) -> UUID:
    """The key of the signed-in person. Raises Problem permission_denied for an API key."""
    if caller.user_id is None:
        raise Problem("permission_denied", "Only a signed-in person may do this.")
    return caller.user_id


def user_of(caller: Caller) -> User:
    """The signed-in person. Raises Problem permission_denied for an API key."""
    return User.objects.get(id=person_of(caller))


def memberships_of(user_id: UUID) -> list[Membership]:
    """A person's places, the oldest first, each with its merchant."""
    return list(Membership.objects.select_related("merchant").filter(user_id=user_id).order_by("created_at", "id"))


def members_for(merchant_id: UUID) -> QuerySet[Membership]:
    """Everybody at the merchant, the newest first, each with the person."""
    rows = Membership.objects.select_related("user", "custom_role")
    return rows.filter(merchant_id=merchant_id).order_by("-id")


def member_of(caller: Caller, member_id: UUID) -> Membership:
    """Raises NotFound for a member of another merchant."""
    is_number = member_id.int <= LARGEST_ID
    member = members_for(caller.merchant_id).filter(id=member_id.int).first() if is_number else None
    if member is None:
        raise NotFound
    return member


def invitations_for(merchant_id: UUID) -> QuerySet[Invitation]:
    """All that were sent for the merchant, the newest first, each with who sent it."""
    return (
        Invitation.objects.select_related("invited_by", "custom_role").filter(merchant_id=merchant_id).order_by("-id")
    )


def invitation_of(caller: Caller, invitation_id: UUID) -> Invitation:
    """Raises NotFound for another merchant's invitation."""
    found = invitations_for(caller.merchant_id).filter(id=invitation_id).first()
    if found is None:
        raise NotFound
    return found


def custom_roles_for(merchant_id: UUID) -> QuerySet[CustomRole]:
    """The roles of the merchant's own, the newest first."""
    return CustomRole.objects.filter(merchant_id=merchant_id).order_by("-id")


def custom_role_of(caller: Caller, role_id: UUID) -> CustomRole:
    """Raises NotFound for another merchant's role."""
    found = custom_roles_for(caller.merchant_id).filter(id=role_id).first()
    if found is None:
        raise NotFound
    return found


def running_tokens(user_id: UUID) -> QuerySet[OutstandingToken]:
    """Refresh tokens of the person that still work; the part of `jti` before the dot is the session."""
    return OutstandingToken.objects.filter(user_id=user_id, blacklistedtoken=None, expires_at__gt=now())


def running_sessions(user_id: UUID) -> QuerySet[Session]:
    """The person's sessions that have not ended, the newest first."""
    return Session.objects.filter(user_id=user_id, ended_at=None, expires_at__gt=now()).order_by("-id")


def has_two_factor(user_id: UUID) -> bool:
    """Whether the person's password alone does not open their account."""
    return Totp.objects.filter(user_id=user_id, confirmed_at__isnull=False).exists()


def with_two_factor(user_ids: Collection[UUID]) -> set[UUID]:
    """Those of whom the password alone does not open the account."""
    rows = Totp.objects.filter(user_id__in=user_ids, confirmed_at__isnull=False)
    return set(rows.values_list("user_id", flat=True))


# --- the merchant and its keys ------------------------------------------------------------------------------------


def merchant_of(caller: Caller) -> tuple[Merchant, str | None]:
    """The caller's merchant, and the last letters of the default webhook secret of the caller's mode."""
    secrets = Secret.objects.filter(merchant_id=caller.merchant_id, mode=caller.mode, endpoint=None, expires_at=None)
    return Merchant.objects.get(id=caller.merchant_id), secrets.values_list("last4", flat=True).first()


def keys_for(merchant_id: UUID, mode: str) -> QuerySet[ApiKey]:
    """The merchant's keys in one mode, the newest first."""
    return ApiKey.objects.scoped(merchant_id, mode).order_by("-id")


def key_of(caller: Caller, key_id: UUID) -> ApiKey:
    """Raises NotFound for another merchant's or mode's key."""
    key = keys_for(caller.merchant_id, caller.mode).filter(id=key_id).first()
    if key is None:
        raise NotFound
    return key
