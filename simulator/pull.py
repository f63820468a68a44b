"""Pull: the operator's own list of what a shortcode was paid, by prompt or by hand, and registering for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.answers import INTERNAL_ERROR, INVALID_ACCESS_TOKEN_400, SPIKE_ARREST, Refused, invalid_field
from simulator.c2b_bodies import decimal_text
from simulator.engine import Simulator
from simulator.identifiers import EAT
from simulator.inbound import read_object, require_token, simulator_of
from simulator.money_in import MoneyIn, list_money_in
from simulator.shortcode_switches import switches_of
from simulator.stk_fields import is_callback_url, require_field

PAGE_ROWS = 100
REACH_SECONDS = 48 * 3600.0
ORGANIZATION = "ONPOINT DEMO"
_PULL = re.compile("Pull")
_OFFSET = re.compile(r"[0-9]{1,9}")
_MOMENT = re.compile(r"[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}")


async def register(request: Request) -> Response:
    """Daraja: a second registration answers 1001, under names with a blank in them; by a switch the first does too."""
    simulator = simulator_of(request)
    body = await read_object(request)
    require_token(request, dead=INVALID_ACCESS_TOKEN_400)
    shortcode = _require_shortcode(simulator, body)
    require_field(body, "RequestType", form=_PULL)
    require_field(body, "NominatedNumber")
    if not is_callback_url(require_field(body, "CallBackURL")):
        raise Refused(invalid_field("CallBackURL"))
    status, told = "1001", "ShortCode already Registered"
    is_new = simulator.book.register_pull(shortcode)
    if is_new:
        status, told = "1000", "Shortcode Registered Successfully"
    blank = " " if not is_new or switches_of(simulator.book, shortcode).pull_spaced_keys else ""
    return JSONResponse(
        {
            "ResponseRefID": simulator.ids.response_ref_id(),
            f"Response{blank}Status": status,
            "ShortCode": shortcode,
            f"Response{blank}Description": told,
        }
    )


async def query(request: Request) -> Response:
    """One page of what was paid in the window, by the time of payment; 1001 with one empty list when that is nothing.

    Daraja: times in East Africa Time, the last 48 hours only, a page starts at a row offset.
    """
    simulator = simulator_of(request)
    body = await read_object(request)
    token = require_token(request, dead=INVALID_ACCESS_TOKEN_400)
    n = simulator.book.count_up("pulls")
    shortcode = _require_shortcode(simulator, body)
    start, end = _read_moment(body, "StartDate"), _read_moment(body, "EndDate")
    offset = int(require_field(body, "OffSetValue", form=_OFFSET))
    if not simulator.book.is_registered_for_pull(shortcode):
        raise Refused(invalid_field("ShortCode"))
    _refuse_by_fault(simulator, shortcode, n=n, token=token)
    since = max(start, simulator.clock.now() - REACH_SECONDS)
    # The end is named to the second, and that whole second belongs to the window.
    paid = list_money_in(simulator.book, shortcode, since=since, before=end + 1, offset=offset, limit=PAGE_ROWS)
    return _list(simulator, paid)


def _require_shortcode(simulator: Simulator, body: Mapping[str, Any]) -> str:
    shortcode = require_field(body, "ShortCode")
    if simulator.book.passkey_of(shortcode) is None:
        raise Refused(invalid_field("ShortCode"))
    return shortcode


def _read_moment(body: Mapping[str, Any], name: str) -> float:
    text = require_field(body, name, form=_MOMENT)
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=EAT).timestamp()
    except ValueError:
        raise Refused(invalid_field(name)) from None


def _refuse_by_fault(simulator: Simulator, shortcode: str, *, n: int, token: str) -> None:
    """Faults only refuse here: the list itself never lies. A token called invalid is so from then on."""
    fault = simulator.draw_fault("pull", key=shortcode, n=n)
    match fault.kind if fault else "":
        case "pull_500":
            raise Refused(INTERNAL_ERROR)
        case "pull_spike":
            raise Refused(SPIKE_ARREST)
        case "token_invalid":
            simulator.book.kill_token(token)
            raise Refused(INVALID_ACCESS_TOKEN_400)


def _list(simulator: Simulator, paid: list[MoneyIn]) -> Response:
    return JSONResponse(
        {
            "ResponseRefID": simulator.ids.response_ref_id(),
            "ResponseCode": "1000" if paid else "1001",
            "ResponseMessage": "Success" if paid else "Null",
            "Response": [[_row(money) for money in paid]],
        }
    )


def _row(money: MoneyIn) -> dict[str, str | int]:
    """Daraja: the Z is not to be believed, the time is East Africa's; the payer is a number without country code."""
    return {
        "transactionId": money.receipt,
        "trxDate": datetime.fromtimestamp(money.decided_at, EAT).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "msisdn": int(money.phone[-9:]),
        "sender": money.first_name,
        "transactiontype": "c2b-buy-goods-debit" if money.is_goods else "c2b-pay-bill-debit",
        "billreference": money.reference,
        "amount": decimal_text(money.cents),
        "organizationname": ORGANIZATION,
    }


routes = [
    Route("/pulltransactions/v1/register", register, methods=["POST"]),
    Route("/pulltransactions/v1/query", query, methods=["POST"]),
]
