"""Who is at the other end of a request: only proxies that the operator named may say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from onpoint_pay.kit.addresses import Network

# Where the middleware leaves the scheme. A header of a request always becomes HTTP_...: nobody outside can write here.
SCHEME = "onpoint.scheme"
# What stands for a client in front of a proxy. Of these the first two are read, and only from a trusted peer.
FORWARDED = (
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
    "HTTP_X_FORWARDED_PORT",
    "HTTP_X_REAL_IP",
    "HTTP_FORWARDED",
)
# Nobody has more proxies in a row; what stands further left in a header is not looked at.
LONGEST_CHAIN = 32
# A home or a phone gets a whole /64 of version 6: whoever counts single addresses counts nothing.
CLIENT_BITS_V6 = 64

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The client's address, empty when the peer has none (a socket file); the scheme it used, None when nobody said.

    `is_told` says whether a trusted proxy brought the request: only then its forwarding headers are worth anything.
    """

    address: str
    scheme: str | None
    is_told: bool


def origin_of(meta: Mapping[str, Any], *, trusted: Iterable[Network]) -> Origin:
    """The peer itself; behind trusted proxies the first address, from the right, that is no proxy of ours.

    What a proxy wrote that is no address ends the walk: the client is then the last proxy that is known.
    """
    networks = tuple(trusted)
    peer = parse_address(meta.get("REMOTE_ADDR", ""))
    if peer is None or not _is_within(peer, networks):
        return Origin(address=str(peer or ""), scheme=None, is_told=False)
    hops = _listed(meta.get("HTTP_X_FORWARDED_FOR", ""))
    address, steps = _walk(peer, hops, networks)
    return Origin(address=str(address), scheme=_scheme(meta, steps=steps, hops=len(hops)), is_told=True)


def parse_address(text: str) -> Address | None:
    """The address in one item of X-Forwarded-For, with or without a port; IPv4 written as IPv6 comes back as IPv4."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv4Address):
        return found
    # The zone after % is the sender's own name for its cable, and free text.
    return found.ipv4_mapped or IPv6Address(int(found))


def client_block(address: str) -> str:
    """What one client can write from, for limits by address: the address, or its /64 in version 6."""
    found = parse_address(address)
    if not isinstance(found, IPv6Address):
        return str(found or address)
    return str(ip_network((found, CLIENT_BITS_V6), strict=False))


def _walk(peer: Address, hops: list[str], networks: tuple[Network, ...]) -> tuple[Address, int]:
    """The client, and how many items from the right it stands."""
    client, steps = peer, 0
    for item in reversed(hops):
        hop = parse_address(item)
        if hop is None:
            break
        client, steps = hop, steps + 1
        if not _is_within(hop, networks):
            break
    return client, steps


def _scheme(meta: Mapping[str, Any], *, steps: int, hops: int) -> str | None:
    """What the proxy next to the client said: the item at the client's place in a list as long as the other, or the
    only one. Lists that do not fit together hold something the client wrote: then it was not https.
    """
    said = [item.strip().lower() for item in _listed(meta.get("HTTP_X_FORWARDED_PROTO", ""))]
    if not said:
        return None
    if len(said) == 1:
        return "https" if said[0] == "https" else "http"
    fits = len(said) == hops and steps > 0
    return "https" if fits and said[-steps] == "https" else "http"


def _listed(header: str) -> list[str]:
    return header.rsplit(",", LONGEST_CHAIN)[-LONGEST_CHAIN:] if header.strip() else []


def _is_within(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
