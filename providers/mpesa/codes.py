"""M-Pesa's result codes: what each means for each API, and how a payment ends on it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from providers.mpesa import receiver_words, words
from providers.mpesa.receiver_words import to_receiver
from providers.types import Failure, OutcomeStatus


class Api(StrEnum):
    """The APIs that give result codes; one code can mean different things to different ones."""

    STK = "stk"
    B2C = "b2c"
    B2B = "b2b"
    B2B_EXPRESS = "b2b_express"
    REVERSAL = "reversal"
    STATUS = "status"
    RATIBA = "ratiba"


class Kind(StrEnum):
    """Who can do something about it. UNKNOWN is not believed when it comes by callback: we ask first."""

    OK = "ok"
    USER = "user"
    FUNDS = "funds"
    LIMIT = "limit"
    WAIT = "wait"
    CONFIG = "config"
    UNKNOWN = "unknown"
    PENDING = "pending"


class End(StrEnum):
    """Where the operation stands once the code is believed."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    PENDING = "pending"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One code for one API. Without a failure it never ends an operation badly."""

    code: str
    text: str
    api: Api
    kind: Kind
    failure: Failure | None

    @property
    def end(self) -> End:
        if self.kind is Kind.OK:
            return End.COMPLETED
        if self.kind is Kind.PENDING:
            return End.PENDING
        return End.UNKNOWN if self.failure is None else End(self.failure.closes_as)

    @property
    def asks_first(self) -> bool:
        """Whether the code decides only when it is the answer to our own question."""
        return self.kind is Kind.UNKNOWN


EVERY = tuple(Api)
STK = (Api.STK,)
B2C = (Api.B2C,)
OTHERS = tuple(api for api in Api if api is not Api.STK)
SEND = (Api.B2C, Api.B2B)
# Started by the one who pays, and started by us: their failures are told to different people.
FROM_PAYER = (Api.STK, Api.B2B_EXPRESS, Api.RATIBA)
FROM_US = (*SEND, Api.REVERSAL, Api.STATUS)

Row = tuple[str, str, Iterable[Api], Kind, Failure | None]

