"""The life of an export: asked for, taken by a worker, ready for a day, gone."""

from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.core.signing import BadSignature
from django.db import transaction
from django.db.models import F, Q

from audit.services import record
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.jobs import nudge
from settlements.models import Export
from settlements.serializers.exports import export_body, signed_parts
from settlements.services.export_files import Made
from settlements.states import EXPORT_EXPIRED, EXPORT_FAILED, EXPORT_QUEUED, EXPORT_READY
from webhooks.services.outbox import publish_event

log = structlog.get_logger(__name__)
# The room that sees every table makes the files, under this name.
JOB = "payments.make_exports"
EXPIRE_JOB = "payments.expire_exports"
KEPT_HOURS = 24
LEASE = timedelta(minutes=15)
TRIES = 3
EXPIRE_BATCH = 200


def ask_export(caller: Caller, *, type: str, format: str, filters: dict[str, Any], request_id: str) -> Export:
    """Queue a file of the caller's rows; a worker makes it after the commit."""
    with transaction.atomic():
        row = Export.objects.create(
            merchant_id=caller.merchant_id,
            mode=caller.mode,
            type=type,
            format=format,
            filters=filters,
            requested_by=caller.actor,
        )
        row.refresh_from_db()
        _record(row, "export.created", actor=caller.actor, request=request_id)
        nudge(JOB)
    return row


def take_export() -> Export | None:
    """The oldest export that nobody works at, ours for 15 minutes; None when there is none.

    One that broke its worker three times has failed.
    """
    with transaction.atomic():
        waiting = Q(status=EXPORT_QUEUED) & (Q(lease_until__isnull=True) | Q(lease_until__lt=now()))
        row: Export | None = Export.objects.select_for_update(skip_locked=True).filter(waiting).order_by("id").first()
        if row is None:
            return None
        if row.tries >= TRIES:
            _end(row, EXPORT_FAILED, failure="The file could not be made; ask for a smaller range.")
            return None
        row.tries, row.lease_until = row.tries + 1, now() + LEASE
        row.save(update_fields=["tries", "lease_until"])
    return row


def finish_export(row: Export, made: Made) -> None:
    """The file stands: its link works for a day, and the merchant is told."""
    at = now()
    with transaction.atomic():
        row = Export.objects.select_for_update().get(id=row.id)
        if row.status != EXPORT_QUEUED:
            return
        row.rows, row.bytes, row.sha256 = made.rows, made.bytes, made.sha256
        row.ready_at, row.expires_at = at, at + timedelta(hours=KEPT_HOURS)
        _end(row, EXPORT_READY)
        publish_event(
            merchant_id=row.merchant_id,
            mode=row.mode,
            type="export.ready",
            object_id=row.id,
            body_object=export_body(row),
            previous={"status": EXPORT_QUEUED},
            request_id=None,
        )


def give_up_lease(row: Export) -> None:
    """Not made this time; the next round tries again."""
    Export.objects.filter(id=row.id, status=EXPORT_QUEUED).update(lease_until=None)


def expire_exports() -> int:
    """Remove the files whose day is over, and files that no row speaks of; returns how many rows expired."""
    due = Export.objects.filter(status=EXPORT_READY, expires_at__lt=now()).order_by("expires_at")[:EXPIRE_BATCH]
    for row in due:
        path_of(row).unlink(missing_ok=True)
        Export.objects.filter(id=row.id, status=EXPORT_READY).update(status=EXPORT_EXPIRED, version=F("version") + 1)
    _remove_strays()
    return len(due)


def path_of(row: Export) -> Path:
    """Where the file lies: in EXPORTS_ROOT, named by the export's key alone. Makes the folder, for us to read only."""
    root = Path(settings.EXPORTS_ROOT)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return root / f"{row.id}.{row.format}"


def file_of(caller: Caller, token: str) -> tuple[Export, Path]:
    """The file a link names. The link must be signed by us and not over, and the export the caller's own.

    Raises NotFound in every other case alike.
    """
    try:
        key, end = signed_parts(token)
        row = Export.objects.scoped(caller.merchant_id, caller.mode).filter(id=UUID(key), status=EXPORT_READY).first()
    except (BadSignature, ValueError):
        raise NotFound from None
    if row is None or end <= now().timestamp() or not path_of(row).is_file():
        raise NotFound
    with transaction.atomic():
        _record(row, "export.downloaded", actor=caller.actor)
    return row, path_of(row)


def _end(row: Export, status: str, *, failure: str | None = None) -> None:
    row.status, row.failure, row.lease_until, row.version = status, failure, None, row.version + 1
    row.save()
    _record(row, f"export.{status}", actor="system")


def _record(row: Export, action: str, *, actor: str, **more: Any) -> None:
    detail = {"type": row.type, "format": row.format, "mode": row.mode, "rows": row.rows} | more
    record(merchant_id=row.merchant_id, actor=actor, action=action, object_id=f"export:{row.id}", detail=detail)


def _remove_strays() -> None:
    """Left by workers that died: nothing here is older than a day and a lease for good reason."""
    oldest = (now() - timedelta(hours=KEPT_HOURS) - 2 * LEASE).timestamp()
    for path in Path(settings.EXPORTS_ROOT).glob("*"):
        if path.is_file() and path.stat().st_mtime < oldest:
            log.info("export_stray_removed", name=path.name)
            path.unlink(missing_ok=True)
