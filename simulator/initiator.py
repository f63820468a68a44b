"""What all initiator APIs share: a request is checked, booked with its one outcome, answered, and told later."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from simulator.answers import DUPLICATE_ORIGINATOR, Refusal, Refused
from simulator.delivery import send_when_due
from simulator.engine import Simulator
from simulator.handover import Handover
from simulator.inbound import bearer_of, read_object, require_token, simulator_of
from simulator.initiator_book import count_earlier, find_transfer
from simulator.initiator_booking import LONGEST_NOTED, Api, Booked, Received, book_accepted, book_refused
from simulator.initiator_choices import Case, choose_handover
from simulator.initiator_scenario import parse_transfer_scenario
from simulator.scenarios import HEADER
from simulator.stk_fields import field_text

_ACCEPTED = "Accept the service request successfully."


async def receive(request: Request, api: Api) -> Response:
    """Checks in this order: JSON, token, fields, the caller's own id. Booked, then answered; the result follows.

    Daraja: wrong initiators, unknown receipts and short accounts are accepted all the same and end in the result.
    """
    simulator = simulator_of(request)
    received, booked = _book(request, await read_object(request), api)
    if booked.early:
        await asyncio.gather(*(simulator.courier.deliver(callback.number) for callback in booked.callbacks))
    else:
        for callback in booked.callbacks:
            send_when_due(simulator, callback)
    return received.handover.answer(
        _accepted(received, booked), hang_seconds=simulator.settings.hang_seconds, slow_seconds=0.0
    )


def _book(request: Request, body: dict[str, Any], api: Api) -> tuple[Received, Booked]:
    """Accepts the request or raises Refused; either way it is in the book when this returns."""
    simulator = simulator_of(request)
    key = next(filter(None, (field_text(body, name) for name in api.key_fields)), "")[:LONGEST_NOTED]
    with simulator.book.transaction():
        try:
            received = _accept(request, body, api=api, key=key)
            return received, book_accepted(simulator, received)
        except Refused as error:
            refused = error
            book_refused(simulator, api.kind, body, key=key, refusal=error.refusal)
    raise refused


def _accept(request: Request, body: dict[str, Any], *, api: Api, key: str) -> Received:
    simulator = simulator_of(request)
    dead = api.dead_token(bearer_of(request))
    token = require_token(request, dead=dead)
    order = api.read(body)
    if order.given_id and find_transfer(simulator.book, order.given_id) is not None:
        raise Refused(DUPLICATE_ORIGINATOR)
    scenario = parse_transfer_scenario(request.headers.get(HEADER))
    n = count_earlier(simulator.book, api.kind, key)
    case = Case(kind=api.kind, key=key, n=n, has_own_id=bool(order.given_id), scenario=scenario)
    handover = choose_handover(simulator, case)
    _refuse_by_fault(simulator, handover, token=token, dead=dead)
    quirks = simulator.switches.quirks | scenario.quirks
    return Received(api=api, body=body, order=order, case=case, handover=handover, quirks=quirks)


def _refuse_by_fault(simulator: Simulator, handover: Handover, *, token: str, dead: Refusal) -> None:
    """Raises Refused for a hand-over that books nothing. A fault may call a live token invalid; it then is."""
    refusal = handover.refusal()
    if handover.kind == "token_invalid":
        simulator.book.kill_token(token)
        refusal = dead
    if refusal is not None:
        raise Refused(refusal)


def _accepted(received: Received, booked: Booked) -> dict[str, str]:
    """Daraja: where the caller gave the id, the other one comes first."""
    ids = {
        "OriginatorConversationID": booked.news.originator_conversation_id,
        "ConversationID": booked.news.conversation_id,
    }
    if received.order.given_id:
        ids = dict(reversed(ids.items()))
    return {**ids, "ResponseCode": "0", "ResponseDescription": _ACCEPTED}
