"""The moment a request is handed over: refused before anything is booked, or booked and then answered badly."""

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
    DUPLICATE_ORIGINATOR,
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

UNLOCKED = "push_unlocked"
"""Kind that leaves the payer free for another prompt at once."""

BEFORE_BOOKING: dict[str, tuple[Refusal, ...]] = {
    "push_error": (INTERNAL_ERROR,),
    "push_400": (invalid_field("PhoneNumber"),),
    "push_refused": (invalid_field("PhoneNumber"), INTERNAL_ERROR, QUOTA_VIOLATION),
    "push_busy": (SYSTEM_BUSY,),
    "push_spike": (SPIKE_ARREST, SPIKE_ARREST_429, GATEWAY_FAULT),
    "send_refused": (SPIKE_ARREST, SPIKE_ARREST_429, QUOTA_VIOLATION, GATEWAY_FAULT),
    "status_500": (INTERNAL_ERROR,),
    "token_invalid": (INVALID_ACCESS_TOKEN,),
}
"""Kinds that refuse: the caller is told so and neither a prompt nor a transfer exists."""

_HTML = "<!DOCTYPE html><title>Service Unavailable</title><h1>Service Unavailable</h1>"

HUGE_BYTES = 10 * 1024 * 1024
DRIP_SECONDS = 1.0

ABORT = "abort"
"""Key in the ASGI state under which the server puts a function that resets the connection."""


def _with_wrong_types(accepted: Mapping[str, Any], *, dice: random.Random) -> dict[str, Any]:
    """The same answer with ids that are numbers, or lists of ids."""
    ids = ("MerchantRequestID", "CheckoutRequestID")
    if dice.random() < 0.5:
        return {**accepted, **{name: dice.randrange(10**12) for name in ids}}
    return {**accepted, **{name: [accepted[name]] for name in ids}}


@dataclass(frozen=True, slots=True)
class Handover:
    """How one push or initiator request is handed over. An empty kind is the ordinary good answer."""

    kind: str = ""
    dice: random.Random = field(default_factory=lambda: random.Random(0), compare=False)  # noqa: S311

    def refusal(self) -> Refusal | None:
        """The refusal of a kind that books nothing, else None."""
        choices = BEFORE_BOOKING.get(self.kind)
        return self.dice.choice(choices) if choices else None

    def answer(self, accepted: Mapping[str, Any], *, hang_seconds: float, slow_seconds: float) -> Response:
        """The answer to a request that is booked already, good or spoilt. Waits are real seconds."""
        match self.kind:
            case "push_hang" | "send_hang":
                return LateAnswer(JSONResponse(accepted), seconds=hang_seconds)
            case "push_slow":
                return LateAnswer(JSONResponse(accepted), seconds=slow_seconds)
            case "push_reset" | "send_reset":
                return ConnectionReset()
            case "push_500_after" | "push_unlocked":
                return INTERNAL_ERROR.render(accepted["MerchantRequestID"])
            case "send_500_after":
                return INTERNAL_ERROR.render(accepted["OriginatorConversationID"])
            case "send_duplicate":
                return DUPLICATE_ORIGINATOR.render(accepted["OriginatorConversationID"])
            case "push_empty":
                return Response(status_code=self.dice.choice((200, 503)), media_type="application/json")
            case "push_html":
                return HTMLResponse(_HTML, status_code=self.dice.choice((200, 502, 503)))
        return self._unreadable(accepted) or JSONResponse(accepted)

    def _unreadable(self, accepted: Mapping[str, Any]) -> Response | None:
        """The answer with status 200 and a body that no careful reader takes; None for other kinds."""
        match self.kind:
            case "push_cut_json":
                whole = json.dumps(accepted)
                return Response(whole[: self.dice.randrange(1, len(whole))], media_type="application/json")
            case "push_wrong_types":
                return JSONResponse(_with_wrong_types(accepted, dice=self.dice))
            case "push_huge":
                return JSONResponse({**accepted, "CustomerMessage": "." * HUGE_BYTES})
            case "push_drip":
                return DrippingAnswer(JSONResponse(accepted))
        return None


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
            gone = await _is_gone_within(receive, seconds=self._seconds)
        except asyncio.CancelledError:
            await ConnectionReset()(scope, receive, send)
            return
        if not gone:
            await self._answer(scope, receive, send)


class DrippingAnswer(Response):
    """Another answer, one byte of its body in every `DRIP_SECONDS`, as long as the client listens."""

    def __init__(self, answer: Response) -> None:
        super().__init__()
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._drip(receive, send)
        except asyncio.CancelledError:
            await ConnectionReset()(scope, receive, send)

    async def _drip(self, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self._answer.status_code}
        await send({**start, "headers": self._answer.raw_headers})
        body = bytes(self._answer.body)
        for number in range(len(body)):
            last = number == len(body) - 1
            await send({"type": "http.response.body", "body": body[number : number + 1], "more_body": not last})
            if last or await _is_gone_within(receive, seconds=DRIP_SECONDS):
                return


async def _is_gone_within(receive: Receive, *, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await _until_gone(receive)
    except TimeoutError:
        return False
    return True


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def reset_on_close(connection: socket.socket) -> None:
    """Makes closing the socket send a reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
