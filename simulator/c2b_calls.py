"""C2B as the operator serves it to merchants: registering URLs, and simulating a payer in the sandbox."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.answers import (
    INVALID_ACCESS_TOKEN_400,
    NO_APIPRODUCT,
    RESOURCE_NOT_FOUND_C2B,
    URLS_ALREADY_REGISTERED,
    Refusal,
    Refused,
    invalid_field,
)
from simulator.c2b import pay
from simulator.c2b_book import C2bOrder, C2bUrls, save_urls, urls_of
from simulator.engine import Simulator
from simulator.faults import Wish
from simulator.inbound import read_object, require_token, simulator_of
from simulator.money_in import DEFAULT_NAME
from simulator.scenarios import C2B_CALLS, HEADER, parse_wish
from simulator.shortcode_switches import (
    LEGACY_REGISTERED,
    SOAP_FAULT,
    VERSIONS,
    ShortcodeSwitches,
    switches_of,
)
from simulator.stk_fields import BUY_GOODS, PAYBILL, field_text, has_reserved_word, is_callback_url, require_field

LONGEST_BILL_REF = 20

_RESPONSE_TYPE = re.compile("Completed|Cancelled")
_COMMAND = re.compile(f"{PAYBILL}|{BUY_GOODS}")
_AMOUNT = re.compile(r"[1-9][0-9]{0,8}")
_PHONE = re.compile(r"254[17][0-9]{8}")
_BILL_REF = re.compile(rf".{{1,{LONGEST_BILL_REF}}}")
_SOAP_FAULT = {
    "Envelope": {
        "encodingStyle": "http://schemas.xmlsoap.org/soap/encoding/",
        "Body": {
            "Fault": {
                "faultcode": "soap:Server",
                "faultstring": "Execution of ServiceCallout SCO-AddURLVault failed. "
                "Reason: ResponseCode 409 is treated as error",
                "faultactor": {},
                "detail": {"source": {"errorcode": "steps.servicecallout.ExecutionFailed"}},
            }
        },
    }
}


async def register(request: Request, *, version: str) -> Response:
    """Daraja: the sandbox overwrites; production wants https and clean words, and registers once."""
    simulator = simulator_of(request)
    body = await read_object(request)
    shortcode, switches = _require_product(request, body, version=version)
    strict = switches.production or simulator.settings.strict_urls
    urls = C2bUrls(
        shortcode=shortcode,
        version=version,
        response_type=require_field(body, "ResponseType", form=_RESPONSE_TYPE),
        confirmation_url=_read_url(body, "ConfirmationURL", clean=strict, https=switches.production),
        validation_url=_read_url(body, "ValidationURL", clean=strict, https=switches.production),
    )
    if switches.register_answer is not None:
        return _odd_answer(simulator, switches.register_answer)
    if switches.production and urls_of(simulator.book, shortcode) is not None:
        raise Refused(URLS_ALREADY_REGISTERED)
    save_urls(simulator.book, urls)
    return _accepted(simulator, "Success")


def _require_product(request: Request, body: Mapping[str, Any], *, version: str) -> tuple[str, ShortcodeSwitches]:
    """The shortcode of a call and how it is set up. Raises Refused for a dead token, then an unknown shortcode, then
    the wrong version.

    Daraja: which version an app may call depends on the product attached to it, and a new token does not cure it.
    """
    simulator = simulator_of(request)
    require_token(request, dead=INVALID_ACCESS_TOKEN_400)
    shortcode = require_field(body, "ShortCode")
    if simulator.book.passkey_of(shortcode) is None:
        raise Refused(invalid_field("ShortCode"))
    switches = switches_of(simulator.book, shortcode)
    if switches.c2b_version not in (None, version):
        raise Refused(NO_APIPRODUCT)
    return shortcode, switches


def _read_url(body: Mapping[str, Any], name: str, *, clean: bool, https: bool) -> str:
    """A URL to register. Only the one for validation may be left out."""
    url = field_text(body, name)
    if not url and name == "ValidationURL" and body.get(name) in (None, ""):
        return ""
    refused = (clean and has_reserved_word(url)) or (https and not url.lower().startswith("https://"))
    if refused or not is_callback_url(url):
        raise Refused(invalid_field(name))
    return url


def _odd_answer(simulator: Simulator, kind: str) -> Response:
    """What a registration is told where the operator's older platforms have a say. Nothing is registered."""
    if kind == LEGACY_REGISTERED:
        told = "Validation and Confirmation URLs are already registered"
        return JSONResponse({"ConversationID": "", "OriginatorCoversationID": "", "ResponseDescription": told})
    if kind == SOAP_FAULT:
        return JSONResponse(_SOAP_FAULT, status_code=500)
    told = f"Duplicate notification info, SP ID is 107001, correlator is {secrets.token_hex(8)}"
    return Refusal(500, "500.003.1001", told).render(simulator.ids.request_id())


def _accepted(simulator: Simulator, description: str) -> Response:
    """Daraja: the name of the first key is misspelt."""
    return JSONResponse(
        {
            "OriginatorCoversationID": simulator.ids.request_id(),
            "ResponseCode": "0",
            "ResponseDescription": description,
        }
    )


async def simulate(request: Request, *, version: str) -> Response:
    """Daraja: sandbox only. The request is accepted at once; validation and confirmation follow."""
    simulator = simulator_of(request)
    body = await read_object(request)
    shortcode, switches = _require_product(request, body, version=version)
    if switches.production:
        raise Refused(RESOURCE_NOT_FOUND_C2B)
    is_paybill = require_field(body, "CommandID", form=_COMMAND) == PAYBILL
    order = C2bOrder(
        shortcode=shortcode,
        till="" if is_paybill else shortcode,
        cents=int(require_field(body, "Amount", form=_AMOUNT)) * 100,
        phone=require_field(body, "Msisdn", form=_PHONE),
        bill_ref=require_field(body, "BillRefNumber", form=_BILL_REF) if is_paybill else "",
        name=DEFAULT_NAME,
    )
    wish = parse_wish(request.headers.get(HEADER), calls=C2B_CALLS)
    simulator.timers.start(_play(simulator, order, wish=wish))
    return _accepted(simulator, "Accept the service request successfully.")


async def _play(simulator: Simulator, order: C2bOrder, *, wish: Wish) -> None:
    await pay(simulator, order, wish=wish)


routes = [
    Route(f"/mpesa/c2b/{version}/{name}", partial(endpoint, version=version), methods=["POST"])
    for version in VERSIONS
    for name, endpoint in (("registerurl", register), ("simulate", simulate))
]
