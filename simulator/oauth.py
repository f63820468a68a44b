"""Access tokens: one GET with a Basic header."""

from __future__ import annotations

import base64
import binascii
import hmac

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.answers import INTERNAL_ERROR, INVALID_AUTHENTICATION, INVALID_GRANT_TYPE, Refused
from simulator.engine import Simulator
from simulator.handover import LateAnswer
from simulator.identifiers import new_access_token
from simulator.inbound import simulator_of
from simulator.scenarios import HEADER, parse_wish

LIFE_SECONDS = 3600.0
EXPIRES_IN = "3599"


async def generate(request: Request) -> Response:
    """Daraja: a wrong key or secret is answered 400 with no body at all; `expires_in` is a string."""
    simulator = simulator_of(request)
    credentials = _basic_credentials(request.headers.get("authorization", ""))
    if request.query_params.get("grant_type") != "client_credentials":
        raise Refused(INVALID_GRANT_TYPE)
    wish = parse_wish(request.headers.get(HEADER), calls=("token",))
    fault = simulator.draw_fault("token", key="", n=simulator.book.count_up("token_calls"), wish=wish)
    kind = fault.kind if fault else ""
    if kind == "token_500":
        raise Refused(INTERNAL_ERROR)
    if not _is_known(simulator, credentials):
        return Response(status_code=400)
    token = _issue(simulator, credentials[0], life_seconds=0.0 if kind == "token_expired" else LIFE_SECONDS)
    answer = JSONResponse({"access_token": token, "expires_in": EXPIRES_IN})
    return LateAnswer(answer, seconds=simulator.slow_seconds) if kind == "token_slow" else answer


def _basic_credentials(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        raise Refused(INVALID_AUTHENTICATION)
    try:
        key, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key, secret


def _is_known(simulator: Simulator, credentials: tuple[str, str]) -> bool:
    key, secret = credentials
    expected = simulator.book.secret_of(key)
    return expected is not None and hmac.compare_digest(expected.encode(), secret.encode())


def _issue(simulator: Simulator, consumer_key: str, *, life_seconds: float) -> str:
    token, book = new_access_token(), simulator.book
    with book.transaction():
        if simulator.settings.single_token:
            book.kill_tokens(consumer_key)
        book.save_token(token, consumer_key=consumer_key, expires_at=simulator.clock.now() + life_seconds)
        book.count_up("tokens")
    return token


routes = [Route("/oauth/v1/generate", generate, methods=["GET"])]
