"""Words and examples of the OpenAPI document."""

from typing import Any

INTRODUCTION = """\
Payments for Kenya: M-Pesa prompts, money that payers send by themselves, refunds, and signed webhooks.

**Amounts** are decimals in major units: send `100` or `"100.00"`, read `"100.00"`. **Times** are RFC 3339 in UTC.
**Lists** are pages: `data`, `has_more`, `next_cursor` for the next page and `previous_cursor` for the one before.

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
    "`OnPoint-Mode: test` or `live` (without it: test until both the business and they are verified, then live), "
    "and one of several merchants with `OnPoint-Merchant: mer_…`. An API key may also "
    "be sent as the user name of Basic authentication. A key in the address is refused."
)

# tag: first segments of its paths, and what it is about
TAGS: dict[str, tuple[tuple[str, ...], str]] = {
    "payments": (("payments",), "Ask a payer for money and find out what became of it."),
    "refunds": (("refunds",), "Money on its way back to payers. A refund is asked for under payments."),
    "events": (("events",), "What happened, as it was told to webhooks."),
    "webhooks": (
        ("webhook-endpoints", "webhook-deliveries", "webhook-recoveries", "webhook-notices"),
        "Where events are sent, every try to send one, and what was missed.",
    ),
    "auth": (("auth",), "Registration and sign-in of people. API keys do not work here, except where it says so."),
    "api-keys": (("api-keys",), "Keys of the merchant's backends."),
    "requests": (("requests",), "Calls of the API in the last 30 days, for people who build and run backends."),
    "merchant": (("merchant",), "The business itself, and what it is charged."),
    "kyc": (
        ("kyc",),
        "What the business shows to be verified, which opens live mode; for owners in person: no API key gets in.",
    ),
    "team": (("team",), "The people of the business, for owners and admins in person: no API key gets in."),
    "roles": (("roles",), "Roles of the business's own, beside the usual ones; for owners and admins in person."),
    "provider-accounts": (
        ("provider-accounts",),
        "A merchant's own shortcodes and their credentials, for owners and admins in person.",
    ),
    "c2b": (
        ("c2b",),
        "Money that payers send by themselves: numbers to type, receipts that came, claims of receipts.",
    ),
    "payouts": (
        ("payouts", "payout-batches", "payout-destinations"),
        "Money sent out of the balance, alone or in batches, and the destinations it may go to.",
    ),
    "settlements": (
        ("settlements", "settlement-accounts"),
        "What fell due to you, day by day, and the statement of each day.",
    ),
    "books": (
        ("balance", "ledger", "reconciliation"),
        "Your balances, every movement behind them, and what does not fit the provider's statements.",
    ),
    "exports": (("exports", "export-files"), "Files of your rows, made on request."),
    "audit": (
        ("audit",),
        "Who did what, in a chain that cannot be changed unseen, and signed checkpoints of it. For people only.",
    ),
    "privacy": (("privacy",), "What is kept of one payer, and forgetting it. For owners in person."),
    "reports": (("reports",), "Figures over a time, summed when asked for."),
    "test": (("test",), "What helps to try things, in test mode only."),
    "health": (("health", "status"), "Whether this installation and its providers answer and can work."),
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
    "refund_status": "none",
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
    "phone_hash": None,
    "payer_name": None,
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
    "cancel_requested_at": None,
    "settlement": None,
    "version": 2,
}
EXPLANATION_EXAMPLE: dict[str, Any] = {
    "object": "explanation",
    "lang": "en",
    "payment": "pay_01KAJ6N8B7E4T9V2M5Q8R1W3XZ",
    "headline": "The customer's time to answer is over, and the outcome is not known yet.",
    "what_happened": "M-Pesa has not told us how the request for KES 100.00 ended: paid, refused or left alone. The "
    "request left us at 11:15. M-Pesa last answered at 11:17 and had nothing final. We do not know yet; we ask again "
    "at 11:20.",
    "certainty": "unknown",
    "whose_turn": "provider",
    "tell_customer": "We are finding out what became of your payment. Please do not pay again yet.",
    "do_next": [
        "Ask M-Pesa now with `sync` if you cannot wait.",
        "Do not send another request yet: the customer could pay twice.",
    ],
    "links": {
        "payment": "/api/v1/payments/pay_01KAJ6N8B7E4T9V2M5Q8R1W3XZ/",
        "timeline": "/api/v1/payments/pay_01KAJ6N8B7E4T9V2M5Q8R1W3XZ/timeline/",
        "cancel": "/api/v1/payments/pay_01KAJ6N8B7E4T9V2M5Q8R1W3XZ/cancel/",
        "sync": "/api/v1/payments/pay_01KAJ6N8B7E4T9V2M5Q8R1W3XZ/sync/",
    },
}
QUOTE_EXAMPLE: dict[str, Any] = {"amount": "100.00", "payment_method": "mpesa"}
REFUND_QUOTE_EXAMPLE: dict[str, Any] = {"refund_of": "ORDER-123", "amount": "40.00"}
QUOTED_EXAMPLE: dict[str, Any] = {
    "object": "quote",
    "livemode": False,
    "amount": "100.00",
    "currency": "KES",
    "fee": "1.50",
    "net": "98.50",
    "payment_method": "mpesa",
    "provider": "daraja",
    "route": "stk_push",
    "simulated": True,
    "refund_of": None,
    "expected_at": None,
    "requires_approval": False,
}
REFUND_QUOTED_EXAMPLE: dict[str, Any] = QUOTED_EXAMPLE | {
    "amount": "40.00",
    "fee": "0.00",
    "net": "40.00",
    "route": "b2c",
    "refund_of": PAYMENT_EXAMPLE["id"],
    "expected_at": "2026-11-21T08:45:02.310Z",
}
RESEND_EXAMPLE: dict[str, Any] = {"phone": "254722345678"}
BULK_EXAMPLE: dict[str, Any] = {
    "items": [
        {"amount": "100.00", "payment_method": "mpesa", "phone": "254712345678", "reference": "FEES-2026-1"},
        {"amount": "250.00", "payment_method": "mpesa", "phone": "254722345678", "reference": "FEES-2026-2"},
    ]
}
RUN_EXAMPLE: dict[str, Any] = {
    "id": "blk_01KAJ7A4C6E8G0J2M4P6R8T0VX",
    "object": "bulk",
    "livemode": False,
    "status": "running",
    "total": 2,
    "counts": {"waiting": 2, "sending": 0, "sent": 0, "refused": 0},
    "lines": [
        {
            "n": n,
            "status": "waiting",
            **{name: item[name] for name in ("phone", "amount", "reference")},
            "payment": None,
            "payment_status": None,
            "problem": None,
        }
        for n, item in enumerate(BULK_EXAMPLE["items"])
    ],
    "created_at": "2026-11-21T08:20:06.036Z",
    "finished_at": None,
}
FINISHED_RUN_EXAMPLE: dict[str, Any] = RUN_EXAMPLE | {
    "status": "finished",
    "counts": {"waiting": 0, "sending": 0, "sent": 1, "refused": 1},
    "lines": [
        RUN_EXAMPLE["lines"][0] | {"status": "sent", "payment": PAYMENT_EXAMPLE["id"], "payment_status": "pending"},
        RUN_EXAMPLE["lines"][1]
        | {
            "status": "refused",
            "problem": {
                "code": "duplicate_reference",
                "detail": f"A payment with this reference is already open or paid: {PAYMENT_EXAMPLE['id']}.",
                "param": "reference",
            },
        },
    ],
    "finished_at": "2026-11-21T08:20:07.195Z",
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
MOMENT_EXAMPLE: dict[str, Any] = {
    "at": "2026-11-21T08:15:30.120Z",
    "kind": "payment.completed",
    "actor": "system",
    "title": "Payment completed",
    "detail": "was pending",
    "evidence": {"type": "provider_event", "ref": "1288", "source_ip": "127.0.0.1"},
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
ASK_REFUND_EXAMPLE: dict[str, Any] = {"reference": "ORDER-123", "amount": "50.00", "reason": "One kilo was returned"}
REFUND_EXAMPLE: dict[str, Any] = {
    "id": "ref_01KAJ7Q2H4M8R1V5X9C3F6J0NS",
    "object": "refund",
    "livemode": False,
    "payment": PAYMENT_EXAMPLE["id"],
    "reference": "RFD20261121X8M4QA",
    "amount": "50.00",
    "currency": "KES",
    "status": "pending",
    "pending_reason": "awaiting_provider",
    "route": "b2c",
    "destination": {"phone": "254712345678"},
    "reason": "One kilo was returned",
    "fee": "0.00",
    "expected_at": "2026-11-21T08:45:02.310Z",
    "provider_receipt": None,
    "proof": None,
    "failure": None,
    "requested_by": "key_01KAH0W5T7Q9S1V3X5Z7B9D1FH",
    "approved_by": None,
    "created_at": "2026-11-21T08:35:02.310Z",
    "completed_at": None,
    "version": 1,
}
REFUNDED_EXAMPLE: dict[str, Any] = REFUND_EXAMPLE | {
    "status": "completed",
    "pending_reason": None,
    "provider_receipt": "UKL2R8M4TB",
    "completed_at": "2026-11-21T08:35:06.021Z",
    "version": 2,
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
SENT_EXAMPLES += [
    SENT_EXAMPLES[0]
    | {
        "id": "evt_01KAJ7Q7X2A4C6E8G0J2M4P6RT",
        "type": "refund.completed",
        "timestamp": "2026-11-21T08:35:06.021Z",
        "data": {"object": REFUNDED_EXAMPLE, "previous": {"status": "pending"}},
    }
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
    "file_refused": {
        "detail": "By its content the file is no PDF, JPEG or PNG.",
        "param": "file",
        "reason": "type_not_accepted",
    },
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
    "payment_in_progress": {"existing": PAYMENT_EXAMPLE["id"], "asked_again_at": "2026-11-21T08:20:28.004Z"},
    "payment_not_refundable": {"param": "reference"},
    "refund_exceeds_payment": {
        "detail": "50.00 of the payment can still be given back.",
        "param": "amount",
        "amount_refundable": "50.00",
    },
    "reference_ambiguous": {"param": "reference", "candidates": [PAYMENT_EXAMPLE["id"]]},
    "limit_exceeded": {
        "detail": "The payments of one day may be KES 1,000.00 at most; KES 50.00 is left of today.",
        "param": "amount",
        "limit": {"name": "per_day", "limit": "1000.00", "left": "50.00", "opens_at": "2026-11-21T21:00:00.000Z"},
    },
    "insufficient_scope": {"required_scope": "payments:write"},
    "provider_unavailable": {"existing": PAYMENT_EXAMPLE["id"]},
    "payment_failed": {
        "detail": FAILED_EXAMPLE["failure"]["reason"],
        "customer_message": FAILED_EXAMPLE["failure"]["customer_message"],
        "payment": FAILED_EXAMPLE,
    },
}
