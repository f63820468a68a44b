"""Transaction status: what became of a payment, a B2C transfer or a reversal, found by receipt or conversation id."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.answers import INVALID_ACCESS_TOKEN_400, Refusal, Refused, invalid_field
from simulator.book import Book, Prompt
from simulator.engine import Simulator
from simulator.identifiers import eat_digits
from simulator.initiator import receive
from simulator.initiator_book import (
    B2C,
    COMPLETED,
    REVERSAL,
    STATUS,
    Transfer,
    find_by_receipt,
    find_transfer,
    reversed_cents,
)
from simulator.initiator_booking import Api, Movement
from simulator.initiator_fields import IDENTIFIER_TYPE, SHORTCODE, Order, read_caller, read_reply
from simulator.initiator_results import NO_VALUE, Parameters, public_name, shillings
from simulator.money_in import DEFAULT_NAME, MoneyIn, find_money_in
from simulator.outcomes import CANCELLED, MALFORMED, NO_ANSWER, PAID
from simulator.pull import ORGANIZATION
from simulator.stk_fields import field_text, require_field

_FATES = {PAID: "Completed", CANCELLED: "Cancelled", "1031": "Cancelled", "1019": "Expired", NO_ANSWER: "Expired"}
_CUSTOMER_ACCOUNT = "MMF Account For Customer"
_UTILITY_ACCOUNT = "Utility Account"
_MONEY_OUT = {B2C: "Business Payment to Customer via API", REVERSAL: "Transaction Reversal via API"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One transaction as the status tells it. Times are epoch seconds, `cents` KES cents; empty texts are not told."""

    shortcode: str
    payer: str
    payee: str
    account: str
    reason: str
    fate: str
    cents: int
    originator_conversation_id: str
    conversation_id: str
    receipt: str
    initiated_at: float
    finalised_at: float | None


def _dead_token(_token: str) -> Refusal:
    return INVALID_ACCESS_TOKEN_400


def _read(body: Mapping[str, Any]) -> Order:
    """Daraja: the conversation id is called OriginalConversationID on newer pages, OriginatorConversationID before."""
    caller = read_caller(body, name_field="Initiator", commands=("TransactionStatusQuery",))
    names = ("TransactionID", "OriginalConversationID", "OriginatorConversationID")
    original = next(filter(None, (field_text(body, name) for name in names)), "")
    if not original:
        raise Refused(invalid_field("TransactionID"))
    shortcode = require_field(body, "PartyA", form=SHORTCODE)
    require_field(body, "IdentifierType", form=IDENTIFIER_TYPE)
    reply = read_reply(body, occasion_field="Occasion")
    return Order(original=original, shortcode=shortcode, caller=caller, reply=reply)


def _check(simulator: Simulator, order: Order, _quirks: frozenset[str]) -> str:
    return MALFORMED if _find(simulator.book, order) is None else PAID


def _carry_out(simulator: Simulator, order: Order, _movement: Movement) -> Parameters:
    found = _find(simulator.book, order)
    if found is None:
        raise LookupError(order.original)
    return (
        ("DebitPartyName", found.payer),
        ("CreditPartyName", found.payee or NO_VALUE),
        ("OriginatorConversationID", found.originator_conversation_id or NO_VALUE),
        ("InitiatedTime", int(eat_digits(found.initiated_at))),
        ("CreditPartyCharges", NO_VALUE),
        ("DebitAccountType", found.account),
        ("TransactionReason", NO_VALUE),
        ("ReasonType", found.reason),
        ("TransactionStatus", found.fate),
        ("FinalisedTime", NO_VALUE if found.finalised_at is None else int(eat_digits(found.finalised_at))),
        ("Amount", shillings(found.cents)),
        ("ConversationID", found.conversation_id),
        ("ReceiptNo", found.receipt or NO_VALUE),
    )


