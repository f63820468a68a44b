"""What every change of a team keeps to: one at a time, nobody gives more than they have, and the owners hear of it."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from merchants.models import CUSTOM, CustomRole, Invitation, Membership, Merchant, Role
from merchants.selectors.find import person_of
from merchants.selectors.rights import scopes_of_role
from merchants.services.people_mail import tell
from merchants.services.people_texts import TEAM_CHANGED
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenRole:
    """A role as a row holds it: one of Role, or CUSTOM with the merchant's own."""

    role: str
    custom_role: CustomRole | None = None

    @property
    def name(self) -> str:
        """As it is asked for: owner, or rol_…."""
        return self.role if self.custom_role is None else self.custom_role.public_id

    @property
    def scopes(self) -> frozenset[str]:
        """In live mode: what test mode gives beside them is of no weight."""
        return scopes_of_role(self.role, LIVE, granted=self.custom_role.scopes if self.custom_role else ())


def given_in(row: Membership | Invitation) -> GivenRole:
    return GivenRole(role=row.role, custom_role=row.custom_role)


def role_at(merchant_id: UUID, name: str) -> GivenRole:
    """Raises Problem parameter_invalid for no role, also for one that another merchant has made."""
    if name in Role.values:
        return GivenRole(role=name)
    try:
        found = CustomRole.objects.filter(merchant_id=merchant_id, id=from_public("rol", name)).first()
    except PublicIdInvalid:
        found = None
    if found is None:
        raise Problem("parameter_invalid", "There is no such role here.", param="role")
    return GivenRole(role=CUSTOM, custom_role=found)


def lock_team(merchant_id: UUID) -> Merchant:
    """Two changes of one team wait for each other: each must see whether an owner is left."""
    return Merchant.objects.select_for_update().get(id=merchant_id)


def refuse_wider(caller: Caller, *scopes: Collection[str]) -> None:
    """Raises Problem permission_denied when any of `scopes` is not the caller's own.

    Asked of the database: the caller's own role may have been taken a second ago.
    """
    own = scopes_at(person_of(caller), caller.merchant_id)
    beyond = sorted({scope for each in scopes for scope in each} - own)
    if beyond:
        detail = f"Nobody gives, changes or takes a role that may do more than their own: {', '.join(beyond)}."
        raise Problem("permission_denied", detail)


def scopes_at(user_id: UUID, merchant_id: UUID) -> frozenset[str]:
    """What somebody may do at the merchant in live mode; nothing for who has no place there."""
    places = Membership.objects.select_related("custom_role")
    place = places.filter(user_id=user_id, merchant_id=merchant_id, user__is_active=True).first()
    return frozenset() if place is None else given_in(place).scopes


def tell_owners(merchant_id: UUID, what: str, *, object_id: str) -> None:
    """Mail every owner that the team has changed. Call it in the transaction of the change."""
    owners = Membership.objects.filter(merchant_id=merchant_id, role=Role.OWNER, user__is_active=True)
    for email in owners.order_by("id").values_list("user__email", flat=True):
        tell(TEAM_CHANGED, to=email, what=what, object=object_id)
