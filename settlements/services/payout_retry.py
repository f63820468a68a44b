"""Asking again for a payout whose money did not arrive: a new one, tied to it."""

from uuid import UUID

from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from settlements.models import Payout
from settlements.selectors.payouts import payout_by_id
from settlements.services.destinations import Target, details_of, kept_target
from settlements.services.payouts import PayoutAsk, create_payout
from settlements.services.settlement_payouts import take_over
from settlements.states import PAYOUT_CANCELLED, PAYOUT_FAILED, PAYOUT_RETURNED


def retry_payout(caller: Caller, payout_id: UUID, *, request_id: str | None) -> Payout:
    """A new payout to the same destination of what did not leave, or came back; limits and approval as for any other.

    Raises NotFound, Problem state_conflict (it is open or paid, was asked for again before, or its destination was
    deleted), and what create_payout raises.
    """
    payout_by_id(caller, payout_id)

    def unit() -> Payout:
        earlier: Payout = Payout.objects.select_for_update().get(id=payout_id)
        _demand_closed(earlier)
        ask = PayoutAsk(
            amount=Money(earlier.released + earlier.given_back, earlier.currency),
            target=_target_of(caller, earlier),
            reason=earlier.reason,
            purpose=earlier.purpose,
            reference=earlier.merchant_reference,
            retry_of=earlier,
        )
        retry = create_payout(caller, ask, request_id=request_id)
        take_over(earlier, retry)
        return retry

    return retry_unit(unit)


def _demand_closed(earlier: Payout) -> None:
    if earlier.status not in (PAYOUT_FAILED, PAYOUT_RETURNED):
        raise Problem(
            "state_conflict", f"The payout is {earlier.status}; only one that failed or came back is asked for again."
        )
    later = earlier.retries.exclude(status=PAYOUT_CANCELLED).first()
    if later is not None:
        raise Problem("state_conflict", f"It was asked for again before: {to_public('pyt', later.id)}.")


def _target_of(caller: Caller, earlier: Payout) -> Target:
    """Where it went, with the row it is kept under: that of then, or one that it is kept under since."""
    target = Target(type=earlier.destination["type"], details=details_of(earlier), row=earlier.destination_row)
    return target if target.row is not None else kept_target(caller, target)
