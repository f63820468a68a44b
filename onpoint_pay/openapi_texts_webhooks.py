"""Examples of the OpenAPI document: endpoints, deliveries, recoveries, and an object for every type of event."""

from typing import Any

from onpoint_pay import openapi_texts_kyc as kyc
from onpoint_pay.openapi_texts import (
    EVENT_EXAMPLE,
    FAILED_EXAMPLE,
    PAID_EXAMPLE,
    PAYMENT_EXAMPLE,
    REFUND_EXAMPLE,
    REFUNDED_EXAMPLE,
)
from onpoint_pay.openapi_texts_c2b import ACCEPTED_CLAIM_EXAMPLE, MATCHED_EXAMPLE, SUGGESTED_EXAMPLE
from onpoint_pay.openapi_texts_keys import KEY_EXAMPLE, REVOKED_KEY_EXAMPLE, ROTATED_KEY_EXAMPLE
from onpoint_pay.openapi_texts_limits import LIMITS_CHANGED_EXAMPLE
from onpoint_pay.openapi_texts_money import (
    EXPORT_EXAMPLE,
    RECON_EXCEPTION_EXAMPLE,
    SETTLEMENT_EXAMPLE,
)
from onpoint_pay.openapi_texts_payouts import (
    BATCH_EXAMPLE,
    PAYOUT_CANCELLED_EXAMPLE,
    PAYOUT_COMPLETED_EXAMPLE,
    PAYOUT_EXAMPLE,
    PAYOUT_FAILED_EXAMPLE,
    PAYOUT_RETURNED_EXAMPLE,
    PAYOUT_WAITING_EXAMPLE,
)
from onpoint_pay.openapi_texts_people import MERCHANT_EXAMPLE
from onpoint_pay.openapi_texts_recon import RUN_EXAMPLE

# --- endpoints --------------------------------------------------------------------------------------------------------

NEW_ENDPOINT_EXAMPLE: dict[str, Any] = {
    "url": "https://shop.example/webhooks",
    "events": ["payment.*", "refund.*"],
    "description": "Orders",
    "rate_limit": 50,
}
ENDPOINT_CHANGES_EXAMPLE: dict[str, Any] = {"status": "enabled"}
ENDPOINT_EXAMPLE: dict[str, Any] = {
    "id": "whe_01KAJ6A2C4E6G8J0M2P4R6T8VX",
    "object": "webhook_endpoint",
    "livemode": False,
    "kind": "normal",
    "url": NEW_ENDPOINT_EXAMPLE["url"],
    "description": "Orders",
    "events": NEW_ENDPOINT_EXAMPLE["events"],
    "status": "enabled",
    "rate_limit": 50,
    "failing_since": None,
    "api_version": "2026-11-21",
    "created_at": "2026-11-21T08:02:11.540Z",
    "version": 1,
}
SHOWN_ENDPOINT_EXAMPLE: dict[str, Any] = ENDPOINT_EXAMPLE | {
    "secret": "whsec_c2hvd24gb25jZSwga2VlcCBpdCB3aXRoIHlvdXIgc2VjcmV0cw=="
}
ENDPOINT_WITH_HELD_EXAMPLE: dict[str, Any] = ENDPOINT_EXAMPLE | {"version": 3, "held_deliveries": 1204}
ROTATE_EXAMPLE: dict[str, Any] = {"overlap_hours": 24}
STATISTICS_EXAMPLE: dict[str, Any] = {
    "object": "webhook_statistics",
    "endpoint": ENDPOINT_EXAMPLE["id"],
    "livemode": False,
    "hours": 24,
    "since": "2026-11-20T09:00:00.000Z",
    "complete": True,
    "tries": 412,
    "delivered": 406,
    "failed": 1,
    "open": 3,
    "held": 0,
    "success_rate": 0.9854,
    "answer_ms": {"p50": 84, "p95": 310},
    "receipt_seconds": {"p50": 0.091, "p95": 5.402},
    "oldest_due_at": None,
    "next_try_at": "2026-11-21T09:04:31.207Z",
    "breaker": {"state": "closed", "detail": "closed: the last try succeeded at 11:59."},
    "errors": [
        {"error": "http_503", "count": 4, "detail": "The server answered with status 503 instead of 2xx."},
        {
            "error": "timeout",
            "count": 2,
            "detail": "The server took the request and did not finish its answer in time.",
        },
    ],
}

# --- deliveries -------------------------------------------------------------------------------------------------------

