"""Prompts on the payer's phone: our types to Daraja's JSON and back. Pure: no network, no clock."""

import base64
from datetime import datetime
from typing import Any

from onpoint_pay.kit.clock import nairobi_stamp, parse_nairobi_stamp
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.phone import is_canonical
from providers.errors import CallbackMalformed, ProviderTimeout
from providers.mpesa import words
from providers.mpesa.answers import not_sent, refused_with, response_code, trouble, whole_shillings
from providers.mpesa.codes import Api, code_text, decision, is_success, lookup
from providers.mpesa.config import MpesaConfig
from providers.mpesa.gateway import GatewayAnswer, Verdict, clean_message, judge, kept_body, refusal
from providers.mpesa.values import callback_document, clean_reference, clean_words, identifier, money, receipt
from providers.strict_json import JsonObject
from providers.types import (
    CallbackEvent,
    ChargeRequest,
    EventKind,
    NextAction,
    Outcome,
    OutcomeStatus,
    QueryRequest,
)

LONGEST_DESCRIPTION = 13
# A prompt that never was: asking about it moves nothing, and its password is checked first.
PROBE = QueryRequest(provider_reference="ws_CO_01012000000000000000000000", amount=Money(100))
_ACCOUNT_FAULTS = (
    words.PASSKEY,
    words.SHORTCODE,
    words.SHORTCODE_UNKNOWN,
    words.PRODUCT_MISSING,
    words.CREDENTIALS,
    words.ACCESS_BLOCKED,
)
_PAYBILL, _TILL = "CustomerPayBillOnline", "CustomerBuyGoodsOnline"


# --- requests ---------------------------------------------------------------------------------------------------------


def push_document(request: ChargeRequest, config: MpesaConfig, *, at: datetime) -> JsonObject:
    """The STK push. Raises ProviderRejected for what M-Pesa cannot take: cents, other currencies, other numbers."""
    phone: str | int = _phone(request)
    return {
        **_signed(config, at),
        "TransactionType": _TILL if config.till else _PAYBILL,
        "Amount": whole_shillings(request.amount),
        "PartyA": int(phone) if config.phone_as_number else phone,
        "PartyB": config.till or config.shortcode,
        "PhoneNumber": int(phone) if config.phone_as_number else phone,
        "CallBackURL": request.callback_url,
        "AccountReference": clean_reference(request.account_reference) or clean_reference(request.payee) or "Payment",
        "TransactionDesc": clean_description(request.description),
    }


def query_document(request: QueryRequest, config: MpesaConfig, *, at: datetime) -> JsonObject:
    """The STK query."""
    return {**_signed(config, at), "CheckoutRequestID": request.provider_reference}


def password(config: MpesaConfig, stamp: str) -> str:
    """Daraja: base64 of shortcode, passkey and the request's own timestamp."""
    return base64.b64encode(f"{config.shortcode}{config.passkey}{stamp}".encode()).decode()


def clean_description(text: str) -> str:
    """One to 13 letters, digits, spaces and hyphens. Daraja calls it optional and refuses requests without it."""
    return clean_words(text, longest=LONGEST_DESCRIPTION) or "Payment"


def _signed(config: MpesaConfig, at: datetime) -> JsonObject:
    stamp = nairobi_stamp(at)
    return {"BusinessShortCode": config.shortcode, "Password": password(config, stamp), "Timestamp": stamp}


def _phone(request: ChargeRequest) -> str:
    if not is_canonical(request.phone):
        raise not_sent(words.PHONE_REFUSED, "not a Kenyan mobile number")
    return request.phone


# --- answers ----------------------------------------------------------------------------------------------------------


def push_outcome(answer: GatewayAnswer, request: ChargeRequest, config: MpesaConfig) -> Outcome:
    """Accepted is pending. Raises ProviderRejected for a definite refusal, ProviderTimeout for all that is unclear."""
    code = response_code(answer)
    if code is None:
        raise trouble(answer)
    if not is_success(code):
        meaning = lookup(code, Api.STK)
        raise refused_with(code, (meaning.failure if meaning else None) or words.REQUEST_REFUSED, answer)
    return _accepted(answer.document or {}, answer, request, config)


def _accepted(document: JsonObject, answer: GatewayAnswer, request: ChargeRequest, config: MpesaConfig) -> Outcome:
    checkout_id = identifier(document.get("CheckoutRequestID"))
    if checkout_id is None:
        # The prompt is out, and only its callback can tell which it was.
        raise ProviderTimeout("accepted without a CheckoutRequestID", raw=answer.kept)
    return Outcome(
        status=OutcomeStatus.PENDING,
        provider_reference=checkout_id,
        provider_code=code_text(document["ResponseCode"]),
        provider_message=clean_message(document.get("ResponseDescription")),
        money=request.amount,
        phone=request.phone,
        next_action=NextAction.APPROVE_ON_PHONE,
        customer_message=_ask_for_pin(request),
        details=_details(document, checkout_id) | {"shortcode": config.shortcode},
        raw=answer.kept,
    )


