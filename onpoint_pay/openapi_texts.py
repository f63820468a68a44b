"""Words and examples of the OpenAPI document."""

from typing import Any

INTRODUCTION = """\
Payments for Kenya: M-Pesa prompts, their outcome, and signed webhooks.

**Amounts** are decimals in major units: send `100` or `"100.00"`, read `"100.00"`. **Times** are RFC 3339 in UTC.
**Lists** are pages: `data`, `has_more`, and `next_cursor` for the next page.

**Modes.** A key belongs to one merchant and one mode, test or live, and sees nothing else. In test mode the payer's
number decides the outcome: any number pays after two seconds, 254700000001 has too little money, 254700000032 cancels.

**Repeating.** Send an `Idempotency-Key` with every request that starts something: a repeat within seven days gets the
first answer, marked `Idempotent-Replayed: true`.

**Errors** are problems (RFC 9457) with a stable `code`, and `errors` for every fault of the request at once.
Every answer has a `Request-Id`. Rate limits are told in `RateLimit` and `RateLimit-Policy`; over one, the answer is
429 with `Retry-After`.

**Webhooks** tell what happened, signed after the Standard Webhooks specification. Fields, event types, error codes and
values of enumerations may be added at any time: treat an unknown one as "other".
"""

SECURITY = (
    "An API key (`sk_test_…`, `sk_live_…`), or the access token of a signed-in person. A person chooses the mode with "
    "`OnPoint-Mode: test` or `live`, and one of several merchants with `OnPoint-Merchant: mer_…`. An API key may also "
    "be sent as the user name of Basic authentication. A key in the address is refused."
)

# tag: first segments of its paths, and what it is about
TAGS: dict[str, tuple[tuple[str, ...], str]] = {
    "payments": (("payments",), "Ask a payer for money and find out what became of it."),
    "events": (("events",), "What happened, as it was told to webhooks."),
    "webhooks": (("webhook-endpoints", "webhook-deliveries"), "Where events are sent, and every try to send one."),
    "auth": (("auth",), "Registration and sign-in of people. API keys do not work here, except where it says so."),
    "api-keys": (("api-keys",), "Keys of the merchant's backends."),
    "merchant": (("merchant",), "The business itself."),
    "health": (("health",), "Whether this installation answers and can work."),
}

# status of a refusal that every signed-in operation shares: its component
SHARED_ANSWERS = {401: "Unauthorized", 403: "Forbidden", 429: "TooManyRequests"}

INITIATE_EXAMPLE: dict[str, Any] = {
    "amount": "100.00",
    "currency": "KES",
    "payment_method": "mpesa",
    "phone": "254712345678",
    "email": "customer@example.com",
    "reference": "ORDER-123",
    "description": "Two kilos of tea",
    "callback_url": "https://shop.example/webhooks/onpoint",
    "metadata": {"order_id": "123", "customer_name": "John Doe"},
}
STATUS_EXAMPLE: dict[str, Any] = {"reference": "ORDER-123"}

