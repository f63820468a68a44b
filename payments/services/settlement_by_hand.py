"""Settlements that an operator has paid at the bank: the money leaves the books when a second person says so too."""

from uuid import UUID

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from payments.models import DoubtDecision
from payments.services.bank_files import RESULT_EXPECTED_WITHIN
from payments.services.doubts import Verdict, propose
from payments.services.payout_tries import make_tries
from payments.states import OP_SENDING, OP_SUCCEEDED, OP_UNKNOWN
from settlements.services.payout_closing import wait_because
from settlements.services.settlement_payouts import ByHand, pay_out_by_hand


def propose_paid(settlement_id: UUID, paid: ByHand, *, actor: str) -> DoubtDecision:
    """Hold what was paid and propose that it has left; with the confirmation it is booked from the bank.

    The settlement is `processing` until then, `paid` afterwards. Rejected, the payout stays in doubt until two people
    say what else became of it. Raises what pay_out_by_hand and propose raise; then nothing has changed.
    """

    def unit() -> DoubtDecision:
        payout = pay_out_by_hand(settlement_id, paid)
        (op,) = make_tries(payout)
        op.status, op.sent_at, op.next_check = OP_SENDING, now(), now() + RESULT_EXPECTED_WITHIN
        op.save(update_fields=["status", "sent_at", "next_check"])
        op.status = OP_UNKNOWN
        op.save(update_fields=["status"])
        wait_because(payout, "reconciling")
        return propose(op.id, Verdict(outcome=OP_SUCCEEDED, receipt=paid.proof), actor=actor)

    return retry_unit(unit)
