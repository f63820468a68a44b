"""C2B confirmations: money that came in, told to the URL its shortcode registered, by whatever door it came."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from simulator.accounts import UTILITY, balances
from simulator.book import Callback
from simulator.c2b_bodies import confirmation_body, payer_form
from simulator.c2b_book import urls_of
from simulator.engine import Simulator
from simulator.faults import NO_WISH, Fault, Wish
from simulator.money_in import MoneyIn
from simulator.outcomes import PAID
from simulator.shortcode_switches import switches_of

UNKNOWN_SHORTCODE = "999999"


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How often and how late (simulated seconds) a confirmation is sent. `shortcode` stands in for the true one."""

    copies: int = 1
    delay_seconds: float = 0.0
    shortcode: str | None = None


def spoil_telling(telling: Telling, fault: Fault, *, late_seconds: float) -> Telling:
    """The telling after a confirmation fault: never, often, late, or of another shortcode."""
    match fault.kind:
        case "confirm_lost":
            return replace(telling, copies=0)
        case "confirm_doubled":
            return replace(telling, copies=fault.dice.randint(2, 5))
        case "confirm_late":
            return replace(telling, delay_seconds=telling.delay_seconds + late_seconds)
        case "confirm_shortcode":
            return replace(telling, shortcode=UNKNOWN_SHORTCODE)
    return telling


def draw_telling(simulator: Simulator, *, key: str, n: int, wish: Wish = NO_WISH) -> Telling:
    """How one confirmation is told under the fault regime, or as wished."""
    fault = simulator.draw_fault("confirm", key=key, n=n, wish=wish)
    return Telling() if fault is None else spoil_telling(Telling(), fault, late_seconds=simulator.late_seconds)


def book_confirmations(
    simulator: Simulator, money: MoneyIn, *, telling: Telling, third_party_id: str = ""
) -> list[Callback]:
    """Books the confirmations of one payment, inside the caller's transaction and after its credit.

    Daraja: a shortcode without registered URLs is told nothing. In the book they are kept under the receipt.
    """
    urls = urls_of(simulator.book, money.shortcode)
    if urls is None:
        return []
    told = telling.shortcode
    named = replace(money, shortcode=told, till=money.till and told) if told else money
    body = confirmation_body(
        named,
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
