"""The control API over shortcodes: which there are, how each behaves, and the C2B URLs it registered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.book import Book
from simulator.c2b_book import drop_urls, urls_of
from simulator.control import ControlError, control_body, required_text
from simulator.credential import Initiator, initiator_of, save_initiator
from simulator.engine import Simulator
from simulator.inbound import simulator_of
from simulator.shortcode_switches import change_switches, read_changes, switches_of

_NUMBER = re.compile(r"[0-9]{5,7}")


async def save_shortcode(request: Request) -> Response:
    """`{"shortcode", "passkey"?, "tills"?, "consumer_key"?, "consumer_secret"?, "initiator"?, "initiator_password"?}`
    and switches (shortcode_switches.py).

    A new shortcode needs its passkey; of a known one, what is left out stays. Without tills any till may be paid.
    """
    simulator, body = simulator_of(request), await control_body(request)
    shortcode, tills = required_text(body, "shortcode"), body.get("tills")
    if not _NUMBER.fullmatch(shortcode) or not isinstance(tills, (list, type(None))):
        raise ControlError(400, "shortcode must have 5 to 7 digits, tills must be a list")
    try:
        changes = read_changes(body)
    except ValueError as error:
        raise ControlError(400, str(error)) from None
    known = simulator.book.passkey_of(shortcode)
    passkey = known if known is not None and "passkey" not in body else required_text(body, "passkey")
    kept = simulator.book.tills_of(shortcode) if tills is None else [str(till) for till in tills]
    simulator.book.save_shortcode(shortcode, passkey, tills=kept)
    change_switches(simulator.book, shortcode, changes)
    _save_initiator(simulator, shortcode, body)
    if "consumer_key" in body:
        simulator.book.save_app(required_text(body, "consumer_key"), required_text(body, "consumer_secret"))
    return JSONResponse(_entry(simulator.book, shortcode), status_code=201)


def _save_initiator(simulator: Simulator, shortcode: str, body: Mapping[str, Any]) -> None:
    """The initiator named, else the known one, else that of the start. Naming one takes its lock off."""
    settings, known = simulator.settings, initiator_of(simulator.book, shortcode)
    if known is not None and not {"initiator", "initiator_password"} & body.keys():
        return
    base = known or Initiator(settings.initiator, settings.initiator_password)
    name, password = body.get("initiator", base.name), body.get("initiator_password", base.password)
    save_initiator(simulator.book, shortcode, Initiator(str(name), str(password)))


async def show_shortcode(request: Request) -> Response:
    """One shortcode: its tills, its switches, and what it registered for C2B. 404 for one nobody knows."""
    simulator = simulator_of(request)
    return JSONResponse(_entry(simulator.book, known_shortcode(simulator, request.query_params)))


async def remove_urls(request: Request) -> Response:
    """As the operator's portal does it: the shortcode has no C2B URLs any more and may register again."""
    simulator = simulator_of(request)
    drop_urls(simulator.book, known_shortcode(simulator, request.query_params))
    return Response(status_code=204)


def known_shortcode(simulator: Simulator, fields: Mapping[str, Any]) -> str:
    """The shortcode named in a request, that of the start if none is. Raises ControlError 404 for one nobody knows."""
    shortcode = str(fields.get("shortcode") or simulator.settings.shortcode)
    if simulator.book.passkey_of(shortcode) is None:
        raise ControlError(404, f"no shortcode {shortcode} is known")
    return shortcode


def _entry(book: Book, shortcode: str) -> dict[str, Any]:
    urls = urls_of(book, shortcode)
    return {
        "shortcode": shortcode,
        "tills": book.tills_of(shortcode),
        **switches_of(book, shortcode).to_json(),
        "c2b_urls": urls and asdict(urls),
    }


routes = [
    Route("/control/shortcodes", show_shortcode, methods=["GET"]),
    Route("/control/shortcodes", save_shortcode, methods=["POST"]),
    Route("/control/shortcodes/c2b-urls", remove_urls, methods=["DELETE"]),
]
