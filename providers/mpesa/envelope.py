"""The Result envelope in which M-Pesa answers our orders and questions, with everything that varies in it."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from onpoint_pay.kit.phone import is_canonical
from providers.errors import CallbackMalformed
from providers.mpesa.codes import code_text
from providers.mpesa.gateway import clean_message
from providers.mpesa.values import clear_phone, identifier, moment, plain_names
from providers.strict_json import JsonObject

_PARTY = re.compile(r"\s*([0-9]{5,12})(?:\s*-.*)?", re.DOTALL)
_SHORTCODE = re.compile(r"[0-9]{5,7}")
_MOMENTS = (
    "transactioncompleteddatetime", "transcompletedtime", "finalisedtime", "finalizedtime", "bocompletedtime",
    "initiatedtime",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One result. `parameters` are by name in lower case without blanks; what has no value is absent."""

    code: str
    message: str
    conversation_id: str
    originator_id: str
    transaction_id: object
    parameters: dict[str, Any] = field(repr=False)

    @property
    def occurred_at(self) -> datetime | None:
        found = (moment(self.parameters.get(name)) for name in _MOMENTS)
        return next((value for value in found if value), None)

    @property
    def parties(self) -> dict[str, str]:
        """Who sent and who received, as far as their names begin with a number: the keys of an outcome's details.

        `shortcode` is the one that received, or else the one that sent.
        """
        debit = self._party("debitpartyname", "debitpartypublicname")
        credit = self._party("creditpartyname", "creditpartypublicname", "receiverpartypublicname")
        facts = {
            "payer_phone": debit if is_canonical(debit) else "",
            "receiver_phone": credit if is_canonical(credit) else "",
            "debit_shortcode": debit if _SHORTCODE.fullmatch(debit) else "",
            "credit_shortcode": credit if _SHORTCODE.fullmatch(credit) else "",
        }
        facts["shortcode"] = facts["credit_shortcode"] or facts["debit_shortcode"]
        return {name: value for name, value in facts.items() if value}

    def _party(self, *names: str) -> str:
        """Daraja: "600987 - ONPOINT DEMO"; a customer's number may stand there with stars."""
        for name in names:
            value = self.parameters.get(name)
            found = _PARTY.fullmatch(value) if isinstance(value, str) else None
            if found:
                return clear_phone(found[1]) or found[1]
        return ""


def read_result(document: JsonObject) -> Result:
    """The result in a callback. Raises CallbackMalformed when it lacks both of its ids or its code."""
    found = document.get("Result")
    if not isinstance(found, dict):
        raise CallbackMalformed("no Result")
    result = plain_names(found)
    code = code_text(result.get("resultcode"))
    conversation = identifier(result.get("conversationid"))
    originator = identifier(result.get("originatorconversationid"))
    if code is None or (conversation is None and originator is None):
        raise CallbackMalformed("no ResultCode, or no ConversationID")
    return Result(
        code=code,
        message=clean_message(result.get("resultdesc")),
        conversation_id=conversation or "",
        originator_id=originator or "",
        transaction_id=result.get("transactionid"),
        parameters=_named(result.get("resultparameters")),
    )


def _named(parameters: object) -> dict[str, Any]:
    """Daraja: a list of Key and Value, or one of them alone, or nothing; a Value may be missing or empty."""
    items = parameters.get("ResultParameter") if isinstance(parameters, dict) else None
    pairs = [
        (item["Key"].replace(" ", "").lower(), item.get("Value"))
        for item in (items if isinstance(items, list) else [items])
        if isinstance(item, dict) and isinstance(item.get("Key"), str)
    ]
    found: dict[str, Any] = {}
    for name, value in _with_both_parties(pairs):
        if isinstance(value, (str, int, Decimal)) and value != "":
            found.setdefault(name, value)
    return found


def _with_both_parties(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """Daraja: some status results name both parties DebitPartyName, the one credited in second place."""
    debits = [place for place, (name, _) in enumerate(pairs) if name == "debitpartyname"]
    for place in debits[1:2]:
        pairs[place] = ("creditpartyname", pairs[place][1])
    return [pair for place, pair in enumerate(pairs) if place not in debits[2:]]
