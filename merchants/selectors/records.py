"""What authentication needs of keys and people, kept in the cache for a short while."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.contrib.postgres.expressions import ArraySubquery
from django.core.cache import cache
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from merchants.models import KINDS, ApiKey, Membership, Merchant, MerchantLimits, ProviderAccount
from merchants.selectors.find import running_sessions
from onpoint_pay.kit.caller import AccountCard, LimitsCard, MerchantCard

log = structlog.get_logger(__name__)
KEY_SECONDS = 60
SEAT_SECONDS = 30
# Left in place of a forgotten record: a reader who loaded it before the change cannot put the old one back.
FORGOTTEN = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """What authentication needs of one API key and its merchant."""

    id: UUID
    mode: str
    kind: str
    scopes: tuple[str, ...]
    allowed_ips: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    merchant_ips: tuple[str, ...]
    expires_at: datetime | None
    overlap_ends_at: datetime | None
    revoked_at: datetime | None
    merchant: MerchantCard


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A person's place at one merchant."""

    role: str
    merchant: MerchantCard
    email_verified: bool = False
    # What a role of the merchant's own is made of.
    granted: tuple[str, ...] = ()


# The accounts that serve a merchant, as members of a card, gathered by the statement that reads the card's owner.
ACCOUNTS = ArraySubquery(
    ProviderAccount.objects.filter(merchant_id=OuterRef("merchant_id"), is_default=True, is_active=True).values(
        card=JSONObject(provider="provider", mode="mode", id="id", version="version")
    )
)

LIMIT_FACTS: dict[str, Any] = {
    "own": JSONObject(**{kind: f"own_{kind}" for kind in KINDS}),
    "cap": JSONObject(**{kind: f"cap_{kind}" for kind in KINDS}),
}
# The same of its limits, a row for each mode in which there are any.
LIMITS = ArraySubquery(
    MerchantLimits.objects.filter(merchant_id=OuterRef("merchant_id")).values(
        card=JSONObject(mode="mode", rates="rates", **LIMIT_FACTS)
    )
)


def merchant_card(
    merchant: Merchant,
    accounts: Iterable[dict[str, Any]] | None = None,
    limits: Iterable[dict[str, Any]] | None = None,
) -> MerchantCard:
    """The card, with the rows of ACCOUNTS and LIMITS where they are known already."""
    if accounts is None:
        serving = ProviderAccount.objects.filter(merchant_id=merchant.id, is_default=True, is_active=True)
        accounts = serving.values("provider", "mode", "id", "version")
    if limits is None:
        rows = MerchantLimits.objects.filter(merchant_id=merchant.id)
        limits = list(rows.values("mode", "rates", **LIMIT_FACTS))
    return MerchantCard(
        id=merchant.id,
        business_name=merchant.business_name,
        status=merchant.status,
        live_enabled=merchant.live_enabled,
        kyc_status=merchant.kyc_status,
        reference_policy=merchant.reference_policy,
        fee_bps=merchant.fee_bps,
        fee_flat=merchant.fee_flat,
        accounts=_account_cards(accounts),
        limits=tuple(LimitsCard(**row) for row in limits),
    )


def _account_cards(rows: Iterable[dict[str, Any]]) -> tuple[AccountCard, ...]:
    """A key comes as text out of JSON."""
    return tuple(AccountCard(**(row | {"id": UUID(str(row["id"]))})) for row in rows)


def forget_merchant(merchant_id: UUID) -> None:
    """Make the next request of every key and person of the merchant read the database."""
    forget_key_records(ApiKey.objects.filter(merchant_id=merchant_id).values_list("digest", flat=True))
    forget_seats_at(merchant_id)


# --- API keys -----------------------------------------------------------------------------------------------------


def kept_key_record(digest: bytes) -> KeyRecord | None:
    """The record as the cache has it, at most KEY_SECONDS old; None when only the database knows."""
    text = _kept([_key_name(digest)]).get(_key_name(digest))
    return _read_key_record(text) if text else None


def load_key_record(digest: bytes) -> KeyRecord | None:
    """The record as the database has it; None for a key that never was."""
    keys = ApiKey.objects.select_related("merchant").annotate(accounts=ACCOUNTS, its_limits=LIMITS)
    key = keys.filter(digest=digest).first()
    if key is None:
        return None
    return KeyRecord(
        id=key.id,
        mode=key.mode,
        kind=key.kind,
        scopes=tuple(key.scopes),
        allowed_ips=tuple(key.allowed_ips),
        allowed_origins=tuple(key.allowed_origins),
        merchant_ips=tuple(key.merchant.allowed_ips),
        expires_at=key.expires_at,
        overlap_ends_at=key.overlap_ends_at,
        revoked_at=key.revoked_at,
        merchant=merchant_card(key.merchant, key.accounts, key.its_limits),
    )


def keep_key_record(digest: bytes, record: KeyRecord) -> None:
    _keep(_key_name(digest), orjson.dumps(record).decode(), KEY_SECONDS)


def forget_key_records(digests: Iterable[bytes]) -> None:
    """Make the next request with each key read the database."""
    _forget([_key_name(bytes(digest)) for digest in digests])


def _key_name(digest: bytes) -> str:
    return f"key:{digest.hex()}"


