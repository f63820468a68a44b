"""Which URLs a merchant may name for webhooks. Addresses behind a host name are judged again at every try."""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings

from onpoint_pay.kit.addresses import is_public, literal_address
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.connections import URLS_KEPT, Place, read_url
from onpoint_pay.kit.errors import Problem

MAX_URL_LENGTH = 2048
LIVE_PORTS = frozenset({443, 8443})
TEST_PORTS = LIVE_PORTS | {80}
INWARD_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "lan")


class Fault(NamedTuple):
    """Why a URL may not be called: `error` is the word a try ends with, `code` the problem a request gets."""

    error: str
    code: str
    detail: str


def check_url(url: str, *, mode: str, allow_private: bool, param: str = "url") -> None:
    """Refuse what may never be called.

    Live mode takes https on 443 or 8443, test mode http and port 80 too; `allow_private` lifts the rules about ports
    and hosts. Raises Problem callback_url_invalid (it is no such URL) or callback_url_forbidden (it may not be called).
    """
    fault = find_fault(url, mode=mode, allow_private=allow_private)
    if fault is not None:
        raise Problem(fault.code, fault.detail, param=param)


def find_fault(url: str, *, mode: str, allow_private: bool) -> Fault | None:
    """What keeps the URL from being called, as far as it can be told without looking its host up."""
    return _first_fault(url, mode, allow_private, settings.BASE_URL)


@lru_cache(maxsize=URLS_KEPT)
def _first_fault(url: str, mode: str, allow_private: bool, base_url: str) -> Fault | None:
    if len(url.encode(errors="replace")) > MAX_URL_LENGTH:
        return _invalid(f"The URL is longer than {MAX_URL_LENGTH} bytes.")
    try:
        place = read_url(url)
    except ValueError as error:
        return _invalid(str(error))
    if mode == LIVE and place.scheme != "https":
        return _invalid("The URL must begin with https://.")
    return None if allow_private else next(_faults(place, mode=mode, own_host=urlsplit(base_url).hostname or ""), None)


def _faults(place: Place, *, mode: str, own_host: str) -> Iterator[Fault]:
    ports = LIVE_PORTS if mode == LIVE else TEST_PORTS
    if place.endpoint[1] not in ports:
        detail = f"The port must be one of {', '.join(map(str, sorted(ports)))}."
        yield Fault("url_refused", "callback_url_forbidden", detail)
    host = place.host.rstrip(".")
    # Only by name: the addresses behind it may be a delivery network's, which shops share.
    if host == own_host or _is_inward(host):
        detail = "The host is not an address of the open internet, or it is this installation's own."
        yield Fault("address_refused", "callback_url_forbidden", detail)


def _is_inward(name: str) -> bool:
    """A private or reserved address in any spelling, or a name that never leaves its own network."""
    if any(name == inward or name.endswith(f".{inward}") for inward in INWARD_NAMES):
        return True
    literal = literal_address(name)
    return literal is not None and not is_public(literal)


def _invalid(detail: str) -> Fault:
    return Fault("url_refused", "callback_url_invalid", detail)
