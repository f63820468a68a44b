"""What the provider says at the door, in its own words."""

import json
from typing import Any

RECEIPT = "UKL4Q7ZX2A"
CANCELLED, INSUFFICIENT, UNREACHABLE, EXPIRED, WRONG_PIN, UNDOCUMENTED = 1032, 1, 1037, 1019, 2001, 777


def success_body(checkout_request_id: str, *, amount: Any = 100.00, receipt: str | None = RECEIPT) -> bytes:
    items: list[dict[str, Any]] = [
        {"Name": "Amount", "Value": amount},
        {"Name": "MpesaReceiptNumber", "Value": receipt},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": 20261121093000},
        {"Name": "PhoneNumber", "Value": 254712345678},
    ]
    items = [item for item in items if item["Name"] == "Balance" or item["Value"] is not None]
    return result_body(checkout_request_id, 0, "Processed successfully.", CallbackMetadata={"Item": items})


def failure_body(
    checkout_request_id: str, code: int | str = CANCELLED, text: str = "Request cancelled by user"
) -> bytes:
    return result_body(checkout_request_id, code, text)


def result_body(checkout_request_id: str, code: int | str, text: str, **more: Any) -> bytes:
    result = {
        "MerchantRequestID": "7c1e-4d52-9b07-3fa2c61d8e0512894",
        "CheckoutRequestID": checkout_request_id,
        "ResultCode": code,
        "ResultDesc": text,
        **more,
    }
    return json.dumps({"Body": {"stkCallback": result}}).encode()
