"""Dynamic QR: a code that tells a phone whom to pay, how much and with which reference."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.answers import Refused, invalid_field
from simulator.inbound import read_object, require_token, simulator_of
from simulator.initiator_fields import read_whole_amount
from simulator.qr_code import MOST_BYTES, draw_png
from simulator.stk_fields import require_field

MOST_PIXELS = 1_000

_TEXT = re.compile(r".{1,50}")
_CODE = re.compile("BG|PB|WA|SM|SB")
_CREDIT_PARTY = re.compile(r"[0-9]{5,12}")
_SIZE = re.compile(r"[0-9]{1,4}")


async def generate(request: Request) -> Response:
    """Daraja: till, paybill, agent, send money or business; the image is a base64 PNG. Nothing is booked or paid."""
    simulator = simulator_of(request)
    body = await read_object(request)
    require_token(request)
    text, size = _read_text(body), _read_size(body)
    return JSONResponse(
        {
            "ResponseCode": "00",
            "RequestID": simulator.ids.response_ref_id(),
            "ResponseDescription": "QR Code Successfully Generated.",
            "QRCode": base64.b64encode(draw_png(text, size=size)).decode(),
        }
    )


def _read_text(body: Mapping[str, Any]) -> str:
    """What the code says: kind, credit party, KES and reference, then as much of the name as fits."""
    name = require_field(body, "MerchantName", form=_TEXT)
    reference = require_field(body, "RefNo", form=_TEXT)
    shillings = read_whole_amount(body) // 100
    kind = require_field(body, "TrxCode", form=_CODE)
    party = require_field(body, "CPI", form=_CREDIT_PARTY)
    return f"{kind}|{party}|{shillings}|{reference}|{name}".encode()[:MOST_BYTES].decode(errors="ignore")


def _read_size(body: Mapping[str, Any]) -> int:
    size = int(require_field(body, "Size", form=_SIZE))
    if not 1 <= size <= MOST_PIXELS:
        raise Refused(invalid_field("Size"))
    return size


routes = [Route("/mpesa/qrcode/v1/generate", generate, methods=["POST"])]