def _read_key_record(text: str) -> KeyRecord | None:
    """None for a record of a release that knew more or less of a key: it is then read anew."""
    fields = orjson.loads(text)
    try:
        for name in ("expires_at", "overlap_ends_at", "revoked_at"):
            fields[name] = datetime.fromisoformat(fields[name]) if fields[name] else None
        return KeyRecord(**(fields | {"id": UUID(fields["id"]), "merchant": _read_card(fields["merchant"])}))
    except (KeyError, TypeError):
        return None


def _read_card(fields: dict[str, Any]) -> MerchantCard:
    accounts = _account_cards(fields.get("accounts", ()))
    limits = tuple(LimitsCard(**row) for row in fields.get("limits", ()))
    return MerchantCard(**(fields | {"id": UUID(fields["id"]), "accounts": accounts, "limits": limits}))


# --- sessions -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What authentication needs of a person: at most SEAT_SECONDS old, and just read when `is_fresh`."""

    is_running: bool
    is_fresh: bool
    seat: Seat | None


def standing_of(*, session_id: UUID, user_id: UUID, merchant_id: UUID) -> Standing:
    """Whether the session still runs, and the person's place at the merchant."""
    names = _session_name(session_id), _seat_name(user_id, merchant_id)
    kept = _kept(names)
    is_kept = bool(kept.get(names[0]))
    is_running = is_kept or _load_session(session_id, user_id)
    seat_text = kept.get(names[1])
    seat = (_read_seat(seat_text) if seat_text else None) or _load_seat(user_id, merchant_id)
    return Standing(is_running=is_running, is_fresh=is_running and not is_kept, seat=seat)


def forget_session_records(sessions: Iterable[UUID]) -> None:
    _forget([_session_name(session) for session in sessions])


def forget_seat(user_id: UUID, merchant_id: UUID) -> None:
    """Make the person's next request at the merchant read the database."""
    _forget([_seat_name(user_id, merchant_id)])


def forget_seats_of(user_id: UUID) -> None:
    """Make the person's next request at any merchant read the database."""
    places = Membership.objects.filter(user_id=user_id).values_list("merchant_id", flat=True)
    _forget([_seat_name(user_id, merchant_id) for merchant_id in places])


def forget_seats_at(merchant_id: UUID) -> None:
    """Make the next request of everybody at the merchant read the database."""
    people = Membership.objects.filter(merchant_id=merchant_id).values_list("user_id", flat=True)
    _forget([_seat_name(user_id, merchant_id) for user_id in people])


def _session_name(session_id: UUID) -> str:
    return f"session:{session_id.hex}"


def _seat_name(user_id: UUID, merchant_id: UUID) -> str:
    return f"seat:{user_id.hex}:{merchant_id.hex}"


def _load_session(session_id: UUID, user_id: UUID) -> bool:
    is_running = running_sessions(user_id).filter(id=session_id, user__is_active=True).exists()
    if is_running:
        _keep(_session_name(session_id), "running", SEAT_SECONDS)
    return is_running


def _load_seat(user_id: UUID, merchant_id: UUID) -> Seat | None:
    memberships = Membership.objects.select_related("merchant", "user", "custom_role").annotate(
        accounts=ACCOUNTS, its_limits=LIMITS
    )
    membership = memberships.filter(user_id=user_id, merchant_id=merchant_id).first()
    if membership is None:
        return None
    seat = Seat(
        role=membership.role,
        merchant=merchant_card(membership.merchant, membership.accounts, membership.its_limits),
        email_verified=membership.user.email_verified_at is not None,
        granted=tuple(membership.custom_role.scopes) if membership.custom_role else (),
    )
    _keep(_seat_name(user_id, merchant_id), orjson.dumps(asdict(seat)).decode(), SEAT_SECONDS)
    return seat


def _read_seat(text: str) -> Seat | None:
    """None for one of another release, like a key's record."""
    fields = orjson.loads(text)
    try:
        granted = tuple(fields["granted"])
        return Seat(**(fields | {"merchant": _read_card(fields["merchant"]), "granted": granted}))
    except (KeyError, TypeError):
        return None


# --- the cache ----------------------------------------------------------------------------------------------------


def _kept(names: Iterable[str]) -> dict[str, str]:
    """What the cache holds of `names`; nothing when it is away, so that the database is asked."""
    names = list(names)
    try:
        if len(names) == 1:
            return {names[0]: cache.get(names[0])}
        return cache.get_many(names)
    except Exception as error:  # noqa: BLE001 - whatever the cache does, the database knows
        log.warning("record_cache_away", error=type(error).__name__)
        return {}


def _keep(name: str, text: str, seconds: int) -> None:
    try:
        # Never over what is there: FORGOTTEN outlives every load that began before it.
        cache.add(name, text, seconds)
    except Exception as error:  # noqa: BLE001 - keeping a record is a convenience
        log.warning("record_cache_away", error=type(error).__name__)


def _forget(names: list[str]) -> None:
    if not names:
        return
    try:
        cache.set_many(dict.fromkeys(names, FORGOTTEN), KEY_SECONDS)
    except Exception as error:  # noqa: BLE001 - then the records die of age
        log.error("record_not_forgotten", records=len(names), error=type(error).__name__)
