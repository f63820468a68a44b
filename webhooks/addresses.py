"""Which URLs a merchant may name for webhooks. Addresses behind a host name are judged again at every try."""

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from onpoint_pay.kit.addresses import is_public
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.errors import Problem

MAX_URL_LENGTH = 2048
LIVE_PORTS = frozenset({443, 8443})
TEST_PORTS = LIVE_PORTS | {80}
DEFAULT_PORTS = {"https": 443, "http": 80}
INWARD_NAMES = ("localhost", "local", "internal", "localdomain", "home.arpa", "lan")


def check_url(url: str, *, mode: str, allow_private: bool, param: str = "url") -> None:
    """Refuse what may never be called.

    Live mode takes https on 443 or 8443, test mode http and port 80 too; `allow_private` lifts the rules about ports
    and hosts. Raises Problem callback_url_invalid (it is no such URL) or callback_url_forbidden (it may not be called).
    """
    parts = _split(url, param=param)
    schemes = ("https",) if mode == LIVE else ("https", "http")
    if parts.scheme not in schemes:
        raise _invalid(f"The URL must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}.", param)
    if "@" in parts.netloc:
        raise _invalid("The URL may not carry a user name or password.", param)
    if allow_private:
        return
    ports = LIVE_PORTS if mode == LIVE else TEST_PORTS
    if (parts.port or DEFAULT_PORTS[parts.scheme]) not in ports:
        raise _forbidden(f"The port must be one of {', '.join(map(str, sorted(ports)))}.", param)
    if _is_inward(parts.hostname or ""):
        raise _forbidden("The host is not an address of the open internet.", param)


def _split(url: str, *, param: str) -> SplitResult:
    if len(url.encode(errors="replace")) > MAX_URL_LENGTH:
        raise _invalid(f"The URL is longer than {MAX_URL_LENGTH} bytes.", param)
    if any(letter <= " " or letter in "\x7f\\" for letter in url):
        raise _invalid("The URL holds blanks, backslashes or control characters.", param)
    try:
        parts = urlsplit(url)
        # `port` is read here because it raises for a number out of range.
        is_absolute = bool(parts.scheme and parts.hostname) and parts.port != 0
        (parts.hostname or "").encode("idna")
    except ValueError:
        is_absolute = False
    if not is_absolute:
        raise _invalid("The URL must be absolute, such as https://shop.example/webhooks.", param)
    return parts


def _is_inward(host: str) -> bool:
    """A private or reserved address in any spelling, or a name that never leaves its own network."""
    name = host.rstrip(".").lower()
    if any(name == inward or name.endswith(f".{inward}") for inward in INWARD_NAMES):
        return True
    literal = _literal_address(name)
    return literal is not None and not is_public(literal)


def _literal_address(host: str) -> str | None:
    """The address a host spells out: dotted, decimal, octal, hexadecimal or version 6; None for a name."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except (OSError, UnicodeError):
        return None


def _invalid(detail: str, param: str) -> Problem:
    return Problem("callback_url_invalid", detail, param=param)


def _forbidden(detail: str, param: str) -> Problem:
    return Problem("callback_url_forbidden", detail, param=param)
