"""Who may touch what money goes out by: people in person, with a role that handles money, and a second one."""

from collections.abc import Collection

from merchants.models import Membership, Role
from merchants.permissions import scopes_of_role
from merchants.services.step_up import require_recent
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public

ROLES = (Role.OWNER, Role.ADMIN, Role.FINANCE)


def require_person(caller: Caller, *, to: str) -> None:
    """Raises Problem permission_denied for an API key. `to` completes "only a person may ..."."""
    if caller.kind != "user":
        raise Problem("permission_denied", f"Only a person who has signed in may {to}; an API key may not.")


def require_step_up(caller: Caller, *, to: str) -> None:
    """A person whose role handles money, and who has just proved who they are.

    Raises Problem permission_denied, step_up_required.
    """
    require_person(caller, to=to)
    if caller.role not in ROLES:
        raise Problem("permission_denied", f"Your role at this merchant may not {to}.")
    require_recent(caller, to=to)


def require_proven_person(caller: Caller, *, to: str) -> None:
    """A person who has just proved who they are, whatever their role. Raises as require_step_up."""
    require_person(caller, to=to)
    require_recent(caller, to=to)


def own_request(caller: Caller, makers: Collection[str], *, what: str, scope: str) -> Problem:
    """The refusal for whoever had a hand in asking for a `what`, with what they can do: who else may approve it?"""
    detail = (
        f"Whoever asked for a {what}, made the key it was asked with, or added its new destination may not approve it."
    )
    return Problem("own_request_approval", detail, next_step=_whom_to_ask(caller, makers, what=what, scope=scope))


def _whom_to_ask(caller: Caller, makers: Collection[str], *, what: str, scope: str) -> str:
    team = Membership.objects.filter(merchant_id=caller.merchant_id, user__is_active=True)
    others = [
        user_id
        for user_id, role, granted in team.values_list("user_id", "role", "custom_role__scopes")
        if scope in scopes_of_role(role, caller.mode, granted=granted or ()) and to_public("usr", user_id) not in makers
    ]
    if others:
        return f"Have another person of the business approve the {what}: {len(others)} may."
    return (
        f"Nobody else here may approve it. Add a second person as owner or admin (POST /api/v1/team/) and have them "
        f"approve the {what}; or call it off, have the limit raised above which one must agree, and ask again."
    )
