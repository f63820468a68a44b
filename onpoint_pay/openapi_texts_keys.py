"""Examples of the OpenAPI document: API keys, where they may be used from, and the request log."""

from typing import Any

from onpoint_pay.openapi_texts_people import USER

NEW_KEY_EXAMPLE: dict[str, Any] = {"name": "Web shop"}
RESTRICTED_KEY_EXAMPLE: dict[str, Any] = {
    "name": "Bookkeeping",
    "kind": "restricted",
    "scopes": ["balance:read", "ledger:read"],
    "allowed_ips": ["203.0.113.0/24"],
}
PUBLISHABLE_KEY_EXAMPLE: dict[str, Any] = {
    "name": "Checkout page",
    "kind": "publishable",
    "allowed_origins": ["https://shop.example"],
}
KEY_EXAMPLE: dict[str, Any] = {
    "id": "key_01KAH0W5T7Q9S1V3X5Z7B9D1FH",
    "object": "api_key",
    "livemode": False,
    "name": "Bookkeeping",
    "kind": "restricted",
    "prefix": "rk_test_",
    "last4": "t7Qz",
    "scopes": RESTRICTED_KEY_EXAMPLE["scopes"],
    "allowed_ips": RESTRICTED_KEY_EXAMPLE["allowed_ips"],
    "allowed_origins": [],
    "created_by": USER,
    "created_at": "2026-11-20T17:04:22.530Z",
    "expires_at": None,
    "last_used_at": "2026-11-21T08:14:02.118Z",
    "last_used_ip": "203.0.113.7",
    "rotated_to": None,
    "overlap_ends_at": None,
    "reported_at": None,
    "revoked_at": None,
}
SHOWN_KEY_EXAMPLE: dict[str, Any] = KEY_EXAMPLE | {"key": "rk_test_ and 38 letters and digits: shown once"}
NEXT_KEY = "key_01KAJ9E4F6H8J0L2N4P6R8T0VX"
ROTATED_KEY_EXAMPLE: dict[str, Any] = KEY_EXAMPLE | {
    "rotated_to": NEXT_KEY,
    "overlap_ends_at": "2026-11-22T08:15:30.120Z",
}
REVOKED_KEY_EXAMPLE: dict[str, Any] = KEY_EXAMPLE | {"revoked_at": "2026-11-21T08:15:30.120Z"}
KEY_CHANGES_EXAMPLE: dict[str, Any] = {"allowed_ips": ["203.0.113.0/24", "2001:db8::/48"]}
ROTATE_KEY_EXAMPLE: dict[str, Any] = {"overlap_hours": 24}
REPORT_EXAMPLE: dict[str, Any] = {"key": "sk_live_ and 38 letters and digits"}
REPORTED_EXAMPLE: dict[str, Any] = {"object": "key_report", "received": True}
ADDRESSES_CHANGES_EXAMPLE: dict[str, Any] = {"allowed_ips": ["203.0.113.0/24"]}
ADDRESSES_EXAMPLE: dict[str, Any] = {"object": "allowed_ips", "allowed_ips": ["203.0.113.0/24"]}

# --- the request log --------------------------------------------------------------------------------------------------

REQUEST_EXAMPLE: dict[str, Any] = {
    "id": "req_01KAJ6N8AX5R2T4W7Y0B3D6F9G",
    "object": "request",
    "livemode": False,
    "created_at": "2026-11-21T08:15:30.120Z",
    "actor": KEY_EXAMPLE["id"],
    "method": "POST",
    "path": "/api/v1/payments/initiate/",
    "status": 400,
    "error_code": "amount_not_whole",
    "ms": 9,
    "address": "203.0.113.7",
    "idempotency_key_digest": "5d41402abc4b2a76b9719d911017c592",
    "client_request_id": None,
}
REQUEST_DETAIL_EXAMPLE: dict[str, Any] = REQUEST_EXAMPLE | {
    "request_body": {"amount": "100.50", "payment_method": "mpesa", "phone": "2547****5678"},
    "answer_body": {"code": "amount_not_whole", "status": 400, "title": "Amount must be whole shillings"},
}
