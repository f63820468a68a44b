"""STK push and STK query, as the operator answers them."""

from __future__ import annotations

import base64
import hmac
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.answers import (
    BEING_PROCESSED,
    INTERNAL_ERROR,
    INVALID_ACCESS_TOKEN,
    MERCHANT_DOES_NOT_EXIST,
    SPIKE_ARREST,
    UNKNOWN_TRANSACTION,
    WRONG_CREDENTIALS,
    Refused,
)
from simulator.book import Prompt
from simulator.engine import Simulator
from simulator.inbound import read_object, require_token, simulator_of
from simulator.outcomes import CANCELLED, result_text
from simulator.prompts import Opened, open_prompt, tell_early
from simulator.queries import OUTAGE, query_fault
from simulator.scenarios import HEADER, parse_scenario
from simulator.stk_fields import field_text, read_push, require_credentials, require_field

ACCEPTED = "Success. Request accepted for processing"
QUERY_ACCEPTED = "The service request has been accepted successsfully"
_LONGEST_NOTED = 64
_QUERY_REFUSALS = {
    "query_500": INTERNAL_ERROR,
    OUTAGE: INTERNAL_ERROR,
    "query_spike": SPIKE_ARREST,
    "query_unknown": UNKNOWN_TRANSACTION,
    "query_token_expired": INVALID_ACCESS_TOKEN,
    "token_invalid": INVALID_ACCESS_TOKEN,
}


async def push(request: Request) -> Response:
    """Checks in the operator's order: JSON, token, fields, shortcode, password, payer's lock. Booked, then answered."""
    simulator = simulator_of(request)
    body = await read_object(request)
    opened = _receive_push(request, body)
    if opened.plan.early:
        await tell_early(simulator, opened.prompt)
    return opened.handover.answer(
        _accepted(opened.prompt),
        hang_seconds=simulator.settings.hang_seconds,
        slow_seconds=simulator.slow_seconds,
    )


def _receive_push(request: Request, body: dict[str, Any]) -> Opened:
    """Opens a prompt or raises Refused; either way the push is in the book when this returns."""
    simulator = simulator_of(request)
    with simulator.book.transaction():
        try:
            result: Opened | Refused = _open(request, body)
        except Refused as refused:
            result = refused
        simulator.book.record_push(_push_line(simulator, body, result=result))
    if isinstance(result, Refused):
        raise result
    return result


def _open(request: Request, body: dict[str, Any]) -> Opened:
    simulator = simulator_of(request)
    token = require_token(request)
    order = read_push(body, strict_urls=simulator.settings.strict_urls)
    _require_merchant(simulator, order.shortcode, password=order.password, timestamp=order.timestamp)
    try:
        return open_prompt(simulator, order, scenario=parse_scenario(request.headers.get(HEADER)))
    except Refused as refused:
        _drop_refused_token(simulator, refused, token=token)
        raise


def _drop_refused_token(simulator: Simulator, refused: Refused, *, token: str) -> None:
    """A fault may call a live token invalid; it then is, for everybody."""
    if refused.refusal is INVALID_ACCESS_TOKEN:
        simulator.book.kill_token(token)


def _require_merchant(simulator: Simulator, shortcode: str, *, password: str, timestamp: str) -> None:
    """Raises Refused: `Merchant does not exist`, then `Wrong credentials`. Password = base64(code+passkey+time)."""
    passkey = simulator.book.passkey_of(shortcode)
    if passkey is None:
        raise Refused(MERCHANT_DOES_NOT_EXIST)
    expected = base64.b64encode(f"{shortcode}{passkey}{timestamp}".encode())
    if not hmac.compare_digest(expected, password.encode()):
        raise Refused(WRONG_CREDENTIALS)


def _push_line(simulator: Simulator, body: dict[str, Any], *, result: Opened | Refused) -> dict[str, Any]:
    line: dict[str, Any] = {
        "at": simulator.clock.now(),
        "shortcode": field_text(body, "BusinessShortCode")[:_LONGEST_NOTED],
        "phone": field_text(body, "PhoneNumber")[:_LONGEST_NOTED],
        "amount": field_text(body, "Amount")[:_LONGEST_NOTED],
        "account_reference": field_text(body, "AccountReference"),
    }
    if isinstance(result, Refused):
        return {**line, "error_code": result.refusal.code, "error_message": result.refusal.message}
    checkout_request_id = result.prompt.checkout_request_id
    return {**line, "checkout_request_id": checkout_request_id, "handover": result.handover.kind or None}


def _accepted(prompt: Prompt) -> dict[str, str]:
    return {
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResponseCode": "0",
        "ResponseDescription": ACCEPTED,
        "CustomerMessage": ACCEPTED,
    }


async def query(request: Request) -> Response:
    """Daraja: an open prompt answers 500 `being processed`; a decided one 200 with its result code as a string."""
    simulator = simulator_of(request)
    body = await read_object(request)
    token = require_token(request)
    simulator.book.count_up("queries")
    shortcode, password, timestamp = require_credentials(body)
    checkout_request_id = require_field(body, "CheckoutRequestID")
    _require_merchant(simulator, shortcode, password=password, timestamp=timestamp)
    prompt = simulator.book.prompt(checkout_request_id)
    if prompt is None or prompt.shortcode != shortcode:
        raise Refused(UNKNOWN_TRANSACTION)
    try:
        return _answer_query(simulator, prompt)
    except Refused as refused:
        _drop_refused_token(simulator, refused, token=token)
        raise


def _answer_query(simulator: Simulator, prompt: Prompt) -> Response:
    n = simulator.book.count_query(prompt.checkout_request_id)
    if n <= prompt.query_failures:
        raise Refused(INTERNAL_ERROR)
    kind = query_fault(simulator, prompt, n=n)
    if kind in _QUERY_REFUSALS:
        raise Refused(_QUERY_REFUSALS[kind])
    if kind == "query_contradicts":
        return _result(prompt, code=CANCELLED, text=result_text(CANCELLED))
    if kind == "query_pending" or prompt.is_open:
        return _pending(simulator, prompt)
    return _result(prompt, code=prompt.result_code or "", text=prompt.result_text or "")


def _pending(simulator: Simulator, prompt: Prompt) -> Response:
    if simulator.settings.pending_4999:
        return _result(prompt, code="4999", text="The transaction is still under processing")
    raise Refused(BEING_PROCESSED)


def _result(prompt: Prompt, *, code: str, text: str) -> Response:
    return JSONResponse(
        {
            "ResponseCode": "0",
            "ResponseDescription": QUERY_ACCEPTED,
            "MerchantRequestID": prompt.merchant_request_id,
            "CheckoutRequestID": prompt.checkout_request_id,
            "ResultCode": code,
            "ResultDesc": text,
        }
    )


routes = [
    Route("/mpesa/stkpush/v1/processrequest", push, methods=["POST"]),
    Route("/mpesa/stkpushquery/v1/query", query, methods=["POST"]),
]
