"""Who may do what: closed by default, opened by one scope per action, held by keys and given to people by role."""

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from merchants.selectors.rights import ACCOUNTS as ACCOUNTS
from merchants.selectors.rights import ALL_SCOPES as ALL_SCOPES
from merchants.selectors.rights import KYC as KYC
from merchants.selectors.rights import LIMITS as LIMITS
from merchants.selectors.rights import PERSONAL_SCOPES as PERSONAL_SCOPES
from merchants.selectors.rights import PRIVACY as PRIVACY
from merchants.selectors.rights import REQUESTS as REQUESTS
from merchants.selectors.rights import ROLE_SCOPES as ROLE_SCOPES
from merchants.selectors.rights import SESSION as SESSION
from merchants.selectors.rights import STATEMENTS as STATEMENTS
from merchants.selectors.rights import TEAM as TEAM
from merchants.selectors.rights import scopes_of_role as scopes_of_role
from onpoint_pay.kit.caller import PUBLISHABLE, Caller
from onpoint_pay.kit.errors import Problem


class HasRequiredScope(BasePermission):
    """Default of every view: `required_scopes[action]` must be among the caller's scopes, and must be there at all."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.auth, Caller):
            raise Problem("authentication_required")
        action = getattr(view, "action", None)
        if action is None and hasattr(view, "action_map"):
            # A method without an action is not a question of rights.
            raise Problem("method_not_allowed")
        needed = getattr(view, "required_scopes", {}).get(action)
        if needed is None or not (request.auth.may(needed) or _is_public(view, request.auth)):
            raise Problem("insufficient_scope", extra={"required_scope": needed})
        return True


def _is_public(view: Any, caller: Caller) -> bool:
    """A publishable key has no scopes: it reaches what a view names in `public_actions`, and nothing else."""
    return caller.kind == PUBLISHABLE and view.action in getattr(view, "public_actions", ())
