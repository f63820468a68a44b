"""How a request fails: one family of problems, answered as RFC 9457.

Problem                      anything the caller is told about, with a code from CODES
├── Invalid                  400, one or several faults of the request
├── NotFound                 404, also for what belongs to somebody else
└── RateLimited              429, with the seconds to wait
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# code: (HTTP status, title, what to do next)
CODES: dict[str, tuple[int, str, str | None]] = {
    "invalid_json": (400, "The body is not valid JSON", "Send one JSON object in UTF-8."),
    "validation_failed": (400, "The request has faults", "Mend the parameters listed in `errors`."),
    "parameter_missing": (400, "A required parameter is missing", "Add the parameter and send the request again."),
    "parameter_invalid": (400, "A parameter is not valid", "Correct the parameter and send the request again."),
    "unknown_parameter": (400, "A parameter is not known", "Remove it, or correct its spelling."),
    "amount_invalid": (400, "The amount is not a valid amount", 'Send a decimal such as 100 or "100.00".'),
    "amount_too_small": (400, "The amount is too small", "Ask for at least the smallest amount of this method."),
    "amount_too_large": (400, "The amount is too large", "Stay within the limit of this method."),
    "amount_not_whole": (400, "The amount must be whole shillings", "Round the amount before asking for payment."),
    "currency_unsupported": (400, "The currency is not supported", "Use KES."),
    "phone_invalid": (400, "The phone number is not valid", "Send a Kenyan mobile number such as 254712345678."),
    "email_invalid": (400, "The e-mail address is not valid", "Correct the address."),
    "reference_invalid": (400, "The reference is not valid", "Use 1 to 64 of A-Z a-z 0-9 . _ - / :"),
    "metadata_invalid": (400, "The metadata is not valid", "At most 50 keys; values are text, numbers or true/false."),
    "date_invalid": (400, "The date is not valid", "Send a date such as 2026-11-21 or an RFC 3339 time."),
    "cursor_invalid": (400, "The cursor is not valid here", "Start again without a cursor."),
    "expand_invalid": (400, "The expansion is not valid", "Leave it out."),
    "callback_url_invalid": (400, "The callback URL is not valid", "Send an absolute https URL."),
    "callback_url_forbidden": (400, "The callback URL may not be called", "Use a public address."),
    "idempotency_key_required": (400, "An Idempotency-Key is required", "Send a new random key with each operation."),
    "idempotency_key_invalid": (400, "The Idempotency-Key is not valid", "Use 8 to 255 visible ASCII characters."),
    "payment_method_unsupported": (400, "The payment method is not supported", "Use mpesa or mpesa_c2b."),
    "card_data_not_accepted": (400, "Card numbers are not accepted here", "Send payers to the hosted card page."),
    "file_refused": (400, "The file is not accepted", "Send one plain PDF, JPEG or PNG; `reason` says what is wrong."),
    "authentication_required": (401, "Authentication is required", "Send `Authorization: Bearer` with an API key."),
    "api_key_invalid": (401, "The API key is not valid", "Copy the whole key, or create a new one."),
    "api_key_expired": (401, "The API key has expired", "Create a new key."),
    "api_key_revoked": (401, "The API key was revoked", "Use a live key, or create a new one."),
    "api_key_rotated": (401, "The API key was replaced", "Use the key that replaced it."),
    "token_invalid": (401, "The token is not valid", "Sign in again."),
    "token_expired": (401, "The token has expired", "Refresh it, or sign in again."),
    "session_revoked": (401, "The session has ended", "Sign in again."),
    "credentials_invalid": (401, "E-mail or password is wrong", "Check both and try again."),
    "two_factor_code_invalid": (401, "The code is wrong", "Wait for the next code, or use a recovery code."),
    "insufficient_scope": (403, "The key or role may not do this", "Use a key with the scope in `required_scope`."),
    "permission_denied": (403, "This is not permitted", None),
    "ip_not_allowed": (403, "This address is not allowed", "Call from an address on the key's list."),
    "step_up_required": (403, "Prove who you are first", "Send code or password to /auth/step-up/, then repeat."),
    "two_factor_required": (403, "Two-factor sign-in must be on", "Switch it on at /auth/2fa/setup/."),
    "email_unverified": (403, "Your e-mail address is not verified", "Use the link in the mail, or ask for another."),
    "https_required": (403, "HTTPS is required in live mode", "Use https."),
    "kyc_required": (403, "The business is not verified yet", "Finish verification, or use test mode."),
    "merchant_suspended": (403, "The merchant is suspended", "Contact the operator of this installation."),
    "live_mode_disabled": (403, "Live mode is not open for this merchant", "Use a test key."),
    "limit_exceeded": (403, "A limit of the merchant is reached", "Wait until it opens, or have the limit raised."),
    "own_request_approval": (403, "Nobody approves what they asked for", "Have another person of the business agree."),
    "resource_missing": (404, "There is no such object", "Check the id and the mode of your key."),
    "payment_not_found": (404, "There is no such payment", "Check the reference and the mode of your key."),
    "route_not_found": (404, "There is no such address", "See /api/v1/docs/ for the addresses."),
    "method_not_allowed": (405, "The method is not allowed here", "See /api/v1/docs/ for the methods."),
    "not_acceptable": (406, "No such representation", "Accept application/json."),
    "body_too_large": (413, "The body is too large", "Send at most 256 KiB."),
    "unsupported_media_type": (415, "The content type is not supported", "Send application/json."),
    "payment_failed": (402, "The payment was refused", "See `payment.failure`."),
    "insufficient_balance": (402, "The balance does not cover it", "Wait for more payments, or ask for less."),
    "idempotency_in_progress": (409, "The first request with this key is still at work", "Repeat in a second."),
    "duplicate_reference": (409, "The reference is already in use", "Read `existing`, or use a new reference."),
    "payment_in_progress": (409, "A payment is already in progress", "Wait for its outcome."),
    "payment_not_refundable": (409, "The payment cannot be refunded", "Only money received goes back, and only once."),
    "refund_exceeds_payment": (409, "More than is left of the payment", "Ask for `amount_refundable` or less."),
    "receipt_already_used": (409, "The receipt has served already", "Look for its payment by the receipt."),
    "state_conflict": (409, "The object's state does not permit this", "Read the object and decide again."),
    "version_conflict": (409, "Somebody else was faster", "Read it again, and decide anew."),
    "reference_ambiguous": (409, "Several payments have this reference", "Use one of the ids in `candidates`."),
    "email_taken": (409, "The e-mail address is already registered", "Sign in, or use another address."),
    "link_expired": (410, "The link works no more", "Ask for a new one."),
    "idempotency_key_reused": (422, "The key was used for another request", "Use a new key for a new operation."),
    "rate_limited": (429, "Too many requests", "Wait for the seconds in Retry-After."),
    "prompt_throttled": (429, "Too many prompts to this phone", "Wait before asking this payer again."),
    "internal_error": (500, "Something went wrong on our side", "Repeat with the same Idempotency-Key."),
    "provider_error": (502, "The payment provider refused or failed", "Do what `detail` says, then try again."),
    "provider_unavailable": (503, "The payment provider cannot be reached", "Nothing was sent: try again soon."),
    "provider_not_configured": (503, "No provider is set up for this mode", "Set the provider's credentials."),
    "sign_in_unavailable": (503, "Nobody can sign in at the moment", "Nothing was checked: try again soon."),
    "upload_scanner_unavailable": (503, "Files cannot be taken at the moment", "Nothing was kept: try again soon."),
    "maintenance": (503, "The service is being maintained", "Try again soon."),
}
RETRYABLE = {
    "idempotency_in_progress",
    "rate_limited",
    "prompt_throttled",
    "internal_error",
    "provider_unavailable",
    "sign_in_unavailable",
    "upload_scanner_unavailable",
    "maintenance",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with one parameter; `param` is a path such as `metadata.order_id`."""

    param: str | None
    code: str
    detail: str


