"""How much of a merchant's limits is used, as the database counts it when the next payment begins."""

from datetime import datetime, time, timedelta
from typing import Any

from merchants.models import Merchant, MerchantLimits
from merchants.selectors.limits import card_of, limits_of, row_of
from merchants.serializers.limits import limits_body, use_body
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import NAIROBI, nairobi, now, rfc3339
from onpoint_pay.kit.db import fetch_one
from onpoint_pay.kit.money import Money
from payments.limit_statements import CALL_ASKED
from settlements.services import payout_limits

NO_USE: dict[str, Any] = {"used": None, "left": None, "opens_at": None}


def limits_shown(caller: Caller) -> dict[str, Any]:
    """All limits of the caller's merchant and mode as JSON, with what is used of a day and of a month."""
    row = row_of(caller.merchant_id, caller.mode)
    body = limits_body(row)
    sums = limits_of(card_of(row)).sums
    for kind, (since, until) in _periods(now()).items():
        used = NO_USE
        if kind in sums:
            asked = _asked(row, since, until)
            used = use_body(sums[kind], asked, opens_at=rfc3339(until))
        body[kind] |= used
    return body | _other_limits(caller) | {"version": row.version}


def _periods(at: datetime) -> dict[str, tuple[datetime, datetime]]:
    today = datetime.combine(nairobi(at).date(), time.min, NAIROBI)
    first = today.replace(day=1)
    return {
        "per_day": (today, today + timedelta(days=1)),
        "per_month": (first, (first + timedelta(days=31)).replace(day=1)),
    }


def _asked(row: MerchantLimits, since: datetime, until: datetime) -> int:
    place = {"merchant": row.merchant_id, "mode": row.mode, "currency": "KES", "phone": None}
    found = fetch_one(CALL_ASKED, place | {"since": since, "until": until})
    assert found is not None  # noqa: S101 - the function always answers
    return int(found["amount"])


def _other_limits(caller: Caller) -> dict[str, Any]:
    """What is set at other places."""
    merchant = Merchant.objects.only("refund_approval_above").get(id=caller.merchant_id)
    out = payout_limits.limits_of(caller.merchant_id)
    return {
        "refunds": {"approval_above": _text(merchant.refund_approval_above)},
        "payouts": {
            "largest": _text(out.largest),
            "per_day": _text(out.per_day),
            "approval_above": _text(out.approval_above),
        },
    }


def _text(minor: int | None) -> str | None:
    return None if minor is None else Money(minor).decimal_text()
