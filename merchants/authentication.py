"""Who is calling: an API key or a signed-in person becomes a Caller, or the request is refused with the reason."""

import base64
import binascii
import ipaddress
import re
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
    session_and_seat,
)
from merchants.services.api_keys import is_well_formed, note_use
from merchants.services.sessions import Claims, read_access_token
from onpoint_pay.kit.caller import LIVE, MODES, TEST, Caller, MerchantCard
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public

REALM = 'Bearer realm="onpoint-pay"'
KEY_IN_QUERY = re.compile(r"(?i)(?:^|&)(?:api_?key|access_token)=|(?:sk|rk|pk)_(?:test|live)_")


class CallerAuthentication(BaseAuthentication):
    """`Authorization: Bearer` with a key or an access token, or Basic with the key as user name."""

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        if KEY_IN_QUERY.search(request.META.get("QUERY_STRING", "")):
            detail = "A key in the address ends up in logs: send it in the Authorization header, and replace this one."
            raise Problem("api_key_invalid", detail)
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
    """With the cache warm: one cache read and no SQL. Raises Problem with the reason of the refusal."""
    if not is_well_formed(key):
        raise Problem("api_key_invalid")
    digest = keyed_digest(key)
    kept = kept_key_record(digest)
    found = kept or load_key_record(digest)
    if found is None:
        raise Problem("api_key_invalid")
    _refuse_dead(found)
    _refuse_address(request, found)
    _refuse_standing(request, found.merchant, found.mode)
    if kept is None:
        # The cache forgets a record every minute, so this is often enough to note the key's use as well.
        note_use(found)
        keep_key_record(digest, found)
    return Caller(
        merchant=found.merchant,
        mode=found.mode,
        actor=to_public("key", found.id),
        kind=found.kind,
        scopes=frozenset(found.scopes),
        key_id=found.id,
    )


def _refuse_dead(key: KeyRecord) -> None:
    if key.revoked_at is not None:
        raise Problem("api_key_revoked")
    if key.expires_at is not None and key.expires_at <= now():
        raise Problem("api_key_expired")


def _refuse_address(request: Request, key: KeyRecord) -> None:
    if key.allowed_ips and not is_allowed(request.META.get("REMOTE_ADDR", ""), key.allowed_ips):
        raise Problem("ip_not_allowed")


def is_allowed(address: str, networks: tuple[str, ...]) -> bool:
    """Whether the address lies in one of the networks; IPv4 written as IPv6 counts as IPv4."""
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = getattr(peer, "ipv4_mapped", None) or peer
    return any(plain in ipaddress.ip_network(network, strict=False) for network in networks)


def _refuse_standing(request: Request, merchant: MerchantCard, mode: str) -> None:
    if merchant.status == Merchant.Status.SUSPENDED:
        raise Problem("merchant_suspended")
    if mode != LIVE:
        return
    if not merchant.live_enabled:
        raise Problem("live_mode_disabled")
    if settings.BASE_URL.startswith("https://") and not request.is_secure():
        raise Problem("https_required", "Live mode is served over https only; a proxy in front must be a trusted one.")


# --- people -------------------------------------------------------------------------------------------------------


def caller_for_token(request: Request, token: str) -> Caller:
    """The person of an access token, at the merchant and in the mode the headers choose."""
    claims = read_access_token(token)
    merchant_id = _chosen_merchant(request, claims)
    is_running, seat = session_and_seat(session=claims.session, user_id=claims.user_id, merchant_id=merchant_id)
    if not is_running:
        raise Problem("session_revoked")
    if seat is None:
        raise Problem("permission_denied", "You are not a member of this merchant.")
    mode = _chosen_mode(request)
    _refuse_standing(request, seat.merchant, mode)
    return Caller(
        merchant=seat.merchant,
        mode=mode,
        actor=to_public("usr", claims.user_id),
        kind="user",
        scopes=scopes_of_role(seat.role, mode),
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


def _chosen_mode(request: Request) -> str:
    mode = request.headers.get("OnPoint-Mode", TEST).strip().lower()
    if mode not in MODES:
        raise Problem("parameter_invalid", "OnPoint-Mode is test or live.", param="OnPoint-Mode")
    return mode
