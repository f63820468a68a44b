"""Taking a statement in: kept as it came, read line by line, once for each account; all of a file or nothing."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO
from uuid import UUID

from django.db import connection, transaction

from audit.services import record
from merchants.models import ProviderAccount
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.entries import FileRefused, Items
from onpoint_pay.kit.ids import to_public
from settlements.models import LedgerAccount, ReconFile, ReconFilePart
from settlements.schedule import end_of, start_of
from settlements.selectors.recon_accounts import platform_shortcode
from settlements.services.recon_bytes import PIECE, opened_pieces, sealed_pieces
from settlements.services.recon_checks import (
    certain_period,
    refuse_other_account,
    refuse_other_mode,
    refuse_unless_whole,
)
from settlements.services.recon_sources import STATEMENT, family_of, read_items
from settlements.services.recon_stage import (
    COPY,
    COUNT_NEW,
    EXPLAIN_UNREADABLE,
    FIND_GAPS,
    KEEP_GAPS,
    KEEP_LINES,
    KEEP_UNREADABLE,
    MAKE_STAGE,
    NEIGHBOUR_GAPS,
)
from settlements.services.recon_staged import Staged

BANK = "bank"
LARGEST_FILE = 512 * PIECE
TIMEOUT = "SET LOCAL statement_timeout = '600s'"
# From so many new lines on, the planner has to know of them before they are matched.
COUNTED_FROM, COUNT_LINES = 1000, "SELECT recon_count_lines()"
ACCOUNT_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('recon:' || %s || ':' || %s, 0))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of a file. `is_new` False: it was taken before, and nothing was added."""

    file_id: UUID
    is_new: bool
    lines: int
    lines_new: int
    unparsable: int
    gaps: int


def import_statement(
    stream: BinaryIO,
    *,
    source: str,
    account: str,
    mode: str,
    name: str,
    actor: str,
    currency: str = "KES",
    batch: str = "",
    days: tuple[date, date] | None = None,
) -> Imported:
    """Keep a file's bytes and add the lines that no earlier file had; the same file again adds nothing.

    Of a card provider's list `batch` is the settlement it is of, `days` the first and last day it tells whole.

    `stream` must be seekable. Raises FileRefused, and then nothing of the file is kept: not of this kind, encoding or
    separator, not whole, of another account, of the other mode, larger than 512 MiB.
    """
    _demand_known(account, mode)
    digest, size = _digest(stream)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TIMEOUT)
        lock_account(cursor, account=account, mode=mode)
        earlier = ReconFile.objects.filter(account=account, mode=mode, sha256=digest).first()
        if earlier is not None:
            return Imported(file_id=earlier.id, is_new=False, lines=0, lines_new=0, unparsable=0, gaps=0)
        refuse_other_mode(account, mode, sha256=digest)
        row = ReconFile.objects.create(
            source=source,
            account=account,
            mode=mode,
            currency=currency,
            name=name[-200:],
            sha256=digest,
            size=size,
            imported_by=actor,
            starts_at=start_of(days[0]) if days else None,
            ends_at=end_of(days[1]) if days else None,
        )
        _keep_bytes(row, stream)
        stream.seek(0)
        return _take_in(cursor, row, read_items(stream, source=source, currency=currency, batch=batch))


def lock_account(cursor: Any, *, account: str, mode: str) -> None:
    """Hold an account's reconciliation until the commit: two at once would see half of each other."""
    cursor.execute(ACCOUNT_LOCK, [account, mode])


def owner_of(account: str, mode: str) -> UUID | None:
    """The merchant whose own shortcode an account is; None for the platform's, and for bank accounts."""
    provider, _, shortcode = account.partition(":")
    rows = ProviderAccount.objects.filter(provider=provider, mode=mode, shortcode=shortcode, merchant__isnull=False)
    found: UUID | None = rows.order_by("-is_active", "created_at").values_list("merchant_id", flat=True).first()
    return found


