"""Examples of the OpenAPI document: payouts, batches of them, and where they go."""

from typing import Any

PAYOUT_TO_PHONE: dict[str, Any] = {
    "amount": "1500.00",
    "destination": {"type": "mpesa_phone", "phone": "0712345678"},
    "reason": "Weekly earnings",
    "reference": "EARN-2026-47",
    "purpose": "salary",
}
PAYOUT_TO_KEPT: dict[str, Any] = {
    "amount": "250000.00",
    "destination": {"id": "dst_01KAJ9B3D5F7H9K1M3P5R7T9VX"},
    "reason": "Rent of November",
}
PAYOUT_EXAMPLE: dict[str, Any] = {
    "id": "pyt_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "object": "payout",
    "livemode": False,
    "reference": "EARN-2026-47",
    "gateway_reference": "POT20261121K7Q2ZD",
    "batch": None,
    "line": None,
    "retry_of": None,
    "amount": "1500.00",
    "fee": "0.00",
    "amount_paid": "0.00",
    "amount_released": "0.00",
    "amount_returned": "0.00",
    "currency": "KES",
    "status": "pending",
    "pending_reason": "awaiting_provider",
    "approval_reasons": [],
    "destination": {"id": None, "type": "mpesa_phone", "phone": "2547****678"},
    "route": "b2c",
    "reason": "Weekly earnings",
    "purpose": "salary",
    "provider_receipt": None,
    "failure": None,
    "requested_by": "key_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "approved_by": None,
    "created_at": "2026-11-21T08:00:00.000Z",
    "approved_at": "2026-11-21T08:00:00.000Z",
    "completed_at": None,
    "version": 3,
}
PAYOUT_WAITING_EXAMPLE: dict[str, Any] = PAYOUT_EXAMPLE | {
    "amount": "25000.00",
    "status": "requires_approval",
    "pending_reason": None,
    "approval_reasons": ["above_limit"],
    "approved_at": None,
    "version": 1,
}
PAYOUT_CANCELLED_EXAMPLE: dict[str, Any] = PAYOUT_WAITING_EXAMPLE | {
    "status": "cancelled",
    "amount_released": "25000.00",
    "version": 2,
}
PAYOUT_COMPLETED_EXAMPLE: dict[str, Any] = PAYOUT_EXAMPLE | {
    "status": "completed",
    "pending_reason": None,
    "amount_paid": "1500.00",
    "provider_receipt": "UKL4T8N2QD",
    "completed_at": "2026-11-21T08:00:06.415Z",
    "version": 4,
}
PAYOUT_FAILED_EXAMPLE: dict[str, Any] = PAYOUT_EXAMPLE | {
    "status": "failed",
    "pending_reason": None,
    "amount_released": "1500.00",
    "failure": {
        "code": "not_registered",
        "provider_code": "2040",
        "provider_message": "Credit Party customer type can't be supported by the service.",
        "reason": "The number has no M-Pesa account that can receive this.",
        "customer_message": "This number is not registered for M-Pesa. Use another one.",
        "merchant_action": "Ask for the number of an M-Pesa account.",
        "certainty": "certain",
        "retry": {"advice": "ask_customer", "after": None},
    },
    "version": 4,
}
PAYOUT_RETURNED_EXAMPLE: dict[str, Any] = PAYOUT_COMPLETED_EXAMPLE | {
    "status": "returned",
    "amount_returned": "1500.00",
    "version": 5,
}
ADD_DESTINATION: dict[str, Any] = {
    "type": "bank",
    "bank_code": "01",
    "branch_code": "100",
    "account_number": "1234567890",
    "account_name": "Duka Bora Ltd",
    "label": "Main account",
}
RENAME_DESTINATION: dict[str, Any] = {"label": "Main account, Nakuru"}
CANCEL_PAYOUT: dict[str, Any] = {"reason": "Asked for twice"}
DESTINATION_EXAMPLE: dict[str, Any] = {
    "id": "dst_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "object": "payout_destination",
    "livemode": True,
    "label": "Main account",
    "status": "active",
    "usable_from": "2026-11-24T08:00:00.000Z",
    "created_by": "usr_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "created_at": "2026-11-21T08:00:00.000Z",
    "deleted_at": None,
    "type": "bank",
    "bank_code": "01",
    "branch_code": "100",
    "account_number": "1234****890",
    "account_name": "Duka****Ltd",
}
BATCH_REQUEST: dict[str, Any] = {
    "description": "Riders, week 47",
    "items": [
        PAYOUT_TO_PHONE,
        {
            "amount": "900",
            "destination": {"type": "mpesa_phone", "phone": "0722000000"},
            "reason": "Weekly earnings",
            "reference": "EARN-2026-47-2",
        },
    ],
}
BATCH_CSV = """\
amount,type,phone,reason,reference
1500.00,mpesa_phone,0712345678,Weekly earnings,EARN-2026-47
900,mpesa_phone,0722000000,Weekly earnings,EARN-2026-47-2
"""
BATCH_EXAMPLE: dict[str, Any] = {
    "id": "bat_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "object": "payout_batch",
    "livemode": False,
    "description": "Riders, week 47",
    "status": "requires_approval",
    "approval_reasons": ["above_limit"],
    "lines": 2,
    "amount": "2400.00",
    "fee": "0.00",
    "currency": "KES",
    "counts": {"requires_approval": 2},
    "requested_by": "key_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "approved_by": None,
    "created_at": "2026-11-21T08:00:00.000Z",
    "completed_at": None,
    "version": 1,
}
