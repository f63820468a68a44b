"""Which network addresses the product may call when a merchant named the host: only public ones."""

import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple, TypeAlias, cast

Target: TypeAlias = tuple[str, int] | tuple[str, int, int, int]

# Public by number, yet answered by a cloud's own host agent.
_CLOUD_AGENTS = frozenset({IPv4Address("168.63.129.16")})
_PROTOCOL_V4 = ip_network("192.0.0.0/24")
_GLOBAL_UNICAST_V6 = ip_network("2000::/3")
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


def is_public(text: str) -> bool:
    """True when the address, and any IPv4 address wrapped in it, belongs to the open internet."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv4Address):
        return _is_public_v4(address)
    wrapped = _wrapped_v4(address)
    if wrapped is not None:
        return _is_public_v4(wrapped)
    return address in _GLOBAL_UNICAST_V6 and address.is_global


def _is_public_v4(address: IPv4Address) -> bool:
    if address in _CLOUD_AGENTS or address in _PROTOCOL_V4:
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
