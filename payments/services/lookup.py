"""Finding the truth of what nobody can be asked about one by one: prompts whose provider reference was lost with the
answer to their hand-over, and payments that payers make by hand. The provider's own list of money received tells."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import orjson
import structlog

from merchants.services.provider_accounts import provider_for
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.redact import redact
from payments import schedule
from payments.matching import fold
from payments.models import C2bReceipt, MoneyOp, Payment
from payments.services.evidence import Answer
from payments.services.outcome import apply_outcome
from payments.states import CLOSED_UNPAID, EXPIRED
from providers.errors import NotSupported, ProviderError
from providers.types import Outcome, OutcomeStatus, StatementLine

log = structlog.get_logger(__name__)
# Clocks differ a little, and a list may lag behind the money.
MARGIN = timedelta(minutes=5)
# A prompt is answered within minutes; a busy shortcode's whole day would be a long list to read for one of them.
PROMPT_LIFE_SECONDS = 1800
STRETCH_SECONDS = 900
# Providers keep their list for two days; what is older waits for a person or a statement.
REACH = timedelta(hours=47)
# What a payer pays without a prompt: anybody may pay it, from any phone.
BY_HAND = "c2b"


def look_up(ops: Sequence[MoneyOp]) -> bool:
    """Conclude what the list can conclude; False when it could not be read. All operations of one provider and mode.

    A line belongs to an operation when amount, account reference and phone agree and no other fits: then it is paid.
    A list without a line is an answer too: after an hour of such answers the prompt is expired.
    """
    # What lies further back no list can tell of: asking again soon would only be noise.
    within_reach = sorted((op for op in ops if now() - _sent_at(op) < REACH), key=_sent_at)
    return all([_look_up_together(group) for group in _by_time(within_reach)])


def _by_time(ops: Sequence[MoneyOp]) -> Iterator[list[MoneyOp]]:
    """Operations of one stretch of time share a reading; a busy shortcode's whole list is read for nobody."""
    group: list[MoneyOp] = []
    for op in ops:
        if group and _sent_at(op) - _sent_at(group[0]) > schedule.scaled(STRETCH_SECONDS):
            yield group
            group = []
        group.append(op)
    if group:
        yield group


def _look_up_together(ops: list[MoneyOp]) -> bool:
    lines = _lines(ops)
    if lines is None:
        return False
    free = _without_taken(lines, ops[0])
    kept = _kept(free, ops[0])
    found = {op.id: [line for line in free if _fits(line, op)] for op in ops}
    for op in ops:
        rivals = [other for other in ops if other.id != op.id and any(line in found[other.id] for line in found[op.id])]
        if len(found[op.id]) > 1 or rivals:
            log.warning("statement_is_ambiguous", op=str(op.id), lines=len(found[op.id]), rivals=len(rivals))
            continue
        if found[op.id] and _is_contested(op):
            log.warning("statement_is_contested", op=str(op.id))
            continue
        if not found[op.id] and any(_may_be(line, op, kept) for line in free):
            # A line that shows no reference could be this payment: its absence proves nothing.
            continue
        _conclude(op, found[op.id][0] if found[op.id] else None)
    return True


def _lines(ops: Sequence[MoneyOp]) -> list[StatementLine] | None:
    """The list of the time in which these can have been paid; None when there was no answer."""
    provider = provider_for(ops[0].provider, ops[0].mode, ops[0].provider_account_id)
    start = min(_sent_at(op) for op in ops) - schedule.scaled(MARGIN.total_seconds())
    try:
        return provider.fetch_statement(start, max(_payable_until(op) for op in ops))
    except NotSupported:
        return None
    except ProviderError as error:
        log.info("statement_without_answer", provider=ops[0].provider, error=type(error).__name__)
        return None


def _payable_until(op: MoneyOp) -> datetime:
    """A prompt lives for minutes; what a payer sends by themselves may come at any time until now."""
    until = now() + MARGIN
    return until if op.kind == "c2b" else min(until, _sent_at(op) + schedule.scaled(PROMPT_LIFE_SECONDS))


