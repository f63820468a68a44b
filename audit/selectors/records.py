"""Finding links of one merchant's chain, one or in pages, with the clear text of where they came from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from django.db import connection
from django.db.models import Q

from audit.models import AuditEvent, AuditOrigin
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import Conditions, Order, Page, day_end, day_start, page_by, whole_number

HASH_BITS = 80
BY_SEQ = Order(by="seq", read=whole_number)
# What the hash of a link is taken over, after the hash before it.
HASHED = """
SELECT seq, jsonb_build_array(stream, seq, extract(epoch FROM at)::numeric, actor, action, object, detail)::text
  FROM audit_event WHERE stream = %s AND seq = ANY(%s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A link, the exact text that was hashed into it, and its origin in clear while that is kept."""

    link: AuditEvent
    hashed: str
    origin: AuditOrigin | None


def _action(text: str) -> Q:
    """`payment.completed`, or `payment.*` for all of a kind."""
    return Q(action__startswith=text[:-1]) if text.endswith(".*") else Q(action=text)


CONDITIONS: Conditions = {
    "actor": lambda text: Q(actor=text),
    "object": lambda text: Q(object=text),
    "action": _action,
    "date_from": lambda text: Q(at__gte=day_start(text)),
    "date_to": lambda text: Q(at__lt=day_end(text)),
}


def record_key(link: AuditEvent) -> UUID:
    """What the public id encodes: the link's number and the start of its hash, so that nobody can guess one."""
    prefix = int.from_bytes(bytes(link.hash)[: HASH_BITS // 8])
    return UUID(int=link.seq << HASH_BITS | prefix)


def page_of_records(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[Record]:
    """Newest first by filter, and the cursor of the next page. Raises Invalid, Problem cursor_invalid."""
    stream = f"m{caller.merchant_id}"
    rows = AuditEvent.objects.filter(stream=stream)
    found, turn = page_by(rows, query, CONDITIONS, limit=limit, order=BY_SEQ)
    return _with_origins(stream, found), turn


def page_of_stream(stream: str, query: Mapping[str, str], *, limit: int) -> Page[AuditEvent]:
    """One page of any chain, for operators; as page_of_records, without the origins."""
    rows = AuditEvent.objects.filter(stream=stream)
    return page_by(rows, query, CONDITIONS, limit=limit, order=BY_SEQ)


def record_by_key(caller: Caller, key: UUID) -> Record:
    """Raises NotFound, also for a record of another merchant."""
    stream, seq = f"m{caller.merchant_id}", key.int >> HASH_BITS
    link = AuditEvent.objects.filter(stream=stream, seq=seq).first() if seq < 2**47 else None
    if link is None or record_key(link) != key:
        raise NotFound
    return _with_origins(stream, [link])[0]


def _with_origins(stream: str, links: list[AuditEvent]) -> list[Record]:
    seqs = [link.seq for link in links]
    origins = {row.seq: row for row in AuditOrigin.objects.filter(stream=stream, seq__in=seqs)}
    with connection.cursor() as cursor:
        cursor.execute(HASHED, [stream, seqs])
        hashed = dict(cast(list[tuple[int, str]], cursor.fetchall()))
    return [Record(link=link, hashed=hashed[link.seq], origin=origins.get(link.seq)) for link in links]
