"""Where the person who is being served speaks from: the device as it names itself, the address, and its place."""

import unicodedata
from dataclasses import dataclass

from onpoint_pay.kit.origin import LONGEST_AGENT, origin
from onpoint_pay.kit.proxies import client_block, parse_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """Empty where nothing came by HTTP. `place` is what is counted and recognised."""

    device: str = ""
    address: str = ""

    @property
    def place(self) -> str:
        return place_of(self.address)


def here() -> Here:
    """Of the request at work."""
    found = origin()
    if found is None:
        return Here()
    return Here(device=shown_device(found.user_agent), address=found.address)


def place_of(address: str) -> str:
    """The IPv4 address, or the network around an IPv6 address; empty for what is neither."""
    return "" if parse_address(address) is None else client_block(address)


def shown_device(user_agent: str) -> str:
    """The User-Agent without control characters and overlong tails."""
    plain = "".join(letter for letter in user_agent if unicodedata.category(letter)[0] != "C")
    return plain.strip()[:LONGEST_AGENT]
