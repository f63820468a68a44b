"""A merchant's own look at its chain: the newest links recomputed, and the newest checkpoint compared."""

from typing import Any

from audit.models import AuditCheckpoint, AuditEvent, AuditHead
from audit.services import stream_of
from audit.services.checkpoint_files import trusted_keys
from audit.services.checkpoints import departures
from audit.services.verify import Fault, verify_from
from audit.statement import CheckpointInvalid, joined_text, read_file
from onpoint_pay.kit.caller import Caller

LINKS = 10_000


def verify_own(caller: Caller) -> dict[str, Any]:
    """The facts of an audit verification; `fault` is the number of the first record that is not what it must be."""
    stream = stream_of(caller.merchant_id)
    head = AuditHead.objects.filter(stream=stream).first()
    if head is None:
        return dict.fromkeys(("first", "last", "checkpoint", "fault", "words")) | {"ok": True}
    base = max(head.seq - LINKS, 0)
    before = AuditEvent.objects.filter(stream=stream, seq=base).first()
    found = verify_from(stream, seq=base, hash=bytes(before.hash) if before else b"\x00")
    checkpoint, departed = _departure(stream)
    fault = found or departed
    return {
        "ok": fault is None,
        "first": base + 1,
        "last": head.seq,
        "checkpoint": checkpoint,
        "fault": fault.seq if fault else None,
        "words": fault.words if fault else None,
    }


def _departure(stream: str) -> tuple[int | None, Fault | None]:
    """The newest checkpoint that can be used here, and where the stream has left it."""
    copy = AuditCheckpoint.objects.order_by("-number").first()
    try:
        signed = copy and read_file(
            joined_text(copy.statement, copy.signature, heads=copy.heads), trusted=trusted_keys()
        )
    except CheckpointInvalid:
        signed = None
    if not signed:
        return None, None
    found = departures(tuple(head for head in signed.heads if head.stream == stream))
    words = f"not what checkpoint {signed.statement.number} has signed"
    fault = Fault(stream=stream, seq=min(found[0].seq, found[0].last + 1), words=words) if found else None
    return signed.statement.number, fault
