"""B2C: a shortcode pays a phone from its Utility account."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.accounts import CHARGES_PAID, UTILITY, WORKING, balances
from simulator.answers import invalid_access_token_401
from simulator.engine import Simulator
from simulator.initiator import receive
from simulator.initiator_book import B2C
from simulator.initiator_booking import Api, Movement, take_from_utility
from simulator.initiator_fields import PHONE, SHORTCODE, Order, read_caller, read_reply, read_whole_amount
from simulator.initiator_results import Parameters, dotted_time, figure, public_name, shillings
from simulator.money_in import DEFAULT_NAME
from simulator.outcomes import MAX_AMOUNT_KES, MIN_B2C_KES, NO_FUNDS, OVER_MAXIMUM, PAID, UNDER_MINIMUM
from simulator.stk_fields import require_field

_COMMANDS = ("BusinessPayment", "SalaryPayment", "PromotionPayment")
_GIVEN_ID = re.compile(r".{1,100}")


def _read_v1(body: Mapping[str, Any]) -> Order:
    return _read(body, given_id="", occasion_field="Occasion")


def _read_v3(body: Mapping[str, Any]) -> Order:
    """Daraja: v3 adds the caller's own OriginatorConversationID, and spells the occasion with two s."""
    given_id = require_field(body, "OriginatorConversationID", form=_GIVEN_ID)
    return _read(body, given_id=given_id, occasion_field="Occassion")


def _read(body: Mapping[str, Any], *, given_id: str, occasion_field: str) -> Order:
    caller = read_caller(body, name_field="InitiatorName", commands=_COMMANDS)
    cents = read_whole_amount(body)
    shortcode = require_field(body, "PartyA", form=SHORTCODE)
    phone = require_field(body, "PartyB", form=PHONE)
    reply = read_reply(body, occasion_field=occasion_field)
    return Order(given_id=given_id, cents=cents, shortcode=shortcode, phone=phone, caller=caller, reply=reply)


def _check(simulator: Simulator, order: Order, _quirks: frozenset[str]) -> str:
    """Daraja: 10 to 250,000 KES, from the Utility account alone, whatever the Working account holds."""
    cents = order.cents or 0
    if cents < MIN_B2C_KES * 100:
        return UNDER_MINIMUM
    if cents > MAX_AMOUNT_KES * 100:
        return OVER_MAXIMUM
    return PAID if balances(simulator.book, order.shortcode)[UTILITY] >= cents else NO_FUNDS


def _carry_out(simulator: Simulator, order: Order, movement: Movement) -> Parameters:
    cents = order.cents or 0
    take_from_utility(simulator, order.shortcode, cents)
    held = balances(simulator.book, order.shortcode)
    return (
        ("TransactionAmount", shillings(cents)),
        ("TransactionReceipt", movement.receipt),
        ("ReceiverPartyPublicName", public_name(order.phone, DEFAULT_NAME)),
        ("TransactionCompletedDateTime", dotted_time(movement.at)),
        ("B2CUtilityAccountAvailableFunds", figure(held[UTILITY])),
        ("B2CWorkingAccountAvailableFunds", figure(held[WORKING])),
        ("B2CRecipientIsRegisteredCustomer", "Y"),
        ("B2CChargesPaidAccountAvailableFunds", figure(held[CHARGES_PAID])),
    )


V1 = Api(
    kind=B2C,
    key_fields=("PartyB",),
    dead_token=invalid_access_token_401,
    read=_read_v1,
    check=_check,
    carry_out=_carry_out,
)
V3 = Api(
    kind=B2C,
    key_fields=("OriginatorConversationID",),
    dead_token=invalid_access_token_401,
    read=_read_v3,
    check=_check,
    carry_out=_carry_out,
)


async def pay_v1(request: Request) -> Response:
    return await receive(request, V1)


async def pay_v3(request: Request) -> Response:
    return await receive(request, V3)


routes = [
    Route("/mpesa/b2c/v1/paymentrequest", pay_v1, methods=["POST"]),
    Route("/mpesa/b2c/v3/paymentrequest", pay_v3, methods=["POST"]),
]
