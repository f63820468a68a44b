"""Making, recognising and revoking API keys."""

import secrets
import string
import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from audit.services import record
from merchants.models import ApiKey, Scope
from merchants.selectors.find import keys_for
from merchants.selectors.records import KeyRecord, forget_key_records
from onpoint_pay.kit.caller import LIVE, MODES, TEST, Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.errors import NotFound, Problem

LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
RANDOM_LETTERS = 32
CHECK_LETTERS = 6
STARTS = {ApiKey.Kind.SECRET: "sk", ApiKey.Kind.RESTRICTED: "rk"}
PREFIXES = tuple(f"{start}_{mode}_" for start in STARTS.values() for mode in MODES)
USE_NOTED_EVERY = timedelta(seconds=60)
# Money leaving and rights over rights are given to a key only by name.
GIVEN_BY_NAME_ONLY = {Scope.PAYOUTS_APPROVE, Scope.REFUNDS_APPROVE, Scope.KEYS_WRITE}
DEFAULT_SCOPES = frozenset(scope for scope in Scope.values if scope not in GIVEN_BY_NAME_ONLY)


def checksum(text: str) -> str:
    """CRC-32 in six base 62 letters: lets a scanner tell a real key from a made-up one offline."""
    number = zlib.crc32(text.encode())
    letters = []
    for _ in range(CHECK_LETTERS):
        number, rest = divmod(number, len(LETTERS))
        letters.append(LETTERS[rest])
    return "".join(reversed(letters))


def new_key(kind: str, mode: str) -> str:
    """`sk_test_`, 32 random base 62 letters, and the checksum of all before it."""
    text = f"{STARTS[ApiKey.Kind(kind)]}_{mode}_" + "".join(secrets.choice(LETTERS) for _ in range(RANDOM_LETTERS))
    return text + checksum(text)


def is_well_formed(text: str) -> bool:
    """Whether the text can be a key at all, told without the database."""
    prefix = next((prefix for prefix in PREFIXES if text.startswith(prefix)), None)
    if prefix is None or len(text) != len(prefix) + RANDOM_LETTERS + CHECK_LETTERS or not text.isascii():
        return False
    return checksum(text[:-CHECK_LETTERS]) == text[-CHECK_LETTERS:]


def issue_api_key(
    caller: Caller,
    *,
    kind: str,
    name: str,
    scopes: Sequence[str] | None,
    allowed_ips: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """A key in the caller's mode, with no scope the caller may not give. Returns it with its clear text, shown once.

    Raises Problem: parameter_missing (a restricted key names its scopes), parameter_invalid (it would have ended
    already), insufficient_scope.
    """
    if scopes is None and kind == ApiKey.Kind.RESTRICTED:
        raise Problem("parameter_missing", "A restricted key needs its scopes.", param="scopes")
    if expires_at is not None and expires_at <= now():
        raise Problem("parameter_invalid", "expires_at must be in the future.", param="expires_at")
    wanted = frozenset(DEFAULT_SCOPES if scopes is None else scopes)
    beyond = sorted(wanted - giveable_scopes(caller))
    if beyond:
        detail = f"You cannot give a key a scope that is not yours: {', '.join(beyond)}."
        raise Problem("insufficient_scope", detail, param="scopes", extra={"required_scope": beyond[0]})
    return create_api_key(
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        kind=kind,
        name=name,
        scopes=wanted,
        allowed_ips=allowed_ips,
        expires_at=expires_at,
        created_by=caller.actor,
    )


def giveable_scopes(caller: Caller) -> frozenset[str]:
    """One's own; a person may also give a test key the usual ones, since no money moves in test mode."""
    if caller.user_id is not None and caller.mode == TEST:
        return caller.scopes | DEFAULT_SCOPES
    return caller.scopes


def create_api_key(
    *,
    merchant_id: UUID,
    mode: str,
    name: str,
    created_by: str,
    kind: str = ApiKey.Kind.SECRET,
    scopes: Iterable[str] | None = None,
    allowed_ips: Iterable[str] = (),
    expires_at: datetime | None = None,
) -> tuple[ApiKey, str]:
    """Store a new key's digest; the clear text beside it is not kept anywhere. `scopes` None gives the usual ones."""
    clear = new_key(kind, mode)
    key = ApiKey(
        merchant_id=merchant_id,
        mode=mode,
        kind=kind,
        name=name,
        digest=keyed_digest(clear),
        prefix=clear[: clear.rindex("_") + 1],
        last4=clear[-4:],
        scopes=sorted(DEFAULT_SCOPES if scopes is None else scopes),
        allowed_ips=list(allowed_ips),
        expires_at=expires_at,
        created_by=created_by,
    )
    with transaction.atomic():
        key.save(force_insert=True)
        _tell(key, actor=created_by, action="api_key.created", kind=kind, scopes=key.scopes)
    return key, clear


def revoke_api_key(caller: Caller, key_id: UUID) -> ApiKey:
    """End a key for good; ending it again changes nothing. Raises NotFound for another merchant's or mode's key."""
    with transaction.atomic():
        key = keys_for(caller.merchant_id, caller.mode).select_for_update().filter(id=key_id).first()
        if key is None:
            raise NotFound()
        if key.revoked_at is None:
            key.revoked_at = now()
            key.save(update_fields=["revoked_at"])
            _tell(key, actor=caller.actor, action="api_key.revoked")
            digest = bytes(key.digest)
            transaction.on_commit(lambda: forget_key_records([digest]), robust=True)
    return key


def note_use(used: KeyRecord) -> None:
    """Remember the time of a use, at most once a minute per key."""
    moment = now()
    long_ago = moment - USE_NOTED_EVERY
    if used.last_used_at is None or used.last_used_at < long_ago:
        is_due = Q(last_used_at=None) | Q(last_used_at__lt=long_ago)
        ApiKey.objects.filter(is_due, id=used.id).update(last_used_at=moment)


def _tell(key: ApiKey, *, actor: str, action: str, **detail: object) -> None:
    detail |= {"livemode": key.mode == LIVE, "last4": key.last4}
    record(merchant_id=key.merchant_id, actor=actor, action=action, object_id=key.public_id, detail=detail)
