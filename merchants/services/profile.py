"""What people change about themselves."""

from typing import Any

from django.db import transaction

from audit.services import record
from merchants.models import User
from merchants.selectors.find import person_of
from onpoint_pay.kit.caller import Caller

CHANGEABLE = ("first_name", "last_name", "phone")


def change_profile(caller: Caller, *, changes: dict[str, Any]) -> User:
    """Take over `changes` of CHANGEABLE; told, without the values, in the chain of the caller's merchant."""
    names = sorted(name for name in changes if name in CHANGEABLE)
    with transaction.atomic():
        user = User.objects.select_for_update().get(id=person_of(caller))
        for name in names:
            setattr(user, name, changes[name])
        if names:
            user.save(update_fields=names)
            _tell(caller, names)
    return user


def _tell(caller: Caller, names: list[str]) -> None:
    detail = {"fields": names}
    record(
        merchant_id=caller.merchant_id, actor=caller.actor, action="user.changed", object_id=caller.actor, detail=detail
    )
