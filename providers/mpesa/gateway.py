"""Daraja's answers about a call itself: refusals, token trouble, and what stays unclear."""

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from onpoint_pay.kit.redact import redact, redact_text
from providers.errors import ProviderRejected
from providers.mpesa import receiver_words, words
from providers.strict_json import JsonObject
from providers.types import Failure, Outcome, OutcomeStatus

KEPT_BYTES = 8_192
KEPT_CHARACTERS = 300


class Verdict(StrEnum):
    """What an error answer says about the call."""

    REFUSED = "refused"
    BAD_TOKEN = "bad_token"  # noqa: S105 - a word, no secret
    PENDING = "pending"
    NOT_FOUND = "not_found"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayAnswer:
    """One HTTP answer. `document` is None when the body is not a JSON object we are willing to read."""

    status: int
    document: JsonObject | None = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def kept(self) -> bytes:
        """The body as it may be stored: masked, and cut."""
        return kept_body(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The verdict on an answer, with its code and words. A refusal has a failure."""

    verdict: Verdict
    failure: Failure | None
    code: str
    message: str


Rule = tuple[tuple[str, ...], str, Verdict, Failure | None]
ANY: tuple[str, ...] = ()

# One code carries several meanings, so rules match on the code and a part of the text; the first that fits decides.
# Daraja: the codes embed an HTTP status that need not be the one they come with.
RULES: tuple[Rule, ...] = (
    (ANY, "duplicate originatorconversationid", Verdict.UNCLEAR, None),
    (ANY, "no apiproduct match", Verdict.REFUSED, words.PRODUCT_MISSING),
    (("401.003.01",), "", Verdict.REFUSED, words.PRODUCT_MISSING),
    (("400.002.02",), "invalid phonenumber", Verdict.REFUSED, words.PHONE_REFUSED),
    (("400.002.02",), "invalid partya", Verdict.REFUSED, words.PHONE_REFUSED),
    (("400.002.02",), "invalid businessshortcode", Verdict.REFUSED, words.SHORTCODE),
    (("400.002.02",), "invalid partyb", Verdict.REFUSED, words.SHORTCODE),
    (("400.002.02",), "invalid shortcode", Verdict.REFUSED, words.SHORTCODE),
    (("400.002.02",), "invalid receiverparty", Verdict.REFUSED, words.SHORTCODE),
    (("400.002.02",), "invalid cpi", Verdict.REFUSED, words.SHORTCODE),
    (("400.002.02",), "invalid nominatednumber", Verdict.REFUSED, words.PHONE_REFUSED),
    (("400.002.02",), "invalid initiator", Verdict.REFUSED, words.INITIATOR),
    (("400.002.02",), "invalid securitycredential", Verdict.REFUSED, words.INITIATOR),
    (("400.002.02",), "invalid transactionid", Verdict.REFUSED, receiver_words.ORIGINAL_MISSING),
    (("400.002.02",), "invalid callbackurl", Verdict.REFUSED, words.ADDRESS_REFUSED),
    (("400.002.02",), "invalid resulturl", Verdict.REFUSED, words.ADDRESS_REFUSED),
    (("400.002.02",), "invalid queuetimeouturl", Verdict.REFUSED, words.ADDRESS_REFUSED),
    (("400.002.02",), "invalid confirmationurl", Verdict.REFUSED, words.ADDRESS_REFUSED),
    (("400.002.02",), "invalid validationurl", Verdict.REFUSED, words.ADDRESS_REFUSED),
    (("400.002.02",), "invalid password", Verdict.REFUSED, words.PASSKEY),
    (("400.002.02", "400.002.05", "400.003.02"), "", Verdict.REFUSED, words.REQUEST_REFUSED),
    (("400.008.01", "400.008.02"), "", Verdict.REFUSED, words.CREDENTIALS),
    (("404.001.01", "404.002.01", "404.003.01"), "", Verdict.REFUSED, words.PRODUCT_MISSING),
    (("404.001.04", "405.001"), "", Verdict.REFUSED, words.REQUEST_REFUSED),
    (("500.001.1001",), "wrong credentials", Verdict.REFUSED, words.PASSKEY),
    (("500.001.1001",), "merchant does not exist", Verdict.REFUSED, words.SHORTCODE_UNKNOWN),
    (("500.001.1001",), "unable to lock subscriber", Verdict.REFUSED, words.CUSTOMER_BUSY),
    (ANY, "being processed", Verdict.PENDING, None),
    (ANY, "under processing", Verdict.PENDING, None),
    (("500.001.1001",), "transaction does not exist", Verdict.NOT_FOUND, None),
    (("500.002.1001",), "", Verdict.UNCLEAR, None),
    (("500.003.1001",), "urls are already registered", Verdict.REFUSED, words.ALREADY_REGISTERED),
    (("500.003.1001",), "duplicate notification info", Verdict.REFUSED, words.ALREADY_REGISTERED),
    (ANY, "spike arrest", Verdict.REFUSED, words.TOO_FAST),
    (ANY, "policies.ratelimit.spikearrest", Verdict.REFUSED, words.TOO_FAST),
    (ANY, "quota violation", Verdict.REFUSED, words.QUOTA),
    (ANY, "policies.ratelimit.quota", Verdict.REFUSED, words.QUOTA),
    (("500.003.02",), "", Verdict.REFUSED, words.SYSTEM_BUSY),
    (("500.003.03",), "", Verdict.REFUSED, words.QUOTA),
)
# For orders of our own, PartyA is the shortcode and PartyB the receiver; for prompts it is the other way round, and
# there a passkey takes the place of the API user.
ORDER_RULES: tuple[Rule, ...] = (
    (("400.002.02",), "invalid partya", Verdict.REFUSED, words.SHORTCODE),
    (("400.002.02",), "invalid partyb", Verdict.REFUSED, receiver_words.RECEIVER_REFUSED),
    (("500.001.1001",), "wrong credentials", Verdict.REFUSED, words.INITIATOR),
    (("500.001.1001",), "unable to lock subscriber", Verdict.REFUSED, words.SYSTEM_BUSY),
)
# Daraja: what registering answers for a shortcode of the wrong kind, a SOAP fault of the gateway's own.
REGISTRATION_RULES: tuple[Rule, ...] = ((ANY, "sco-addurlvault failed", Verdict.REFUSED, words.SHORTCODE),)
BAD_TOKEN_CODES = frozenset({"400.003.01", "401.002.01", "404.001.03"})
BAD_TOKEN_STATUSES = frozenset({400, 401, 404})
# Refused by their HTTP status alone, whatever the body: none of them comes from behind the gateway.
REFUSING_STATUSES: dict[int, Failure] = {401: words.CREDENTIALS, 403: words.ACCESS_BLOCKED, 429: words.TOO_FAST}


def judge(answer: GatewayAnswer, *, first: tuple[Rule, ...] = ()) -> Ruling:
    """What an answer that is not the expected one says about the call. Undocumented ones are unclear.

    `first` are rules of one API that go before the common ones.
    """
    code, message = _error_of(answer.document)
    verdict, failure = _verdict(answer.status, code, message.lower(), rules=first + RULES)
    return Ruling(verdict=verdict, failure=failure, code=code, message=message)


def refusal(ruling: Ruling, answer: GatewayAnswer) -> ProviderRejected:
    """The error for a definite refusal."""
    return ProviderRejected(
        Outcome(
            status=OutcomeStatus.FAILED,
            failure=ruling.failure or words.CREDENTIALS,
            provider_code=ruling.code or f"HTTP {answer.status}",
            provider_message=ruling.message or None,
            raw=answer.kept,
        )
    )


def kept_body(body: bytes) -> bytes:
    """A body as it may be stored: masked, and cut."""
    masked: bytes = redact(body)
    return masked[:KEPT_BYTES]


def kept_document(document: JsonObject) -> bytes:
    """As kept_body, for documents with secrets in them: masked by name, however the sender wrote it down."""
    return json.dumps(redact(document), default=str).encode()[:KEPT_BYTES]


def clean_message(value: object) -> str:
    """A provider's words fit to be stored and shown: one line, no control characters, phones and tokens masked."""
    text = value if isinstance(value, str) else ""
    printable = "".join(character if character.isprintable() else " " for character in text[: 2 * KEPT_CHARACTERS])
    return redact_text(printable).strip()[:KEPT_CHARACTERS]


def _verdict(status: int, code: str, text: str, *, rules: tuple[Rule, ...]) -> tuple[Verdict, Failure | None]:
    for codes, part, verdict, failure in rules:
        if (not codes or code in codes) and part in text:
            return verdict, failure
    if _is_about_token(status, code, text):
        return Verdict.BAD_TOKEN, words.CREDENTIALS
    if status in REFUSING_STATUSES:
        return Verdict.REFUSED, REFUSING_STATUSES[status]
    if 400 <= status < 500 and code.startswith("4"):
        # The 4xx family is the gateway's own: it refuses before M-Pesa sees anything.
        return Verdict.REFUSED, words.REQUEST_REFUSED
    return Verdict.UNCLEAR, None


def _is_about_token(status: int, code: str, text: str) -> bool:
    if status == 401 and not code:
        return True
    return (code in BAD_TOKEN_CODES or "invalid access token" in text) and status in BAD_TOKEN_STATUSES


def _error_of(document: JsonObject | None) -> tuple[str, str]:
    """Code and words of the usual error body, an API-management fault or a SOAP fault; empty without one."""
    if document is None:
        return "", ""
    code = document.get("errorCode")
    message = document.get("errorMessage")
    if code is None and message is None:
        fault = _inside(document, "fault") or _inside(document, "Envelope", "Body", "Fault")
        detail = _inside(fault, "detail").get("errorcode")
        message = " ".join(part for part in (fault.get("faultstring"), detail) if isinstance(part, str))
    return (clean_message(code) if isinstance(code, str) else ""), clean_message(message)


def _inside(document: JsonObject, *names: str) -> JsonObject:
    found: Any = document
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
