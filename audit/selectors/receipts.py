"""What a merchant may take home of a checkpoint: the statement, and the path from the own stream's head to its root."""

from collections.abc import Mapping
from dataclasses import dataclass

from audit.merkle import Head, Step, path
from audit.models import AuditCheckpoint
from audit.statement import read_heads
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import Order, Page, page_by, whole_number

BY_NUMBER = Order(by="number", read=whole_number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One stream in one checkpoint."""

    checkpoint: AuditCheckpoint
    head: Head
    path: list[Step]


def page_of_checkpoints(query: Mapping[str, str], *, limit: int) -> Page[AuditCheckpoint]:
    """Newest first, without the heads of others. Raises Invalid for filters, Problem cursor_invalid."""
    rows = AuditCheckpoint.objects.defer("heads")
    return page_by(rows, query, {}, limit=limit, order=BY_NUMBER)


def receipt_of(caller: Caller, number: int | None) -> Receipt:
    """The caller's stream in this checkpoint, or in the newest. Raises NotFound where it was not yet known."""
    rows = AuditCheckpoint.objects.order_by("-number")
    checkpoint = rows.first() if number is None else rows.filter(number=number).first()
    if checkpoint is None:
        raise NotFound("There is no such checkpoint here; they are made every hour.")
    heads = read_heads(checkpoint.heads)
    own = next((head for head in heads if head.stream == f"m{caller.merchant_id}"), None)
    if own is None:
        raise NotFound("Nothing of yours was recorded yet when this checkpoint was made.")
    return Receipt(checkpoint=checkpoint, head=own, path=path(heads, own.stream))