def _find(book: Book, order: Order) -> Found | None:
    """The transaction asked about, if the asking shortcode is a party to it."""
    key = order.original
    transfer = find_by_receipt(book, key) or find_transfer(book, key)
    found: Found | None = None
    if transfer is not None and transfer.kind in _MONEY_OUT:
        found = _of_transfer(book, transfer)
    elif (prompt := _find_prompt(book, key)) is not None:
        found = _told_of_reversal(book, _of_prompt(prompt))
    elif (money := find_money_in(book, key)) is not None:
        found = _told_of_reversal(book, _of_money_in(money))
    return found if found is not None and found.shortcode == order.shortcode else None


def _told_of_reversal(book: Book, found: Found) -> Found:
    """A payment that was given back whole is Reversed. Not documented (?), met in practice."""
    is_back = bool(found.receipt) and reversed_cents(book, found.receipt) >= found.cents
    return replace(found, fate="Reversed") if is_back else found


def _find_prompt(book: Book, key: str) -> Prompt | None:
    rows = book.rows("SELECT * FROM prompts WHERE receipt = ? OR merchant_request_id = ?", (key, key))
    return Prompt.from_row(rows[0]) if rows else None


def _of_transfer(book: Book, transfer: Transfer) -> Found:
    phone, name = transfer.phone, DEFAULT_NAME
    if transfer.kind == REVERSAL and (money := find_money_in(book, transfer.original)) is not None:
        phone, name = money.phone, money.name
    return Found(
        shortcode=transfer.shortcode,
        payer=public_name(transfer.shortcode, ORGANIZATION),
        payee=public_name(phone, name) if phone else "",
        account=_UTILITY_ACCOUNT,
        reason=_MONEY_OUT[transfer.kind],
        fate="Completed" if transfer.status == COMPLETED else "Declined",
        cents=transfer.cents or 0,
        originator_conversation_id=transfer.originator_conversation_id,
        conversation_id=transfer.conversation_id,
        receipt=transfer.receipt or "",
        initiated_at=transfer.at,
        finalised_at=transfer.at,
    )


def _of_prompt(prompt: Prompt) -> Found:
    return Found(
        shortcode=prompt.shortcode,
        payer=public_name(prompt.phone, DEFAULT_NAME),
        payee=public_name(prompt.shortcode, ORGANIZATION),
        account=_CUSTOMER_ACCOUNT,
        reason="Pay Bill Online" if prompt.party_b == prompt.shortcode else "Buy Goods Online",
        fate="Initiated" if prompt.result_code is None else _FATES.get(prompt.result_code, "Declined"),
        cents=prompt.amount * 100,
        originator_conversation_id=prompt.merchant_request_id,
        conversation_id=_made_up_id(prompt.merchant_request_id, prompt.opened_at),
        receipt=prompt.receipt or "",
        initiated_at=prompt.opened_at,
        finalised_at=prompt.decided_at,
    )


def _of_money_in(money: MoneyIn) -> Found:
    return Found(
        shortcode=money.shortcode,
        payer=public_name(money.phone, money.name),
        payee=public_name(money.shortcode, ORGANIZATION),
        account=_CUSTOMER_ACCOUNT,
        reason="Buy Goods" if money.till else "Pay Bill",
        fate="Completed",
        cents=money.cents,
        originator_conversation_id="",
        conversation_id=_made_up_id(money.receipt, money.decided_at),
        receipt=money.receipt,
        initiated_at=money.decided_at,
        finalised_at=money.decided_at,
    )


def _made_up_id(key: str, at: float) -> str:
    """A ConversationID for what never had one, the same at each asking."""
    return f"AG_{eat_digits(at)[:8]}_{hashlib.sha256(key.encode()).hexdigest()[:20]}"


API = Api(
    kind=STATUS,
    key_fields=("TransactionID", "OriginalConversationID", "OriginatorConversationID"),
    dead_token=_dead_token,
    read=_read,
    check=_check,
    carry_out=_carry_out,
)


async def query(request: Request) -> Response:
    return await receive(request, API)


routes = [Route("/mpesa/transactionstatus/v1/query", query, methods=["POST"])]
