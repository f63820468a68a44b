"""C2B confirmations: money that came in, told to the URL its shortcode registered, by whatever door it came."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from simulator.accounts import UTILITY, balances
from simulator.book import Callback
from simulator.c2b_bodies import confirmation_body, payer_form
from simulator.c2b_book import urls_of
from simulator.engine import Simulator
from simulator.faults import Fault
from simulator.money_in import MoneyIn
from simulator.outcomes import PAID
from simulator.shortcode_switches import switches_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How often and how late (simulated seconds) a confirmation is sent."""

    copies: int = 1
    delay_seconds: float = 0.0


def spoil_telling(telling: Telling, fault: Fault, *, late_seconds: float) -> Telling:
    """The telling after a confirmation fault: never, often, or late."""
    match fault.kind:
        case "confirm_lost":
            return replace(telling, copies=0)
        case "confirm_doubled":
            return replace(telling, copies=fault.dice.randint(2, 5))
        case "confirm_late":
            return replace(telling, delay_seconds=telling.delay_seconds + late_seconds)
    return telling


def draw_telling(simulator: Simulator, *, key: str, n: int, seed: int | None = None) -> Telling:
    """How one confirmation is told under the fault regime."""
    regime = simulator.switches.regime
    fault = simulator.draw_fault("confirm", key=key, n=n, seed=seed)
    if regime is None or fault is None:
        return Telling()
    return spoil_telling(Telling(), fault, late_seconds=regime.late_seconds)


def book_confirmations(
    simulator: Simulator, money: MoneyIn, *, telling: Telling, third_party_id: str = ""
) -> list[Callback]:
    """Books the confirmations of one payment, inside the caller's transaction and after its credit.

    Daraja: a shortcode without registered URLs is told nothing. In the book they are kept under the receipt.
    """
    urls = urls_of(simulator.book, money.shortcode)
    if urls is None:
        return []
    body = confirmation_body(
        money,
        balance_cents=balances(simulator.book, money.shortcode)[UTILITY],
        third_party_id=third_party_id,
        form=payer_form(switches_of(simulator.book, money.shortcode), version=urls.version),
    )
    line = {
        "checkout_request_id": money.receipt,
        "url": urls.confirmation_url,
        "result_code": PAID,
        "body": json.dumps(body),
        "due_at": simulator.clock.now() + simulator.switches.real_seconds(telling.delay_seconds),
    }
    return [simulator.book.insert_callback(line) for _ in range(telling.copies)]