# Daraja: the result codes of the documentation, of live logs and of production code, as text.
_ROWS: tuple[Row, ...] = (
    ("0", "processed successfully", EVERY, Kind.OK, None),
    ("1", "balance is insufficient: the payer's", STK, Kind.FUNDS, words.PAYER_BALANCE),
    ("1", "balance is insufficient: our own", OTHERS, Kind.FUNDS, receiver_words.OUR_FLOAT),
    ("2", "less than the minimum amount", STK, Kind.LIMIT, words.TOO_SMALL),
    ("2", "less than the minimum amount", B2C, Kind.LIMIT, receiver_words.TOO_SMALL),
    ("3", "more than the maximum amount", STK, Kind.LIMIT, words.TOO_LARGE),
    ("3", "more than the maximum amount", B2C, Kind.LIMIT, receiver_words.TOO_LARGE),
    ("4", "would exceed the daily limit", STK, Kind.LIMIT, words.DAILY_LIMIT),
    ("4", "would exceed the daily limit", B2C, Kind.LIMIT, receiver_words.DAILY_LIMIT),
    ("5", "would go below the minimum balance: the payer's", FROM_PAYER, Kind.LIMIT, words.BALANCE_TOO_LOW_AFTER),
    ("5", "would go below the minimum balance: our own", FROM_US, Kind.LIMIT, receiver_words.BALANCE_TOO_LOW_AFTER),
    ("6", "unresolved primary party", EVERY, Kind.CONFIG, words.SHORTCODE),
    ("7", "unresolved receiver party", FROM_PAYER, Kind.CONFIG, words.SHORTCODE),
    ("7", "unresolved receiver party", FROM_US, Kind.CONFIG, receiver_words.PARTY_UNKNOWN),
    ("8", "would exceed the receiver's maximum balance", STK, Kind.LIMIT, words.MERCHANT_FULL),
    ("8", "would exceed the receiver's maximum balance", B2C, Kind.LIMIT, receiver_words.RECEIVER_FULL),
    ("9", "store not found", EVERY, Kind.CONFIG, words.SHORTCODE),
    ("10", "receiver not found", FROM_PAYER, Kind.CONFIG, words.SHORTCODE),
    ("10", "receiver not found", FROM_US, Kind.CONFIG, receiver_words.PARTY_UNKNOWN),
    ("11", "debit party is in an invalid state", (Api.B2C, Api.REVERSAL), Kind.CONFIG, words.ACCOUNT_STATE),
    ("12", "debit account invalid", EVERY, Kind.CONFIG, words.ACCOUNT_STATE),
    ("13", "credit account invalid", EVERY, Kind.CONFIG, words.ACCOUNT_STATE),
    ("14", "account unresolved", EVERY, Kind.CONFIG, words.ACCOUNT_STATE),
    ("15", "duplicate detected", EVERY, Kind.UNKNOWN, None),
    ("17", "rule limited: same amount and payer within two minutes", STK, Kind.WAIT, words.SAME_AGAIN),
    ("17", "internal failure", OTHERS, Kind.WAIT, words.INTERNAL),
    ("18", "initiator credential check failure", EVERY, Kind.CONFIG, words.INITIATOR),
    ("19", "message sequencing failure", EVERY, Kind.UNKNOWN, None),
    ("20", "unresolved initiator", EVERY, Kind.CONFIG, words.INITIATOR),
    ("21", "initiator not allowed", (*SEND, Api.REVERSAL), Kind.CONFIG, words.INITIATOR),
    ("22", "initiator not active or not permitted", EVERY, Kind.CONFIG, words.INITIATOR),
    ("24", "missing mandatory field", EVERY, Kind.CONFIG, words.REQUEST_REFUSED),
    ("25", "malformed parameter", EVERY, Kind.CONFIG, words.REQUEST_REFUSED),
    ("26", "system busy, traffic blocked", EVERY, Kind.WAIT, words.SYSTEM_BUSY),
    ("29", "invalid command", EVERY, Kind.CONFIG, words.REQUEST_REFUSED),
    ("1001", "unable to lock subscriber", (Api.STK, Api.RATIBA), Kind.WAIT, words.CUSTOMER_BUSY),
    ("1014", "met nowhere in public, so believed of nothing", EVERY, Kind.UNKNOWN, None),
    ("1019", "transaction has expired", STK, Kind.USER, words.EXPIRED),
    ("1025", "error while sending a push request", STK, Kind.WAIT, words.PROMPT_NOT_SENT),
    ("1031", "request cancelled by user", STK, Kind.USER, words.CANCELLED),
    ("1032", "request cancelled by user, or closed on the phone", STK, Kind.USER, words.CANCELLED),
    ("1036", "SMSC acknowledgement timeout", STK, Kind.UNKNOWN, words.UNREACHABLE),
    ("1037", "user cannot be reached, or did not respond", STK, Kind.USER, words.UNREACHABLE),
    ("1050", "standing order name in use", (Api.RATIBA,), Kind.CONFIG, words.REQUEST_REFUSED),
    ("1051", "standing order field invalid", (Api.RATIBA,), Kind.CONFIG, words.REQUEST_REFUSED),
    ("1101", "prompt text too long", STK, Kind.CONFIG, words.TEXT_TOO_LONG),
    ("1102", "prompt text too long", STK, Kind.CONFIG, words.TEXT_TOO_LONG),
    ("2001", "initiator information invalid: the payer's PIN", STK, Kind.USER, words.WRONG_PIN),
    ("2001", "initiator information invalid: our API user", OTHERS, Kind.CONFIG, words.INITIATOR),
    ("2002", "agent number and store number do not match", STK, Kind.CONFIG, words.SHORTCODE),
    ("2006", "account status does not allow this", (Api.B2C, Api.REVERSAL), Kind.CONFIG, words.ACCOUNT_STATE),
    ("2008", "authentication failed", STK, Kind.UNKNOWN, words.NOT_AUTHENTICATED),
    ("2026", "channel session expired", STK, Kind.USER, words.EXPIRED),
    ("2028", "not permitted by product assignment", (Api.STK, *SEND, Api.REVERSAL), Kind.CONFIG, words.SHORTCODE),
    ("2029", "temporary M-Pesa error", STK, Kind.WAIT, words.INTERNAL),
    ("2040", "customer type not supported", B2C, Kind.CONFIG, receiver_words.NOT_REGISTERED),
    ("4001", "user cancelled", (Api.B2B_EXPRESS,), Kind.USER, words.CANCELLED),
    ("4999", "still under processing", STK, Kind.PENDING, None),
    ("8006", "security credential locked: the payer's PIN", STK, Kind.CONFIG, words.PIN_LOCKED),
    ("8006", "security credential locked: our API user", OTHERS, Kind.CONFIG, words.INITIATOR),
    ("9999", "error while sending a push request, or internal", STK, Kind.UNKNOWN, words.PROMPT_NOT_SENT),
    ("E3008", "bad debt contract: the sandbox's word for a foreign number", STK, Kind.CONFIG, words.SANDBOX_NUMBER),
    ("R000001", "already reversed", (Api.REVERSAL,), Kind.UNKNOWN, None),
    ("R000002", "original transaction id invalid", (Api.REVERSAL,), Kind.CONFIG, receiver_words.ORIGINAL_MISSING),
    ("SFC_IC0003", "operator or receiver does not exist", STK, Kind.CONFIG, words.SHORTCODE),
    ("SFC_IC0003", "operator or receiver does not exist",
     (*SEND, Api.STATUS), Kind.CONFIG, receiver_words.PARTY_UNKNOWN),
    *((str(code), "core platform", EVERY, Kind.UNKNOWN, None) for code in range(100_000_000, 100_000_012)),
)  # fmt: skip


