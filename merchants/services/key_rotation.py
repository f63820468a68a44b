"""Replacing a key: the new one works at once, the old one until the overlap ends."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from merchants.models import ApiKey
from merchants.selectors.find import key_of, keys_for
from merchants.selectors.records import forget_key_records
from merchants.services.api_keys import make_key, refuse_beyond
from merchants.services.key_news import note_key, publish_key
from merchants.services.step_up import require_live_key_maker
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem

LONGEST_OVERLAP_HOURS = 720


def rotate_api_key(caller: Caller, key_id: UUID, *, overlap_hours: int) -> tuple[ApiKey, str]:
    """A key with the same settings as an earlier one, which ends after `overlap_hours`, 0 to 720, or at its own expiry.

    Returns the new key with its clear text, shown once. Raises NotFound for another merchant's or mode's key, and
    Problem: state_conflict (it has ended, or was replaced before), insufficient_scope (it may do what the caller may
    not), parameter_invalid for another overlap; of a live key also two_factor_required and step_up_required.
    """
    # Whoever may not see the key is told nothing of what rotating it would take.
    key_of(caller, key_id)
    require_live_key_maker(caller)
    if not 0 <= overlap_hours <= LONGEST_OVERLAP_HOURS:
        raise Problem("parameter_invalid", f"0 to {LONGEST_OVERLAP_HOURS} hours.", param="overlap_hours")
    at = now()
    with transaction.atomic():
        old = keys_for(caller.merchant_id, caller.mode).select_for_update().get(id=key_id)
        _refuse_ended(old, at)
        # Its successor is as strong as the key is: nobody gets hold of more than they have.
        refuse_beyond(caller, frozenset(old.scopes))
        new, clear = make_key(
            merchant_id=old.merchant_id,
            mode=old.mode,
            kind=old.kind,
            name=old.name,
            scopes=old.scopes,
            allowed_ips=old.allowed_ips,
            allowed_origins=old.allowed_origins,
            expires_at=old.expires_at,
            created_by=caller.actor,
        )
        _replace(old, new, ends_at=at + timedelta(hours=overlap_hours), actor=caller.actor)
    return new, clear


def _refuse_ended(key: ApiKey, at: datetime) -> None:
    if key.rotated_to is not None:
        raise Problem("state_conflict", "The key was replaced already; rotate the key that replaced it.")
    if key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= at):
        raise Problem("state_conflict", "The key has ended; create a new one.")


def _replace(old: ApiKey, new: ApiKey, *, ends_at: datetime, actor: str) -> None:
    new.save(force_insert=True)
    old.rotated_to, old.overlap_ends_at = new.id, ends_at
    old.save(update_fields=["rotated_to", "overlap_ends_at"])
    note_key(new, actor=actor, action="api_key.created", kind=new.kind, scopes=new.scopes, instead_of=old.public_id)
    note_key(old, actor=actor, action="api_key.rotated", to=new.public_id, ends_at=ends_at.isoformat())
    publish_key(new, "api_key.created")
    publish_key(old, "api_key.rotated", previous={"rotated_to": None, "overlap_ends_at": None})
    digest = bytes(old.digest)
    transaction.on_commit(lambda: forget_key_records([digest]), robust=True)
