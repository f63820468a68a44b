"""The typed requests and results that cross between the product and any provider."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from onpoint_pay.kit.money import Money


class Capability(StrEnum):
    """What a provider can be asked to do."""

    CHARGE = "charge"
    QUERY = "query"
    REFUND = "refund"
    PARTIAL_REFUND = "partial_refund"
    PAYOUT = "payout"
    C2B = "c2b"
    STATEMENT = "statement"
    TRANSACTION_STATUS = "transaction_status"
    BALANCE = "balance"
    PAYMENT_CODE = "payment_code"


class OutcomeStatus(StrEnum):
    """Whatever is not an explicit success or failure is pending or unknown; unknown is asked about, not sent again."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"


class FailureCode(StrEnum):
    """Why money did not move, in the words of the public API."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    CANCELLED_BY_CUSTOMER = "cancelled_by_customer"
    CUSTOMER_UNREACHABLE = "customer_unreachable"
    PROMPT_EXPIRED = "prompt_expired"
    WRONG_PIN = "wrong_pin"
    PIN_LOCKED = "pin_locked"
    CUSTOMER_BUSY = "customer_busy"
    LIMIT_CUSTOMER = "limit_customer"
    LIMIT_MERCHANT = "limit_merchant"
    NOT_REGISTERED = "not_registered"
    DECLINED = "declined"
    DO_NOT_HONOR = "do_not_honor"
    CARD_EXPIRED = "card_expired"
    INCORRECT_CVC = "incorrect_cvc"
    AUTHENTICATION_FAILED = "authentication_failed"
    FRAUD_SUSPECTED = "fraud_suspected"
    INVALID_ACCOUNT = "invalid_account"
    SHORTCODE_MISCONFIGURED = "shortcode_misconfigured"
    CREDENTIALS_REJECTED = "credentials_rejected"
    PROVIDER_BUSY = "provider_busy"
    PROVIDER_DOWN = "provider_down"
    DUPLICATE_REQUEST = "duplicate_request"
    VALIDATION_REFUSED = "validation_refused"
    UNKNOWN_FAILURE = "unknown_failure"


class Certainty(StrEnum):
    """How sure the reason is. That the money did not move is certain in both."""

    CERTAIN = "certain"
    LIKELY = "likely"


class RetryAdvice(StrEnum):
    """What to do about a failed payment. Only `wait` comes with a number of seconds."""

    NOW = "now"
    WAIT = "wait"
    ASK_CUSTOMER = "ask_customer"
    FIX_SETUP = "fix_setup"
    NEVER = "never"


class ClosesAs(StrEnum):
    """The state a payment ends in when it fails for this reason."""

    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why money did not move and what to tell whom: English, and Swahili in the fields ending in `_sw`."""

    code: FailureCode
    reason: str
    reason_sw: str
    customer_message: str
    customer_message_sw: str
    merchant_action: str
    certainty: Certainty = Certainty.CERTAIN
    retry_advice: RetryAdvice
    retry_after_seconds: int | None = None
    closes_as: ClosesAs = ClosesAs.FAILED

    def __post_init__(self) -> None:
        if (self.retry_after_seconds is not None) != (self.retry_advice is RetryAdvice.WAIT):
            raise ValueError("Waiting, and only waiting, has a number of seconds.")


class NextAction(StrEnum):
    """What the payer has to do now."""

    NONE = "none"
    APPROVE_ON_PHONE = "approve_on_phone"
    REDIRECT = "redirect"
    PAY_TO_PAYBILL = "pay_to_paybill"
    ENTER_OTP = "enter_otp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a provider says about one operation: the answer to every call, and the content of every callback.

    `money` and `fee` are None when the provider did not name them. `raw` is what it sent, masked and cut to a size
    fit to keep. `is_unknown_there` tells that the provider answered and knows no such operation; `is_reversed` that the
    money of the transaction asked about, or to be undone, has gone back. `query_reference` is what the provider wants
    to hear when it is asked about an operation that it knows by none of our names.
    """

    status: OutcomeStatus
    provider_reference: str | None = None
    receipt: str | None = None
    failure: Failure | None = None
    provider_code: str | None = None
    provider_message: str | None = None
    money: Money | None = None
    fee: Money | None = None
    phone: str | None = field(default=None, repr=False)
    occurred_at: datetime | None = None
    next_action: NextAction = NextAction.NONE
    redirect_url: str | None = None
    customer_message: str | None = None
    details: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_unknown_there: bool = False
    is_reversed: bool = False
    query_reference: str | None = None
    raw: bytes = field(default=b"", repr=False)

    def __post_init__(self) -> None:
        if (self.failure is not None) != (self.status is OutcomeStatus.FAILED):
            raise ValueError("A failed outcome, and only a failed one, has a failure.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """Take money from a payer. `account_reference` and `payee` are what the payer is shown.

    `reference` is our name of this try. `language` is `en` or `sw`. `scenario` steers the simulator only.
    """

    reference: str
    amount: Money
    phone: str = field(repr=False)
    account_reference: str
    description: str
    callback_url: str = field(repr=False)
    payee: str = ""
    language: str = "en"
    scenario: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryRequest:
    """What became of an operation? `deadline_seconds` bounds each network call; None leaves the client's own."""

    provider_reference: str
    amount: Money
    reference: str = ""
    deadline_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """Give money of an earlier charge back to its payer. `reference` is our name of this try.

    The answer of most providers is that they will tell later: the result comes to `result_url`, the notice that it
    takes too long to `timeout_url`.
    """

    reference: str
    receipt: str
    amount: Money
    reason: str
    result_url: str = field(default="", repr=False)
    timeout_url: str = field(default="", repr=False)
    scenario: str | None = None


