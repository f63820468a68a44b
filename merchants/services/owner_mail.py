"""Mail to the owners of a merchant about its keys."""

from uuid import UUID

from merchants.models import ApiKey, Membership, Role
from merchants.services.people_mail import tell


def tell_owners(merchant_id: UUID, kind: str, **facts: str) -> None:
    """Mail every owner who can sign in one of TEXTS. Call it in the transaction of the change."""
    owners = Membership.objects.filter(merchant_id=merchant_id, role=Role.OWNER, user__is_active=True)
    for address in owners.order_by("user_id").values_list("user__email", flat=True):
        tell(kind, to=address, **facts)


def shown_key(key: ApiKey) -> str:
    """Enough to find the key by; its name is left out, for somebody typed it."""
    return f"{key.public_id} ({key.prefix}...{key.last4})"
