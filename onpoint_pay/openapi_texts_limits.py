"""Words and examples of limits in the OpenAPI document."""

from typing import Any

OF = {
    "largest": "One payment, in shillings.",
    "per_day": "All payments of a day in Nairobi, in shillings.",
    "per_month": "All payments of a month in Nairobi, in shillings.",
    "per_payer_day": "All payments of one payer's phone on a day in Nairobi, in shillings.",
    "payments_per_payer_day": "How many payments one payer's phone may be asked for on a day in Nairobi.",
}
LIMITS_CHANGES_EXAMPLE: dict[str, Any] = {"per_day": "100000.00", "payments_per_payer_day": 5}
LIMITS_EXAMPLE: dict[str, Any] = {
    "object": "limits",
    "livemode": True,
    "currency": "KES",
    "largest": {"limit": "250000.00", "own": None, "cap": "250000.00"},
    "per_day": {
        "limit": "100000.00",
        "own": "100000.00",
        "cap": "500000.00",
        "used": "64300.00",
        "left": "35700.00",
        "opens_at": "2026-11-21T21:00:00.000Z",
    },
    "per_month": {"limit": None, "own": None, "cap": None, "used": None, "left": None, "opens_at": None},
    "per_payer_day": {"limit": None, "own": None, "cap": None},
    "payments_per_payer_day": {"limit": 5, "own": 5, "cap": None},
    "rates": [
        {"policy": "api", "quota": 600, "window": 60, "is_usual": True},
        {"policy": "initiate", "quota": 600, "window": 60, "is_usual": False},
        {"policy": "status", "quota": 300, "window": 60, "is_usual": True},
        {"policy": "prompt", "quota": 3, "window": 300, "is_usual": True},
        {"policy": "prompt_day", "quota": 10, "window": 86400, "is_usual": True},
        {"policy": "checkout", "quota": 60, "window": 60, "is_usual": True},
        {"policy": "export", "quota": 10, "window": 3600, "is_usual": True},
        {"policy": "provider", "quota": 10, "window": 60, "is_usual": True},
        {"policy": "statement", "quota": 30, "window": 3600, "is_usual": True},
        {"policy": "upload", "quota": 60, "window": 3600, "is_usual": True},
    ],
    "refunds": {"approval_above": "5000.00"},
    "payouts": {"largest": "1000000.00", "per_day": "5000000.00", "approval_above": "50000.00"},
    "version": 2,
}
# What an event tells has no use in it, and nothing that another room keeps.
LIMITS_CHANGED_EXAMPLE: dict[str, Any] = {
    name: {side: value[side] for side in ("limit", "own", "cap")} if isinstance(value, dict) else value
    for name, value in LIMITS_EXAMPLE.items()
    if name not in ("refunds", "payouts")
}
