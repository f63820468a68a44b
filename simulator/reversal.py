"""Reversal: money that came in by prompt or C2B goes back to its payer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.accounts import UTILITY, balances
from simulator.answers import INVALID_ACCESS_TOKEN, Refusal
from simulator.engine import Simulator
from simulator.identifiers import eat_digits
from simulator.initiator import receive
from simulator.initiator_book import REVERSAL, reversed_cents
from simulator.initiator_booking import Api, Movement, take_from_utility
from simulator.initiator_fields import RECEIPT, SHORTCODE, Order, read_amount, read_caller, read_reply
from simulator.initiator_results import Parameters, account_text, figure, public_name
from simulator.money_in import MoneyIn, find_money_in
from simulator.outcomes import ALREADY_REVERSED, NO_FUNDS, NOT_PERMITTED, NOT_REVERSIBLE, PAID
from simulator.pull import ORGANIZATION
from simulator.stk_fields import require_field

_IDENTIFIER_TYPE = re.compile("11")


def _dead_token(_token: str) -> Refusal:
    return INVALID_ACCESS_TOKEN


def _read(body: Mapping[str, Any]) -> Order:
    """Daraja: `RecieverIdentifierType` is spelt so, and always 11."""
    caller = read_caller(body, name_field="Initiator", commands=("TransactionReversal",))
    original = require_field(body, "TransactionID", form=RECEIPT)
    cents = read_amount(body)
    shortcode = require_field(body, "ReceiverParty", form=SHORTCODE)
    require_field(body, "RecieverIdentifierType", form=_IDENTIFIER_TYPE)
    reply = read_reply(body, occasion_field="Occasion")
    return Order(original=original, cents=cents, shortcode=shortcode, caller=caller, reply=reply)


def _check(simulator: Simulator, order: Order, quirks: frozenset[str]) -> str:
    """Daraja: receipts of prompts and C2B only, not of B2C; the transacted amount unless parts are allowed."""
    money, cents = find_money_in(simulator.book, order.original), order.cents or 0
    if money is None or money.shortcode != order.shortcode:
        return NOT_REVERSIBLE
    left = money.cents - reversed_cents(simulator.book, money.receipt)
    if left == 0:
        return ALREADY_REVERSED
    if cents > left or (cents < money.cents and "partial_reversals" not in quirks):
        return NOT_PERMITTED
    return PAID if balances(simulator.book, order.shortcode)[UTILITY] >= cents else NO_FUNDS


def _carry_out(simulator: Simulator, order: Order, movement: Movement) -> Parameters:
    money, cents = _original(simulator, order), order.cents or 0
    take_from_utility(simulator, order.shortcode, cents)
    held = balances(simulator.book, order.shortcode)
    return (
        ("DebitAccountBalance", account_text(UTILITY, held[UTILITY])),
        ("Amount", figure(cents)),
        ("TransCompletedTime", int(eat_digits(movement.at))),
        ("OriginalTransactionID", money.receipt),
        ("Charge", figure(0)),
        ("CreditPartyPublicName", public_name(money.phone, money.name)),
        ("DebitPartyPublicName", public_name(order.shortcode, ORGANIZATION)),
    )


def _original(simulator: Simulator, order: Order) -> MoneyIn:
    money = find_money_in(simulator.book, order.original)
    if money is None:
        raise LookupError(order.original)
    return money


API = Api(
    kind=REVERSAL,
    key_fields=("TransactionID",),
    dead_token=_dead_token,
    read=_read,
    check=_check,
    carry_out=_carry_out,
)


async def reverse(request: Request) -> Response:
    return await receive(request, API)


routes = [Route("/mpesa/reversal/v1/request", reverse, methods=["POST"])]
