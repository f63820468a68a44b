"""Looks hosts up beside the caller's thread, judges every address found and remembers the good ones for a minute."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TypeAlias

from onpoint_pay.kit import addresses
from onpoint_pay.kit.addresses import Address

PIN_SECONDS = 60
# The system's resolver keeps its own time, half a minute and more: nobody waits for it that long.
LOOKUP_SECONDS = 3
NAMES_KEPT = 4096
LOOKUPS_AT_ONCE = 512

Endpoint: TypeAlias = tuple[str, int]


class NotAllowed(Exception):
    """An address that may not be called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """The judged addresses of a host: no other is connected to. `expires_at` is monotonic time."""

    found: tuple[Address, ...]
    ips: frozenset[str]
    expires_at: float


class Resolver:
    """Shared by all threads of one process; a process that forked needs its own."""

    def __init__(self, *, is_allowed: Callable[[str], bool]) -> None:
        self._is_allowed = is_allowed
        self._pins: dict[Endpoint, Pin] = {}
        self._lookups: dict[Endpoint, Future[Pin]] = {}
        self._lock = threading.Lock()

    def pin(self, endpoint: Endpoint, *, seconds: float = LOOKUP_SECONDS) -> Pin:
        """The addresses of (host, port), from memory or looked up within `seconds`.

        Raises NotAllowed when any of them may not be called, TimeoutError, and OSError when there are none.
        """
        pin = self._remembered(endpoint)
        if pin is not None:
            return pin
        literal = addresses.literal_address(endpoint[0])
        if literal is not None:
            return self._find(endpoint, host=literal)
        return self._lookup(endpoint).result(timeout=min(seconds, LOOKUP_SECONDS))

    def forget(self, endpoint: Endpoint) -> None:
        """Look it up anew next time: nobody answers at the addresses it had."""
        with self._lock:
            self._pins.pop(endpoint, None)

    def judge_literal(self, host: str) -> None:
        """Raises NotAllowed when the host spells out an address that may not be called. Looks nothing up."""
        literal = addresses.literal_address(host)
        if literal is not None and not self._is_allowed(literal):
            raise NotAllowed(f"{host} may not be called")

    def _remembered(self, endpoint: Endpoint) -> Pin | None:
        pin = self._pins.get(endpoint)
        return pin if pin is not None and time.monotonic() < pin.expires_at else None

    def _lookup(self, endpoint: Endpoint) -> "Future[Pin]":
        """The lookup under way, or a new one: a name that hangs holds one thread, however often it is asked for."""
        with self._lock:
            lookup = self._lookups.get(endpoint)
            if lookup is not None:
                return lookup
            lookup = Future()
            pin = self._remembered(endpoint)
            if pin is not None:
                lookup.set_result(pin)
                return lookup
            if len(self._lookups) >= LOOKUPS_AT_ONCE:
                raise TimeoutError("too many names are being looked up")
            self._lookups[endpoint] = lookup
        try:
            threading.Thread(target=self._run, args=(endpoint, lookup), name="lookup", daemon=True).start()
        except RuntimeError as error:
            self._done(endpoint)
            lookup.set_exception(TimeoutError(str(error)))
        return lookup

    def _run(self, endpoint: Endpoint, lookup: "Future[Pin]") -> None:
        try:
            pin = self._find(endpoint, host=endpoint[0])
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            self._done(endpoint)
            lookup.set_exception(error)
        else:
            self._done(endpoint)
            lookup.set_result(pin)

    def _done(self, endpoint: Endpoint) -> None:
        with self._lock:
            del self._lookups[endpoint]

    def _find(self, endpoint: Endpoint, *, host: str) -> Pin:
        found = tuple(addresses.resolve(host, endpoint[1]))
        if not found:
            raise OSError("the name has no address")
        refused = [address.ip for address in found if not self._is_allowed(address.ip)]
        if refused:
            raise NotAllowed(f"{endpoint[0]} is {refused[0]}, which may not be called")
        ips = frozenset(address.ip for address in found)
        pin = Pin(found=found, ips=ips, expires_at=time.monotonic() + PIN_SECONDS)
        self._remember(endpoint, pin)
        return pin

    def _remember(self, endpoint: Endpoint, pin: Pin) -> None:
        with self._lock:
            self._pins.pop(endpoint, None)
            if len(self._pins) >= NAMES_KEPT:
                del self._pins[next(iter(self._pins))]
            self._pins[endpoint] = pin
