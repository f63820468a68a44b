"""What a stranger could ask of a merchant's invitations and roles."""

from datetime import timedelta

from merchants.models import CustomRole, Invitation, Merchant
from merchants.tests.factories import make_member
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from tests.outsider_cases import Case, ListCase, ObjectCase


def invitation(merchant: Merchant, mode: str) -> str:
    """Of both modes: a merchant has one team."""
    row = Invitation.objects.create(
        merchant=merchant,
        email=f"{new_id().hex}@example.com",
        role="viewer",
        digest=new_id().bytes,
        invited_by=make_member(merchant),
        expires_at=now() + timedelta(days=7),
    )
    return row.public_id


def role(merchant: Merchant, mode: str) -> str:
    name = f"Till {new_id().hex}"
    row = CustomRole.objects.create(merchant=merchant, name=name, scopes=["payments:read"], created_by="tests")
    return row.public_id


TEAM_CASES: dict[str, Case] = {
    "roles": ListCase(make=role, in_person=True, both_modes=True),
    "role": ObjectCase(
        make=role,
        nonsense=lambda: to_public("rol", new_id()),
        bodies={"patch": {"scopes": ["payments:read"]}},
        in_person=True,
        both_modes=True,
    ),
    "invitations": ListCase(make=invitation, in_person=True, both_modes=True),
    "invitation": ObjectCase(
        make=invitation, nonsense=lambda: to_public("ivt", new_id()), in_person=True, both_modes=True
    ),
}
