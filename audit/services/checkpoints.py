"""Signing where every stream stands, once an hour, and keeping that where the database cannot reach it."""

from contextlib import suppress
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import connection, transaction

from audit.merkle import Head
from audit.models import AuditCheckpoint, AuditHead
from audit.services import record
from audit.services.checkpoint_files import newest, trusted_keys, write
from audit.statement import NOTHING_BEFORE, Signed, heads_text, joined_text, private_key, read_file, sign
from onpoint_pay.kit.clock import now, rfc3339

log = structlog.get_logger(__name__)
# Streams that are no longer what the checkpoint says of them, the first fault of each.
LEFT = """
SELECT want.stream, want.seq, coalesce(max(last.seq), 0) FROM unnest(%s::text[], %s::bigint[], %s::text[])
    AS want (stream, seq, hash)
  LEFT JOIN audit_event found ON found.stream = want.stream AND found.seq = want.seq
  LEFT JOIN LATERAL (SELECT seq FROM audit_event WHERE stream = want.stream ORDER BY seq DESC LIMIT 1) last ON true
  WHERE encode(found.hash, 'hex') IS DISTINCT FROM want.hash
  GROUP BY want.stream, want.seq ORDER BY want.stream
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A stream that does not hold what was signed: cut before `seq`, of which `last` is left, or another link there."""

    stream: str
    seq: int
    last: int

    @property
    def is_cut(self) -> bool:
        return self.last < self.seq


class ChainDeparted(Exception):
    """The chain is no longer what the last checkpoint says. Nothing more is signed on top of it."""

    def __init__(self, found: list[Departure]) -> None:
        self.found = found
        first = found[0]
        super().__init__(
            f"{len(found)} streams differ from the last checkpoint, the first at {first.stream} {first.seq}"
        )


def write_checkpoint() -> Signed | None:
    """Sign the heads of all streams and add the file; None without a signing key, or when another process was first.

    Raises ChainDeparted when a stream has left what the last checkpoint says, CheckpointInvalid when that cannot be
    read, OSError when the folder cannot be written.
    """
    if not settings.AUDIT_SIGNING_KEY:
        log.warning("audit_checkpoint_without_key", hint="set AUDIT_SIGNING_KEY")
        return None
    last = _last()
    if last is not None and (found := departures(last.heads)):
        _tell_departure(found)
        raise ChainDeparted(found)
    signed = sign(
        private_key(settings.AUDIT_SIGNING_KEY),
        heads(),
        number=last.statement.number + 1 if last else 1,
        at=rfc3339(now()),
        installation=settings.BASE_URL,
        previous=last.digest if last else NOTHING_BEFORE,
    )
    return _keep(signed)


def heads() -> list[Head]:
    """Where every stream stands, at one instant."""
    return [Head(stream=row.stream, seq=row.seq, hash=bytes(row.hash).hex()) for row in AuditHead.objects.all()]


def departures(signed_heads: tuple[Head, ...]) -> list[Departure]:
    """Streams in which the link that a checkpoint names is not there, or is another."""
    names = [head.stream for head in signed_heads]
    seqs, hashes = [head.seq for head in signed_heads], [head.hash for head in signed_heads]
    with connection.cursor() as cursor:
        cursor.execute(LEFT, [names, seqs, hashes])
        return [Departure(stream=stream, seq=seq, last=last) for stream, seq, last in cursor.fetchall()]


def _keep(signed: Signed) -> Signed | None:
    try:
        write(signed)
    except FileExistsError:
        log.info("audit_checkpoint_taken", number=signed.statement.number)
        return None
    _copy(signed)
    log.info("audit_checkpoint", number=signed.statement.number, streams=signed.statement.streams)
    return signed


def _copy(signed: Signed) -> None:
    AuditCheckpoint.objects.get_or_create(
        number=signed.statement.number,
        defaults={
            "at": signed.statement.at,
            "statement": signed.text,
            "signature": signed.signature,
            "public_key": signed.statement.public_key,
            "heads": heads_text(signed.heads),
        },
    )


def _last() -> Signed | None:
    """The newest checkpoint of the folder. What a crash or a new folder lacks is made good from the other side."""
    last = newest()
    if last is not None:
        _copy(last)
    missing = AuditCheckpoint.objects.filter(number__gt=last.statement.number if last else 0).order_by("number")
    for copy in missing:
        last = _restored(copy)
    return last


def _restored(copy: AuditCheckpoint) -> Signed:
    """The file written again: only a key of ours can have signed what the copy says."""
    log.warning("audit_checkpoint_file_missing", number=copy.number)
    signed = read_file(joined_text(copy.statement, copy.signature, heads=copy.heads), trusted=trusted_keys())
    with suppress(FileExistsError):
        # Another process was about to write it, or has mended this too.
        write(signed)
    return signed


def _tell_departure(found: list[Departure]) -> None:
    log.error("audit_chain_departed", streams=len(found), stream=found[0].stream, seq=found[0].seq)
    with transaction.atomic():
        detail = {"streams": [[each.stream, each.seq, each.last] for each in found[:20]], "count": len(found)}
        record(merchant_id=None, actor="system", action="audit.checkpoint_refused", detail=detail)
