"""Tables that several pages of this room, and of the room above, show."""

from collections.abc import Iterable
from typing import Any

from audit.operators import cells
from audit.operators.pages import Section
from settlements.models import LedgerTransfer

SIDES = {"D": "debit", "C": "credit"}


def postings(transfers: Iterable[LedgerTransfer], *, title: str = "Postings") -> Section:
    """A line for each entry; the transfers have their entries with them."""
    rows: list[list[Any]] = []
    for transfer in transfers:
        for entry in transfer.entries.all():
            account = ":".join(filter(None, (entry.account.kind, entry.account.sub)))
            amount = cells.amount(entry.amount, entry.currency)
            rows.append([cells.at(transfer.posted_at), transfer.idem, account, SIDES[entry.side], amount])
    return Section(title=title, headers=("booked", "transfer", "account", "side", "amount"), rows=rows)


def drawn(section: Section) -> dict[str, Any]:
    """As templates draw it, on a page that is no object's."""
    return {
        "title": section.title,
        "table": {"headers": list(section.headers), "rows": [list(r) for r in section.rows]},
    }