def _meanings() -> Iterator[tuple[tuple[str, Api], Meaning]]:
    for code, text, apis, kind, failure in _ROWS:
        for api in apis:
            told = to_receiver(failure) if failure and api in FROM_US else failure
            yield (code, api), Meaning(code=code, text=text, api=api, kind=kind, failure=told)


TABLE = dict(_meanings())


def lookup(code: str, api: Api) -> Meaning | None:
    """The meaning of a result code for an API; None when it is not documented there, which decides nothing."""
    return TABLE.get(("0" if is_success(code) else code.upper(), api))


_STATUSES = {
    End.COMPLETED: OutcomeStatus.SUCCEEDED,
    End.PENDING: OutcomeStatus.PENDING,
    End.UNKNOWN: OutcomeStatus.UNKNOWN,
}


def decision(code: str, api: Api, *, was_asked: bool) -> tuple[OutcomeStatus, Failure | None]:
    """What a result code decides: undocumented ones nothing, doubtful ones only when they answer our own question."""
    meaning = lookup(code, api)
    if meaning is None or (meaning.asks_first and not was_asked):
        return OutcomeStatus.UNKNOWN, None
    status = _STATUSES.get(meaning.end, OutcomeStatus.FAILED)
    return status, meaning.failure if status is OutcomeStatus.FAILED else None


def code_text(value: object) -> str | None:
    """A code as text: they come as numbers and as text, with letters too. None for what can be no code."""
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return None
    text = str(value).strip()
    return text if text and len(text) <= 20 and text.isascii() and text.isprintable() else None


def is_success(code: str) -> bool:
    """Only zeros mean success; compared as text, so that nothing rounds or converts into it."""
    return code != "" and code.strip("0") == ""
