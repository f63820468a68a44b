"""The application: all routes, how refusals are rendered, and the uvicorn server that can reset a connection."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator import (
    b2c,
    balance,
    c2b_calls,
    control,
    control_money,
    control_shortcodes,
    control_switches,
    initiator_control,
    oauth,
    phone_page,
    pull,
    qr,
    reversal,
    status,
    stk,
)
from simulator.answers import RESOURCE_NOT_FOUND, Refused, method_not_allowed
from simulator.calls import CallLog, CallLogging
from simulator.config import Settings
from simulator.control import ControlError
from simulator.engine import Simulator
from simulator.handover import ABORT, reset_on_close
from simulator.inbound import simulator_of
from simulator.prompts import resume

MAX_BODY_BYTES = 64 * 1024
KEEP_ALIVE_SECONDS = 75
GRACE_SECONDS = 1


def create_app(settings: Settings) -> Starlette:
    """The simulator over its book. The book is opened here; open prompts are taken up when the server starts."""
    calls = CallLog()
    app = Starlette(
        routes=[
            *oauth.routes,
            *stk.routes,
            *pull.routes,
            *c2b_calls.routes,
            *b2c.routes,
            *reversal.routes,
            *status.routes,
            *balance.routes,
            *qr.routes,
            *initiator_control.routes,
            *control.routes,
            *control_switches.routes,
            *control_shortcodes.routes,
            *control_money.routes,
            *phone_page.routes,
        ],
        middleware=[Middleware(CallLogging, log=calls), Middleware(OwnPagesOnly)],
        exception_handlers=_exception_handlers(),
        lifespan=_lifespan,
        max_body_size=MAX_BODY_BYTES,
    )
    app.state.calls = calls
    app.state.simulator = Simulator(settings)
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    simulator: Simulator = app.state.simulator
    resume(simulator)
    yield
    await simulator.stop()


class OwnPagesOnly:
    """Keeps the control API from web pages of other sites, which a browser on the same machine may have open."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/control"):
            site = Request(scope).headers.get("sec-fetch-site", "none")
            if site not in ("none", "same-origin"):
                await JSONResponse({"error": "not from another site"}, status_code=403)(scope, receive, send)
                return
        await self._app(scope, receive, send)


async def _refused(request: Request, error: Refused) -> Response:
    return error.refusal.render(simulator_of(request).ids.request_id())


async def _control_error(_request: Request, error: ControlError) -> Response:
    return JSONResponse({"error": str(error)}, status_code=error.status)


async def _http_error(request: Request, error: HTTPException) -> Response:
    if request.url.path.startswith(("/control", "/pages")):
        return JSONResponse({"error": error.detail}, status_code=error.status_code)
    if error.status_code == 405:
        return await _refused(request, Refused(method_not_allowed(request.method)))
    if error.status_code == 404:
        return await _refused(request, Refused(RESOURCE_NOT_FOUND))
    return Response(status_code=error.status_code)


def _exception_handlers() -> dict[Any, Any]:
    return {Refused: _refused, ControlError: _control_error, HTTPException: _http_error}


class ResettableProtocol(H11Protocol):
    """HTTP/1.1 that lets the application reset the connection instead of answering."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)

        def abort() -> None:
            reset_on_close(transport.get_extra_info("socket"))
            transport.abort()

        self.app_state = {**self.app_state, ABORT: abort}


class SimulatorServer(uvicorn.Server):
    """Says one line when it is ready, with the port it got."""

    def __init__(self, config: uvicorn.Config, simulator: Simulator) -> None:
        super().__init__(config)
        self.simulator = simulator

    @property
    def address(self) -> str:
        """Base URL, known once the server has started."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        sys.stdout.write(f"simulator ready on {self.address} (book: {self.simulator.settings.book or 'temporary'})\n")
        sys.stdout.flush()


def create_server(settings: Settings, *, host: str, port: int) -> SimulatorServer:
    """A server not yet running; port 0 takes a free one."""
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=ResettableProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    return SimulatorServer(config, app.state.simulator)
