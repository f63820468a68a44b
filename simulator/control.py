"""The control API over the book: what happened, and a person's hand on open prompts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.book import Prompt
from simulator.calls import CallLog
from simulator.engine import Simulator
from simulator.inbound import simulator_of
from simulator.listing import FILTERS, MAX_LIMIT, STATUSES, list_callbacks, list_prompts, summarise
from simulator.outcomes import CANCELLED, RIGHT_PIN, result_text
from simulator.prompts import decide, enter_pin, ignore, resend_callback
from simulator.queries import heal


class ControlError(Exception):
    """A control request that cannot be done; answered as `{"error": ...}`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


async def control_body(request: Request) -> dict[str, Any]:
    """The JSON object sent, `{}` when nothing was. Raises ControlError 400."""
    try:
        body = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError):
        raise ControlError(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise ControlError(400, "the body must be a JSON object")
    return body


def required_text(body: Mapping[str, Any], name: str) -> str:
    """A field that must hold printable text, stripped. Raises ControlError 400."""
    value = str(body.get(name, "")).strip()
    if not value or not value.isprintable():
        raise ControlError(400, f"{name} is missing")
    return value


async def health(request: Request) -> Response:
    simulator = simulator_of(request)
    simulator.book.rows("SELECT 1 FROM prompts LIMIT 1")
    return JSONResponse({"status": "ok", "book": simulator.settings.book or "temporary"})


async def book(request: Request) -> Response:
    filters = {name: request.query_params[name] for name in (*FILTERS, "status") if name in request.query_params}
    if filters.get("status", "open") not in STATUSES:
        raise ControlError(400, f"status must be one of {', '.join(STATUSES)}")
    limit = request.query_params.get("limit", "100")
    if not limit.isdecimal() or not 1 <= int(limit) <= MAX_LIMIT:
        raise ControlError(400, f"limit must be from 1 to {MAX_LIMIT}")
    return JSONResponse(list_prompts(simulator_of(request).book, filters, limit=int(limit)))


async def summary(request: Request) -> Response:
    return JSONResponse(summarise(simulator_of(request).book, request.query_params.get("shortcode")))


async def callbacks(request: Request) -> Response:
    checkout_request_id = request.query_params.get("checkout_request_id", "")
    return JSONResponse({"callbacks": list_callbacks(simulator_of(request).book, checkout_request_id)})


async def calls(request: Request) -> Response:
    log: CallLog = request.app.state.calls
    return JSONResponse({"calls": log.latest()})


_ON_OPEN = ("approve", "cancel", "ignore")
_ON_DECIDED = ("resend-callback",)
_ON_ANY = ("heal",)


def _act(simulator: Simulator, prompt: Prompt, *, action: str, pin: str) -> None:
    match action:
        case "approve":
            enter_pin(simulator, prompt, pin=pin)
        case "cancel":
            decide(simulator, prompt, code=CANCELLED, text=result_text(CANCELLED))
        case "ignore":
            ignore(simulator, prompt)
        case "heal":
            heal(simulator.book, prompt)
        case _:
            resend_callback(simulator, prompt)


async def act_on_prompt(request: Request) -> Response:
    """Approve, cancel or ignore an open prompt, send a decided one's callback again, or heal the queries of either.

    404 unknown, 409 too late.
    """
    simulator, action = simulator_of(request), request.path_params["action"]
    body = await control_body(request)
    prompt = simulator.book.prompt(request.path_params["checkout_request_id"])
    if prompt is None or action not in (*_ON_OPEN, *_ON_DECIDED, *_ON_ANY):
        raise ControlError(404, "no such prompt or action")
    if action not in _ON_ANY and prompt.is_open != (action in _ON_OPEN):
        raise ControlError(409, f"the prompt is {prompt.status}")
    _act(simulator, prompt, action=action, pin=str(body.get("pin", RIGHT_PIN)))
    found = list_prompts(simulator.book, {"checkout_request_id": prompt.checkout_request_id}, limit=1)
    return JSONResponse(found["prompts"][0])


routes = [
    Route("/control/health", health, methods=["GET"]),
    Route("/control/book", book, methods=["GET"]),
    Route("/control/book/summary", summary, methods=["GET"]),
    Route("/control/callbacks", callbacks, methods=["GET"]),
    Route("/control/calls", calls, methods=["GET"]),
    Route("/control/prompts/{checkout_request_id}/{action}", act_on_prompt, methods=["POST"]),
]
