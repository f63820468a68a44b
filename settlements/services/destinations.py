"""Where merchants send money: made by people, used without a second person only when they are old enough."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings
from django.db import IntegrityError, transaction

from audit.services import record
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.clock import now, rfc3339
from onpoint_pay.kit.crypto import keyed_digest, seal, unseal
from onpoint_pay.kit.db import broke
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public
from settlements.models import Payout, PayoutDestination
from settlements.selectors.payouts import destination_by_id
from settlements.services.step_up import require_step_up

ACTIVE, DELETED = "active", "deleted"
# The detail of each type that is masked where it is shown; the others name no person.
PERSONAL = {"mpesa_phone": ("phone",), "paybill": (), "till": (), "bank": ("account_number", "account_name")}
SHOWN_HEAD, SHOWN_TAIL = 4, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where one payout goes: its type and details in clear, and the row it was kept under, if it was."""

    type: str
    details: dict[str, str]
    row: PayoutDestination | None = None

    @property
    def shown(self) -> dict[str, str]:
        """What lists, events and the audit trail may show."""
        hidden = PERSONAL[self.type]
        return {"type": self.type} | {
            name: mask(text) if name in hidden else text for name, text in self.details.items()
        }


def mask(text: str) -> str:
    """`2547****678`: enough to recognise, too little to use."""
    if len(text) <= SHOWN_HEAD + SHOWN_TAIL:
        return f"{text[:1]}****"
    return f"{text[:SHOWN_HEAD]}****{text[-SHOWN_TAIL:]}"


def add_destination(caller: Caller, *, type: str, details: dict[str, str], label: str) -> PayoutDestination:
    """Keep a destination. In live mode a second person agrees to each payout to it for the first days.

    Raises Problem permission_denied for keys and for people without the role, duplicate_reference for one that is kept
    already.
    """
    require_step_up(caller, to="add a payout destination")
    target = Target(type=type, details=details)
    at, key = now(), new_id()
    row = PayoutDestination(
        id=key,
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        type=type,
        label=label,
        sealed=seal(_plain(details), bound_to=f"payout_destination.sealed:{key}", merchant_id=caller.merchant_id),
        shown=target.shown,
        digest=digest_of(target),
        status=ACTIVE,
        created_by=caller.actor,
        created_at=at,
        usable_from=at + timedelta(hours=settings.PAYOUT_DESTINATION_HOURS if caller.mode == LIVE else 0),
    )
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _tell(caller, row, "payout_destination.created")
    except IntegrityError as error:
        if not broke(error, "payout_destination_once"):
            raise
        raise Problem("duplicate_reference", "This destination is kept already.", param="type") from error
    return row


def delete_destination(caller: Caller, destination_id: UUID) -> PayoutDestination:
    """No more payouts to it; those that were asked for have their own copy. Raises NotFound, permission_denied."""
    with transaction.atomic():
        row = destination_by_id(caller, destination_id)
        require_step_up(caller, to="delete a payout destination")
        if row.status == ACTIVE:
            row.status, row.deleted_at = DELETED, now()
            row.save(update_fields=["status", "deleted_at"])
            _tell(caller, row, "payout_destination.deleted")
    return row


def rename_destination(caller: Caller, destination_id: UUID, *, label: str) -> PayoutDestination:
    """Its name among people; where it leads never changes. Raises NotFound, Problem permission_denied."""
    with transaction.atomic():
        row = destination_by_id(caller, destination_id)
        require_step_up(caller, to="rename a payout destination")
        row.label = label
        row.save(update_fields=["label"])
        _tell(caller, row, "payout_destination.renamed")
    return row


def target_of(row: PayoutDestination) -> Target:
    """Where a kept destination leads, in clear."""
    place = f"payout_destination.sealed:{row.id}"
    details = orjson.loads(unseal(row.sealed, bound_to=place, merchant_id=row.merchant_id))
    return Target(type=row.type, details=details, row=row)


def find_targets(caller: Caller, asked: Sequence[Mapping[str, Any]]) -> list[Target | None]:
    """Where each of these leads, `id` of a kept destination or `type` and `details`; None for an id that is none.

    As destination_by_id and kept_target, in two queries for all of them.
    """
    rows = PayoutDestination.objects.scoped(caller.merchant_id, caller.mode)
    by_id = rows.in_bulk([where["id"] for where in asked if "id" in where])
    given = [None if "id" in where else Target(type=where["type"], details=where["details"]) for where in asked]
    digests = [None if target is None else digest_of(target) for target in given]
    kept = rows.filter(status=ACTIVE, digest__in=[digest for digest in digests if digest is not None])
    by_digest = {bytes(row.digest): row for row in kept}
    found: list[Target | None] = []
    for where, target, digest in zip(asked, given, digests, strict=True):
        if target is not None and digest is not None:
            found.append(replace(target, row=by_digest.get(digest)))
        else:
            row = by_id.get(where["id"])
            found.append(None if row is None else target_of(row))
    return found


def kept_target(caller: Caller, target: Target) -> Target:
    """The same target with the row it is kept under, when the merchant keeps it."""
    rows = PayoutDestination.objects.scoped(caller.merchant_id, caller.mode)
    row = rows.filter(digest=digest_of(target), status=ACTIVE).first()
    return Target(type=target.type, details=target.details, row=row)


def digest_of(target: Target) -> bytes:
    """The same for the same destination; tells nothing about it without our key."""
    return keyed_digest(f"payout_destination:{target.type}:{_plain(target.details)}")


def seal_for_payout(payout_id: UUID, target: Target, *, merchant_id: UUID) -> str:
    return seal(_plain(target.details), bound_to=f"payouts.destination:{payout_id}", merchant_id=merchant_id)


def details_of(payout: Payout) -> dict[str, str]:
    """Where a payout goes, in clear, as it was when it was asked for."""
    place = f"payouts.destination:{payout.id}"
    opened = unseal(payout.destination_sealed, bound_to=place, merchant_id=payout.merchant_id)
    found: dict[str, str] = orjson.loads(opened)
    return found


def _plain(details: dict[str, str]) -> str:
    return orjson.dumps(details, option=orjson.OPT_SORT_KEYS).decode()


def _tell(caller: Caller, row: PayoutDestination, action: str) -> None:
    detail: dict[str, Any] = {"type": row.type, "usable_from": rfc3339(row.usable_from)}
    name = to_public("dst", row.id)
    record(merchant_id=row.merchant_id, actor=caller.actor, action=action, object_id=name, detail=detail)
