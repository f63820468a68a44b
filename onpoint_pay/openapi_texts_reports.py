"""Examples of the document about reports."""

from typing import Any


def report(name: str, **row: Any) -> dict[str, Any]:
    """A report of one row."""
    return {
        "object": "report",
        "livemode": True,
        "name": name,
        "by": "day",
        "date_from": "2026-11-20",
        "date_to": "2026-11-20",
        "rows": [{"period": "2026-11-20", "currency": "KES"} | row],
    }


PAYMENT_REPORT = report(
    "payments",
    payment_method="mpesa",
    asked=212,
    paid=181,
    failed=14,
    cancelled=12,
    expired=5,
    open=0,
    received="271500.00",
    refunded="1500.00",
    fee="4072.50",
)
FAILURE_REPORT = report(
    "failures", payment_method="mpesa", status="failed", failure="insufficient_funds", payments=9, amount="13500.00"
)
REFUND_REPORT = report(
    "refunds", route="reversal", asked=3, completed=2, failed=0, cancelled=1, open=0, returned="1500.00"
)
PAYOUT_REPORT = report(
    "payouts",
    route="b2c",
    asked=4,
    completed=4,
    failed=0,
    returned=0,
    cancelled=0,
    open=0,
    paid_out="80000.00",
    fee="60.00",
)
PAYMENT_REPORT_CSV = """\
period,payment_method,currency,asked,paid,failed,cancelled,expired,open,received,refunded,fee
2026-11-20,mpesa,KES,212,181,14,12,5,0,271500.00,1500.00,4072.50
"""
