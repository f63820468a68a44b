"""Account balance: what a shortcode holds, as one line of text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.accounts import CHARGES_PAID, UTILITY, WORKING, balances
from simulator.answers import invalid_access_token_401
from simulator.engine import Simulator
from simulator.identifiers import eat_digits
from simulator.initiator import receive
from simulator.initiator_book import BALANCE
from simulator.initiator_booking import Api, Movement
from simulator.initiator_fields import IDENTIFIER_TYPE, SHORTCODE, Order, read_caller, read_reply
from simulator.initiator_results import Parameters, account_text
from simulator.outcomes import PAID
from simulator.stk_fields import require_field

_FLOAT = "Float"
_SETTLEMENT = "Organization Settlement"
_TOLD = (WORKING, _FLOAT, UTILITY, CHARGES_PAID, _SETTLEMENT)
"""The accounts of the answer in their order; those the simulator does not keep hold nothing."""


def _read(body: Mapping[str, Any]) -> Order:
    caller = read_caller(body, name_field="Initiator", commands=("AccountBalance",))
    shortcode = require_field(body, "PartyA", form=SHORTCODE)
    require_field(body, "IdentifierType", form=IDENTIFIER_TYPE)
    return Order(shortcode=shortcode, caller=caller, reply=read_reply(body, occasion_field="Occasion"))


def _check(_simulator: Simulator, _order: Order, _quirks: frozenset[str]) -> str:
    return PAID


def _carry_out(simulator: Simulator, order: Order, movement: Movement) -> Parameters:
    held = dict.fromkeys(_TOLD, 0) | balances(simulator.book, order.shortcode)
    return (
        ("AccountBalance", "&".join(account_text(name, held[name]) for name in _TOLD)),
        ("BOCompletedTime", eat_digits(movement.at)),
    )


API = Api(
    kind=BALANCE,
    key_fields=("PartyA",),
    dead_token=invalid_access_token_401,
    read=_read,
    check=_check,
    carry_out=_carry_out,
)


async def query(request: Request) -> Response:
    return await receive(request, API)


routes = [Route("/mpesa/accountbalance/v1/query", query, methods=["POST"])]
