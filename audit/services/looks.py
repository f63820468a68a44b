"""What operators looked at: in the chain of the merchant whose data it was, or in the platform's."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from audit.services import record
from audit.services.refusals import note_refusal
from onpoint_pay.kit.operator import OperatorCard


def note_list(card: OperatorCard, *, what: str, asked: Mapping[str, str], merchant_id: UUID | None = None) -> None:
    """A list was shown; `asked` are its filters without personal data. `merchant_id` when it held rows of one only."""
    detail = {"what": what, "asked": dict(asked), **card.told}
    with transaction.atomic():
        record(merchant_id=None, actor=card.actor, action="operator.listed", detail=detail)
        if merchant_id is not None:
            record(merchant_id=merchant_id, actor=card.actor, action="operator.listed", detail=detail)


def note_look(
    card: OperatorCard, *, what: str, object_id: str, merchant_id: UUID | None, asked: Mapping[str, str]
) -> None:
    """One object was shown; `asked` are the filters of what stands under it."""
    detail = {"what": what} | ({"asked": dict(asked)} if asked else {})
    _note(card, "operator.viewed", object_id=object_id, merchant_id=merchant_id, detail=detail)


def note_unmasked(
    card: OperatorCard, *, what: str, object_id: str, merchant_id: UUID | None, why: Mapping[str, Any]
) -> None:
    """Personal data of one object was shown in clear; `why` holds a reason of the list and no free text."""
    detail = {"what": what, **why}
    _note(card, "operator.unmasked", object_id=object_id, merchant_id=merchant_id, detail=detail)


def note_refused(card: OperatorCard, *, code: str, place: str) -> None:
    """Somebody signed in asked for what their roles do not allow; the same once in five minutes."""
    note_refusal(merchant_id=None, actor=card.actor, code=code, place=place, detail=card.told)


def _note(
    card: OperatorCard, action: str, *, object_id: str, merchant_id: UUID | None, detail: Mapping[str, Any]
) -> None:
    with transaction.atomic():
        record(
            merchant_id=merchant_id,
            actor=card.actor,
            action=action,
            object_id=object_id,
            detail={**detail, **card.told},
        )