DELIVERY_EXAMPLE: dict[str, Any] = {
    "id": "whd_00000000000000000000001D3F",
    "object": "webhook_delivery",
    "livemode": False,
    "event": EVENT_EXAMPLE["id"],
    "event_type": "payment.completed",
    "endpoint": ENDPOINT_EXAMPLE["id"],
    "status": "delivered",
    "tries": 1,
    "next_attempt_at": None,
    "expires_at": "2026-11-24T12:15:30.120Z",
    "last_status": 200,
    "last_error": None,
    "last_error_detail": None,
    "delivered_at": "2026-11-21T08:15:30.211Z",
    "created_at": "2026-11-21T08:15:30.120Z",
}
REQUEST_HEADERS: dict[str, str] = {
    "Content-Type": "application/json",
    "User-Agent": "OnPointPay/1",
    "OnPoint-Attempt": "1",
    "webhook-id": EVENT_EXAMPLE["id"],
    "webhook-timestamp": "1795248930",
}
TRIED_DELIVERY_EXAMPLE: dict[str, Any] = DELIVERY_EXAMPLE | {
    "request": {
        "url": ENDPOINT_EXAMPLE["url"],
        "headers": REQUEST_HEADERS,
        "body": '{"id":"evt_01KAJ6NAF2J8C5P7S0D4G6H9KM","object":"event","type":"payment.completed"}',
    },
    "attempts": [
        {
            "number": 1,
            "trigger": "auto",
            "started_at": "2026-11-21T08:15:30.122Z",
            "connect_ms": 31,
            "total_ms": 86,
            "ip": "203.0.113.20",
            "status": 200,
            "error": None,
            "error_detail": None,
            "request_headers": REQUEST_HEADERS,
            "response_headers": {"Content-Type": "text/plain"},
            "response_excerpt": "ok",
        }
    ],
}
TEST_EXAMPLE: dict[str, Any] = {"type": "payment.failed"}
NOT_TRIED_EXAMPLE: dict[str, Any] = (
    DELIVERY_EXAMPLE
    | {name: TRIED_DELIVERY_EXAMPLE[name] | {"headers": {}} for name in ("request",)}
    | {
        "event_type": "test.ping",
        "status": "open",
        "tries": 0,
        "next_attempt_at": "2026-11-21T08:15:30.120Z",
        "last_status": None,
        "delivered_at": None,
        "attempts": [],
    }
)

# --- recoveries and notices -------------------------------------------------------------------------------------------

RECOVER_EXAMPLE: dict[str, Any] = {
    "since": "2026-11-19T00:00:00Z",
    "until": "2026-11-21T06:00:00Z",
    "types": ["payment.*"],
    "only": "missed",
}
RECOVERY_EXAMPLE: dict[str, Any] = {
    "id": "whr_01KAJ9W3Y5A7C9E1G3J5M7P9RT",
    "object": "webhook_recovery",
    "livemode": False,
    "endpoint": ENDPOINT_EXAMPLE["id"],
    "since": "2026-11-19T00:00:00.000Z",
    "until": "2026-11-21T06:00:00.000Z",
    "types": ["payment.*"],
    "only": "missed",
    "status": "running",
    "seen": 0,
    "opened": 0,
    "due_until": None,
    "created_at": "2026-11-21T09:10:02.771Z",
    "finished_at": None,
}
DONE_RECOVERY_EXAMPLE: dict[str, Any] = RECOVERY_EXAMPLE | {
    "status": "done",
    "seen": 1204,
    "opened": 1187,
    "due_until": "2026-11-21T09:10:27.540Z",
    "finished_at": "2026-11-21T09:10:03.954Z",
}
NOTICE_EXAMPLE: dict[str, Any] = {
    "id": "whn_0000000000000000000000003A",
    "object": "webhook_notice",
    "livemode": False,
    "endpoint": ENDPOINT_EXAMPLE["id"],
    "url": ENDPOINT_EXAMPLE["url"],
    "kind": "failing",
    "days": 1,
    "failing_since": "2026-11-20T09:10:44.120Z",
    "detail": "No event has reached https://shop.example/webhooks for 1 day. After 5 days it is switched off.",
    "mailed_at": "2026-11-21T09:11:02.006Z",
    "created_at": "2026-11-21T09:10:47.310Z",
}

# --- as they are sent -------------------------------------------------------------------------------------------------

