"""Who may touch what money goes out by: people in person, with a role that handles money."""

from merchants.models import Role
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import Problem

ROLES = (Role.OWNER, Role.ADMIN, Role.FINANCE)


def require_person(caller: Caller, *, to: str) -> None:
    """Raises Problem permission_denied for an API key. `to` completes "only a person may ..."."""
    if caller.kind != "user":
        raise Problem("permission_denied", f"Only a person who has signed in may {to}; an API key may not.")


def require_step_up(caller: Caller, *, to: str) -> None:
    """A person whose role handles money. The one place where a second factor is to be asked for as well.

    Raises Problem permission_denied.
    """
    require_person(caller, to=to)
    if caller.role not in ROLES:
        raise Problem("permission_denied", f"Your role at this merchant may not {to}.")
