"""Examples of the OpenAPI document: the audit trail and personal data."""

from typing import Any

RECORD_EXAMPLE: dict[str, Any] = {
    "id": "aud_00000000W7K2M4P6R8T0V2X4Z6",
    "object": "audit_record",
    "created_at": "2026-11-21T08:00:00.000Z",
    "number": 42,
    "actor": "usr_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "actor_type": "user",
    "action": "api_key.created",
    "object_id": "key_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "detail": {"kind": "secret", "livemode": False, "last4": "a1B2"},
    "address": "203.0.113.7",
    "user_agent": "curl/8.14.1",
    "request_id": "req_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "previous_hash": "5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592",
    "hash": "7d793037a0760186574b0282f2f435e77d793037a0760186574b0282f2f435e7",
    "hashed": '["m019aa…", 42, 1795248000.000000, "usr_…", "api_key.created", "key_…", {"last4": "a1B2"}]',
}
STATEMENT_EXAMPLE = (
    '{"object":"audit_checkpoint","format":1,"number":7,"at":"2026-11-21T09:00:00.000Z",'
    '"installation":"https://pay.example","previous":"9f86…","streams":2,"root":"60303…","public_key":"MCow…"}'
)
CHECKPOINT_EXAMPLE: dict[str, Any] = {
    "object": "audit_checkpoint",
    "number": 7,
    "created_at": "2026-11-21T09:00:00.000Z",
    "statement": STATEMENT_EXAMPLE,
    "signature": "base64 of 64 bytes",
    "public_key": "base64 of 32 bytes",
}
RECEIPT_EXAMPLE: dict[str, Any] = CHECKPOINT_EXAMPLE | {
    "object": "audit_receipt",
    "head": {
        "stream": "m019aa4d5-87f1-7c3e-9a2b-3c4d5e6f7a8b",
        "number": 42,
        "hash": "7d793037a0760186574b0282f2f435e77d793037a0760186574b0282f2f435e7",
    },
    "path": [{"side": "right", "hash": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"}],
}
VERIFICATION_EXAMPLE: dict[str, Any] = {
    "object": "audit_verification",
    "ok": True,
    "first": 1,
    "last": 42,
    "checkpoint": 7,
    "fault": None,
    "words": None,
}

PAYER_EXAMPLE: dict[str, Any] = {"phone": "0712345678"}
PRIVACY_EXPORT_EXAMPLE: dict[str, Any] = {
    "object": "privacy_export",
    "merchant": "mer_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "phone": "254712345678",
    "email": None,
    "created_at": "2026-11-21T08:00:00.000Z",
    "names": ["AMINA OTIENO"],
    "payments": [{"id": "pay_01KAJ6N8B7E4T9V2M5Q8R1W3XZ", "phone": "254712345678", "amount": "100.00"}],
    "refunds": [],
    "c2b_receipts": [],
    "c2b_accounts": [],
    "decisions": [],
    "provider_messages": [],
}
ERASURE_EXAMPLE: dict[str, Any] = {
    "id": "ers_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "object": "privacy_erasure",
    "status": "done",
    "waits_for": None,
    "rows": {"transactions": 3, "provider_event": 5, "webhooks_event": 9},
    "requested_by": "usr_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "created_at": "2026-11-21T08:00:00.000Z",
    "completed_at": "2026-11-21T08:00:04.000Z",
    "version": 2,
}
