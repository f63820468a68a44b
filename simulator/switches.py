"""What the control API can move while the simulator runs: speed, delay, faults, outcome mix, phones in hand."""

from __future__ import annotations

from simulator.book import Book
from simulator.config import Settings
from simulator.faults import Regime
from simulator.outcomes import HAND_PHONE_PREFIX, OutcomeMix


class Switches:
    """Kept in the book, so a restart comes back as it was left. A switch set there wins over the environment."""

    def __init__(self, book: Book, settings: Settings) -> None:
        self._book = book
        self._settings = settings
        self.load()

    def load(self) -> None:
        """Reads every switch from the book; those missing take their starting value."""
        saved = self._book.switches()
        self.speed = float(saved.get("speed", self._settings.speed))
        self.approve_seconds = float(saved.get("approve_seconds", self._settings.approve_seconds))
        self.result_seconds = float(saved.get("result_seconds", self._settings.result_seconds))
        self.quirks = frozenset[str](saved.get("quirks", ()))
        self.held_phones = frozenset[str](saved.get("held_phones", ()))
        self.regime = Regime.from_json(saved["faults"]) if "faults" in saved else None
        self.mix = OutcomeMix.from_json(saved["outcomes"]) if "outcomes" in saved else None

    def real_seconds(self, seconds: float) -> float:
        """A simulated wait in real seconds."""
        return seconds / self.speed

    def is_answered_by_hand(self, phone: str) -> bool:
        return phone in self.held_phones or phone.startswith(HAND_PHONE_PREFIX)

    def set_tempo(self, *, speed: float, approve_seconds: float, result_seconds: float) -> None:
        self._book.save_switch("speed", speed)
        self._book.save_switch("approve_seconds", approve_seconds)
        self._book.save_switch("result_seconds", result_seconds)
        self.load()

    def set_quirks(self, quirks: frozenset[str]) -> None:
        self._book.save_switch("quirks", sorted(quirks))
        self.load()

    def set_regime(self, regime: Regime | None) -> None:
        if regime is None:
            self._book.drop_switch("faults")
        else:
            self._book.save_switch("faults", regime.to_json())
        self.load()

    def set_mix(self, mix: OutcomeMix | None) -> None:
        if mix is None:
            self._book.drop_switch("outcomes")
        else:
            self._book.save_switch("outcomes", mix.to_json())
        self.load()

    def hold(self, phone: str, *, held: bool) -> None:
        phones = self.held_phones | {phone} if held else self.held_phones - {phone}
        self._book.save_switch("held_phones", sorted(phones))
        self.load()
