"""The control API over money: what shortcodes hold, and a payer who pays by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.accounts import ACCOUNTS, balances, set_balance
from simulator.c2b import Outcome, pay, refusal_text
from simulator.c2b_bodies import decimal_text
from simulator.c2b_book import C2bOrder, C2bPayment, list_payments
from simulator.c2b_calls import LONGEST_BILL_REF
from simulator.control import ControlError, control_body, required_text
from simulator.control_shortcodes import known_shortcode
from simulator.engine import Simulator
from simulator.identifiers import iso_utc
from simulator.inbound import simulator_of
from simulator.money_in import DEFAULT_NAME
from simulator.scenarios import C2B_CALLS, HEADER, parse_wish

_PHONE = re.compile(r"254[17][0-9]{8}")
_TILL = re.compile(r"[0-9]{5,7}")
_AMOUNT = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,2}))?")
_MOST = 1_000


async def show_balances(request: Request) -> Response:
    simulator = simulator_of(request)
    return _balances(simulator, known_shortcode(simulator, request.query_params))


async def change_balance(request: Request) -> Response:
    """`{"shortcode", "account": "Utility", "amount": "1000.00"}`: from now on the account holds this much, in KES."""
    simulator, body = simulator_of(request), await control_body(request)
    shortcode = known_shortcode(simulator, body)
    account = required_text(body, "account").removesuffix(" Account")
    if account not in ACCOUNTS:
        raise ControlError(400, f"account must be one of {', '.join(ACCOUNTS)}")
    set_balance(simulator.book, shortcode, account, _read_cents(body))
    return _balances(simulator, shortcode)


def _balances(simulator: Simulator, shortcode: str) -> Response:
    held = balances(simulator.book, shortcode)
    return JSONResponse(
        {"shortcode": shortcode, "balances": {account: decimal_text(cents) for account, cents in held.items()}}
    )


def _read_cents(body: Mapping[str, Any]) -> int:
    """An amount of KES, a number or decimal text such as `750` or `980.50`, in cents. Raises ControlError 400."""
    value = body.get("amount")
    match = None if isinstance(value, bool) else _AMOUNT.fullmatch(str(value).strip())
    if match is None:
        raise ControlError(400, "amount must be KES, with two decimals at most")
    sign, whole, rest = match.groups()
    cents = int(whole) * 100 + int((rest or "").ljust(2, "0"))
    return -cents if sign else cents


async def pay_by_hand(request: Request) -> Response:
    """`{"shortcode"?, "amount", "phone", "bill_ref"?, "till"?, "name"?}`: one C2B payment, played to its end, with the
    `fault` of the scenario header.

    Answers `{"accepted", "receipt", "refusal_code", "refusal"}`; a validation may take its whole wait.
    """
    simulator, body = simulator_of(request), await control_body(request)
    wish = parse_wish(request.headers.get(HEADER), calls=C2B_CALLS)
    outcome = await pay(simulator, _read_order(simulator, body), wish=wish)
    return JSONResponse(_told(outcome))


def _told(outcome: Outcome) -> dict[str, Any]:
    return {
        "accepted": outcome.refusal is None,
        "receipt": outcome.receipt,
        "refusal_code": outcome.refusal,
        "refusal": outcome.refusal and refusal_text(outcome.refusal),
    }


def _read_order(simulator: Simulator, body: Mapping[str, Any]) -> C2bOrder:
    till, phone = str(body.get("till") or "").strip(), required_text(body, "phone")
    if not _PHONE.fullmatch(phone):
        raise ControlError(400, "phone must look like 2547XXXXXXXX or 2541XXXXXXXX")
    cents = _read_cents(body)
    if cents <= 0:
        raise ControlError(400, "amount must be above 0")
    return C2bOrder(
        shortcode=_shortcode_behind(simulator, body, till=till) if till else known_shortcode(simulator, body),
        till=till,
        cents=cents,
        phone=phone,
        bill_ref="" if till else _read_bill_ref(body),
        name=" ".join(str(body.get("name") or "").split()) or DEFAULT_NAME,
    )


def _shortcode_behind(simulator: Simulator, body: Mapping[str, Any], *, till: str) -> str:
    """The shortcode a till belongs to: the one named, or the one that lists it. Raises ControlError 400 or 404."""
    if not _TILL.fullmatch(till):
        raise ControlError(400, "till must have 5 to 7 digits")
    if body.get("shortcode"):
        return known_shortcode(simulator, body)
    owner = simulator.book.shortcode_of_till(till)
    if owner is None:
        raise ControlError(404, f"no till {till} is known")
    return owner


def _read_bill_ref(body: Mapping[str, Any]) -> str:
    """The account number as the payer typed it: blanks, case and punctuation stay."""
    text = body.get("bill_ref")
    if not isinstance(text, str) or not text.strip() or not text.isprintable() or len(text) > LONGEST_BILL_REF:
        raise ControlError(400, f"bill_ref must have 1 to {LONGEST_BILL_REF} characters")
    return text


async def show_payments(request: Request) -> Response:
    """C2B payments as the book has them; filters receipt, shortcode, bill_ref, phone and status."""
    payments = list_payments(simulator_of(request).book, request.query_params, limit=_MOST)
    return JSONResponse({"payments": [_payment_entry(payment) for payment in payments]})


def _payment_entry(payment: C2bPayment) -> dict[str, Any]:
    """The number kept for a payment is a receipt only once it is paid."""
    order = payment.order
    return {
        "trans_id": payment.receipt,
        "receipt": payment.receipt if payment.status == "paid" else None,
        "shortcode": order.shortcode,
        "till": order.till,
        "amount": decimal_text(order.cents),
        "phone": order.phone,
        "bill_ref": order.bill_ref,
        "name": order.name,
        "status": payment.status,
        "refusal_code": payment.refusal,
        "third_party_id": payment.third_party_id,
        "asked_at": iso_utc(payment.asked_at),
        "decided_at": iso_utc(payment.decided_at),
    }


routes = [
    Route("/control/balances", show_balances, methods=["GET"]),
    Route("/control/balances", change_balance, methods=["POST"]),
    Route("/control/c2b", show_payments, methods=["GET"]),
    Route("/control/c2b", pay_by_hand, methods=["POST"]),
]