PAYMENT_EXAMPLE: dict[str, Any] = {
    "id": "pay_01KAJ6N8B7E4T9V2M5Q8R1W3XZ",
    "object": "payment",
    "livemode": False,
    "simulated": True,
    "reference": "TXN20261121K7Q2ZD",
    "merchant_reference": "ORDER-123",
    "amount": "100.00",
    "currency": "KES",
    "amount_received": "0.00",
    "amount_refunded": "0.00",
    "amount_refundable": "0.00",
    "fee": None,
    "net": None,
    "payment_method": "mpesa",
    "channel": "stk_push",
    "provider": "daraja",
    "status": "pending",
    "pending_reason": "awaiting_customer",
    "failure": None,
    "safe_to_retry": False,
    "late": False,
    "surplus": False,
    "amount_check": "exact",
    "phone": "254712345678",
    "email": "customer@example.com",
    "description": "Two kilos of tea",
    "customer_message": "Check your phone and enter your M-Pesa PIN to pay KES 100 to Duka Bora.",
    "next_action": {"type": "approve_on_phone", "expires_at": "2026-11-21T08:17:28.004Z"},
    "provider_receipt": None,
    "provider_details": {
        "merchant_request_id": "541d-49f8-8c6a-35f37e585dd073670",
        "checkout_request_id": "ws_CO_21112026111528004712345678",
        "shortcode": "174379",
    },
    "attempts": 1,
    "confirmed_by": None,
    "callback_url": "https://shop.example/webhooks/onpoint",
    "metadata": {"order_id": "123", "customer_name": "John Doe"},
    "created_at": "2026-11-21T08:15:28.004Z",
    "submitted_at": "2026-11-21T08:15:28.131Z",
    "completed_at": None,
    "expires_at": "2026-11-21T08:17:28.004Z",
    "version": 2,
}
PAID_EXAMPLE: dict[str, Any] = PAYMENT_EXAMPLE | {
    "status": "completed",
    "pending_reason": None,
    "amount_received": "100.00",
    "amount_refundable": "100.00",
    "fee": "1.50",
    "net": "98.50",
    "next_action": {"type": "none", "expires_at": None},
    "provider_receipt": "UKL1NHT5PX",
    "confirmed_by": "callback",
    "completed_at": "2026-11-21T08:15:30.120Z",
    "version": 3,
}
FAILED_EXAMPLE: dict[str, Any] = PAYMENT_EXAMPLE | {
    "status": "failed",
    "pending_reason": None,
    "failure": {
        "code": "insufficient_funds",
        "provider_code": "1",
        "provider_message": "The balance is insufficient for the transaction.",
        "reason": "The payer's M-Pesa balance is lower than the amount and its charges.",
        "customer_message": "Your M-Pesa balance is too low. Top up and try again.",
        "merchant_action": "Offer the customer another try or another way to pay.",
        "certainty": "certain",
        "retry": {"advice": "ask_customer", "after": None},
    },
    "safe_to_retry": True,
    "next_action": {"type": "none", "expires_at": None},
    "confirmed_by": "callback",
    "version": 3,
}
EVENT_EXAMPLE: dict[str, Any] = {
    "id": "evt_01KAJ6NAF2J8C5P7S0D4G6H9KM",
    "object": "event",
    "type": "payment.completed",
    "timestamp": "2026-11-21T08:15:30.120Z",
    "livemode": False,
    "api_version": "2026-11-21",
    "merchant": "mer_01KAH0V3Y6Z9B2D5F8H1K4M7NP",
    "sequence": 48213,
    "request": {"id": "req_01KAJ6N8AX5R2T4W7Y0B3D6F9G", "idempotency_key": "8e03978e-40d5-43e8-bc93-6894a57f9324"},
    "data": {"object": PAID_EXAMPLE, "previous": {"status": "pending"}},
}
# As they are sent: the sequence is given a moment later.
SENT_EXAMPLES: list[dict[str, Any]] = [
    {name: value for name, value in EVENT_EXAMPLE.items() if name != "sequence"}
    | {"type": f"payment.{payment['status']}", "data": {"object": payment, "previous": {"status": before}}}
    for payment, before in ((PAYMENT_EXAMPLE, "initiated"), (PAID_EXAMPLE, "pending"), (FAILED_EXAMPLE, "pending"))
]
SENT_HEADERS = {
    "webhook-id": "The event's id, the same on every try.",
    "webhook-timestamp": "Seconds since 1970, of this try.",
    "webhook-signature": "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several, with blanks between, "
    "while a secret is being replaced.",
}
ERRORS_ADDRESS = "https://pay.example/docs/errors/"
# Members of every example of a problem, and what single codes add.
SHARED_WORDS: dict[str, Any] = {
    "instance": "/api/v1/payments/initiate/",
    "request_id": "req_01KAJ6N8AX5R2T4W7Y0B3D6F9G",
}
CENTS = "M-Pesa takes whole shillings; 100.50 has cents."
PROBLEM_EXTRAS: dict[str, dict[str, Any]] = {
    "amount_not_whole": {
        "detail": CENTS,
        "param": "amount",
        "errors": [{"param": "amount", "code": "amount_not_whole", "detail": CENTS}],
    },
    "validation_failed": {
        "detail": "The request has 2 faults; see `errors`.",
        "param": "phone",
        "errors": [
            {"param": "phone", "code": "phone_invalid", "detail": "This is not a Kenyan mobile number."},
            {"param": "ammount", "code": "unknown_parameter", "detail": "Not a parameter."},
        ],
    },
    "duplicate_reference": {"param": "reference", "existing": PAYMENT_EXAMPLE["id"]},
    "reference_ambiguous": {"param": "reference", "candidates": [PAYMENT_EXAMPLE["id"]]},
    "insufficient_scope": {"required_scope": "payments:write"},
    "provider_unavailable": {"existing": PAYMENT_EXAMPLE["id"]},
    "payment_failed": {
        "detail": FAILED_EXAMPLE["failure"]["reason"],
        "customer_message": FAILED_EXAMPLE["failure"]["customer_message"],
        "payment": FAILED_EXAMPLE,
    },
}
