"""Taking a statement in: kept as it came, read line by line, once for each account; all of a file or nothing."""

import csv
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any, BinaryIO
from uuid import UUID

from django.db import connection, transaction

from audit.services import record
from merchants.models import ProviderAccount
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.entries import Entry, FileRefused, Head, Item, Skipped, Unreadable
from onpoint_pay.kit.ids import to_public
from settlements.models import LedgerAccount, ReconFile, ReconFilePart
from settlements.services.recon_sources import family_of, natural_key, party_digest, read_items, shown
from settlements.services.recon_stage import (
    COPY,
    COUNT_NEW,
    EXPLAIN_UNREADABLE,
    FIND_GAPS,
    KEEP_GAPS,
    KEEP_LINES,
    KEEP_UNREADABLE,
    MAKE_STAGE,
)

BANK = "bank"
PIECE = 1024 * 1024
LARGEST_FILE = 512 * PIECE
TIMEOUT = "SET LOCAL statement_timeout = '600s'"
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
    stream: BinaryIO, *, source: str, account: str, mode: str, name: str, actor: str, currency: str = "KES"
) -> Imported:
    """Keep a file's bytes and add the lines that no earlier file had; the same file again adds nothing.

    `stream` must be seekable. Raises FileRefused, and then nothing of the file is kept: not of this kind, of another
    account, of an account that this mode does not have, larger than 512 MiB.
    """
    _demand_known(account, mode)
    digest, size = _digest(stream)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(TIMEOUT)
        lock_account(cursor, account=account, mode=mode)
        earlier = ReconFile.objects.filter(account=account, mode=mode, sha256=digest).first()
        if earlier is not None:
            return Imported(file_id=earlier.id, is_new=False, lines=0, lines_new=0, unparsable=0, gaps=0)
        row = ReconFile.objects.create(
            source=source,
            account=account,
            mode=mode,
            currency=currency,
            name=name[-200:],
            sha256=digest,
            size=size,
            imported_by=actor,
        )
        _keep_bytes(row, stream)
        stream.seek(0)
        return _take_in(cursor, row, stream)


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
    floats = LedgerAccount.objects.filter(kind="provider_float", mode=mode, sub__startswith=f"{account}:")
    if not is_known and not floats.exists():
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
    number = 0
    while piece := stream.read(PIECE):
        ReconFilePart.objects.create(file=row, number=number, body=zlib.compress(piece, 6))
        number += 1


def original_bytes(file_id: UUID) -> Iterator[bytes]:
    """The file as it came, piece by piece."""
    parts = ReconFilePart.objects.filter(file_id=file_id).order_by("number").values_list("body", flat=True)
    for body in parts.iterator(chunk_size=4):
        yield zlib.decompress(bytes(body))


# --- reading ----------------------------------------------------------------------------------------------------------


def _take_in(cursor: Any, row: ReconFile, stream: BinaryIO) -> Imported:
    cursor.execute(MAKE_STAGE)
    staged = _Staged(row, read_items(stream, source=row.source, currency=row.currency))
    cursor.copy_expert(COPY, staged)
    if staged.error is not None:
        raise staged.error
    row.starts_at, row.ends_at = staged.starts_at, staged.ends_at
    row.opening, row.closing = staged.opening, staged.closing
    row.lines, row.lines_skipped = staged.lines, staged.skipped
    parameters: dict[str, Any] = {
        "file": row.id,
        "public": to_public("rcf", row.id),
        "account": row.account,
        "mode": row.mode,
        "currency": row.currency,
        "family": family_of(row.source),
        "merchant": owner_of(row.account, row.mode),
        "opening": row.opening,
        "at": row.ends_at or now(),
    }
    cursor.execute(KEEP_LINES, parameters)
    cursor.execute(COUNT_NEW, parameters)
    row.lines_new = cursor.fetchone()[0]
    cursor.execute(KEEP_UNREADABLE, parameters)
    row.lines_unparsable = staged.unreadable
    gaps = _keep_gaps(cursor, row, parameters)
    row.save()
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
    if row.source == "pull":
        return 0
    cursor.execute("DROP TABLE IF EXISTS recon_gap")
    cursor.execute(FIND_GAPS, parameters)
    cursor.execute(EXPLAIN_UNREADABLE, parameters)
    cursor.execute(KEEP_GAPS, parameters)
    return int(cursor.rowcount)


class _Staged:
    """The items of a file as the text that COPY reads, made as it is read: the file is never whole in memory."""

    def __init__(self, row: ReconFile, items: Iterator[Item]) -> None:
        self.row, self.items = row, items
        self.lines = self.skipped = self.unreadable = 0
        self.starts_at: datetime | None = None
        self.ends_at: datetime | None = None
        self.opening: int | None = None
        self.closing: int | None = None
        self.error: FileRefused | None = None
        self._text = ""

    def read(self, size: int = 8192) -> str:
        try:
            while len(self._text) < size:
                self._text += self._next_rows()
        except StopIteration:
            pass
        except FileRefused as error:
            # What is raised inside COPY reaches nobody whole: it is raised again after it.
            self.error = error
        piece, self._text = self._text[:size], self._text[size:]
        return piece

    def _next_rows(self) -> str:
        item = next(self.items)
        if isinstance(item, Head):
            self._note(item)
            return ""
        if isinstance(item, Skipped):
            self.skipped += 1
            return ""
        self.lines += 1
        self.unreadable += isinstance(item, Unreadable)
        out = StringIO()
        csv.writer(out).writerow(_entry_cells(item, self.row) if isinstance(item, Entry) else _unread_cells(item))
        return out.getvalue()

    def _note(self, head: Head) -> None:
        number = self.row.account.partition(":")[2]
        if head.account and self.row.source == "mpesa_statement" and head.account != number:
            raise FileRefused(f"the file is of shortcode {head.account}, not of {number}")
        if head.currency and head.currency != self.row.currency:
            raise FileRefused(f"the file is in {head.currency}, not in {self.row.currency}")
        # A file may hold several statements, one after the other.
        self.opening = head.opening if self.opening is None else self.opening
        self.closing = head.closing if head.closing is not None else self.closing
        self.starts_at = min(filter(None, (self.starts_at, head.start)), default=None)
        self.ends_at = max(filter(None, (self.ends_at, head.end)), default=None)


def _entry_cells(entry: Entry, row: ReconFile) -> list[Any]:
    family = family_of(row.source)
    # Without a balance or a name of its own, two equal lines of one file are two movements.
    is_counted = family == "statement" and entry.balance_after is None
    return [
        entry.line_no,
        "\\x" + natural_key(entry, family).hex(),
        is_counted,
        entry.external_id,
        entry.client_ref,
        entry.linked_id,
        entry.occurred_at.isoformat(),
        entry.value_date.isoformat(),
        entry.direction,
        entry.money.minor,
        entry.balance_after,
        entry.kind,
        shown(entry.narrative),
        entry.account_reference[:40],
        party_digest(entry.party),
        None,
        None,
    ]


def _unread_cells(item: Unreadable) -> list[Any]:
    digest = hashlib.sha256(item.text.encode(errors="replace")).hexdigest()
    return [item.line_no, "\\x" + digest, *[None] * 13, shown(item.text) or "(empty)", item.why]
