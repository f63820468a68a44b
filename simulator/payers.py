"""Payers who mistype what they pay by hand: another account number, or an amount with cents."""

from __future__ import annotations

from dataclasses import replace

from simulator.c2b_book import C2bOrder, count_of_payer
from simulator.engine import Simulator
from simulator.faults import ALL_KINDS, Wish

UNKNOWN_ACCOUNT = "NOBODY-0000"


def mistype(simulator: Simulator, order: C2bOrder, *, wish: Wish) -> C2bOrder:
    """The order as the payer truly gives it. Faults are drawn by the phone; a till has no account number to mistype."""
    allowed = ALL_KINDS - {"payer_unknown_account"} if order.till else ALL_KINDS
    n = count_of_payer(simulator.book, order.phone)
    fault = simulator.draw_fault("payer", key=order.phone, n=n, wish=wish, allowed=allowed)
    if fault is None:
        return order
    if fault.kind == "payer_unknown_account":
        return replace(order, bill_ref=UNKNOWN_ACCOUNT)
    return replace(order, cents=order.cents // 100 * 100 + fault.dice.randint(1, 99))
