"""Who is calling: an API key or a signed-in person becomes a Caller, or the request is refused with the reason."""

import base64
import binascii
from uuid import UUID

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from merchants.models import Merchant
from merchants.permissions import scopes_of_role
from merchants.selectors.records import (
    KeyRecord,
    keep_key_record,
    kept_key_record,
    load_key_record,
    standing_of,
)
from merchants.services.addresses import refuse_address, refuse_page
from merchants.services.key_format import is_well_formed
from merchants.services.live_mode import is_live, require_live
from merchants.services.sessions import Claims, note_seen, read_access_token
from onpoint_pay.kit.asker import know_asker
from onpoint_pay.kit.caller import LIVE, MODES, TEST, Caller, MerchantCard
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from onpoint_pay.kit.proxies import client_block
from onpoint_pay.kit.ratelimit import count

REALM = 'Bearer realm="onpoint-pay"'


class CallerAuthentication(BaseAuthentication):
    """`Authorization: Bearer` with a key or an access token, or Basic with the key as user name."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        credential = _credential(request.META.get("HTTP_AUTHORIZATION", ""))
        if credential is None:
            return None
        is_token = credential.count(".") == 2
        caller = caller_for_token(request, credential) if is_token else caller_for_key(request, credential)
        return caller, caller

    def authenticate_header(self, request: Request) -> str:
        return REALM


def _credential(header: str) -> str | None:
    """The key or token in an Authorization header; None when there is none of a kind we read."""
    scheme, _, rest = header.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(rest.strip(), validate=True).decode("ascii").partition(":")[0]
    except (binascii.Error, ValueError):
        raise Problem("api_key_invalid", "The Basic credentials cannot be read.") from None


# --- API keys -----------------------------------------------------------------------------------------------------


def caller_for_key(request: Request, key: str) -> Caller:
    """With the cache warm: one cache read and no SQL. Raises Problem with the reason of the refusal.

    Wrong keys are counted by address: RateLimited then. Right ones from the same address are never counted here.
    """
    if not is_well_formed(key):
        raise _wrong_key(request)
    digest = keyed_digest(key)
    kept = kept_key_record(digest)
    found = kept or load_key_record(digest)
    if found is None:
        raise _wrong_key(request)
    actor = to_public("key", found.id)
    # The merchant sees in its request log who was turned away.
    know_asker(request._request, merchant_id=found.merchant.id, mode=found.mode, actor=actor)
    _refuse_dead(found)
    refuse_address(request.META.get("REMOTE_ADDR", ""), found)
    refuse_page(request.headers.get("Origin"), found)
    _refuse_standing(request, found.merchant, found.mode)
    if kept is None:
        keep_key_record(digest, found)
    return Caller(
        merchant=found.merchant,
        mode=found.mode,
        actor=actor,
        kind=found.kind,
        scopes=frozenset(found.scopes),
        key_id=found.id,
    )


def _wrong_key(request: Request) -> Problem:
    """The refusal of a key that nobody has. Raises RateLimited over the limit of the address."""
    count(request._request, "auth", key=f"wrong key {client_block(request.META.get('REMOTE_ADDR', ''))}")
    return Problem("api_key_invalid")


def _refuse_dead(key: KeyRecord) -> None:
    if key.revoked_at is not None:
        raise Problem("api_key_revoked")
    if key.overlap_ends_at is not None and key.overlap_ends_at <= now():
        raise Problem("api_key_rotated")
    if key.expires_at is not None and key.expires_at <= now():
        raise Problem("api_key_expired")


def _refuse_standing(request: Request, merchant: MerchantCard, mode: str, *, email_verified: bool = True) -> None:
    if merchant.status == Merchant.Status.SUSPENDED:
        raise Problem("merchant_suspended")
    if mode != LIVE:
        return
    require_live(merchant, email_verified=email_verified)
    if settings.BASE_URL.startswith("https://") and not request.is_secure():
        raise Problem("https_required", "Live mode is served over https only; a proxy in front must be a trusted one.")


# --- people -------------------------------------------------------------------------------------------------------


def caller_for_token(request: Request, token: str) -> Caller:
    """The person of an access token, at the merchant and in the mode the headers choose."""
    claims = read_access_token(token)
    merchant_id = _chosen_merchant(request, claims)
    standing = standing_of(session_id=claims.session_id, user_id=claims.user_id, merchant_id=merchant_id)
    seat = standing.seat
    if not standing.is_running:
        raise Problem("session_revoked")
    if standing.is_fresh:
        # The cache forgets a session twice a minute, so this is often enough to note its use as well.
        note_seen(claims.session_id)
    if seat is None:
        raise Problem("permission_denied", "You are not a member of this merchant.")
    mode = _chosen_mode(request, usual=LIVE if is_live(seat.merchant, email_verified=seat.email_verified) else TEST)
    know_asker(request._request, merchant_id=seat.merchant.id, mode=mode, actor=to_public("usr", claims.user_id))
    _refuse_standing(request, seat.merchant, mode, email_verified=seat.email_verified)
    return Caller(
        merchant=seat.merchant,
        mode=mode,
        actor=to_public("usr", claims.user_id),
        kind="user",
        scopes=scopes_of_role(seat.role, mode, granted=seat.granted),
        user_id=claims.user_id,
        role=seat.role,
        session=claims.session,
    )


def _chosen_merchant(request: Request, claims: Claims) -> UUID:
    text = request.headers.get("OnPoint-Merchant")
    if text is None:
        return claims.merchant_id
    try:
        return from_public("mer", text.strip())
    except PublicIdInvalid:
        raise Problem("permission_denied", "You are not a member of this merchant.") from None


def _chosen_mode(request: Request, *, usual: str) -> str:
    """What they say, or else the usual: test mode until the business and the person may work in live mode."""
    mode = request.headers.get("OnPoint-Mode", usual).strip().lower()
    if mode not in MODES:
        raise Problem("parameter_invalid", "OnPoint-Mode is test or live.", param="OnPoint-Mode")
    return mode