def _sent_at(op: MoneyOp) -> datetime:
    return op.sent_at or op.created_at


def _without_taken(lines: Iterable[StatementLine], op: MoneyOp) -> list[StatementLine]:
    """The lines whose receipt no payment has yet."""
    by_receipt = {line.receipt: line for line in lines}
    taken = Payment.objects.filter(provider=op.provider, mode=op.mode, receipt__in=by_receipt)
    for receipt in taken.values_list("receipt", flat=True):
        by_receipt.pop(str(receipt), None)
    return list(by_receipt.values())


def _kept(lines: Iterable[StatementLine], op: MoneyOp) -> set[str]:
    """Receipts that wait in suspense for their owner: whoever it is, the money is not lost with a payment's end."""
    receipts = [line.receipt for line in lines]
    rows = C2bReceipt.objects.filter(provider=op.provider, mode=op.mode, receipt__in=receipts)
    return set(rows.values_list("receipt", flat=True))


def _fits(line: StatementLine, op: MoneyOp) -> bool:
    assert op.payment is not None  # noqa: S101 - only charges are looked up
    if op.kind == BY_HAND:
        return fold(line.account_reference) == fold(op.payment.account_reference) and _agrees(line, op)
    return _plain(line.account_reference) == _shown(op.payment) and _agrees(line, op)


def _shown(payment: Payment) -> str:
    return _plain(payment.shown_reference or payment.account_reference)


def _plain(reference: str) -> str:
    """Providers leave out blanks, which a merchant may write."""
    return reference.replace(" ", "")


def _is_contested(op: MoneyOp) -> bool:
    """Another payment that may still turn out paid, and whose receipt is not known, would fit the same line.

    Only a merchant's own account reference can stand on two prompts: ours is drawn for each.
    """
    payment = op.payment
    assert payment is not None  # noqa: S101 - only charges are looked up
    if payment.shown_reference is None:
        return False
    alike = Payment.objects.filter(
        provider=op.provider, mode=op.mode, amount=op.amount, phone=payment.phone, receipt=None
    )
    since = _sent_at(op) - REACH
    rivals = alike.filter(created_at__gte=since, shown_reference__isnull=False).exclude(id=payment.id)
    return any(_shown(rival) == _shown(payment) and _may_be_paid(rival) for rival in rivals)


def _may_be_paid(payment: Payment) -> bool:
    """Open or paid, or expired without a word of the provider about it."""
    if payment.status == EXPIRED:
        return (payment.failure or {}).get("provider_code") is None
    return payment.status not in CLOSED_UNPAID


def _may_be(line: StatementLine, op: MoneyOp, kept: set[str]) -> bool:
    is_kept = op.kind == BY_HAND and line.receipt in kept
    return not line.account_reference and not is_kept and _agrees(line, op)


def _agrees(line: StatementLine, op: MoneyOp) -> bool:
    """Amount, payer and time; what the line does not tell cannot disagree."""
    assert op.payment is not None  # noqa: S101 - only charges are looked up
    return (
        line.money == Money(op.amount, op.currency)
        and (op.kind == BY_HAND or line.phone in (None, op.payment.phone))
        and (line.occurred_at is None or line.occurred_at >= _sent_at(op) - MARGIN)
    )


def _conclude(op: MoneyOp, line: StatementLine | None) -> None:
    at = now()
    if line is None:
        outcome = Outcome(status=OutcomeStatus.PENDING, is_unknown_there=True)
        body, dedupe = b"not in the list", f"none:{at.timestamp():.6f}"
    else:
        outcome = Outcome(
            status=OutcomeStatus.SUCCEEDED, receipt=line.receipt, money=line.money, occurred_at=line.occurred_at
        )
        kept = {"receipt": line.receipt, "amount": str(line.money), "account_reference": line.account_reference}
        body, dedupe = orjson.dumps(redact(kept)), f"{line.receipt}:{at.timestamp():.6f}"
    apply_outcome(op.id, outcome, evidence=Answer(door="pull", body=body, dedupe=dedupe), source="pull")
