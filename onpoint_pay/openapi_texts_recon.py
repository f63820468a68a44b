"""Examples of the document about reconciliation."""

from typing import Any

RUN_EXAMPLE: dict[str, Any] = {
    "id": "rec_01K9ZQ4M8T7V2C6X5B3N1R0WYF",
    "object": "reconciliation",
    "livemode": True,
    "account": "daraja:600123",
    "source": "mpesa_statement",
    "name": "statement-2026-11-20.csv",
    "status": "completed",
    "failure": None,
    "lines": 1330,
    "lines_new": 1328,
    "unparsable": 0,
    "gaps": 0,
    "matched": 1286,
    "proposed": 0,
    "charges": 41,
    "booked": 1,
    "closed": 1,
    "exceptions": {"overpaid": 1},
    "requested_by": "usr_01K9ZQ4M8T7V2C6X5B3N1R0WYG",
    "created_at": "2026-11-21T03:00:02.118Z",
    "finished_at": "2026-11-21T03:00:12.480Z",
    "version": 3,
}
COUNTED = (
    "lines",
    "lines_new",
    "unparsable",
    "gaps",
    "matched",
    "proposed",
    "charges",
    "booked",
    "closed",
    "exceptions",
)
QUEUED_EXAMPLE: dict[str, Any] = (
    RUN_EXAMPLE | dict.fromkeys(COUNTED) | {"livemode": False, "status": "queued", "finished_at": None, "version": 1}
)
ITEM_EXAMPLE: dict[str, Any] = {
    "id": "rcl_000000000000000000000004KV",
    "object": "reconciliation_item",
    "livemode": True,
    "account": "daraja:600123",
    "line": 17,
    "kind": "receipt",
    "direction": "in",
    "amount": "1500.00",
    "currency": "KES",
    "balance_after": "48250.00",
    "receipt": "UKL7Q2M9XB",
    "linked_receipt": None,
    "account_reference": "ORDER-123",
    "narrative": "Pay Bill Online",
    "occurred_at": "2026-11-20T07:31:02.000Z",
    "state": "matched",
    "match": {
        "state": "confirmed",
        "rule": "receipt",
        "type": "payment",
        "concerns": "pay_01K9ZQ4M8T7V2C6X5B3N1R0WYE",
        "transfer": "trf_01KAJ6N9D2R7X4Q8V5T1W3Y6ZA",
    },
    "exception": None,
}
UPLOAD_EXAMPLE: dict[str, Any] = {
    "file": "(the statement)",
    "account": "daraja:600123",
    "source": "mpesa_statement",
}
