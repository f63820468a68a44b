"""Payouts whose money comes back after it was confirmed: told by a bank, or found on a provider's statement."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import structlog

from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, ProviderEvent
from payments.services.evidence import APPLIED, Answer, keep_answer, lock_event
from payments.services.payout_order import PayoutOrder, lock_payout_order
from payments.states import OP_SUCCEEDED
from settlements.services.payout_closing import PartEnd, return_part

log = structlog.get_logger(__name__)
# What becomes of a return. Booked now; booked before; of a try that is not confirmed, so that nothing can have come
# back yet; of another amount than left; under a receipt that is booked as something else. The last three are for a
# person.
BOOKED, KNOWN, NOT_CONFIRMED, ANOTHER_AMOUNT, ANOTHERS = (
    "booked",
    "known",
    "not_confirmed",
    "another_amount",
    "anothers",
)
WORDS = {
    BOOKED: "",
    KNOWN: "came back before",
    NOT_CONFIRMED: "it must be confirmed before it can come back",
    ANOTHER_AMOUNT: "another amount came back than left",
    ANOTHERS: "the receipt is booked as other money",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedPayout:
    """Money of one try of a payout, one part of it, that came back whole.

    `op_id` is the try that had succeeded. `receipt` is the return's own name at the network or bank, None where it has
    none. `source` says where it was found (`statement`, `bank_result`), `told` what was read there.
    """

    op_id: UUID
    amount: Money
    receipt: str | None
    occurred_at: datetime | None
    source: str
    told: dict[str, Any] = field(default_factory=dict)


def return_payout(found: ReturnedPayout, *, evidence: int | None = None) -> str:
    """Book the return of one part of a payout, once: the amount is the merchant's again, `payout.returned` is told.

    The fee is not given back. A payout is `returned` when all of it came back; until then `amount_returned` says how
    much did. `evidence` is a stored claim that says so; without one, what was `told` is kept as one.

    Returns BOOKED, KNOWN, NOT_CONFIRMED, ANOTHER_AMOUNT or ANOTHERS (WORDS says them); only BOOKED has changed
    anything. Safe to repeat, and at the same time. Never raises for what was read. Must not run in a transaction that
    holds locks of the ledger.

        verdict = return_payout(ReturnedPayout(
            op_id=op.id, amount=Money(line.amount, line.currency), receipt=line.external_id or None,
            occurred_at=line.occurred_at, source="statement", told={"account": line.account, "line": line.id}))
    """
    return retry_unit(lambda: _return(found, evidence))


def _return(found: ReturnedPayout, evidence: int | None) -> str:
    event = None if evidence is None else lock_event(evidence)
    payout_id = MoneyOp.objects.values_list("payout_id", flat=True).get(id=found.op_id)
    assert payout_id is not None  # noqa: S101 - only payouts come back
    order = lock_payout_order(payout_id)
    op = order.op(found.op_id)
    why = _why_not(order, op, found)
    if why:
        log.warning("return_not_booked", op=op.client_ref, why=why)
        return why
    _book(order, op, found, event or _keep(op, found))
    return BOOKED


def _why_not(order: PayoutOrder, op: MoneyOp, found: ReturnedPayout) -> str:
    """The verdict that stands in the way; empty when there is none."""
    if op.return_evidence_id is not None:
        return KNOWN
    if op.status != OP_SUCCEEDED:
        return NOT_CONFIRMED
    if found.amount != Money(op.amount, op.currency):
        return ANOTHER_AMOUNT
    is_anothers = found.receipt is not None and order.receipt_doubt(op, found.receipt)
    return ANOTHERS if is_anothers else ""


def _keep(op: MoneyOp, found: ReturnedPayout) -> ProviderEvent:
    body = orjson.dumps(found.told | {"returned": op.client_ref, "receipt": found.receipt})
    return keep_answer(op, Answer(door=found.source, body=body, dedupe="return"), status=APPLIED)


def _book(order: PayoutOrder, op: MoneyOp, found: ReturnedPayout, event: ProviderEvent) -> None:
    op.return_evidence = event
    op.save(update_fields=["return_evidence"])
    end = PartEnd(
        part=op.part or 1,
        amount=op.amount,
        evidence_id=event.id,
        actor=found.source,
        receipt=found.receipt,
        occurred_at=found.occurred_at,
    )
    return_part(order.payout, end)
