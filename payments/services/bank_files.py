"""The files that people take to a bank, or key into a provider's portal: one per account and day, and then frozen."""

import csv
import io
from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256

from django.db import connection

from audit.services import record
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import seal, unseal
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import new_id, to_public
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp
from payments.services.payout_start import start_payouts
from payments.states import OP_ACCEPTED, OP_CREATED, OP_FILED, OP_SENDING
from settlements.models import BankFile, Payout
from settlements.services.destinations import details_of

COLUMNS = (
    "line",
    "payout",
    "type",
    "bank_code",
    "branch_code",
    "number",
    "account",
    "name",
    "amount",
    "currency",
    "narrative",
)
# A line without a result for so long is one that somebody should ask the bank about.
RESULT_EXPECTED_WITHIN = timedelta(days=3)
# One exporter at a time: two would give the same number to different lines.
EXPORTERS_LOCK = 0x62616E6B


def export_file(route: str, account: str, *, mode: str, day: date, actor: str) -> BankFile | None:
    """The file of one account and day: made of every line that waits, or the one that was made before.

    `route` is `bank`, or `b2b` for what is keyed into the provider's portal. None when nothing waits. Lines that come
    after a day's file was made go into the next day's.
    """
    if route not in OP_FILED:
        raise Problem("parameter_invalid", f"route must be one of {', '.join(OP_FILED)}.", param="route")
    start_payouts()
    return retry_unit(lambda: _export(route, account, mode=mode, day=day, actor=actor))


def _export(route: str, account: str, *, mode: str, day: date, actor: str) -> BankFile | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [EXPORTERS_LOCK])
    files = BankFile.objects.filter(route=route, account=account, mode=mode)
    made: BankFile | None = files.filter(day=day).first()
    if made is not None:
        return made
    ops = _waiting_lines(route, account, mode)
    if not ops:
        return None
    number = (files.order_by("-number").values_list("number", flat=True).first() or 0) + 1
    file = _freeze(ops, route=route, account=account, mode=mode, day=day, number=number, actor=actor)
    _hand_over(ops)
    detail = {"number": number, "lines": file.lines, "amount": file.amount, "sha256": file.sha256}
    name = to_public("bnk", file.id)
    record(merchant_id=None, actor=actor, action="bank_file.exported", object_id=name, detail=detail)
    return file


def _waiting_lines(route: str, account: str, mode: str) -> list[MoneyOp]:
    waiting = MoneyOp.objects.select_for_update(of=("self",)).filter(
        kind=route, mode=mode, status=OP_CREATED, payout__paid_from=account
    )
    return list(waiting.select_related("payout").order_by("id"))


def _freeze(
    ops: Sequence[MoneyOp], *, route: str, account: str, mode: str, day: date, number: int, actor: str
) -> BankFile:
    content, key = write_lines(ops), new_id()
    file: BankFile = BankFile.objects.create(
        id=key,
        route=route,
        account=account,
        mode=mode,
        day=day,
        number=number,
        lines=len(ops),
        amount=sum(op.amount for op in ops),
        currency=ops[0].currency,
        sha256=sha256(content).hexdigest(),
        sealed=seal(content.decode(), bound_to=f"bank_file.sealed:{key}"),
        exported_by=actor,
        exported_at=now(),
    )
    return file


def content_of(file: BankFile) -> bytes:
    """The bytes as they were exported. Raises Problem state_conflict when they are not what was exported."""
    content = unseal(file.sealed, bound_to=f"bank_file.sealed:{file.id}").encode()
    if sha256(content).hexdigest() != file.sha256:
        raise Problem("state_conflict", "The file is not what was exported.")
    return content


def name_of(file: BankFile) -> str:
    """How the file is called wherever it goes."""
    account = "".join(letter if letter.isalnum() else "-" for letter in file.account)
    return f"{file.route}-{account}-{file.mode}-{file.day:%Y%m%d}-{file.number:05d}.csv"


def write_lines(ops: Sequence[MoneyOp]) -> bytes:
    """CSV: a header, and a line for each try, under the name that its result must come back with."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for op in ops:
        assert op.payout is not None  # noqa: S101 - only payouts leave in files
        writer.writerow([_harmless(cell) for cell in _cells(op, op.payout)])
    return text.getvalue().encode()


def _cells(op: MoneyOp, payout: Payout) -> list[str]:
    details = details_of(payout)
    return [
        op.client_ref,
        to_public("pyt", payout.id),
        payout.destination["type"],
        details.get("bank_code", ""),
        details.get("branch_code", ""),
        details.get("number", ""),
        details.get("account_number", details.get("account", "")),
        details.get("account_name", ""),
        Money(op.amount, op.currency).decimal_text(),
        op.currency,
        payout.reason,
    ]


def _harmless(cell: str) -> str:
    """A spreadsheet must not take a merchant's words for a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t") else cell


def _hand_over(ops: Sequence[MoneyOp]) -> None:
    """From now on the lines may have left: only a file of results, or a statement, tells what became of them."""
    at = now()
    for op in ops:
        op.status, op.sent_at, op.next_check = OP_SENDING, at, at + RESULT_EXPECTED_WITHIN
        op.save(update_fields=["status", "sent_at", "next_check"])
        op.status = OP_ACCEPTED
        op.save(update_fields=["status"])
