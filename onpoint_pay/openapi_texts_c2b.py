"""Examples of the OpenAPI document: money that payers send by themselves."""

from typing import Any

from onpoint_pay.openapi_texts import EVENT_EXAMPLE, INITIATE_EXAMPLE, PAYMENT_EXAMPLE

KEY = "key_01KAH0W5T7Q9S1V3X5Z7B9D1FH"

# --- one payment to the paybill ---------------------------------------------------------------------------------------

PAY_BY_HAND_EXAMPLE: dict[str, Any] = {
    name: INITIATE_EXAMPLE[name] for name in ("amount", "currency", "reference", "description")
} | {"payment_method": "mpesa_c2b"}
TO_BE_PAID_EXAMPLE: dict[str, Any] = PAYMENT_EXAMPLE | {
    "payment_method": "mpesa_c2b",
    "channel": "c2b",
    "phone": None,
    "email": None,
    "customer_message": "Pay KES 100 to paybill 174379, account 54343860.",
    "next_action": {
        "type": "pay_to_paybill",
        "paybill": "174379",
        "account": "54343860",
        "amount": "100.00",
        "expires_at": "2026-11-22T08:15:28.004Z",
    },
    "provider_details": {"shortcode": "174379", "paybill": "174379"},
    "callback_url": None,
    "metadata": {},
    "submitted_at": "2026-11-21T08:15:28.007Z",
    "expires_at": "2026-11-22T08:15:28.004Z",
}

# --- accounts ---------------------------------------------------------------------------------------------------------

NEW_ACCOUNT_EXAMPLE: dict[str, Any] = {"name": "House 7", "customer": "TENANT-7", "phone": "254712345678"}
OWN_CODE_EXAMPLE: dict[str, Any] = {
    "name": "Amina, class 4",
    "code": "SHULE01",
    "aliases": ["AMINA 4"],
    "expected_amount": "12500.00",
    "expires_at": "2026-12-31T21:00:00Z",
}
ACCOUNT_CHANGES_EXAMPLE: dict[str, Any] = {"name": "House 7, ground floor", "phone": None}
ACCOUNT_EXAMPLE: dict[str, Any] = {
    "id": "acc_01KAJ8C4F6H8K0M2P4R6T8V0XZ",
    "object": "c2b_account",
    "livemode": False,
    "code": "15732003",
    "name": "House 7",
    "shortcode": "174379",
    "provider": "daraja",
    "customer": "TENANT-7",
    "phone": "254712345678",
    "expected_amount": None,
    "currency": "KES",
    "aliases": [],
    "status": "open",
    "expires_at": None,
    "created_by": KEY,
    "created_at": "2026-11-21T09:02:11.149Z",
    "version": 1,
}

# --- receipts ---------------------------------------------------------------------------------------------------------

