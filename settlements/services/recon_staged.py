"""The items of a file as rows of the stage, in which all of it lies before any of it is taken."""

import csv
import hashlib
from collections.abc import Iterator
from io import StringIO
from typing import Any

from onpoint_pay.kit.entries import Entry, FileRefused, Head, Item, Skipped, Unreadable
from settlements.models import ReconFile
from settlements.services.recon_sources import family_of, natural_key, party_digest, shown


class Staged:
    """The items of a file as the text that COPY reads, made as it is read: the file is never whole in memory."""

    def __init__(self, row: ReconFile, items: Iterator[Item]) -> None:
        self.row, self.items = row, items
        self.lines = self.skipped = self.unreadable = 0
        self.starts_at, self.ends_at = row.starts_at, row.ends_at
        self.opening: int | None = None
        self.closing: int | None = None
        self.told_account = ""
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
        if head.mode and head.mode != self.row.mode:
            raise FileRefused(f"the file is of {head.mode} mode, not of {self.row.mode}")
        if head.pages > 1 and self.row.starts_at is not None:
            raise FileRefused(f"the list has {head.pages} pages: save them as one to tell its days whole")
        if head.currency and head.currency != self.row.currency:
            raise FileRefused(f"the file is in {head.currency}, not in {self.row.currency}")
        # A file may hold several statements, one after the other.
        self.told_account = self.told_account or "".join(head.account.split())
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
        entry.batch[:80],
        None,
        None,
    ]


def _unread_cells(item: Unreadable) -> list[Any]:
    digest = hashlib.sha256(item.text.encode(errors="replace")).hexdigest()
    return [item.line_no, "\\x" + digest, *[None] * 14, shown(item.text) or "(empty)", item.why]