class Problem(Exception):
    """A refusal with a code of CODES. `extra` members go into the answer beside the standard ones."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        param: str | None = None,
        faults: Sequence[Fault] = (),
        next_step: str | None = None,
        retry_after_seconds: int | None = None,
        customer_message: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        self.code = code
        self.http_status, self.title, usual_step = CODES[code]
        self.next_step = next_step or usual_step
        self.detail = detail or f"{self.title}."
        self.param = param
        self.faults = tuple(faults)
        self.retry_after_seconds = retry_after_seconds
        self.customer_message = customer_message
        self.extra = dict(extra or {})
        super().__init__(f"{code}: {self.detail}")

    @property
    def retryable(self) -> bool:
        return self.code in RETRYABLE


class Invalid(Problem):
    """400: every fault of the request at once. The code is the fault's own when there is just one."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        code = first.code if len(faults) == 1 else "validation_failed"
        detail = first.detail if len(faults) == 1 else f"The request has {len(faults)} faults; see `errors`."
        super().__init__(code, detail, param=first.param, faults=faults)


class NotFound(Problem):
    """404: it does not exist, or belongs to another merchant or mode; the answer never tells which."""

    def __init__(self, detail: str = "", *, code: str = "resource_missing") -> None:
        super().__init__(code, detail)


class RateLimited(Problem):
    """429 with the seconds until a slot is free."""

    def __init__(self, *, retry_after_seconds: int, code: str = "rate_limited", detail: str = "") -> None:
        super().__init__(code, detail, retry_after_seconds=retry_after_seconds)
