"""The simulated operator as one object: settings, clock, ids, book, switches, timers and courier."""

from __future__ import annotations

from simulator.accounts import open_accounts
from simulator.book import Book
from simulator.c2b_book import refuse_interrupted
from simulator.config import Settings
from simulator.courier import Courier
from simulator.credential import Initiator, initiator_of, save_initiator
from simulator.faults import (
    ALL_KINDS,
    DEFAULT_LATE_SECONDS,
    DEFAULT_SLOW_SECONDS,
    NO_WISH,
    Fault,
    Wish,
)
from simulator.identifiers import Clock, IdFactory
from simulator.switches import Switches
from simulator.timers import Timers


class Simulator:
    """What every endpoint shares. Each interface (oauth, stk, ...) is a module of functions over it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self.ids = IdFactory(self.clock)
        self.book = Book(settings.book)
        self.book.save_app(settings.consumer_key, settings.consumer_secret)
        if self.book.passkey_of(settings.shortcode) != settings.passkey:
            self.book.save_shortcode(settings.shortcode, settings.passkey, tills=[])
        initiator = Initiator(settings.initiator, settings.initiator_password)
        if initiator_of(self.book, settings.shortcode) != initiator:
            save_initiator(self.book, settings.shortcode, initiator)
        self.book.register_pull(settings.shortcode)
        open_accounts(self.book, settings.shortcode)
        refuse_interrupted(self.book, at=self.clock.now())
        self.switches = Switches(self.book, settings)
        self.timers = Timers(self.clock)
        self.courier = Courier(self.book, self.clock)

    async def stop(self) -> None:
        await self.timers.stop()
        await self.courier.close()
        self.book.close()

    @property
    def slow_seconds(self) -> float:
        """Real seconds until a slow answer: the regime's, or the usual ones."""
        regime = self.switches.regime
        return regime.slow_seconds if regime else DEFAULT_SLOW_SECONDS

    @property
    def late_seconds(self) -> float:
        """Simulated seconds by which late news is late: the regime's, or the usual ones."""
        regime = self.switches.regime
        return regime.late_seconds if regime else DEFAULT_LATE_SECONDS

    def draw_fault(
        self, call: str, *, key: str, n: int, wish: Wish = NO_WISH, allowed: frozenset[str] = ALL_KINDS
    ) -> Fault | None:
        """The fault of this call, noted in the book: the one wished for here, else what the regime draws, else None."""
        fault: Fault | None = None
        if wish.call == call:
            fault = wish.fault() if wish.kind in allowed else None
        elif (regime := self.switches.regime) is not None:
            fault = regime.draw(call, key=key, n=n, seed=wish.seed, allowed=allowed)
        if fault is not None:
            self.book.record_fault(at=self.clock.now(), call=call, key=key, n=n, kind=fault.kind)
        return fault

    def set_tempo(self, *, speed: float, approve_seconds: float, result_seconds: float) -> None:
        """Changes the pace, and with it the waits under way in the book; their timers are the caller's to renew."""
        factor = self.switches.speed / speed
        self.switches.set_tempo(speed=speed, approve_seconds=approve_seconds, result_seconds=result_seconds)
        self.book.rescale_waits(now=self.clock.now(), factor=factor)

    def reset(self) -> None:
        """An empty book, and switches and balances as at the start; apps, shortcodes and tokens stay."""
        self.book.reset()
        open_accounts(self.book, self.settings.shortcode)
        self.switches.load()
