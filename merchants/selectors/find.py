"""Single rows and short lists, scoped to one merchant and mode, or to one person.

Authentication needs this module before the REST framework has its views, so it must not import kit.api.
"""

from uuid import UUID

from django.db.models import QuerySet
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from merchants.models import ApiKey, Membership, Merchant, User
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
    return Membership.objects.select_related("user").filter(merchant_id=merchant_id).order_by("-id")


def member_of(caller: Caller, member_id: UUID) -> Membership:
    """Raises NotFound for a member of another merchant."""
    is_number = member_id.int <= LARGEST_ID
    member = members_for(caller.merchant_id).filter(id=member_id.int).first() if is_number else None
    if member is None:
        raise NotFound
    return member


def running_tokens(user_id: UUID) -> QuerySet[OutstandingToken]:
    """Refresh tokens of the person that still work; the part of `jti` before the dot is the session."""
    return OutstandingToken.objects.filter(user_id=user_id, blacklistedtoken=None, expires_at__gt=now())


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
