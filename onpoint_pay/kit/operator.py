"""Who works in the operators' pages: one shape that every room's pages know."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest

from onpoint_pay.kit.clock import now

# How long a code opens the deeds that hurt most.
PROOF_LASTS = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCard:
    """A signed-in operator. `actor` is the public id that audit shows, `proved_at` when they last gave a code."""

    user_id: UUID
    actor: str
    roles: tuple[str, ...]
    rights: frozenset[str]
    proved_at: datetime

    def may(self, right: str) -> bool:
        return right in self.rights

    @property
    def is_proved(self) -> bool:
        return now() - self.proved_at < PROOF_LASTS

    @property
    def told(self) -> Mapping[str, Any]:
        """What a link of the audit chain says of them beside the actor."""
        return {"by_operator": True, "roles": list(self.roles)}


def operator_of(request: HttpRequest) -> OperatorCard | None:
    """Whoever the middleware has let in; None on every path but the operators' own."""
    found = getattr(request, "operator", None)
    return found if isinstance(found, OperatorCard) else None


def may(request: HttpRequest, right: str) -> bool:
    """Whether the request's operator has the right; nobody has where no operator is."""
    card = operator_of(request)
    return card is not None and card.may(right)
