"""What came of our orders and questions, told at the result doors, and notices that it takes too long."""

import hashlib
import re
from typing import Any, NamedTuple

from providers.errors import CallbackMalformed
from providers.mpesa import receiver_words
from providers.mpesa.codes import Api, decision, is_success
from providers.mpesa.envelope import Result, read_result
from providers.mpesa.gateway import clean_message, kept_body, kept_document
from providers.mpesa.values import balance, callback_document, charges, identifier, money, plain_names, receipt, text
from providers.strict_json import JsonObject
from providers.types import AccountBalance, CallbackEvent, EventKind, Failure, Outcome, OutcomeStatus


class Order(NamedTuple):
    """What a result door tells about, and whose table its codes are of."""

    kind: EventKind
    api: Api


DOORS = {
    "result-b2c": Order(EventKind.PAYOUT, Api.B2C),
    "result-reversal": Order(EventKind.REFUND, Api.REVERSAL),
    "result-status": Order(EventKind.TRANSACTION_STATUS, Api.STATUS),
    "result-balance": Order(EventKind.BALANCE, Api.STATUS),
}
# Where our own reference stands in a request that comes back. In a question about a transaction,
# OriginatorConversationID is that of the transaction.
NOTICE_DOORS = {
    "timeout-b2c": ("originatorconversationid",),
    "timeout-reversal": ("originatorconversationid", "occasion"),
    "timeout-status": ("occasion",),
    "timeout-balance": ("originatorconversationid", "remarks"),
}

# Daraja: what a transaction's own status says; every other word is on the way to one of these.
_FATES: dict[str, Failure | None] = {
    "completed": None,
    "declined": receiver_words.DECLINED,
    "cancelled": receiver_words.CANCELLED,
    "canceled": receiver_words.CANCELLED,
    "expired": receiver_words.EXPIRED,
}
# Not in the documentation, met in practice: the money of this transaction has gone back.
_REVERSED = "reversed"
_ALREADY_REVERSED = "R000001"
_UNKNOWN_THERE_CODES = frozenset({"R000002"})
_MISSING = re.compile(r"(?:transaction|receipt|conversation)\b.*\b(?:not exist|not found|not be found)\b")
_SOMEBODY_ELSE = re.compile(r"initiator|party|operator|organi[sz]ation|shortcode|identity|user")
_ACCOUNT_FIELDS = 4


# --- results ----------------------------------------------------------------------------------------------------------


def result_callback(body: bytes, *, door: str) -> CallbackEvent:
    """The result told at a result door. Raises CallbackMalformed when it cannot be read or lacks its ids or code."""
    result = read_result(callback_document(body))
    kind, api = DOORS[door]
    balances: tuple[AccountBalance, ...] = ()
    raw = kept_body(body)
    if kind is EventKind.TRANSACTION_STATUS:
        outcome = _asked_about(result, raw=raw)
    elif kind is EventKind.BALANCE:
        balances = _balances(result)
        outcome = _balance_outcome(result, balances, raw=raw)
    else:
        outcome = _order_outcome(result, api, raw=raw)
    return CallbackEvent(
        kind=kind,
        dedupe_key=f"{result.originator_id}:{result.conversation_id}:{result.code}:{door}",
        provider_reference=result.conversation_id,
        outcome=outcome,
        our_reference=result.originator_id or None,
        balances=balances,
    )


def _facts(result: Result, *, raw: bytes) -> dict[str, Any]:
    """What is the same in every outcome."""
    names = {"conversation_id": result.conversation_id, "originator_conversation_id": result.originator_id}
    return {
        "provider_code": result.code,
        "provider_message": result.message,
        "occurred_at": result.occurred_at,
        "details": {name: value for name, value in names.items() if value},
        "raw": raw,
    }


def _order_outcome(result: Result, api: Api, *, raw: bytes) -> Outcome:
    """The code decides, whatever the words say. A success may come without any parameters."""
    status, failure = decision(result.code, api, was_asked=False)
    told = result.parameters
    facts = _facts(result, raw=raw)
    parties = result.parties
    original = receipt(told.get("originaltransactionid"))
    facts["details"] |= parties | ({"original_receipt": original} if original else {})
    return Outcome(
        status=status,
        provider_reference=result.conversation_id or None,
        receipt=None if failure else receipt(told.get("transactionreceipt")) or receipt(result.transaction_id),
        failure=failure,
        money=money(told.get("transactionamount", told.get("amount"))),
        is_reversed=api is Api.REVERSAL and result.code.upper() == _ALREADY_REVERSED,
        fee=money(told.get("charge")),
        phone=parties.get("receiver_phone"),
        **facts,
    )


