"""What may happen to one merchant's money, one move at a time, through the product's own functions."""

from collections.abc import Callable

from django.db import connection
from django.test import override_settings

from faults.moves.bank import bank_result, come_back, export_bank, write_off
from faults.moves.disputes import close_dispute, open_dispute
from faults.moves.judging import differences
from faults.moves.payments import deny, match, pay, pay_late, receive, resend, start, unmatch
from faults.moves.payouts import (
    ask_payout,
    ask_payouts,
    decide_doubt,
    decide_payout,
    decide_payouts,
    retry_payout_again,
    send,
    start_payout,
    tell,
)
from faults.moves.refunds import again, approve, ask, cancel, limit, undo_outside
from faults.moves.settling import change_fees, change_terms, close_batch, earn, open_batch, pay_batches, spread
from faults.moves.world import NothingThere, World, ends, make_world

Move = Callable[[World, int, int], None]
# What happens often is listed more than once.
MOVES: tuple[Move, ...] = (
    *[pay, pay, pay, pay, start, resend, resend, pay_late, pay_late, pay_late, deny],
    *[ask, ask, ask, ask, limit, approve, approve, approve, cancel, again, undo_outside],
    *[send, send, send, send, send, send, tell, tell, tell, tell, tell, tell],
    *[ask_payout, ask_payout, ask_payout, ask_payouts, decide_payout, decide_payout, decide_payouts, decide_payouts],
    *[start_payout, start_payout, start_payout, retry_payout_again, decide_doubt, decide_doubt],
    *[export_bank, export_bank, bank_result, bank_result, bank_result, come_back, write_off],
    *[receive, receive, match, unmatch],
    *[open_batch, open_batch, open_batch, close_batch, close_batch, close_batch, pay_batches, pay_batches],
    *[change_terms, change_fees, spread, open_dispute, close_dispute],
)

# Fees are taken, payouts have parts, and what is set holds at once.
settled_here = override_settings(PAYOUT_FEE=5_00, PAYOUT_PART_LIMIT=400_00, FEE_PLAN_CACHE_SECONDS=0)


def check_now() -> None:
    """Ask the constraints that wait for the commit; there will be none."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


__all__ = ["MOVES", "NothingThere", "World", "check_now", "differences", "earn", "ends", "make_world", "settled_here"]