def _demand_known(account: str, mode: str) -> None:
    """Raises FileRefused for a shortcode that nobody uses in this mode: the file would be taken for the wrong one."""
    provider, _, number = account.partition(":")
    if not number:
        raise FileRefused("an account is a provider and its shortcode, or `bank:` and its name")
    if provider == BANK:
        return
    is_known = ProviderAccount.objects.filter(provider=provider, mode=mode, shortcode=number).exists()
    floats = LedgerAccount.objects.filter(
        kind__in=("provider_float", "provider_receivable"), mode=mode, sub__startswith=f"{account}:"
    )
    if not is_known and not floats.exists() and number != platform_shortcode(provider, mode):
        raise FileRefused(f"{number} is no shortcode of {provider} in {mode} mode here")


def _digest(stream: BinaryIO) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while piece := stream.read(PIECE):
        digest.update(piece)
        size += len(piece)
        if size > LARGEST_FILE:
            raise FileRefused("the file is larger than 512 MiB: have the provider cut it by days")
    stream.seek(0)
    return digest.hexdigest(), size


def _keep_bytes(row: ReconFile, stream: BinaryIO) -> None:
    for number, body in sealed_pieces(stream, place=place_of(row.id)):
        ReconFilePart.objects.create(file=row, number=number, body=body)


def original_bytes(file_id: UUID) -> Iterator[bytes]:
    """The file as it came, piece by piece."""
    parts = ReconFilePart.objects.filter(file_id=file_id).order_by("number").values_list("number", "body")
    yield from opened_pieces(parts.iterator(chunk_size=4), place=place_of(file_id))


def place_of(file_id: UUID) -> str:
    """Where the pieces of a file open."""
    return f"recon_file_part.body:{file_id}"


# --- reading ----------------------------------------------------------------------------------------------------------


def _take_in(cursor: Any, row: ReconFile, items: Items) -> Imported:
    cursor.execute(MAKE_STAGE)
    staged = Staged(row, items)
    cursor.copy_expert(COPY, staged)
    if staged.error is not None:
        raise staged.error
    row.starts_at, row.ends_at = staged.starts_at, staged.ends_at
    row.opening, row.closing = staged.opening, staged.closing
    row.lines, row.lines_skipped, row.told_account = staged.lines, staged.skipped, staged.told_account
    refuse_other_account(row)
    certain_period(cursor, row)
    parameters: dict[str, Any] = {
        "file": row.id,
        "public": to_public("rcf", row.id),
        "account": row.account,
        "mode": row.mode,
        "currency": row.currency,
        "family": family_of(row.source),
        "merchant": owner_of(row.account, row.mode),
        "opening": row.opening,
        "closing": row.closing,
        "start": row.starts_at,
        "end": row.ends_at,
        "at": row.ends_at or now(),
    }
    refuse_unless_whole(cursor, parameters)
    cursor.execute(KEEP_LINES, parameters)
    cursor.execute(COUNT_NEW, parameters)
    row.lines_new = cursor.fetchone()[0]
    cursor.execute(KEEP_UNREADABLE, parameters)
    row.lines_unparsable = staged.unreadable
    gaps = _keep_gaps(cursor, row, parameters)
    row.save()
    if row.lines_new >= COUNTED_FROM:
        cursor.execute(COUNT_LINES)
    record(
        merchant_id=parameters["merchant"],
        actor=row.imported_by,
        action="reconciliation.imported",
        object_id=parameters["public"],
        detail={"account": row.account, "sha256": row.sha256, "lines": row.lines, "lines_new": row.lines_new},
    )
    return Imported(
        file_id=row.id,
        is_new=True,
        lines=row.lines,
        lines_new=row.lines_new,
        unparsable=row.lines_unparsable,
        gaps=gaps,
    )


def _keep_gaps(cursor: Any, row: ReconFile, parameters: dict[str, Any]) -> int:
    """Where the file's own balances do not follow from its own movements: a line is missing, or one is wrong."""
    if parameters["family"] != STATEMENT:
        return 0
    cursor.execute("DROP TABLE IF EXISTS recon_gap")
    cursor.execute(FIND_GAPS, parameters)
    cursor.execute(EXPLAIN_UNREADABLE, parameters)
    cursor.execute(KEEP_GAPS, parameters)
    found = int(cursor.rowcount)
    cursor.execute(NEIGHBOUR_GAPS, parameters)
    return found + int(cursor.rowcount)
