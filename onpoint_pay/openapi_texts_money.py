"""Examples of the API description: fees, settlements, and what else is owed and paid out."""

from typing import Any

FEES_EXAMPLE: dict[str, Any] = {
    "object": "fee_plan",
    "livemode": True,
    "currency": "KES",
    "source": "merchant_plan",
    "in_force": {
        "id": "01939f5e-8a00-7c3d-9b1e-0d5f2a6b7c88",
        "effective_from": "2026-11-01T00:00:00.000Z",
        "rules": [
            {
                "method": "*",
                "from": "0.00",
                "to": None,
                "bps": 150,
                "flat": "0.00",
                "min": "1.00",
                "max": "2000.00",
                "tax_bps": 1600,
            }
        ],
    },
    "next": None,
}

# --- the books --------------------------------------------------------------------------------------------------------

BALANCE_EXAMPLE: dict[str, Any] = {
    "object": "balance",
    "livemode": True,
    "at": "2026-11-21T08:15:32.101Z",
    "available": {"KES": "48210.00"},
    "pending": {"KES": "9826.00"},
    "reserved": {"KES": "0.00"},
    "in_flight": {"KES": "1500.00"},
    "owed": {"KES": "0.00"},
    "suspense": {"KES": "200.00"},
}
LEDGER_ACCOUNT_EXAMPLE: dict[str, Any] = {
    "id": "led_0000000000000000000000018F",
    "object": "ledger_account",
    "livemode": True,
    "kind": "pending",
    "sub": "",
    "currency": "KES",
    "normal_side": "credit",
    "balance": "9826.00",
    "debits": "38000.00",
    "credits": "47826.00",
    "entries": 611,
}
LEDGER_ENTRY_EXAMPLE: dict[str, Any] = {
    "id": "ent_000000000000000000000004KV",
    "object": "ledger_entry",
    "livemode": True,
    "account": LEDGER_ACCOUNT_EXAMPLE["id"],
    "kind": "pending",
    "sub": "",
    "side": "credit",
    "amount": "98.26",
    "currency": "KES",
    "balance_after": "9826.00",
    "transfer": "trf_01KAJ6N9D2R7X4Q8V5T1W3Y6ZA",
    "transfer_kind": "capture",
    "posted_at": "2026-11-21T08:15:32.101Z",
}
LEDGER_TRANSFER_EXAMPLE: dict[str, Any] = {
    "id": LEDGER_ENTRY_EXAMPLE["transfer"],
    "object": "ledger_transfer",
    "livemode": True,
    "kind": "capture",
    "source": "pay:01939f5e-8a00-7c3d-9b1e-0d5f2a6b7c88:capture",
    "currency": "KES",
    "reverses": None,
    "reason": "",
    "occurred_at": "2026-11-21T08:15:30.000Z",
    "posted_at": "2026-11-21T08:15:32.101Z",
    "lines": [
        {"account": None, "kind": "provider_float", "side": "debit", "amount": "100.00"},
        {"account": LEDGER_ACCOUNT_EXAMPLE["id"], "kind": "pending", "side": "credit", "amount": "98.26"},
        {"account": None, "kind": "fee_income", "side": "credit", "amount": "1.50"},
        {"account": None, "kind": "tax_payable", "side": "credit", "amount": "0.24"},
    ],
}
TRIAL_MONEY: dict[str, Any] = {"amount": "20000.00"}
VERIFICATION_EXAMPLE: dict[str, Any] = {
    "object": "ledger_verification",
    "ok": True,
    "from": "2026-10-31T21:00:00.000Z",
    "to": "2026-11-30T21:00:00.000Z",
    "accounts": 4,
    "entries": 1288,
    "first_fault": None,
}
SETTLEMENT_EXAMPLE: dict[str, Any] = {
    "id": "stl_01K9ZK4N8E7WQ3T5V2B6XHJ0CD",
    "object": "settlement",
    "livemode": True,
    "day": "2026-11-20",
    "currency": "KES",
    "status": "paid",
    "hold_reason": None,
    "gross": "125000.00",
    "fee": "1875.00",
    "total": "120125.00",
    "debt_repaid": "0.00",
    "reserved": "6006.25",
    "reserve_due": "2027-02-18",
    "reserve_returned": "0.00",
    "available": "114118.75",
    "payout": "pyt_01K9ZK4P2R9XW8M3S6Y1QAH5EF",
    "paid_proof": None,
    "created_at": "2026-11-21T03:00:00.412Z",
    "closed_at": "2026-11-21T03:00:01.077Z",
    "paid_at": "2026-11-21T03:00:14.530Z",
    "version": 4,
}
SETTLEMENT_LINE_EXAMPLE: dict[str, Any] = {
    "object": "settlement_line",
    "transfer": LEDGER_ENTRY_EXAMPLE["transfer"],
    "kind": "capture",
    "source": LEDGER_TRANSFER_EXAMPLE["source"],
    "gross": "100.00",
    "fee": "1.74",
    "amount": "98.26",
    "currency": "KES",
    "posted_at": "2026-11-20T08:15:32.101Z",
}
SETTLEMENT_STATEMENT_EXAMPLE: dict[str, Any] = {
    "object": "settlement_statement",
    "livemode": True,
    "settlement": SETTLEMENT_EXAMPLE
    | {"gross": "100.00", "fee": "1.74", "total": "98.26", "reserved": "4.91", "available": "93.35"},
    "items": [
        SETTLEMENT_LINE_EXAMPLE,
        SETTLEMENT_LINE_EXAMPLE
        | {
            "transfer": "trf_01K9ZK4N9F3S7U1W5Y9A3C7E1G",
            "kind": "rolling_reserve",
            "source": "",
            "gross": "-4.91",
            "fee": "0.00",
            "amount": "-4.91",
            "posted_at": SETTLEMENT_EXAMPLE["closed_at"],
        },
    ],
    "total": "93.35",
}
STATEMENT_EXAMPLE: dict[str, Any] = {
    "object": "statement",
    "livemode": True,
    "day": "2026-11-20",
    "currency": "KES",
    "final": True,
    "opening": {
        "pending": "1000.00",
        "available": "0.00",
        "reserve": "0.00",
        "held": "0.00",
        "owed": "0.00",
        "total": "1000.00",
    },
    "closing": {
        "pending": "1098.50",
        "available": "0.00",
        "reserve": "0.00",
        "held": "0.00",
        "owed": "0.00",
        "total": "1098.50",
    },
    "movements": [
        {
            "at": "2026-11-20T08:15:32.101Z",
            "transfer": "trf_01K9ZK4N8E7WQ3T5V2B6XHJ0CD",
            "kind": "capture",
            "source": "pay:019a8c1e-6d2b-7c3d-9b1e-0d5f2a6b7c88:capture",
            "pending": "98.50",
            "available": "0.00",
            "reserve": "0.00",
            "held": "0.00",
            "owed": "0.00",
            "total": "98.50",
        }
    ],
}

