"""What the bank says of the lines of its files: confirmed, refused, and days later come back."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

import structlog

from audit.services import record
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import seal
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Fault, Invalid
from onpoint_pay.kit.money import Money, MoneyError
from payments.models import MoneyOp, ProviderEvent
from payments.services.evidence import APPLIED, DUPLICATE, QUARANTINED
from payments.services.out_outcome import apply_out_outcome
from payments.services.payout_returns import BOOKED, KNOWN, WORDS, ReturnedPayout, return_payout
from payments.states import OP_CREATED, OP_FILED, OP_SUCCEEDED
from providers.types import Failure, FailureCode, Outcome, OutcomeStatus, RetryAdvice
from settlements.models import BankResult

log = structlog.get_logger(__name__)
PAID, FAILED, RETURNED = "paid", "failed", "returned"
RESULTS = (PAID, FAILED, RETURNED)
COLUMNS = ("line", "result", "amount", "receipt", "reason")
DOOR, ACTOR = "bank_result", "bank"
BANK_REFUSED = Failure(
    code=FailureCode.DECLINED,
    reason="The bank did not carry out the transfer.",
    reason_sw="Benki haikutekeleza uhamisho.",
    customer_message="This money could not be sent. Please ask the business it comes from.",
    customer_message_sw="Pesa hizi hazikuweza kutumwa. Tafadhali uliza biashara inayozituma.",
    merchant_action="Check the destination, then ask for a new payout.",
    retry_advice=RetryAdvice.FIX_SETUP,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLine:
    """What the bank says of one line; `amount` None when it does not name one."""

    number: int
    ref: str
    result: str
    amount: Money | None
    receipt: str | None
    reason: str


@dataclass(slots=True, kw_only=True)
class Import:
    """What became of a file: how many lines changed something, repeated it, or were kept for a person."""

    is_known: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    exceptions: list[str] = field(default_factory=list)


def import_results(content: bytes, *, mode: str, actor: str) -> Import:
    """Apply a file of results, line by line; the same file again does nothing, unless something in it was kept apart.

    A line that is not known, disagrees, or is not to be had is kept as evidence for a person and changes nothing. It is
    looked at again when it is brought again: what stood against it may be gone by then.
    Raises Invalid with every fault of a file that cannot be read, and nothing is applied then.
    """
    lines = read_results(content)
    digest = sha256(content).hexdigest()
    if BankResult.objects.filter(mode=mode, sha256=digest).exists() and not _kept_apart(lines, mode):
        return Import(is_known=True)
    found = Import()
    for line in lines:
        verdict, note = _apply(line, mode=mode)
        found.counts[verdict] += 1
        if verdict == QUARANTINED:
            log.error("bank_result_kept_apart", line=line.ref, why=note)
            found.exceptions.append(f"line {line.number} ({line.ref}): {note}")
    retry_unit(lambda: _remember(content, digest, mode=mode, actor=actor, found=found))
    return found


def _remember(content: bytes, digest: str, *, mode: str, actor: str, found: Import) -> None:
    """After its lines: a process that died between them applies the file again, and each line once."""
    sealed = seal(content.decode(), bound_to=f"bank_result.sealed:{mode}:{digest}")
    row = {"sealed": sealed, "imported_by": actor, "imported_at": now()}
    _, is_new = BankResult.objects.get_or_create(mode=mode, sha256=digest, defaults=row)
    if is_new:
        record(
            merchant_id=None,
            actor=actor,
            action="bank_file.results_imported",
            object_id=digest[:16],
            detail=dict(found.counts),
        )


# --- reading ----------------------------------------------------------------------------------------------------------


def read_results(content: bytes) -> list[ResultLine]:
    """Every line of the file. Raises Invalid with every fault."""
    try:
        text = content.decode("utf-8-sig")
        reader = csv.DictReader(io.StringIO(text), strict=True)
        if not {"line", "result"} <= set(reader.fieldnames or ()):
            raise _unreadable(f"The first line must name columns of {', '.join(COLUMNS)}.")
        rows = [(reader.line_num, row) for row in reader]
    except UnicodeDecodeError:
        raise _unreadable("The file is not in UTF-8.") from None
    except csv.Error as error:
        raise _unreadable(f"The file is not CSV: {error}.") from None
    faults = [fault for number, row in rows for fault in _faults(number, row)]
    if faults:
        raise Invalid(faults)
    return [_line(number, row) for number, row in rows]


def _unreadable(detail: str) -> Invalid:
    return Invalid([Fault(param="file", code="parameter_invalid", detail=detail)])


def _faults(number: int, row: dict[str, str]) -> Iterator[Fault]:
    if None in row or None in row.values():
        yield _fault(number, "line", "It has another number of cells than the header.")
        return
    if not row["line"].strip():
        yield _fault(number, "line", "It names no line of a file of ours.")
    if row["result"].strip().lower() not in RESULTS:
        yield _fault(number, "result", f"It is none of {', '.join(RESULTS)}.")
    try:
        Money.parse(row.get("amount") or "0")
    except MoneyError as error:
        yield _fault(number, "amount", str(error))


def _fault(number: int, column: str, detail: str) -> Fault:
    return Fault(param=f"line[{number}].{column}", code="parameter_invalid", detail=detail)


def _line(number: int, row: dict[str, str]) -> ResultLine:
    amount = row.get("amount", "").strip()
    return ResultLine(
        number=number,
        ref=row["line"].strip(),
        result=row["result"].strip().lower(),
        amount=Money.parse(amount) if amount else None,
        receipt=row.get("receipt", "").strip() or None,
        reason=row.get("reason", "").strip()[:200],
    )


# --- applying ---------------------------------------------------------------------------------------------------------


def _apply(line: ResultLine, *, mode: str) -> tuple[str, str]:
    op = MoneyOp.objects.filter(client_ref=line.ref, mode=mode, kind__in=OP_FILED).first()
    event = _keep(line, op, mode=mode)
    if event.status == QUARANTINED:
        ProviderEvent.objects.filter(id=event.id, status=QUARANTINED).update(status="new")
    elif event.status != "new":
        return DUPLICATE, event.note
    if op is None or op.status == OP_CREATED:
        return _keep_apart(event, "no file of ours has this line")
    if line.result == RETURNED:
        return _returned(op, line, event)
    verdict = apply_out_outcome(op.id, _outcome(line), evidence=event.id, source=ACTOR)
    if verdict == DUPLICATE and line.result == FAILED and op.status == OP_SUCCEEDED:
        return _keep_apart(event, "confirmed before: say `returned` when the money came back")
    event.refresh_from_db()
    return verdict, event.note


def _keep(line: ResultLine, op: MoneyOp | None, *, mode: str) -> ProviderEvent:
    """The line as evidence; what was said before is one piece of evidence, however often it is said."""
    event, _ = ProviderEvent.objects.get_or_create(
        provider="bank",
        mode=mode,
        door=DOOR,
        dedupe=_dedupe(line),
        defaults={
            "body": _said(line),
            "token_ok": True,
            "op": op,
            "status": "new",
            "received_at": now(),
            "next_try": now(),
        },
    )
    return event


def _said(line: ResultLine) -> bytes:
    return f"{line.ref},{line.result},{line.amount or ''},{line.receipt or ''},{line.reason}".encode()


def _dedupe(line: ResultLine) -> str:
    return f"{line.ref}:{line.result}:{sha256(_said(line)).hexdigest()[:16]}"


def _kept_apart(lines: list[ResultLine], mode: str) -> bool:
    """Whether one of the lines waits for a person."""
    kept = ProviderEvent.objects.filter(provider="bank", mode=mode, door=DOOR, status=QUARANTINED)
    return kept.filter(dedupe__in=[_dedupe(line) for line in lines]).exists()


def _keep_apart(event: ProviderEvent, note: str) -> tuple[str, str]:
    ProviderEvent.objects.filter(id=event.id).update(status=QUARANTINED, note=note)
    return QUARANTINED, note


def _outcome(line: ResultLine) -> Outcome:
    is_paid = line.result == PAID
    return Outcome(
        status=OutcomeStatus.SUCCEEDED if is_paid else OutcomeStatus.FAILED,
        failure=None if is_paid else BANK_REFUSED,
        receipt=line.receipt if is_paid else None,
        money=line.amount,
        provider_message=line.reason or None,
    )


def _returned(op: MoneyOp, line: ResultLine, event: ProviderEvent) -> tuple[str, str]:
    """Money that the bank had confirmed came back."""
    found = ReturnedPayout(
        op_id=op.id,
        amount=line.amount or Money(op.amount, op.currency),
        receipt=line.receipt,
        occurred_at=None,
        source=ACTOR,
    )

    def unit() -> tuple[str, str]:
        verdict = return_payout(found, evidence=event.id)
        status = {BOOKED: APPLIED, KNOWN: DUPLICATE}.get(verdict, QUARANTINED)
        ProviderEvent.objects.filter(id=event.id).update(status=status, note=WORDS[verdict])
        return status, WORDS[verdict]

    return retry_unit(unit)
