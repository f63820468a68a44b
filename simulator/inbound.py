"""What every endpoint needs from a request: its simulator, its JSON object, and a checked bearer token."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from simulator.answers import INVALID_ACCESS_TOKEN, INVALID_AUTHENTICATION_HEADER, INVALID_PAYLOAD, Refusal, Refused

if TYPE_CHECKING:
    from simulator.engine import Simulator

_FORM = "application/x-www-form-urlencoded"


def simulator_of(request: Request) -> Simulator:
    simulator: Simulator = request.app.state.simulator
    return simulator


async def read_object(request: Request) -> dict[str, Any]:
    """The JSON object of a provider call. Raises Refused, 400.002.05, when there is none.

    Daraja: a form-encoded body is not called malformed; it counts as one without fields.
    """
    if request.headers.get("content-type", "").startswith(_FORM):
        return {}
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise Refused(INVALID_PAYLOAD) from None
    if not isinstance(body, dict):
        raise Refused(INVALID_PAYLOAD)
    return body


def bearer_of(request: Request) -> str:
    """The access token a call carries, live or not; empty without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def require_token(request: Request, *, dead: Refusal = INVALID_ACCESS_TOKEN) -> str:
    """The live access token of a call. Raises Refused: 404.001.04 without a bearer, `dead` for one not or no more live.

    Daraja: what is said to a dead token differs by interface.
    """
    token = bearer_of(request)
    if not token:
        raise Refused(INVALID_AUTHENTICATION_HEADER)
    simulator = simulator_of(request)
    if not simulator.book.is_token_live(token, now=simulator.clock.now()):
        raise Refused(dead)
    return token