def _asked_about(result: Result, *, raw: bytes) -> Outcome:
    """What became of the transaction asked about; a question that failed tells nothing about it."""
    facts = _facts(result, raw=raw)
    fate = clean_message(result.parameters.get("transactionstatus"))
    if not is_success(result.code) or not fate:
        return Outcome(status=OutcomeStatus.UNKNOWN, is_unknown_there=_is_unknown_there(result), **facts)
    told = result.parameters
    parties = result.parties
    original = identifier(told.get("originatorconversationid"))
    is_ours = "debit_shortcode" in parties
    facts["provider_message"] = fate
    facts["details"] |= parties | {"transaction_status": fate} | ({"original_reference": original} if original else {})
    status, failure = _fate(fate)
    return Outcome(
        status=status,
        provider_reference=identifier(told.get("conversationid")),
        receipt=receipt(told.get("receiptno")),
        failure=failure,
        money=money(told.get("amount")),
        # Of money that a customer sent, it is the customer's.
        fee=charges(told.get("debitpartycharges")) if is_ours else None,
        phone=parties.get("payer_phone") or parties.get("receiver_phone"),
        is_reversed=fate.lower() == _REVERSED,
        **facts,
    )


def _fate(word: str) -> tuple[OutcomeStatus, Failure | None]:
    if word.lower() not in _FATES:
        return OutcomeStatus.PENDING, None
    failure = _FATES[word.lower()]
    return (OutcomeStatus.FAILED if failure else OutcomeStatus.SUCCEEDED), failure


def _is_unknown_there(result: Result) -> bool:
    """Whether M-Pesa says that it has no such transaction, and not that somebody else is missing."""
    said = result.message.lower()
    is_missing = bool(_MISSING.search(said)) and not _SOMEBODY_ELSE.search(said)
    return not is_success(result.code) and (is_missing or result.code.upper() in _UNKNOWN_THERE_CODES)


# --- balances ---------------------------------------------------------------------------------------------------------


def _balance_outcome(result: Result, balances: tuple[AccountBalance, ...], *, raw: bytes) -> Outcome:
    status, failure = decision(result.code, Api.STATUS, was_asked=False)
    if status is OutcomeStatus.SUCCEEDED and not balances:
        status = OutcomeStatus.UNKNOWN
    return Outcome(
        status=status,
        provider_reference=result.conversation_id or None,
        failure=failure,
        **_facts(result, raw=raw),
    )


def _balances(result: Result) -> tuple[AccountBalance, ...]:
    """Daraja: name|currency|current|available|reserved|uncleared, joined with &. What cannot be read is left out."""
    told = text(result.parameters.get("accountbalance")) if is_success(result.code) else ""
    found = (_account(part.split("|")) for part in told.split("&"))
    return tuple(account for account in found if account)


def _account(fields: list[str]) -> AccountBalance | None:
    if len(fields) < _ACCOUNT_FIELDS:
        return None
    name, currency = clean_message(fields[0]), fields[1].strip()
    current, available = balance(fields[2], currency), balance(fields[3], currency)
    if not name or current is None or available is None:
        return None
    return AccountBalance(name=name, current=current, available=available)


# --- notices ----------------------------------------------------------------------------------------------------------


def notice_callback(body: bytes, *, door: str) -> CallbackEvent:
    """A notice that an order or a question waited too long. It decides nothing: the result may still come.

    Daraja: either our own request comes back, API user's credential and all, or a Result. Raises CallbackMalformed for
    anything else.
    """
    document = callback_document(body)
    raw = kept_document(document)
    if "Result" in document:
        return _notice_of_result(read_result(document), door=door, raw=raw)
    echoed = plain_names(document)
    if not text(echoed.get("commandid")):
        raise CallbackMalformed("neither our request nor a Result")
    reference = next(filter(None, (identifier(echoed.get(name)) for name in NOTICE_DOORS[door])), None)
    outcome = Outcome(status=OutcomeStatus.UNKNOWN, money=money(echoed.get("amount")), details=_echoed(echoed), raw=raw)
    return CallbackEvent(
        kind=EventKind.NOTICE,
        dedupe_key=f"{reference or hashlib.sha256(raw).hexdigest()}:::{door}",
        provider_reference="",
        outcome=outcome,
        our_reference=reference,
    )


def _notice_of_result(result: Result, *, door: str, raw: bytes) -> CallbackEvent:
    return CallbackEvent(
        kind=EventKind.NOTICE,
        dedupe_key=f"{result.originator_id}:{result.conversation_id}:{result.code}:{door}",
        provider_reference=result.conversation_id,
        outcome=Outcome(
            status=OutcomeStatus.UNKNOWN,
            provider_reference=result.conversation_id or None,
            **_facts(result, raw=raw),
        ),
        our_reference=result.originator_id or None,
    )


def _echoed(document: JsonObject) -> dict[str, str]:
    facts = {
        "command": text(document.get("commandid"))[:50],
        "original_receipt": receipt(document.get("transactionid")) or "",
        "shortcode": identifier(document.get("partya")) or identifier(document.get("receiverparty")) or "",
    }
    return {name: value for name, value in facts.items() if value}
