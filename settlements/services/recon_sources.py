"""Which reader takes which file, and what a reader's line is in the tables of reconciliation."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import BinaryIO

from django.conf import settings

from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.entries import Entry, FileRefused, Item, Items, Unreadable
from onpoint_pay.kit.redact import redact_text
from providers.card_lists import FLUTTERWAVE, PAYSTACK, read_cards
from providers.mpesa.statement_file import read_pull, read_statement
from settlements.statements import Columns, read_bank_csv, read_camt053, read_mt940

STATEMENT, LIST = "statement", "list"
# A longer line is none of a statement: it is taken in pieces, which nobody can read.
LONGEST_LINE = 256 * 1024


class _Lines:
    """The lines of a file, none longer than LONGEST_LINE."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.stream.readline(LONGEST_LINE), b"")


def read_items(stream: BinaryIO, *, source: str, currency: str, batch: str = "") -> Items:
    """What stands in the file. Raises FileRefused, at the latest at the end of the file.

    `batch` is the settlement that a list of transactions is of, where the list itself does not say it.
    """
    readers: dict[str, Callable[[], Items]] = {
        "mpesa_statement": lambda: read_statement(_Lines(stream)),
        "pull": lambda: read_pull(_Lines(stream)),
        "paystack": lambda: read_cards(_Lines(stream), PAYSTACK),
        "flutterwave": lambda: read_cards(_Lines(stream), FLUTTERWAVE),
        "bank_csv": lambda: read_bank_csv(_Lines(stream), bank_columns(), currency=currency),
        "mt940": lambda: read_mt940(_Lines(stream)),
        "camt053": lambda: read_camt053(stream),
    }
    for item in readers[source]():
        named = replace(item, batch=batch) if batch and isinstance(item, Entry) and not item.batch else item
        yield _in_currency(named, currency)


def _in_currency(item: Item, currency: str) -> Item:
    """An account holds one currency: a line in another is not of this account's kind, and is kept for a person."""
    if isinstance(item, Entry) and item.money.currency != currency:
        text = f"{item.external_id} {item.direction} {item.money} {item.narrative}"
        return Unreadable(line_no=item.line_no, text=text, why=f"in {item.money.currency}, not in {currency}")
    return item


def bank_columns() -> Columns:
    """The columns of the installation's bank. Raises FileRefused for a setting that cannot be read."""
    pairs = [pair.partition("=") for pair in settings.BANK_CSV_COLUMNS.split("|") if pair]
    try:
        return replace(Columns(), **{name.strip(): value for name, _, value in pairs})
    except TypeError:
        raise FileRefused("BANK_CSV_COLUMNS names something that is no column") from None


# --- a line, as it is kept --------------------------------------------------------------------------------------------


def family_of(source: str) -> str:
    """A statement accounts for every movement; a list tells of money received, without balances."""
    return LIST if source == "pull" else STATEMENT


def natural_key(entry: Entry, family: str) -> bytes:
    """What a line is, whichever file it stands in: the same movement in two files is one line."""
    parts = (
        family,
        entry.external_id or entry.narrative,
        entry.kind if entry.external_id else "",
        entry.direction,
        str(entry.money.minor),
        entry.occurred_at.isoformat(),
        "" if entry.balance_after is None else str(entry.balance_after),
    )
    return hashlib.sha256("\x1f".join(parts).encode()).digest()


def party_digest(party: str) -> str:
    """Of a payer or payee: enough to know them again, and no way back to the number."""
    return keyed_digest(f"recon_party:{party}")[:16].hex() if party else ""


def shown(text: str) -> str:
    """A provider's words without phone numbers, and short enough to be looked at."""
    return redact_text(text)[:500]
