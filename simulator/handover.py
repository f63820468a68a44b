"""The moment a push is handed over: refused before anything is booked, or booked and then answered badly."""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from simulator.answers import (
    GATEWAY_FAULT,
    INTERNAL_ERROR,
    INVALID_ACCESS_TOKEN,
    QUOTA_VIOLATION,
    SPIKE_ARREST,
    SPIKE_ARREST_429,
    SYSTEM_BUSY,
    Refusal,
    invalid_field,
)

BEFORE_BOOKING: dict[str, tuple[Refusal, ...]] = {
    "push_error": (INTERNAL_ERROR,),
    "push_refused": (invalid_field("PhoneNumber"), INTERNAL_ERROR, QUOTA_VIOLATION),
    "push_busy": (SYSTEM_BUSY,),
    "push_spike": (SPIKE_ARREST, SPIKE_ARREST_429, GATEWAY_FAULT),
    "token_invalid": (INVALID_ACCESS_TOKEN,),
}
"""Kinds that refuse: the caller is told so and no prompt exists."""

_HTML = "<!DOCTYPE html><title>Service Unavailable</title><h1>Service Unavailable</h1>"

ABORT = "abort"
"""Key in the ASGI state under which the server puts a function that resets the connection."""


@dataclass(frozen=True, slots=True)
class Handover:
    """How one push is handed over. An empty kind is the ordinary good answer."""

    kind: str = ""
    dice: random.Random = field(default_factory=lambda: random.Random(0), compare=False)  # noqa: S311

    def refusal(self) -> Refusal | None:
        """The refusal of a kind that books nothing, else None."""
        choices = BEFORE_BOOKING.get(self.kind)
        return self.dice.choice(choices) if choices else None

    def answer(self, accepted: Mapping[str, Any], *, hang_seconds: float, slow_seconds: float) -> Response:
        """The answer to a push that is booked already, good or spoilt. Waits are real seconds."""
        match self.kind:
            case "push_hang":
                return LateAnswer(JSONResponse(accepted), seconds=hang_seconds)
            case "push_slow":
                return LateAnswer(JSONResponse(accepted), seconds=slow_seconds)
            case "push_reset":
                return ConnectionReset()
            case "push_500_after":
                return INTERNAL_ERROR.render(accepted["MerchantRequestID"])
            case "push_empty":
                return Response(status_code=self.dice.choice((200, 503)), media_type="application/json")
            case "push_html":
                return HTMLResponse(_HTML, status_code=self.dice.choice((200, 502, 503)))
            case "push_cut_json":
                whole = json.dumps(accepted)
                return Response(whole[: self.dice.randrange(1, len(whole))], media_type="application/json")
        return JSONResponse(accepted)


class ConnectionReset(Response):
    """No answer at all: the connection is reset under the client."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"][ABORT]()
        await _until_gone(receive)


class LateAnswer(Response):
    """Another answer after `seconds`, if the client is still there to hear it. A stopping server resets instead."""

    def __init__(self, answer: Response, *, seconds: float) -> None:
        super().__init__()
        self._answer = answer
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await _until_gone(receive)
        except TimeoutError:
            await self._answer(scope, receive, send)
        except asyncio.CancelledError:
            await ConnectionReset()(scope, receive, send)


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def reset_on_close(connection: socket.socket) -> None:
    """Makes closing the socket send a reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
