"""Proving the chain: every link recomputed, every stream compared with its head and with signed checkpoints."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection, transaction

from audit.services.checkpoint_files import load, statements
from audit.services.checkpoints import Departure, departures
from audit.statement import NOTHING_BEFORE, CheckpointInvalid, Signed

PAGE = 50_000
SHOWN = 100
# Built-in functions only, named with their schema: whoever owns the tables may have replaced one of ours.
WALK = """
WITH page AS MATERIALIZED (
  SELECT stream, seq, prev, hash,
    pg_catalog.sha256(prev || pg_catalog.convert_to(pg_catalog.jsonb_build_array(stream, seq,
      extract(epoch FROM at)::numeric, actor, action, object, detail)::text, 'UTF8')) AS due,
    lag(stream, 1, %(stream)s::text) OVER w AS stream_before,
    lag(seq, 1, %(seq)s::bigint) OVER w AS seq_before,
    lag(hash, 1, %(hash)s::bytea) OVER w AS hash_before,
    row_number() OVER w AS place, count(*) OVER () AS links
  FROM (SELECT * FROM public.audit_event WHERE (stream, seq) > (%(stream)s, %(seq)s) {only}
        ORDER BY stream, seq LIMIT %(page)s) AS events
  WINDOW w AS (ORDER BY stream, seq)
), judged AS (
  SELECT stream, seq, hash, place, links,
    CASE WHEN stream = stream_before THEN seq_before + 1 ELSE 1 END AS seq_due,
    CASE WHEN hash <> due THEN 'changed'
         WHEN seq <> CASE WHEN stream = stream_before THEN seq_before + 1 ELSE 1 END THEN 'missing'
         WHEN prev <> CASE WHEN stream = stream_before THEN hash_before ELSE '\\x00' END THEN 'unlinked'
         WHEN stream <> stream_before AND NOT EXISTS
           (SELECT FROM public.audit_head h WHERE h.stream = page.stream) THEN 'headless'
    END AS fault
  FROM page
)
SELECT stream, seq, hash, links, fault, seq_due FROM judged WHERE fault IS NOT NULL OR place = links
  ORDER BY place = links DESC, place LIMIT %(shown)s
"""
HEADS = """
SELECT h.stream, h.seq, coalesce(e.seq, 0), e.hash IS NOT DISTINCT FROM h.hash FROM public.audit_head h
  LEFT JOIN LATERAL (SELECT seq, hash FROM public.audit_event e WHERE e.stream = h.stream ORDER BY seq DESC LIMIT 1) e
  ON true WHERE (h.seq, h.hash) IS DISTINCT FROM (e.seq, e.hash) {only} ORDER BY h.stream LIMIT %(shown)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """The first link of a stream that is not what it must be. `words` say what is wrong with it."""

    stream: str
    seq: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was recomputed and what was found; `checkpoint` is the number of the last one it was compared with."""

    links: int
    faults: tuple[Fault, ...]
    checkpoint: int | None


@dataclass(slots=True)
class _Place:
    """How far a walk has come."""

    stream: str = ""
    seq: int = 0
    hash: bytes = b"\x00"


def verify(
    *, stream: str | None = None, paths: Sequence[Path] = (), progress: Callable[[int], None] = lambda links: None
) -> Report:
    """Recompute all streams, or one, and compare them with the last of these checkpoint files.

    Earlier files narrow down where a stream was rewritten. The first fault of each stream is told, and `progress` is
    told how many links were read. Raises CheckpointInvalid for a file that is not signed, cut or out of its order.
    """
    signed = _trusted(paths)
    first: dict[str, Fault] = {}
    links = 0
    for found, links in _walk(stream):
        for fault in found:
            first.setdefault(fault.stream, fault)
        progress(links)
    for fault in [*_heads(stream), *(_against(signed, paths, stream=stream) if signed else ())]:
        _keep_first(first, fault)
    faults = tuple(sorted(first.values(), key=lambda fault: (fault.stream, fault.seq)))
    return Report(links=links, faults=faults, checkpoint=signed.statement.number if signed else None)


def verify_from(stream: str, *, seq: int, hash: bytes) -> Fault | None:
    """The first fault of one stream after a link that is taken for good; 0 and one zero byte for the start."""
    faults = [fault for found, _ in _walk(stream, _Place(stream=stream, seq=seq, hash=hash)) for fault in found]
    return next(iter([*faults, *_heads(stream)]), None)


def _keep_first(first: dict[str, Fault], fault: Fault) -> None:
    known = first.get(fault.stream)
    if known is None or fault.seq < known.seq:
        first[fault.stream] = fault


# --- the links themselves ---------------------------------------------------------------------------------------------


def _walk(stream: str | None, place: _Place | None = None) -> Iterator[tuple[list[Fault], int]]:
    """Faults page by page, and how many links were read so far."""
    place, read = place or _Place(), 0
    while True:
        rows = _page(place, stream)
        if not rows:
            return
        last = rows[0]
        place.stream, place.seq, place.hash = last[0], last[1], bytes(last[2])
        read += last[3]
        yield [_fault(*row) for row in sorted(rows, key=lambda row: row[:2]) if row[4]], read


def _page(place: _Place, stream: str | None) -> list[tuple[str, int, bytes, int, str | None, int]]:
    sql = WALK.format(only="AND stream = %(only)s" if stream else "")
    values = {"stream": place.stream, "seq": place.seq, "hash": place.hash, "page": PAGE, "shown": SHOWN}
    return _asked(sql, values | {"only": stream})


def _asked(sql: str, values: dict[str, Any]) -> list[Any]:
    """A page takes longer than a request may."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '120s'")
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _fault(stream: str, seq: int, hash: bytes, links: int, kind: str | None, due: int) -> Fault:
    words = {
        "changed": "its hash is not that of what it says",
        "missing": f"missing: link {seq} stands in its place",
        "unlinked": "it does not hold the hash of the link before it",
        "headless": "its stream has no head",
    }[str(kind)]
    return Fault(stream=stream, seq=due if kind == "missing" else seq, words=words)


