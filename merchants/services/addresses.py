"""Whether a key may be used from an address or a page: its lists and its merchant's, and telling of a refusal.

Authentication needs this module before the REST framework has its views, so it must not import serializers.
"""

import ipaddress
from collections.abc import Iterable

import structlog
from django.core.cache import cache
from django.db import transaction

from audit.services.refusals import note_refusal
from merchants.selectors.records import KeyRecord
from merchants.services.owner_mail import tell_owners
from onpoint_pay.kit.cross_origin import plain_origin
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public

log = structlog.get_logger(__name__)
MAILED_EVERY_SECONDS = 3600


def is_allowed(address: str, networks: Iterable[str]) -> bool:
    """Whether the address lies in one of the networks; IPv4 written as IPv6 counts as IPv4."""
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    plain = getattr(peer, "ipv4_mapped", None) or peer
    return any(plain in ipaddress.ip_network(network, strict=False) for network in networks)


def refuse_address(address: str, key: KeyRecord) -> None:
    """Both lists must let the address in, where they are not empty. Raises Problem ip_not_allowed; owners are told."""
    for networks, whose in ((key.allowed_ips, "key"), (key.merchant_ips, "merchant")):
        if networks and not is_allowed(address, networks):
            actor = to_public("key", key.id)
            detail = {"list": whose, "mode": key.mode}
            if note_refusal(merchant_id=key.merchant.id, actor=actor, code="ip_not_allowed", detail=detail):
                _tell_once_an_hour(key, actor)
            raise Problem("ip_not_allowed")


def refuse_page(origin: str | None, key: KeyRecord) -> None:
    """A page of another origin may not use a publishable key that names its own. Raises Problem permission_denied.

    Browsers always say where a page comes from; who calls without one says nothing, and is not held by this.
    """
    if origin is None or not key.allowed_origins or plain_origin(origin) in key.allowed_origins:
        return
    detail = {"list": "origins", "mode": key.mode}
    note_refusal(merchant_id=key.merchant.id, actor=to_public("key", key.id), code="permission_denied", detail=detail)
    raise Problem("permission_denied", "Pages from there may not use this key: add their origin to the key's list.")


def _tell_once_an_hour(key: KeyRecord, shown: str) -> None:
    """Never fails the caller, to whom an answer is owed."""
    try:
        if cache.add(f"ip_refused_mail:{key.merchant.id}", 1, MAILED_EVERY_SECONDS):
            with transaction.atomic():
                tell_owners(key.merchant.id, "key_address_refused", key=shown)
    except Exception as error:  # noqa: BLE001 - documented: the refusal is what matters
        log.warning("address_refusal_not_mailed", error=type(error).__name__)
