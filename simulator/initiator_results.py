"""What results and time-out notices say: the bodies of the initiator APIs, with the shapes a quirk gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.c2b_bodies import decimal_text
from simulator.identifiers import EAT, eat_digits
from simulator.initiator_book import B2C, BALANCE, REVERSAL, STATUS
from simulator.outcomes import PAID

Parameters = Sequence[tuple[str, Any]]

NO_VALUE = object()
"""For a parameter that is there by name only."""

QUIRKS: dict[str, str] = {
    "single_parameter": "one parameter is told, as an object instead of a list; failures tell their time",
    "no_parameters": "a success tells none",
    "reference_list": "ReferenceItem is a list",
    "text_codes": "ResultType and ResultCode are text",
    "number_codes": "they are numbers, the account balance's too",
    "legacy_keys": "keys of earlier years: with blanks, FinalizedTime, DebitAccountCurrentBalance",
    "double_keys": "the status names the credit party DebitPartyName as well",
    "timeout_envelope": "a time-out notice is a Result instead of the request itself",
    "declined": "lies: the status of a completed transaction is Declined",
    "partial_reversals": "part of a payment may be reversed",
}

_CHIEF_PARAMETER = {
    B2C: "TransactionReceipt",
    REVERSAL: "OriginalTransactionID",
    STATUS: "TransactionStatus",
    BALANCE: "AccountBalance",
}
_LEGACY_KEYS = {
    "ConversationID": "Conversation ID",
    "OriginatorConversationID": "Originator Conversation ID",
    "FinalisedTime": "FinalizedTime",
    "CreditPartyCharges": "DebitPartyCharges",
    "DebitAccountBalance": "DebitAccountCurrentBalance",
}
_LEGACY_SUCCESS = "The service request has been accepted successfully."
_REFERENCE_URL = "https://internalapi.safaricom.co.ke/mpesa/{}/v1/submit"
_REFERENCE_PATHS = {B2C: "b2cresults", REVERSAL: "reversalresults", BALANCE: "abresults"}

# No JSON writer keeps the two decimals of `1500.00`: the figure travels as text between NULs, which no field can hold.
_FIGURE = re.compile(r'"\\u0000(-?[0-9]+\.[0-9]{2})\\u0000"')


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What one result tells. `receipt` is empty where no money moved: `transaction_id` then is a placeholder."""

    kind: str
    code: str
    text: str
    originator_conversation_id: str
    conversation_id: str
    receipt: str
    transaction_id: str
    at: float
    parameters: Parameters
    occasion: str


def figure(cents: int) -> str:
    """KES with two decimals, as a number in the JSON to be."""
    return f"\0{decimal_text(cents)}\0"


def shillings(cents: int) -> int | str:
    """KES as a number, without decimals where there are no cents."""
    return figure(cents) if cents % 100 else cents // 100


def account_text(name: str, cents: int) -> str:
    """Daraja: name, currency, current, available, reserved and uncleared funds, joined by `|`."""
    return f"{name} Account|KES|{decimal_text(cents)}|{decimal_text(cents)}|0.00|0.00"


def public_name(number: str, name: str) -> str:
    return f"{number} - {name}"


def dotted_time(at: float) -> str:
    """`DD.MM.YYYY HH:mm:ss` in East Africa Time, the form of B2C alone."""
    return datetime.fromtimestamp(at, EAT).strftime("%d.%m.%Y %H:%M:%S")


def result_body(news: News, quirks: frozenset[str]) -> str:
    """The body of a result as JSON. Daraja: no parameters on failure, alphanumeric codes as text."""
    as_text = "text_codes" in quirks or (news.kind == BALANCE and "number_codes" not in quirks)
    body: dict[str, Any] = {
        "ResultType": "0" if as_text else 0,
        "ResultCode": news.code if as_text or not news.code.isdecimal() else int(news.code),
        "ResultDesc": _description(news, quirks),
        "OriginatorConversationID": news.originator_conversation_id,
        "ConversationID": news.conversation_id,
        "TransactionID": news.transaction_id,
    }
    told = _parameters(news, quirks)
    if told is not None:
        body["ResultParameters"] = {"ResultParameter": told}
    reference = _reference(news)
    body["ReferenceData"] = {"ReferenceItem": [reference] if "reference_list" in quirks else reference}
    return _FIGURE.sub(r"\1", json.dumps({"Result": body}))


def _description(news: News, quirks: frozenset[str]) -> str:
    if news.code == PAID and quirks & {"legacy_keys", "no_parameters"}:
        return _LEGACY_SUCCESS
    return news.text.rstrip(".") if news.kind == BALANCE else news.text


def _parameters(news: News, quirks: frozenset[str]) -> Any:
    if news.code != PAID:
        timed = "single_parameter" in quirks or news.kind == BALANCE
        return _item("BOCompletedTime", eat_digits(news.at)) if timed else None
    if "no_parameters" in quirks:
        return None
    if "single_parameter" in quirks:
        chief = _CHIEF_PARAMETER[news.kind]
        return _item(_key(chief, quirks), _lie(chief, dict(news.parameters)[chief], quirks))
    return [_item(_key(name, quirks), _lie(name, value, quirks)) for name, value in news.parameters]


def _lie(name: str, value: Any, quirks: frozenset[str]) -> Any:
    return "Declined" if name == "TransactionStatus" and "declined" in quirks else value


def _key(name: str, quirks: frozenset[str]) -> str:
    if "double_keys" in quirks and name == "CreditPartyName":
        return "DebitPartyName"
    return _LEGACY_KEYS.get(name, name) if "legacy_keys" in quirks else name


def _item(key: str, value: Any) -> dict[str, Any]:
    return {"Key": key} if value is NO_VALUE else {"Key": key, "Value": value}


def _reference(news: News) -> dict[str, Any]:
    if news.kind == STATUS:
        return _item("Occasion", news.occasion or NO_VALUE)
    return _item("QueueTimeoutURL", _REFERENCE_URL.format(_REFERENCE_PATHS[news.kind]))


def timeout_body(request: Mapping[str, Any], news: News, quirks: frozenset[str]) -> str:
    """A time-out notice. Daraja: the request itself comes back, credential and all; other sources tell of a Result."""
    if "timeout_envelope" not in quirks:
        return json.dumps({"OriginatorConversationID": news.originator_conversation_id} | dict(request))
    envelope = {
        "ResultType": 1,
        "ResultCode": 1,
        "ResultDesc": "The service request timed out.",
        "OriginatorConversationID": news.originator_conversation_id,
        "ConversationID": news.conversation_id,
        "TransactionID": "",
        "ReferenceData": {"ReferenceItem": []},
    }
    return json.dumps({"Result": envelope})
