"""The whole of it in order: open and close the day's batches, pay what is enough, look after earlier payouts."""

from datetime import date
from uuid import UUID

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import Problem
from settlements.models import Settlement
from settlements.selectors.settlement_terms import terms_of
from settlements.services.batches import close_open, last_over, run_settlement
from settlements.services.settlement_payouts import follow_payouts, pay_closed


def settle(*, day: date | None = None, merchant_id: UUID | None = None, by_hand: bool = False) -> list[Settlement]:
    """Settle a day, by default the last one that is over; its batches. Raises DayNotOver."""
    day = day or last_over()
    run_settlement(day=day, merchant_id=merchant_id, by_hand=by_hand)
    follow_payouts()
    pay_closed(merchant_id)
    rows = Settlement.objects.filter(day=day).order_by("merchant_id", "mode", "currency")
    return list(rows.filter(merchant_id=merchant_id) if merchant_id else rows)


def carry_on() -> None:
    """What earlier runs left: batches still open, payouts decided meanwhile. Repeated as often as one likes."""
    close_open()
    follow_payouts()
    pay_closed()


def settle_by_request(caller: Caller) -> list[Settlement]:
    """A merchant who is settled by hand asks for it; the batches of the last day that is over, in the caller's mode.

    Raises Problem state_conflict for a merchant with a schedule.
    """
    schedule = terms_of(caller.merchant_id).schedule
    if schedule != "manual":
        raise Problem("state_conflict", f"You are settled {schedule}; only a manual schedule is run by request.")
    return [row for row in settle(merchant_id=caller.merchant_id, by_hand=True) if row.mode == caller.mode]
