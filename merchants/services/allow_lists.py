"""Changing where keys may be used from: the lists of a key, and that of its merchant."""

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction

from audit.services import record
from merchants.models import ApiKey, Merchant
from merchants.selectors.find import key_of, keys_for
from merchants.selectors.records import forget_key_records, forget_merchant
from merchants.services.api_keys import refuse_origins
from merchants.services.key_news import note_key
from merchants.services.owner_mail import shown_key, tell_owners
from merchants.services.step_up import require_recent
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import Problem

CHANGE = "change where keys may be used from"


def change_key(
    caller: Caller,
    key_id: UUID,
    *,
    name: str | None = None,
    allowed_ips: Sequence[str] | None = None,
    allowed_origins: Sequence[str] | None = None,
) -> ApiKey:
    """Give a key another name or list; None leaves each. A new list needs a person who has just proved themselves.

    Raises NotFound for another merchant's or mode's key, Problem permission_denied (an API key and a list),
    step_up_required, parameter_invalid (origins of a key that is not for pages), state_conflict (the key was revoked).
    """
    # Whoever may not see the key is told nothing of what changing it would take.
    key_of(caller, key_id)
    if allowed_ips is not None or allowed_origins is not None:
        require_recent(caller, to=CHANGE)
    with transaction.atomic():
        key = keys_for(caller.merchant_id, caller.mode).select_for_update().get(id=key_id)
        if key.revoked_at is not None:
            raise Problem("state_conflict", "The key was revoked: nothing of it changes any more.")
        if name is not None and name != key.name:
            key.name = name
            key.save(update_fields=["name"])
            note_key(key, actor=caller.actor, action="api_key.renamed")
        _change_addresses(key, allowed_ips, actor=caller.actor)
        _change_origins(key, allowed_origins, actor=caller.actor)
    return key


def _change_addresses(key: ApiKey, allowed_ips: Sequence[str] | None, *, actor: str) -> None:
    if allowed_ips is not None and list(allowed_ips) != key.allowed_ips:
        before, key.allowed_ips = key.allowed_ips, list(allowed_ips)
        key.save(update_fields=["allowed_ips"])
        note_key(key, actor=actor, action="api_key.addresses_changed", before=len(before), after=len(key.allowed_ips))
        tell_owners(key.merchant_id, "key_addresses_changed", key=shown_key(key), count=_counted(allowed_ips))
        digest = bytes(key.digest)
        transaction.on_commit(lambda: forget_key_records([digest]), robust=True)


def _change_origins(key: ApiKey, origins: Sequence[str] | None, *, actor: str) -> None:
    if origins is None:
        return
    refuse_origins(key.kind, origins)
    if list(origins) != key.allowed_origins:
        before, key.allowed_origins = key.allowed_origins, list(origins)
        key.save(update_fields=["allowed_origins"])
        note_key(key, actor=actor, action="api_key.origins_changed", before=len(before), after=len(origins))
        digest = bytes(key.digest)
        transaction.on_commit(lambda: forget_key_records([digest]), robust=True)


def change_merchant_list(caller: Caller, allowed_ips: Sequence[str]) -> list[str]:
    """Set where all keys of the merchant may be used from, in both modes; empty for anywhere. Returns the list.

    Raises Problem permission_denied for an API key, step_up_required.
    """
    require_recent(caller, to=CHANGE)
    with transaction.atomic():
        merchant = Merchant.objects.select_for_update().get(id=caller.merchant_id)
        if list(allowed_ips) != merchant.allowed_ips:
            before, merchant.allowed_ips = merchant.allowed_ips, list(allowed_ips)
            merchant.version += 1
            merchant.save(update_fields=["allowed_ips", "version"])
            record(
                merchant_id=merchant.id,
                actor=caller.actor,
                action="merchant.addresses_changed",
                object_id=merchant.public_id,
                detail={"before": len(before), "after": len(merchant.allowed_ips)},
            )
            tell_owners(merchant.id, "merchant_addresses_changed", count=_counted(allowed_ips))
            transaction.on_commit(lambda: forget_merchant(merchant.id), robust=True)
    return merchant.allowed_ips


def _counted(networks: Sequence[str]) -> str:
    if not networks:
        return "anywhere"
    return "one network" if len(networks) == 1 else f"{len(networks)} networks"
