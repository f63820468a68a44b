"""Making and revoking API keys."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NotRequired, TypedDict, Unpack
from uuid import UUID

from django.db import transaction

from merchants.models import ApiKey, Scope
from merchants.selectors.find import keys_for
from merchants.selectors.records import forget_key_records
from merchants.services.key_format import new_key
from merchants.services.key_news import note_key, publish_key
from merchants.services.step_up import require_live_key_maker
from onpoint_pay.kit.caller import LIVE, TEST, Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.errors import NotFound, Problem

# Money leaving and rights over rights are given to a key only by name.
GIVEN_BY_NAME_ONLY = {Scope.PAYOUTS_APPROVE, Scope.REFUNDS_APPROVE, Scope.KEYS_WRITE}
DEFAULT_SCOPES = frozenset(scope for scope in Scope.values if scope not in GIVEN_BY_NAME_ONLY)


def issue_api_key(
    caller: Caller,
    *,
    kind: str,
    name: str,
    scopes: Sequence[str] | None,
    allowed_ips: Sequence[str] = (),
    allowed_origins: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A key in the caller's mode, with no scope the caller may not give. Returns it with its clear text, shown once.

    Raises Problem: parameter_missing (a restricted key names its scopes), parameter_invalid (it would have ended
    already, or such a key has no such scopes or no origins), insufficient_scope; of a live key also
    two_factor_required and step_up_required.
    """
    require_live_key_maker(caller)
    wanted = wanted_scopes(kind, scopes, mode=caller.mode)
    if expires_at is not None and expires_at <= now():
        raise Problem("parameter_invalid", "expires_at must be in the future.", param="expires_at")
    refuse_beyond(caller, wanted)
    refuse_origins(kind, allowed_origins)
    key, clear = make_key(
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        kind=kind,
        name=name,
        scopes=wanted,
        allowed_ips=allowed_ips,
        allowed_origins=allowed_origins,
        expires_at=expires_at,
        created_by=caller.actor,
    )
    with transaction.atomic():
        _keep(key)
        publish_key(key, "api_key.created")
    return key, clear


def wanted_scopes(kind: str, scopes: Sequence[str] | None, *, mode: str) -> frozenset[str]:
    """What a new key of this kind will have. Raises Problem parameter_missing, parameter_invalid."""
    if kind == ApiKey.Kind.PUBLISHABLE:
        if scopes:
            detail = "A publishable key has no scopes: anybody may read it in a browser. Leave them out."
            raise Problem("parameter_invalid", detail, param="scopes")
        return frozenset()
    if scopes is None and kind == ApiKey.Kind.RESTRICTED:
        raise Problem("parameter_missing", "A restricted key needs its scopes.", param="scopes")
    if scopes is not None and Scope.TEST_WRITE in scopes and mode == LIVE:
        detail = "test:write is for test keys: in live mode there is nothing to try things with."
        raise Problem("parameter_invalid", detail, param="scopes")
    return frozenset(DEFAULT_SCOPES if scopes is None else scopes)


def refuse_origins(kind: str, origins: Sequence[str]) -> None:
    """Raises Problem parameter_invalid for origins of a key that is not for pages."""
    if origins and kind != ApiKey.Kind.PUBLISHABLE:
        detail = "Only a publishable key is used by pages; a secret one must never be in a browser. Leave them out."
        raise Problem("parameter_invalid", detail, param="allowed_origins")


def refuse_beyond(caller: Caller, wanted: frozenset[str]) -> None:
    """Raises Problem insufficient_scope when the caller may not give all of it."""
    beyond = sorted(wanted - giveable_scopes(caller))
    if beyond:
        detail = f"You cannot give a key a scope that is not yours: {', '.join(beyond)}."
        raise Problem("insufficient_scope", detail, param="scopes", extra={"required_scope": beyond[0]})


def giveable_scopes(caller: Caller) -> frozenset[str]:
    """One's own; a person may also give a test key the usual ones, since no money moves in test mode."""
    if caller.user_id is not None and caller.mode == TEST:
        return caller.scopes | DEFAULT_SCOPES
    return caller.scopes


class Settings(TypedDict):
    """What a key is made of; `scopes` None gives the usual ones of a secret key."""

    merchant_id: UUID
    mode: str
    name: str
    created_by: str
    kind: NotRequired[str]
    scopes: NotRequired[Iterable[str] | None]
    allowed_ips: NotRequired[Iterable[str]]
    allowed_origins: NotRequired[Iterable[str]]
    expires_at: NotRequired[datetime | None]


def create_api_key(**settings: Unpack[Settings]) -> tuple[ApiKey, str]:
    """Store a new key's digest; the clear text beside it is not kept anywhere."""
    key, clear = make_key(**settings)
    with transaction.atomic():
        _keep(key)
    return key, clear


def make_key(**settings: Unpack[Settings]) -> tuple[ApiKey, str]:
    """A row that is not stored yet, and the clear text it knows only the digest of."""
    kind, scopes = settings.get("kind", ApiKey.Kind.SECRET), settings.get("scopes")
    clear = new_key(kind, settings["mode"])
    usual = () if kind == ApiKey.Kind.PUBLISHABLE else DEFAULT_SCOPES
    key = ApiKey(
        merchant_id=settings["merchant_id"],
        mode=settings["mode"],
        kind=kind,
        name=settings["name"],
        digest=keyed_digest(clear),
        prefix=clear[: clear.rindex("_") + 1],
        last4=clear[-4:],
        scopes=sorted(usual if scopes is None else scopes),
        allowed_ips=list(settings.get("allowed_ips", ())),
        allowed_origins=list(settings.get("allowed_origins", ())),
        expires_at=settings.get("expires_at"),
        created_by=settings["created_by"],
    )
    return key, clear


def _keep(key: ApiKey) -> None:
    key.save(force_insert=True)
    note_key(key, actor=key.created_by, action="api_key.created", kind=key.kind, scopes=key.scopes)


def revoke_api_key(caller: Caller, key_id: UUID) -> ApiKey:
    """End a key for good; ending it again changes nothing. Raises NotFound for another merchant's or mode's key."""
    with transaction.atomic():
        key = keys_for(caller.merchant_id, caller.mode).select_for_update().filter(id=key_id).first()
        if key is None:
            raise NotFound()
        if key.revoked_at is None:
            end_key(key, actor=caller.actor)
    return key


def end_key(key: ApiKey, *, actor: str) -> None:
    """Revoke a locked row, in the transaction of whoever locked it; told to the trail and to webhooks."""
    key.revoked_at = now()
    key.save(update_fields=["revoked_at"])
    note_key(key, actor=actor, action="api_key.revoked")
    publish_key(key, "api_key.revoked", previous={"revoked_at": None})
    digest = bytes(key.digest)
    transaction.on_commit(lambda: forget_key_records([digest]), robust=True)