NOT_PAID_OUT: dict[str, Any] = {"payout": None, "paid_at": None}
UNRELEASED: dict[str, Any] = {
    **NOT_PAID_OUT,
    **dict.fromkeys(("debt_repaid", "reserved", "available"), "0.00"),
    **dict.fromkeys(("reserve_due", "closed_at")),
}
NO_ACTION: dict[str, Any] = {"next_action": {"type": "none", "expires_at": None}, "pending_reason": None}
# The object of every type of event but the ping's.
OBJECTS: dict[str, dict[str, Any]] = {
    "payment.created": PAYMENT_EXAMPLE | {"status": "initiated", "pending_reason": None, "version": 1},
    "payment.pending": PAYMENT_EXAMPLE,
    "payment.completed": PAID_EXAMPLE,
    "payment.failed": FAILED_EXAMPLE,
    "payment.cancelled": PAYMENT_EXAMPLE | NO_ACTION | {"status": "cancelled", "version": 3},
    "payment.expired": PAYMENT_EXAMPLE | NO_ACTION | {"status": "expired", "version": 3},
    "payment.reversed": PAID_EXAMPLE | {"status": "reversed", "amount_refundable": "0.00", "version": 4},
    "payment.prompt_resent": PAYMENT_EXAMPLE | {"status": "initiated", "attempts": 2, "version": 4},
    "payment.amount_mismatch": PAYMENT_EXAMPLE | {"amount_check": "under"},
    "c2b.received": MATCHED_EXAMPLE,
    "c2b.matched": MATCHED_EXAMPLE,
    "c2b.suggested": SUGGESTED_EXAMPLE,
    "c2b.unmatched": SUGGESTED_EXAMPLE
    | {"match": SUGGESTED_EXAMPLE["match"] | {"state": "unmatched"}, "suggestions": []},
    "c2b.claimed": ACCEPTED_CLAIM_EXAMPLE,
    "refund.requires_approval": REFUND_EXAMPLE
    | {"status": "requires_approval", "pending_reason": None, "expected_at": None},
    "refund.created": REFUND_EXAMPLE,
    "refund.completed": REFUNDED_EXAMPLE,
    "refund.failed": REFUND_EXAMPLE | {"status": "failed", "pending_reason": None, "version": 2},
    "refund.cancelled": REFUND_EXAMPLE
    | {"status": "cancelled", "pending_reason": None, "expected_at": None, "version": 2},
    "payout.created": PAYOUT_EXAMPLE | {"pending_reason": "queued", "version": 2},
    "payout.requires_approval": PAYOUT_WAITING_EXAMPLE,
    "payout.approved": PAYOUT_EXAMPLE
    | {name: PAYOUT_WAITING_EXAMPLE[name] for name in ("amount", "approval_reasons")}
    | {"pending_reason": "queued", "approved_by": "usr_01KAJ9B3D5F7H9K1M3P5R7T9VX", "version": 2},
    "payout.completed": PAYOUT_COMPLETED_EXAMPLE,
    "payout.failed": PAYOUT_FAILED_EXAMPLE,
    "payout.cancelled": PAYOUT_CANCELLED_EXAMPLE,
    "payout.returned": PAYOUT_RETURNED_EXAMPLE,
    "payout_batch.completed": BATCH_EXAMPLE
    | {
        "status": "completed",
        "counts": {"completed": 2},
        "approved_by": "usr_01KAJ9B3D5F7H9K1M3P5R7T9VX",
        "completed_at": "2026-11-21T08:21:40.118Z",
        "version": 3,
    },
    "settlement.created": SETTLEMENT_EXAMPLE | UNRELEASED | {"status": "open", "version": 1},
    "settlement.closed": SETTLEMENT_EXAMPLE | NOT_PAID_OUT | {"status": "closed", "version": 2},
    "settlement.paid": SETTLEMENT_EXAMPLE,
    "settlement.failed": SETTLEMENT_EXAMPLE | {"status": "failed", "paid_at": None, "version": 4},
    "export.ready": EXPORT_EXAMPLE,
    "reconciliation.exception": RECON_EXCEPTION_EXAMPLE,
    "reconciliation.completed": RUN_EXAMPLE,
    **kyc.OBJECTS,
    "merchant.suspended": MERCHANT_EXAMPLE | {"livemode": False, "status": "suspended", "version": 2},
    "merchant.restored": MERCHANT_EXAMPLE | {"livemode": False, "version": 3},
    "api_key.created": KEY_EXAMPLE,
    "api_key.rotated": ROTATED_KEY_EXAMPLE,
    "api_key.revoked": REVOKED_KEY_EXAMPLE,
    "merchant.limits_changed": LIMITS_CHANGED_EXAMPLE,
    "webhook_endpoint.disabled": ENDPOINT_EXAMPLE
    | {"status": "disabled", "failing_since": "2026-11-16T08:15:30.120Z", "version": 2},
}
# Of the types that are about a change of state.
STATUS_BEFORE = {
    "payment.cancelled": "pending",
    "payment.expired": "pending",
    "payment.reversed": "completed",
    "payment.prompt_resent": "failed",
    "refund.failed": "pending",
    "refund.cancelled": "requires_approval",
    "payout.approved": "requires_approval",
    "payout.completed": "pending",
    "payout.failed": "pending",
    "payout.cancelled": "requires_approval",
    "payout.returned": "completed",
    "payout_batch.completed": "pending",
    "settlement.closed": "open",
    "settlement.paid": "processing",
    "settlement.failed": "processing",
    **kyc.STATUS_BEFORE,
    "merchant.suspended": "active",
    "merchant.restored": "suspended",
}
SENT_EXAMPLES: list[dict[str, Any]] = [
    {name: value for name, value in EVENT_EXAMPLE.items() if name != "sequence"}
    | {
        "id": "evt_01KAJ9Z2B4D6F8H0K2N4Q6S8TV",
        "type": "webhook_endpoint.disabled",
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": OBJECTS["webhook_endpoint.disabled"], "previous": {"status": "enabled"}},
    }
]