def _heads(stream: str | None) -> Iterator[Fault]:
    only = "AND h.stream = %(only)s" if stream else ""
    for name, seq, last, is_same in _asked(HEADS.format(only=only), {"only": stream, "shown": SHOWN}):
        if last < seq:
            yield Fault(stream=name, seq=last + 1, words=f"missing: the head says that there are {seq} links")
        elif not is_same:
            yield Fault(stream=name, seq=min(seq + 1, last), words=f"the head stands at {seq} and the links at {last}")


# --- what was signed --------------------------------------------------------------------------------------------------


def _trusted(paths: Sequence[Path]) -> Signed | None:
    """The last of the files, once all are signed, numbered without a gap, and each names the one before it."""
    before: Signed | None = None
    for path, signed in zip(paths, statements(list(paths)), strict=True):
        number = before.statement.number + 1 if before else signed.statement.number
        previous = before.digest if before else signed.statement.previous
        is_first = signed.statement.number == 1
        if signed.statement.number != number or signed.statement.previous != previous:
            raise CheckpointInvalid(f"{path.name} does not follow the checkpoint before it.")
        if is_first and signed.statement.previous != NOTHING_BEFORE:
            raise CheckpointInvalid(f"{path.name} is the first and names one before it.")
        before = signed
    return load(paths[-1]) if paths else None


def _against(last: Signed, paths: Sequence[Path], *, stream: str | None) -> Iterator[Fault]:
    """Streams that left the last checkpoint: cut, or rewritten somewhere that earlier checkpoints narrow down."""
    wanted = tuple(head for head in last.heads if stream in (None, head.stream))
    found: dict[str, _Trail] = {}
    for departure in departures(wanted):
        found[departure.stream] = _Trail(last=departure.last)
        found[departure.stream].left(departure)
    _narrow(found, paths[:-1])
    for name, trail in found.items():
        yield trail.fault(name, checkpoint=last.statement.number)


@dataclass(slots=True)
class _Trail:
    """What checkpoints say of one stream: up to where it agrees with one, and the first place that one contradicts."""

    last: int
    agreed: int = 0
    rewritten: int | None = None

    def left(self, departure: Departure) -> None:
        if not departure.is_cut:
            self.rewritten = departure.seq

    def fault(self, stream: str, *, checkpoint: int) -> Fault:
        if self.rewritten is None:
            words = f"missing: checkpoint {checkpoint} has signed links that come after {self.last}"
            return Fault(stream=stream, seq=self.last + 1, words=words)
        words = f"rewritten: links {self.agreed + 1} to {self.rewritten} are not those that checkpoint {checkpoint} and"
        return Fault(stream=stream, seq=self.agreed + 1, words=f"{words} those before it have signed")


def _narrow(trails: dict[str, _Trail], earlier: Sequence[Path]) -> None:
    """Backwards through the checkpoints, to one that each stream still agrees with."""
    still_wrong = set(trails)
    for path in reversed(earlier):
        if not still_wrong:
            return
        known = tuple(head for head in load(path).heads if head.stream in still_wrong)
        left = {departure.stream: departure for departure in departures(known)}
        for head in known:
            if head.stream in left:
                trails[head.stream].left(left[head.stream])
            else:
                trails[head.stream].agreed = head.seq
        still_wrong &= left.keys()
