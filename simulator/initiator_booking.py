"""The booking of an initiator request: its outcome, its line in the book, and the messages that will tell of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.accounts import UTILITY, debit
from simulator.answers import Refusal
from simulator.book import Callback
from simulator.credential import refuse_initiator
from simulator.engine import Simulator
from simulator.handover import Handover
from simulator.identifiers import receipt_prefix
from simulator.initiator_book import B2C, COMPLETED, FAILED, REFUSED, REVERSAL, TIMEOUT, record_transfer
from simulator.initiator_choices import Case, choose_telling, draw_outcome
from simulator.initiator_fields import Order
from simulator.initiator_results import News, Parameters, result_body, timeout_body
from simulator.initiator_scenario import NOTICE_GAP_SECONDS, ResultPlan
from simulator.outcomes import NO_FUNDS, PAID, RECIPIENTS, result_text
from simulator.receipts import fresh_receipt
from simulator.stk_fields import field_text

LONGEST_NOTED = 100
_MOVES_MONEY = (B2C, REVERSAL)
_SHORT_OF_FUNDS = ("b2c_no_funds", "reversal_no_funds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """When a request is carried out (epoch seconds), and the receipt of the money it moves, empty where none does."""

    at: float
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """One initiator interface.

    `key_fields`: the first that is filled draws the faults. `dead_token` is what a token not live is told.
    `check` foresees the result code of a well-formed request, `carry_out` does it and gives the result's parameters;
    both run inside the transaction that books the request.
    """

    kind: str
    key_fields: tuple[str, ...]
    dead_token: Callable[[str], Refusal]
    read: Callable[[Mapping[str, Any]], Order]
    check: Callable[[Simulator, Order, frozenset[str]], str]
    carry_out: Callable[[Simulator, Order, Movement], Parameters]


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request that is accepted: as it came, as it was read, and how it is to be answered and told."""

    api: Api
    body: Mapping[str, Any]
    order: Order
    case: Case
    handover: Handover
    quirks: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A booked request: its ids, the messages that will tell of it, and whether they go before the answer."""

    news: News
    callbacks: list[Callback]
    early: bool


def book_accepted(simulator: Simulator, received: Received) -> Booked:
    """Carries the request out and books it with its messages, inside the caller's transaction."""
    foreseen = _foresee(simulator, received)
    plan, code = choose_telling(simulator, received.case, code=foreseen, handover=received.handover)
    news = _carry_out(simulator, received, code=code)
    body = result_body(news, received.quirks)
    record_transfer(simulator.book, _accepted_line(received, news, body=body))
    return Booked(
        news=news, callbacks=_book_messages(simulator, received, news, plan=plan, body=body), early=plan.early
    )


def take_from_utility(simulator: Simulator, shortcode: str, cents: int) -> None:
    """Debits KES cents that `check` has seen there."""
    if not debit(simulator.book, shortcode, UTILITY, cents):
        raise RuntimeError(f"the Utility account of {shortcode} is short of {cents} cents")


def _foresee(simulator: Simulator, received: Received) -> str:
    """The result code: a wrong initiator's, then the header's, a fault's or the recipient's, then what the request
    comes to.

    The code 0 of a header only overrules the recipient: no money moves that is not there.
    """
    api, order, scenario = received.api, received.order, received.case.scenario
    refused = refuse_initiator(
        simulator.book, order.shortcode, name=order.caller.initiator, credential=order.caller.credential
    )
    if refused is not None:
        return refused
    fault = draw_outcome(simulator, received.case)
    if fault in _SHORT_OF_FUNDS:
        return NO_FUNDS
    if fault == "reversal_already":
        _give_back_by_hand(simulator, received)
    forced = scenario.code_for(api.kind) or RECIPIENTS.get(order.phone, PAID)
    return forced if forced != PAID else api.check(simulator, order, received.quirks)


def _give_back_by_hand(simulator: Simulator, received: Received) -> None:
    """The same reversal, done a moment before in the operator's portal: a line of its own, told to nobody."""
    if received.api.check(simulator, received.order, received.quirks) != PAID:
        return
    line = _accepted_line(received, _carry_out(simulator, received, code=PAID), body="")
    record_transfer(simulator.book, line | {"fault_key": "", "result_url": "", "timeout_url": "", "handover": None})


