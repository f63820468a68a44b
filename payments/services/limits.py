"""What a merchant may take, held where payments begin: what would pass a limit is refused and not stored."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from merchants.selectors.limits import COUNT, LARGEST, Limits, limits_of
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import rfc3339
from onpoint_pay.kit.db import fetch_one
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.money import Money
from payments.limit_statements import CALL_REACHED, CALL_WAIT

WORDS = {
    LARGEST: "One payment may be {size} at most.",
    "per_day": "The payments of one day may be {size} at most; {left} is left of today.",
    "per_month": "The payments of one month may be {size} at most; {left} is left of this one.",
    "per_payer_day": "The payments of one payer's day may be {size} at most; {left} is left of today.",
    COUNT: "One payer may be asked for {size} payments in a day; {left} are left of today.",
}


def check_size(money: Money, caller: Caller) -> None:
    """Raises Problem limit_exceeded for more than this merchant takes at once."""
    largest = limits_of(caller.merchant.limits_in(caller.mode)).largest
    if money.minor > largest:
        raise _exceeded(LARGEST, Money(largest, money.currency), left=None, opens_at=None)


def sums_of(caller: Caller) -> str | None:
    """The limits that the database has to add up for, as its functions take them; None when there are none."""
    return _as_json(limits_of(caller.merchant.limits_in(caller.mode)))


def _as_json(limits: Limits) -> str | None:
    return orjson.dumps(limits.sums).decode() if limits.sums else None


def hold_limits(caller: Caller, money: Money, *, phone: str | None, at: datetime) -> None:
    """Let nobody else of the merchant begin until this transaction ends. Raises Problem limit_exceeded.

    For a payment that begins anew at `at` and is not among what is counted. `payment_begin` does the same for new ones.
    """
    limits = limits_of(caller.merchant.limits_in(caller.mode))
    if limits.sums:
        place = {"merchant": caller.merchant_id, "mode": caller.mode, "phone": phone, "limits": _as_json(limits)}
        fetch_one(CALL_WAIT, place)
        reached = would_reach(limits, caller.merchant_id, money, mode=caller.mode, phone=phone, at=at)
        if reached is not None:
            raise limit_reached(reached, money.currency)


def would_reach(
    limits: Limits, merchant_id: UUID, money: Money, *, mode: str, phone: str | None, at: datetime
) -> dict[str, Any] | None:
    """The limit that `money` more would pass at `at`; None when there is room. Nobody is kept from being faster."""
    if not limits.sums:
        return None
    asked = {
        "limits": _as_json(limits),
        "merchant": merchant_id,
        "mode": mode,
        "currency": money.currency,
        "phone": phone,
        "amount": money.minor,
        "at": at,
    }
    row = fetch_one(CALL_REACHED, asked)
    assert row is not None  # noqa: S101 - the function always answers
    return None if row["reached"] is None else orjson.loads(row["reached"])


def limit_reached(reached: Mapping[str, Any], currency: str) -> Problem:
    """The refusal in words, from what `payment_limit_reached` has found."""
    name, size, left = reached["name"], reached["size"], max(reached["size"] - reached["used"], 0)
    opens_at = datetime.fromtimestamp(reached["opens_at"], UTC)
    if name == COUNT:
        return _exceeded(name, size, left=left, opens_at=opens_at)
    return _exceeded(name, Money(size, currency), left=Money(left, currency), opens_at=opens_at)


def _exceeded(name: str, size: Money | int, *, left: Money | int | None, opens_at: datetime | None) -> Problem:
    limit = {
        "name": name,
        "limit": _plain(size),
        "left": None if left is None else _plain(left),
        "opens_at": rfc3339(opens_at) if opens_at else None,
    }
    return Problem("limit_exceeded", WORDS[name].format(size=size, left=left), param="amount", extra={"limit": limit})


def _plain(size: Money | int) -> str | int:
    return size.decimal_text() if isinstance(size, Money) else size