SUGGESTION_EXAMPLE: dict[str, Any] = {
    "type": "account",
    "id": ACCOUNT_EXAMPLE["id"],
    "score": "0.70",
    "rule": "one_edit",
    "reason": "The payer typed “15732030”, one slip away from 15732003. Neither amount nor payer confirms it.",
    "reason_sw": "Mlipaji aliandika “15732030”, kosa moja tu kutoka 15732003. Kiasi na mlipaji havithibitishi hivyo.",
}
MATCHED_EXAMPLE: dict[str, Any] = {
    "id": "c2b_01KAJ8E1G3J5M7P9R1T3V5X7Z9",
    "object": "c2b_receipt",
    "livemode": False,
    "receipt": "UKL4TT8YNK",
    "shortcode": "174379",
    "till": None,
    "amount": "750.00",
    "currency": "KES",
    "bill_ref": "15732003",
    "payer_phone": "2547 ***** 678",
    "phone_hash": None,
    "payer_name": "AMINA",
    "occurred_at": "2026-11-21T09:05:31.000Z",
    "received_at": "2026-11-21T09:05:32.321Z",
    "source": "confirmation",
    "verification": "waived",
    "verified_by": None,
    "match": {
        "state": "matched",
        "account": ACCOUNT_EXAMPLE["id"],
        "payment": "pay_01KAJ8E2K4N6Q8S0V2X4Z6B8DF",
        "invoice": None,
        "score": "1.00",
        "rule": "exact",
        "reason": "The payer typed 15732003 exactly.",
        "reason_sw": "Mlipaji aliandika 15732003 sawasawa.",
        "decided_by": "system",
    },
    "suggestions": [],
    "org_balance": None,
    "created_at": "2026-11-21T09:05:32.321Z",
    "version": 2,
}
# On a shortcode of the merchant's own, which tells its balance.
SUGGESTED_EXAMPLE: dict[str, Any] = MATCHED_EXAMPLE | {
    "shortcode": "600123",
    "bill_ref": "15732030",
    "match": {
        "state": "suggested",
        "account": None,
        "payment": None,
        "invoice": None,
        "decided_by": None,
        **{name: SUGGESTION_EXAMPLE[name] for name in ("score", "rule", "reason", "reason_sw")},
    },
    "suggestions": [SUGGESTION_EXAMPLE],
    "org_balance": "48350.00",
    "version": 1,
}
MATCH_EXAMPLE: dict[str, Any] = {"account": ACCOUNT_EXAMPLE["id"]}
MATCH_PAYMENT_EXAMPLE: dict[str, Any] = {"payment": PAYMENT_EXAMPLE["id"]}
UNMATCH_EXAMPLE: dict[str, Any] = {"reason": "Meant for another house"}

# --- claims -----------------------------------------------------------------------------------------------------------

CLAIM_SMS_EXAMPLE: dict[str, Any] = {
    "sms": "UKL7A2M9QD Confirmed. Ksh820.00 sent to DUKA BORA for account MAMA OTIENO on 21/11/26 at 9:30 AM New "
    "M-PESA balance is Ksh1,234.00.",
    "account": ACCOUNT_EXAMPLE["id"],
}
CLAIM_RECEIPT_EXAMPLE: dict[str, Any] = {"receipt": "UKL7A2M9QD", "payment": PAYMENT_EXAMPLE["id"]}
PENDING_CLAIM_EXAMPLE: dict[str, Any] = {
    "id": "clm_01KAJ8H5M7P9R1T3V5X7Z9B1DF",
    "object": "c2b_claim",
    "livemode": False,
    "receipt": "UKL7A2M9QD",
    "account": ACCOUNT_EXAMPLE["id"],
    "payment": None,
    "c2b_receipt": None,
    "status": "pending",
    "reason": None,
    "created_by": KEY,
    "created_at": "2026-11-21T09:31:12.129Z",
    "closed_at": None,
    "version": 1,
}
ACCEPTED_CLAIM_EXAMPLE: dict[str, Any] = PENDING_CLAIM_EXAMPLE | {
    "c2b_receipt": "c2b_01KAJ8H9Q1S3V5X7Z9B1D3F5HK",
    "status": "accepted",
    "closed_at": "2026-11-21T09:31:14.870Z",
    "version": 2,
}

# --- as they are sent -------------------------------------------------------------------------------------------------

SENT_EXAMPLES: list[dict[str, Any]] = [
    {name: value for name, value in EVENT_EXAMPLE.items() if name != "sequence"}
    | {
        "id": event_id,
        "type": kind,
        "timestamp": "2026-11-21T09:05:32.376Z",
        "request": {"id": None, "idempotency_key": None},
        "data": {"object": receipt, "previous": previous},
    }
    for event_id, kind, receipt, previous in (
        ("evt_01KAJ8E3P5R7T9W1Y3A5C7E9GK", "c2b.matched", MATCHED_EXAMPLE, {"match": {"state": "unmatched"}}),
        ("evt_01KAJ8E3Q7S9V1X3Z5B7D9F1HM", "c2b.suggested", SUGGESTED_EXAMPLE, None),
    )
]
