"""Which network addresses the product may call when a merchant named the host: only public ones."""

import socket
import unicodedata
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple, TypeAlias, cast

Target: TypeAlias = tuple[str, int] | tuple[str, int, int, int]
Network: TypeAlias = IPv4Network | IPv6Network

# Public by number, yet answered by a cloud's own host agent.
_CLOUD_AGENTS = frozenset({IPv4Address("168.63.129.16")})
# What the standard library calls global in one Python and not in another, and no server of the open internet has.
_SPECIAL_V4 = [ip_network(text) for text in ("100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "198.18.0.0/15")]
_GLOBAL_UNICAST_V6 = ip_network("2000::/3")
# Protocol assignments with Teredo, which wraps two IPv4 addresses and has no servers; documentation, twice.
_SPECIAL_V6 = [ip_network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_NAT64 = ip_network("64:ff9b::/96")
_6TO4 = ip_network("2002::/16")


class Address(NamedTuple):
    """One answer of the resolver, ready for socket(family) and connect(target)."""

    family: socket.AddressFamily
    target: Target

    @property
    def ip(self) -> str:
        return self.target[0]


def resolve(host: str, port: int) -> list[Address]:
    """Every TCP address of the host. Raises OSError when the name does not resolve or is no name at all."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError as error:
        raise OSError("not a host name") from error
    return [
        Address(family, cast("Target", target))
        for family, _, _, _, target in found
        if family in (socket.AF_INET, socket.AF_INET6)
    ]


def literal_address(host: str) -> str | None:
    """The address a host spells out, in its usual form; None for a name.

    Dotted, decimal, octal, hexadecimal, shortened and version 6, full-width digits and dots, a dot at the end.
    """
    text = unicodedata.normalize("NFKC", host).replace("\u3002", ".").strip("[]").rstrip(".")
    try:
        return str(ip_address(text))
    except ValueError:
        pass
    try:
        # inet_aton stops at a blank and takes what stands before it.
        return None if any(letter.isspace() for letter in text) else socket.inet_ntoa(socket.inet_aton(text))
    except (OSError, UnicodeError):
        return None


def is_public(text: str) -> bool:
    """True when the address, and any IPv4 address wrapped in it, belongs to the open internet."""
    address = _parse(text)
    if address is None:
        return False
    if isinstance(address, IPv4Address):
        return _is_public_v4(address)
    wrapped = _wrapped_v4(address)
    if wrapped is not None:
        return _is_public_v4(wrapped)
    return address in _GLOBAL_UNICAST_V6 and address.is_global and not _is_within(address, _SPECIAL_V6)


def is_in(text: str, networks: Iterable[Network]) -> bool:
    """True when the address, or the IPv4 address wrapped in it, lies in one of the networks."""
    address = _parse(text)
    if address is None:
        return False
    networks = list(networks)
    wrapped = _wrapped_v4(address) if isinstance(address, IPv6Address) else None
    return _is_within(address, networks) or (wrapped is not None and _is_within(wrapped, networks))


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _is_within(address: IPv4Address | IPv6Address, networks: Iterable[Network]) -> bool:
    return any(address in network for network in networks)


def _is_public_v4(address: IPv4Address) -> bool:
    if address in _CLOUD_AGENTS or _is_within(address, _SPECIAL_V4):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _wrapped_v4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address a translator would send the packets on to."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return address.sixtofour
    return None