def _ask_for_pin(request: ChargeRequest) -> str:
    amount = f"{request.amount.currency} {request.amount.whole_units()}"
    if request.language == "sw":
        return f"Angalia simu yako na uweke PIN ya M-Pesa kulipa {amount} kwa {request.payee or 'mfanyabiashara'}."
    return f"Check your phone and enter your M-Pesa PIN to pay {amount} to {request.payee or 'the merchant'}."


def query_outcome(answer: GatewayAnswer, request: QueryRequest) -> Outcome:
    """Final codes decide; a prompt still open is pending; every other answer is unknown. Never raises."""
    document = answer.document or {}
    code = code_text(document.get("ResultCode"))
    if answer.status != 200 or code is None or "errorCode" in document:
        return _undecided(answer, request)
    message = clean_message(document.get("ResultDesc"))
    facts: dict[str, Any] = {
        "provider_reference": request.provider_reference,
        "provider_code": code,
        "provider_message": message,
        "details": _details(document, request.provider_reference),
        "raw": answer.kept,
    }
    if "being processed" in message.lower() or "under processing" in message.lower():
        return Outcome(status=OutcomeStatus.PENDING, **facts)
    response = code_text(document.get("ResponseCode", "0"))
    is_foreign = document.get("CheckoutRequestID", request.provider_reference) != request.provider_reference
    if is_foreign or response is None or not is_success(response):
        return Outcome(status=OutcomeStatus.UNKNOWN, **facts)
    status, failure = decision(code, Api.STK, was_asked=True)
    return Outcome(status=status, failure=failure, **facts)


def _undecided(answer: GatewayAnswer, request: QueryRequest) -> Outcome:
    """An answer about the question, not about the payment."""
    ruling = judge(answer)
    return Outcome(
        status=OutcomeStatus.PENDING if ruling.verdict is Verdict.PENDING else OutcomeStatus.UNKNOWN,
        provider_reference=request.provider_reference,
        provider_code=ruling.code or f"HTTP {answer.status}",
        provider_message=ruling.message or None,
        is_unknown_there=ruling.verdict is Verdict.NOT_FOUND,
        raw=answer.kept,
    )


def check_probe_answer(answer: GatewayAnswer) -> None:
    """Returns when the answer about PROBE shows that shortcode and passkey were taken.

    Raises ProviderRejected when they, or the app, were not, and ProviderTimeout for what tells neither.
    """
    ruling = judge(answer)
    if ruling.verdict is Verdict.NOT_FOUND or response_code(answer) is not None:
        return
    if ruling.failure in _ACCOUNT_FAULTS:
        raise refusal(ruling, answer)
    raise ProviderTimeout(f"HTTP {answer.status} {ruling.code} {ruling.message}".strip(), raw=answer.kept)


# --- callbacks --------------------------------------------------------------------------------------------------------


def push_callback(body: bytes) -> CallbackEvent:
    """The result of a prompt. Raises CallbackMalformed when it cannot be read or lacks its id or its code."""
    result = _result_of(body)
    checkout_id = identifier(result.get("CheckoutRequestID"))
    code = code_text(result.get("ResultCode"))
    if checkout_id is None or code is None:
        raise CallbackMalformed("no CheckoutRequestID or no ResultCode")
    status, failure = decision(code, Api.STK, was_asked=False)
    named = _metadata(result.get("CallbackMetadata"))
    paid = receipt(named.get("mpesareceiptnumber"))
    outcome = Outcome(
        status=status,
        provider_reference=checkout_id,
        receipt=paid,
        failure=failure,
        provider_code=code,
        provider_message=clean_message(result.get("ResultDesc")),
        money=money(named.get("amount")),
        phone=_payer(named.get("phonenumber")),
        occurred_at=parse_nairobi_stamp(named.get("transactiondate")),
        details=_details(result, checkout_id),
        raw=kept_body(body),
    )
    return CallbackEvent(
        kind=EventKind.CHARGE,
        dedupe_key=f"{checkout_id}:{code}:{paid or ''}",
        provider_reference=checkout_id,
        outcome=outcome,
    )


def _result_of(body: bytes) -> JsonObject:
    envelope = callback_document(body).get("Body")
    result = envelope.get("stkCallback") if isinstance(envelope, dict) else None
    if not isinstance(result, dict):
        raise CallbackMalformed("no Body.stkCallback")
    return result


def _metadata(metadata: object) -> dict[str, object]:
    """Daraja: a list of Name and Value, or one of them alone; on failure nothing; `Value` may be missing or empty."""
    items = metadata.get("Item") if isinstance(metadata, dict) else None
    found: dict[str, object] = {}
    for item in items if isinstance(items, list) else [items]:
        name, value = (item.get("Name"), item.get("Value")) if isinstance(item, dict) else (None, None)
        if isinstance(name, str) and value not in (None, ""):
            found.setdefault(name.lower(), value)
    return found


def _payer(value: object) -> str | None:
    """The payer's number; None when it is masked or hashed."""
    text = str(value) if isinstance(value, (str, int)) else ""
    return text if is_canonical(text) else None


def _details(document: JsonObject, checkout_id: str) -> dict[str, str]:
    merchant_request_id = identifier(document.get("MerchantRequestID"))
    found = {"checkout_request_id": checkout_id}
    return found | ({"merchant_request_id": merchant_request_id} if merchant_request_id else {})
