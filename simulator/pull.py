"""Pull: the operator's own list of a shortcode's paid transactions, and registering a shortcode for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.answers import INTERNAL_ERROR, INVALID_ACCESS_TOKEN_400, SPIKE_ARREST, Refused, invalid_field
from simulator.book import Prompt
from simulator.engine import Simulator
from simulator.identifiers import EAT
from simulator.inbound import read_object, require_token, simulator_of
from simulator.stk_fields import is_callback_url, require_field

PAGE_ROWS = 100
REACH_SECONDS = 48 * 3600.0
SENDER = "AMINA"
ORGANIZATION = "ONPOINT DEMO"
_PULL = re.compile("Pull")
_OFFSET = re.compile(r"[0-9]{1,9}")
_MOMENT = re.compile(r"[0-9]{4}(-[0-9]{2}){2} [0-9]{2}(:[0-9]{2}){2}")


async def register(request: Request) -> Response:
    """Daraja: a second registration answers 1001, under names with a blank in them."""
    simulator = simulator_of(request)
    body = await read_object(request)
    require_token(request, dead=INVALID_ACCESS_TOKEN_400)
    shortcode = _require_shortcode(simulator, body)
    require_field(body, "RequestType", form=_PULL)
    require_field(body, "NominatedNumber")
    if not is_callback_url(require_field(body, "CallBackURL")):
        raise Refused(invalid_field("CallBackURL"))
    answer = {"ResponseRefID": simulator.ids.response_ref_id()}
    if simulator.book.register_pull(shortcode):
        answer |= {"ResponseStatus": "1000", "ShortCode": shortcode}
        return JSONResponse(answer | {"ResponseDescription": "Shortcode Registered Successfully"})
    answer |= {"Response Status": "1001", "ShortCode": shortcode}
    return JSONResponse(answer | {"Response Description": "ShortCode already Registered"})


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
    paid = simulator.book.paid_prompts(shortcode, since=since, before=end + 1, offset=offset, limit=PAGE_ROWS)
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


def _list(simulator: Simulator, paid: list[Prompt]) -> Response:
    return JSONResponse(
        {
            "ResponseRefID": simulator.ids.response_ref_id(),
            "ResponseCode": "1000" if paid else "1001",
            "ResponseMessage": "Success" if paid else "Null",
            "Response": [[_row(prompt) for prompt in paid]],
        }
    )


def _row(prompt: Prompt) -> dict[str, str | int]:
    """Daraja: the Z is not to be believed, the time is East Africa's; the payer is a number without country code."""
    is_till = prompt.party_b != prompt.shortcode
    return {
        "transactionId": prompt.receipt or "",
        "trxDate": datetime.fromtimestamp(prompt.decided_at or 0, EAT).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "msisdn": int(prompt.phone[-9:]),
        "sender": SENDER,
        "transactiontype": "c2b-buy-goods-debit" if is_till else "c2b-pay-bill-debit",
        "billreference": prompt.account_reference,
        "amount": f"{prompt.amount}.00",
        "organizationname": ORGANIZATION,
    }


routes = [
    Route("/pulltransactions/v1/register", register, methods=["POST"]),
    Route("/pulltransactions/v1/query", query, methods=["POST"]),
]