def _carry_out(simulator: Simulator, received: Received, *, code: str) -> News:
    api, order, at = received.api, received.order, simulator.clock.now()
    moves = code == PAID and api.kind in _MOVES_MONEY
    receipt = fresh_receipt(simulator.book, at) if moves else ""
    movement = Movement(at=at, receipt=receipt)
    return News(
        kind=api.kind,
        code=code,
        text=result_text(code),
        originator_conversation_id=order.given_id or simulator.ids.request_id(),
        conversation_id=simulator.ids.conversation_id(),
        receipt=receipt,
        transaction_id=receipt or f"{receipt_prefix(at)}0000000",
        at=at,
        parameters=api.carry_out(simulator, order, movement) if code == PAID else (),
        occasion=order.reply.occasion,
    )


def _accepted_line(received: Received, news: News, *, body: str) -> dict[str, Any]:
    order = received.order
    return {
        "kind": news.kind,
        "at": news.at,
        "fault_key": received.case.key,
        "shortcode": order.shortcode,
        "originator_conversation_id": news.originator_conversation_id,
        "conversation_id": news.conversation_id,
        "command_id": order.caller.command_id,
        "cents": order.cents,
        "phone": order.phone,
        "original": order.original,
        "result_url": order.reply.result_url,
        "timeout_url": order.reply.timeout_url,
        "status": COMPLETED if news.code == PAID else FAILED,
        "result_code": news.code,
        "result_text": news.text,
        "receipt": news.receipt or None,
        "result_body": body,
        "handover": received.handover.kind or None,
    }


def _book_messages(
    simulator: Simulator, received: Received, news: News, *, plan: ResultPlan, body: str
) -> list[Callback]:
    """The time-out notice and the untrue failure, if there are any, and the results.

    In the book they are kept under the originator's id.
    """

    def book(url: str, *, code: str, body: str, after_seconds: float) -> Callback:
        due_at = simulator.clock.now() + simulator.switches.real_seconds(after_seconds)
        key = {"checkout_request_id": news.originator_conversation_id}
        return simulator.book.insert_callback(key | {"url": url, "result_code": code, "body": body, "due_at": due_at})

    order, callbacks = received.order, []
    if plan.notice_seconds is not None:
        notice = timeout_body(received.body, news, received.quirks)
        callbacks.append(book(order.reply.timeout_url, code=TIMEOUT, body=notice, after_seconds=plan.notice_seconds))
    after = plan.delay_seconds
    if plan.first is not None:
        failure = replace(news, code=plan.first, text=result_text(plan.first), parameters=())
        told = result_body(failure, received.quirks)
        callbacks.append(book(order.reply.result_url, code=plan.first, body=told, after_seconds=after))
        after += NOTICE_GAP_SECONDS
    for _ in range(plan.copies):
        callbacks.append(book(order.reply.result_url, code=news.code, body=body, after_seconds=after))
    return callbacks


def book_refused(simulator: Simulator, kind: str, body: Mapping[str, Any], *, key: str, refusal: Refusal) -> None:
    """Notes a request that was turned down, with its fields as sent: they may hold anything."""

    def sent(*names: str) -> str:
        return next(filter(None, (field_text(body, name) for name in names)), "")[:LONGEST_NOTED]

    line = {
        "kind": kind,
        "at": simulator.clock.now(),
        "fault_key": key,
        "shortcode": sent("ReceiverParty", "PartyA"),
        "originator_conversation_id": sent("OriginatorConversationID"),
        "command_id": sent("CommandID"),
        "phone": sent("PartyB"),
        "original": sent("TransactionID", "OriginalConversationID"),
        "result_url": sent("ResultURL"),
        "timeout_url": sent("QueueTimeOutURL"),
        "status": REFUSED,
        "error_code": refusal.code,
        "error_message": refusal.message,
    }
    record_transfer(simulator.book, line)
