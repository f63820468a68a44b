"""Payments that payers make by themselves (C2B): what is told before and after, and what we answer."""

import json
import re
from dataclasses import dataclass
from typing import Any

from onpoint_pay.kit.redact import MASK
from providers.errors import CallbackMalformed
from providers.mpesa.gateway import clean_message, kept_document
from providers.mpesa.values import balance, callback_document, clear_phone, moment, money, receipt, text
from providers.strict_json import JsonObject
from providers.types import CallbackEvent, EventKind, Outcome, OutcomeStatus, Receipt, ValidationRefusal

CONFIRM_DOOR, VALIDATE_DOOR = "confirm", "validate"
LONGEST_REFERENCE, LONGEST_NAME = 100, 150
_HASH = re.compile(r"[0-9a-fA-F]{64}")
_MASKED = re.compile(r"[0-9 +-]*\*[0-9 *+-]*")
_LONGEST_MASKED = 24
_SHORTCODE = re.compile(r"[0-9]{4,10}")
# Daraja: the code chooses the message that the payer gets.
_REFUSALS = {
    ValidationRefusal.PAYER: "C2B00011",
    ValidationRefusal.ACCOUNT: "C2B00012",
    ValidationRefusal.AMOUNT: "C2B00013",
    ValidationRefusal.KYC: "C2B00014",
    ValidationRefusal.SHORTCODE: "C2B00015",
    ValidationRefusal.OTHER: "C2B00016",
}


def confirmation(body: bytes) -> CallbackEvent:
    """Money that a payer sent. Raises CallbackMalformed without a receipt, a shortcode or an amount."""
    document = callback_document(body)
    received = _received(document)
    return CallbackEvent(
        kind=EventKind.C2B_CONFIRMATION,
        dedupe_key=received.receipt,
        provider_reference=received.receipt,
        outcome=_outcome(OutcomeStatus.SUCCEEDED, document, received),
        received=received,
    )


def validation(body: bytes) -> CallbackEvent:
    """Money that a payer is about to send, and we are asked whether to take it. Raises as confirmation does."""
    document = callback_document(body)
    received = _received(document)
    return CallbackEvent(
        kind=EventKind.C2B_VALIDATION,
        dedupe_key=f"{received.receipt}:{VALIDATE_DOOR}",
        provider_reference=received.receipt,
        outcome=_outcome(OutcomeStatus.PENDING, document, received),
        received=received,
    )


def validation_reply(refusal: ValidationRefusal | None) -> bytes:
    """The body that takes the payment (None) or has M-Pesa cancel it."""
    if refusal is None:
        return _json({"ResultCode": "0", "ResultDesc": "Accepted"})
    return _json({"ResultCode": _REFUSALS[refusal], "ResultDesc": "Rejected"})


def confirmation_reply() -> bytes:
    """The body that says we have heard; it cannot stop anything."""
    return _json({"ResultCode": 0, "ResultDesc": "Success"})


def _json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _received(document: JsonObject) -> Receipt:
    found = receipt(document.get("TransID"))
    shortcode = text(document.get("BusinessShortCode"))
    amount = money(document.get("TransAmount"))
    if found is None or amount is None or not amount.is_positive or not _SHORTCODE.fullmatch(shortcode):
        raise CallbackMalformed("no TransID, no BusinessShortCode or no TransAmount")
    number = _Number.read(document.get("MSISDN"))
    return Receipt(
        receipt=found,
        money=amount,
        shortcode=shortcode,
        account_reference=_typed(document.get("BillRefNumber")),
        phone=number.phone,
        phone_hash=number.hashed,
        phone_masked=number.masked,
        payer_name=_name(document),
        occurred_at=moment(document.get("TransTime")),
        float_after=balance(document.get("OrgAccountBalance")),
    )


def _outcome(status: OutcomeStatus, document: JsonObject, received: Receipt) -> Outcome:
    # The hash of a number is as good as the number to anybody with an afternoon.
    shown = document | ({"MSISDN": MASK} if received.phone_hash else {})
    return Outcome(
        status=status,
        provider_reference=received.receipt,
        receipt=received.receipt if status is OutcomeStatus.SUCCEEDED else None,
        money=received.money,
        phone=received.phone,
        occurred_at=received.occurred_at,
        details={"shortcode": received.shortcode, "credit_shortcode": received.shortcode},
        raw=kept_document(shown),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Number:
    """Daraja: clear, or with stars, or since 2024 as SHA-256 of the 12 digits. A number never spoils a payment."""

    phone: str | None = None
    hashed: str | None = None
    masked: str | None = None

    @classmethod
    def read(cls, value: object) -> "_Number":
        told = text(value)
        if _HASH.fullmatch(told):
            return cls(hashed=told.lower())
        if len(told) <= _LONGEST_MASKED and _MASKED.fullmatch(told):
            return cls(masked=told)
        return cls(phone=clear_phone(told))


def _typed(value: object) -> str:
    """What the payer typed, untouched but for a length nobody types."""
    if isinstance(value, str):
        return value[:LONGEST_REFERENCE]
    return text(value)


def _name(document: JsonObject) -> str | None:
    parts = (clean_message(document.get(key)) for key in ("FirstName", "MiddleName", "LastName"))
    return " ".join(part for part in parts if part)[:LONGEST_NAME] or None