class PayoutPurpose(StrEnum):
    """Why money goes out; some providers treat them differently."""

    BUSINESS = "business"
    SALARY = "salary"
    PROMOTION = "promotion"
    REFUND = "refund"


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutRequest:
    """Send money to a phone. `reference`, ours and committed before the call, makes a repeat harmless there."""

    reference: str
    amount: Money
    phone: str = field(repr=False)
    description: str
    purpose: PayoutPurpose = PayoutPurpose.BUSINESS
    result_url: str = field(default="", repr=False)
    timeout_url: str = field(default="", repr=False)
    scenario: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRequest:
    """What became of a transaction, asked by its `receipt` or by the `original_reference` we sent it under.

    `reference` names this question. The answer comes to `result_url`.
    """

    reference: str
    receipt: str | None = None
    original_reference: str | None = None
    result_url: str = field(repr=False)
    timeout_url: str = field(repr=False)

    def __post_init__(self) -> None:
        if (self.receipt is None) == (self.original_reference is None):
            raise ValueError("A transaction is asked about by its receipt or by our reference, one of them.")


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceRequest:
    """What our account at the provider holds. `reference` names this question; the answer comes to `result_url`."""

    reference: str
    result_url: str = field(repr=False)
    timeout_url: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBalance:
    """One account at the provider, by its own name for it."""

    name: str
    current: Money
    available: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackRegistration:
    """Where the provider shall send what payers start by themselves.

    `accept_when_silent` says what it does with a payment when our validation does not answer in time.
    """

    confirmation_url: str = field(repr=False)
    validation_url: str = field(repr=False)
    accept_when_silent: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRequest:
    """A picture a payer can scan. `amount` None leaves the amount to the payer."""

    payee: str
    account_reference: str
    amount: Money | None = None
    size_pixels: int = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementLine:
    """Money that reached us, by the provider's own word. `occurred_at` and `phone` are None when it cannot be read.

    `account_reference` is empty when the provider names none.
    """

    receipt: str
    money: Money
    occurred_at: datetime | None
    account_reference: str
    phone: str | None = field(repr=False)
    description: str


class EventKind(StrEnum):
    """What a callback is about. NOTICE says only that a result is late: it is never a failure."""

    CHARGE = "charge"
    REFUND = "refund"
    PAYOUT = "payout"
    TRANSACTION_STATUS = "transaction_status"
    BALANCE = "balance"
    NOTICE = "notice"
    C2B_VALIDATION = "c2b_validation"
    C2B_CONFIRMATION = "c2b_confirmation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Money a payer sent by themselves. `account_reference` is what they typed, untouched; empty when nothing was.

    The payer's number comes clear, or as a hash, or with stars: only one of `phone`, `phone_hash` (SHA-256 of the
    12 digits, lower-case hex) and `phone_masked` is set, or none. `float_after` is our balance afterwards.
    """

    receipt: str
    money: Money
    shortcode: str
    account_reference: str
    phone: str | None = field(default=None, repr=False)
    phone_hash: str | None = field(default=None, repr=False)
    phone_masked: str | None = field(default=None, repr=False)
    payer_name: str | None = field(default=None, repr=False)
    occurred_at: datetime | None = None
    float_after: Money | None = field(default=None, repr=False)


class ValidationRefusal(StrEnum):
    """Why a payment that a payer is about to make shall not be taken."""

    PAYER = "payer"
    ACCOUNT = "account"
    AMOUNT = "amount"
    KYC = "kyc"
    SHORTCODE = "shortcode"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundRequest:
    """One request at a callback door, as it came. `token` is the secret part of the path, None on doors without."""

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    token: str | None = field(repr=False)
    source_ip: str | None
    door: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackEvent:
    """One claim found in a callback. Two with one `dedupe_key` say the same thing.

    `provider_reference` is the provider's name of the operation, `our_reference` the one we gave it, where the provider
    repeats it. `received` comes with C2B kinds, `balances` with BALANCE. For TRANSACTION_STATUS the outcome is that of
    the transaction asked about: unknown when the question itself failed.
    """

    kind: EventKind
    dedupe_key: str
    provider_reference: str
    outcome: Outcome
    our_reference: str | None = None
    received: Receipt | None = None
    balances: tuple[AccountBalance, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackReply:
    """What the provider wants to hear."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
