"""A payer pays a paybill or till by hand: validation, the booking of the money, and the confirmation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from simulator.accounts import UTILITY, credit
from simulator.c2b_bodies import payer_form, validation_body
from simulator.c2b_book import (
    INTERRUPTED,
    C2bOrder,
    C2bPayment,
    C2bUrls,
    count_payments,
    insert_payment,
    settle_payment,
    urls_of,
)
from simulator.confirmations import Telling, book_confirmations, draw_telling
from simulator.delivery import send_when_due
from simulator.engine import Simulator
from simulator.faults import NO_WISH, Wish
from simulator.outcomes import MAX_AMOUNT_KES, OVER_MAXIMUM, UNDER_MINIMUM, result_text
from simulator.payers import mistype
from simulator.receipts import fresh_receipt
from simulator.shortcode_switches import switches_of

SILENT = "validation_silent"
"""Refusal where the validation URL did not answer and the registration says Cancelled."""

_REFUSALS = {
    "C2B00011": "The merchant refused: invalid phone number.",
    "C2B00012": "The merchant refused: invalid account number.",
    "C2B00013": "The merchant refused: invalid amount.",
    "C2B00014": "The merchant refused: invalid customer details.",
    "C2B00015": "The merchant refused: invalid shortcode.",
    "C2B00016": "The merchant refused the payment.",
    SILENT: "The merchant did not answer in time, so the payment was cancelled.",
    INTERRUPTED: "The simulator was stopped or reset before the payment was decided.",
    UNDER_MINIMUM: result_text(UNDER_MINIMUM),
    OVER_MAXIMUM: result_text(OVER_MAXIMUM),
}


def refusal_text(code: str) -> str:
    """A refusal in the words a payer reads; codes nobody knows are a plain no."""
    return _REFUSALS.get(code, _REFUSALS["C2B00016"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the payer learns: a receipt, or the code of a refusal."""

    receipt: str | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    """What came of a validation: a refusal code or None, and the reference the merchant answered with."""

    refusal: str | None = None
    third_party_id: str = ""


async def pay(simulator: Simulator, order: C2bOrder, *, wish: Wish = NO_WISH) -> Outcome:
    """Plays one payment to its end, which may take the validation's whole wait. The confirmation goes out after it."""
    order = mistype(simulator, order, wish=wish)
    refusal = _refusal_by_limit(order.cents)
    if refusal is not None:
        return Outcome(refusal=refusal)
    n, now = count_payments(simulator.book, order), simulator.clock.now()
    with simulator.book.transaction():
        payment = insert_payment(simulator.book, order, receipt=fresh_receipt(simulator.book, now), at=now)
    verdict = await _validate(simulator, payment, n=n, wish=wish)
    telling = Telling() if verdict.refusal else draw_telling(simulator, key=_key(order), n=n, wish=wish)
    return _settle(simulator, payment, verdict=verdict, telling=telling)


def _refusal_by_limit(cents: int) -> str | None:
    if cents < 100:
        return UNDER_MINIMUM
    return OVER_MAXIMUM if cents > MAX_AMOUNT_KES * 100 else None


async def _validate(simulator: Simulator, payment: C2bPayment, *, n: int, wish: Wish) -> _Verdict:
    """Daraja: asked only where validation is enabled and a URL for it is registered; silence leaves it to the
    ResponseType.
    """
    order = payment.order
    urls = urls_of(simulator.book, order.shortcode)
    if urls is None or not urls.validation_url or not _has_validation(simulator, order.shortcode):
        return _Verdict()
    fault = simulator.draw_fault("validation", key=_key(order), n=n, wish=wish)
    kind = fault.kind if fault else ""
    if kind == "validation_skipped":
        return _Verdict()
    said = await _ask(simulator, payment, urls=urls)
    verdict = None if kind == "validation_late" else said
    if verdict is None:
        verdict = _Verdict(refusal=None if urls.response_type == "Completed" else SILENT)
    return _Verdict(third_party_id=verdict.third_party_id) if kind == "validation_overruled" else verdict


def _has_validation(simulator: Simulator, shortcode: str) -> bool:
    chosen = switches_of(simulator.book, shortcode).validation
    return shortcode == simulator.settings.shortcode if chosen is None else chosen


async def _ask(simulator: Simulator, payment: C2bPayment, *, urls: C2bUrls) -> _Verdict | None:
    """What the merchant answers in time, None for nothing that can be read."""
    form = payer_form(switches_of(simulator.book, urls.shortcode), version=urls.version)
    body = validation_body(payment.as_money(at=payment.asked_at), form=form)
    said = await simulator.courier.ask(
        urls.validation_url, body=json.dumps(body), seconds=simulator.settings.validation_seconds
    )
    return _read_verdict(said)


def _read_verdict(said: bytes | None) -> _Verdict | None:
    """None for no answer, and for one that is no verdict. Daraja: a code of zeros accepts, any other refuses."""
    try:
        answer: Any = json.loads(said or b"")
    except (ValueError, RecursionError):
        return None
    code = answer.get("ResultCode") if isinstance(answer, dict) else None
    if isinstance(code, bool) or not isinstance(code, (str, int)) or not str(code).strip():
        return None
    if str(code).strip().strip("0"):
        return _Verdict(refusal=str(code).strip())
    reference = answer.get("ThirdPartyTransID")
    return _Verdict(third_party_id=reference if isinstance(reference, str) else "")


def _settle(simulator: Simulator, payment: C2bPayment, *, verdict: _Verdict, telling: Telling) -> Outcome:
    now, order = simulator.clock.now(), payment.order
    with simulator.book.transaction():
        settled = settle_payment(
            simulator.book,
            payment.receipt,
            at=now,
            refusal=verdict.refusal,
            third_party_id=verdict.third_party_id,
        )
        if not settled or verdict.refusal is not None:
            return Outcome(refusal=verdict.refusal or INTERRUPTED)
        credit(simulator.book, order.shortcode, UTILITY, order.cents)
        callbacks = book_confirmations(
            simulator, payment.as_money(at=now), telling=telling, third_party_id=verdict.third_party_id
        )
    for callback in callbacks:
        send_when_due(simulator, callback)
    return Outcome(receipt=payment.receipt)


def _key(order: C2bOrder) -> str:
    return order.bill_ref or order.phone
