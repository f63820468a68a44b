"""The control API over initiator requests: what was asked and done, how it was told, certificate and quirks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.control import ControlError, control_body
from simulator.credential import certificate
from simulator.delivery import send_when_due
from simulator.inbound import simulator_of
from simulator.initiator_book import find_transfer
from simulator.initiator_listing import FILTERS, KINDS, STATUSES, list_results, list_transfers
from simulator.initiator_results import QUIRKS
from simulator.listing import MAX_LIMIT


async def show_certificate(request: Request) -> Response:
    """PEM, for the party that encrypts security credentials."""
    simulator = simulator_of(request)
    return Response(certificate(simulator.book), media_type="application/x-pem-file")


async def transfers(request: Request) -> Response:
    """Every request received, oldest first."""
    filters = {name: request.query_params[name] for name in FILTERS if name in request.query_params}
    _require_one_of(filters, "kind", KINDS)
    _require_one_of(filters, "status", STATUSES)
    if not filters.get("after", "0").isdecimal():
        raise ControlError(400, "after must be a number of this list")
    limit = request.query_params.get("limit", "100")
    if not limit.isdecimal() or not 1 <= int(limit) <= MAX_LIMIT:
        raise ControlError(400, f"limit must be from 1 to {MAX_LIMIT}")
    return JSONResponse(list_transfers(simulator_of(request).book, filters, limit=int(limit)))


def _require_one_of(filters: Mapping[str, str], name: str, known: tuple[str, ...]) -> None:
    if filters.get(name, known[0]) not in known:
        raise ControlError(400, f"{name} must be one of {', '.join(known)}")


async def results(request: Request) -> Response:
    """The results and time-out notices of one request, due or sent."""
    conversation_id = request.query_params.get("originator_conversation_id", "")
    return JSONResponse({"results": list_results(simulator_of(request).book, conversation_id)})


async def resend_result(request: Request) -> Response:
    """Tells the true outcome once more, now. 404 for an unknown id."""
    simulator = simulator_of(request)
    transfer = find_transfer(simulator.book, request.path_params["conversation_id"])
    if transfer is None:
        raise ControlError(404, "no such transfer")
    line: dict[str, Any] = {
        "checkout_request_id": transfer.originator_conversation_id,
        "url": transfer.result_url,
        "result_code": transfer.result_code,
        "body": transfer.result_body,
        "due_at": simulator.clock.now(),
    }
    send_when_due(simulator, simulator.book.insert_callback(line))
    found = list_transfers(simulator.book, {"conversation_id": transfer.conversation_id}, limit=1)
    return JSONResponse(found["transfers"][0])


async def show_quirks(request: Request) -> Response:
    return JSONResponse({"quirks": sorted(simulator_of(request).switches.quirks), "known": QUIRKS})


async def set_quirks(request: Request) -> Response:
    """`{"quirks": [...]}`: those that are on from now; all others are off."""
    simulator, body = simulator_of(request), await control_body(request)
    named = body.get("quirks")
    if not isinstance(named, list) or not all(isinstance(name, str) and name in QUIRKS for name in named):
        raise ControlError(400, f"quirks must be a list of {', '.join(QUIRKS)}")
    simulator.switches.set_quirks(frozenset(named))
    return await show_quirks(request)


routes = [
    Route("/control/certificate", show_certificate, methods=["GET"]),
    Route("/control/transfers", transfers, methods=["GET"]),
    Route("/control/transfers/{conversation_id}/resend-result", resend_result, methods=["POST"]),
    Route("/control/results", results, methods=["GET"]),
    Route("/control/quirks", show_quirks, methods=["GET"]),
    Route("/control/quirks", set_quirks, methods=["POST"]),
]