SETTLEMENT_CSV = """\
posted_at,transfer,kind,source,gross,fee,amount
2026-11-20T08:15:32.101Z,trf_01KAJ6N9D2R7X4Q8V5T1W3Y6ZA,capture,pay:01939f5e-8a00-7c3d-9b1e-0d5f2a6b7c88:capture,\
100.00,1.74,98.26
2026-11-21T03:00:01.077Z,trf_01K9ZK4N9F3S7U1W5Y9A3C7E1G,rolling_reserve,,-4.91,0.00,-4.91
,,total,stl_01K9ZK4N8E7WQ3T5V2B6XHJ0CD,,,93.35
"""
STATEMENT_CSV = """\
at,transfer,kind,source,pending,available,reserve,held,owed,total
,,opening,2026-11-20,1000.00,0.00,0.00,0.00,0.00,1000.00
2026-11-20T08:15:32.101Z,trf_01K9ZK4N8E7WQ3T5V2B6XHJ0CD,capture,pay:019a8c1e-6d2b-7c3d-9b1e-0d5f2a6b7c88:capture,\
98.50,0.00,0.00,0.00,0.00,98.50
,,closing,2026-11-20,1098.50,0.00,0.00,0.00,0.00,1098.50
"""

# --- exports ----------------------------------------------------------------------------------------------------------

ASK_EXPORT_EXAMPLE: dict[str, Any] = {
    "type": "payments",
    "format": "xlsx",
    "filters": {"status": "completed", "date_from": "2026-10-01", "date_to": "2026-10-31"},
}
EXPORT_EXAMPLE: dict[str, Any] = {
    "id": "exp_01KAJ7B2C4E6G8J0M2P4R6T8VX",
    "object": "export",
    "livemode": True,
    **ASK_EXPORT_EXAMPLE,
    "status": "ready",
    "rows": 1288,
    "bytes": 96412,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "url": "https://pay.example/api/v1/export-files/01939f5e-8a00-7c3d-9b1e-0d5f2a6b7c88~1795250132:kU1c2/",
    "failure": None,
    "requested_by": "usr_01KAJ5A2C4E6G8J0M2P4R6T8VX",
    "created_at": "2026-11-21T08:15:30.000Z",
    "ready_at": "2026-11-21T08:15:32.101Z",
    "expires_at": "2026-11-22T08:15:32.101Z",
    "version": 2,
}

EXPORT_ROWS: list[dict[str, Any]] = [
    {name: LEDGER_ENTRY_EXAMPLE[name] for name in ("id", "account", "kind", "sub", "side", "amount", "balance_after")}
    | {name: LEDGER_ENTRY_EXAMPLE[name] for name in ("currency", "transfer", "transfer_kind")}
    | {name: LEDGER_TRANSFER_EXAMPLE[name] for name in ("source", "occurred_at", "posted_at")}
]
EXPORT_CSV = """\
id,account,kind,sub,side,amount,balance_after,currency,transfer,transfer_kind,source,occurred_at,posted_at
ent_000000000000000000000004KV,led_0000000000000000000000018F,pending,,credit,98.26,9826.00,KES,\
trf_01KAJ6N9D2R7X4Q8V5T1W3Y6ZA,capture,pay:01939f5e-8a00-7c3d-9b1e-0d5f2a6b7c88:capture,\
2026-11-21T08:15:30.000Z,2026-11-21T08:15:32.101Z
"""

# --- reconciliation ---------------------------------------------------------------------------------------------------

RECON_EXCEPTION_EXAMPLE: dict[str, Any] = {
    "id": "rcx_01K9ZQ4M8T7V2C6X5B3N1R0WYD",
    "object": "reconciliation_exception",
    "livemode": True,
    "kind": "overpaid",
    "status": "open",
    "severity": "medium",
    "account": "daraja:600123",
    "receipt": "UKL7Q2M9XB",
    "concerns": "c2b_01K9ZQ4M8T7V2C6X5B3N1R0WYE",
    "amount": "1500.00",
    "currency": "KES",
    "occurred_at": "2026-11-20T07:31:02.000Z",
    "opened_at": "2026-11-21T03:00:12.480Z",
    "closed_at": None,
    "resolution": None,
}
