"""What a payer may ask of a merchant: to see what is kept, and to be forgotten. Both are audited without a name."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.db import IntegrityError, transaction

from audit.services import record
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import seal, unseal
from onpoint_pay.kit.db import broke
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.jobs import nudge
from payments.models import Erasure
from payments.models.privacy import DONE, WAITING
from payments.services.privacy_erase import deliveries_due, erase, is_open, waiting_statement_names
from payments.services.privacy_export import access_file
from payments.services.privacy_subject import Asked, Subject, find_subject
from settlements.services.exports import expire_exports
from settlements.services.step_up import require_proven_person

log = structlog.get_logger(__name__)
JOB = "payments.run_erasures"
LOOK_AGAIN = timedelta(minutes=30)
LEASE = timedelta(hours=1)
AT_ONCE = 20
DUE = "Webhooks that tell of this payer have not arrived yet; it is done when they have, in four days at the latest."
STATEMENT = "A statement that names this payer waits to be taken in, or to be agreed to by an operator."


# --- seeing -----------------------------------------------------------------------------------------------------------


def export_for(caller: Caller, asked: Asked) -> dict[str, Any]:
    """The payer's access file. Raises Problem permission_denied, step_up_required."""
    require_proven_person(caller, to="see all that is kept of a payer")
    return export(caller.merchant_id, asked, actor=caller.actor)


def export(merchant_id: UUID, asked: Asked, *, actor: str) -> dict[str, Any]:
    """The access file; also of a payer who is not known here."""
    found = access_file(find_subject(merchant_id, asked))
    counts = {name: len(rows) for name, rows in found.items() if isinstance(rows, list)}
    with transaction.atomic():
        _tell(merchant_id, "privacy.exported", actor=actor, asked=asked, counts=counts)
    return found


# --- forgetting -------------------------------------------------------------------------------------------------------


def ask_erasure(caller: Caller, asked: Asked, *, request_id: str) -> Erasure:
    """Queue it; a worker does it after the commit, in both modes of the merchant.

    Raises Problem permission_denied, step_up_required, and state_conflict while a payment, refund or receipt of the
    payer is open, or when it was asked for already.
    """
    require_proven_person(caller, to="have a payer forgotten")
    _refuse_open(find_subject(caller.merchant_id, asked))
    row = Erasure(
        merchant_id=caller.merchant_id,
        digest=asked.digest(caller.merchant_id),
        requested_by=caller.actor,
        request_id=request_id,
    )
    row.subject = seal(_plain(asked), bound_to=_place(row), merchant_id=row.merchant_id)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _tell(row.merchant_id, "privacy.erasure_asked", actor=caller.actor, asked=asked, row=row)
            nudge(JOB)
    except IntegrityError as error:
        if broke(error, "privacy_erasure_once"):
            raise Problem("state_conflict", "This payer is about to be forgotten already.") from None
        raise
    row.refresh_from_db()
    return row


def erase_now(merchant_id: UUID, asked: Asked, *, actor: str, wait: bool = True) -> dict[str, int]:
    """Without a queue, for a command; rows changed by table. Raises Problem state_conflict as ask_erasure does.

    Also while a statement that names the payer waits to be taken in, and while webhooks that tell of the payer are due,
    unless it shall not `wait`: these then leave without the payer.
    """
    subject = find_subject(merchant_id, asked)
    _refuse_open(subject)
    if waiting_statement_names(subject):
        raise Problem("state_conflict", STATEMENT)
    if wait and deliveries_due(subject):
        raise Problem("state_conflict", DUE)
    rows = _erased(subject)
    with transaction.atomic():
        _tell(merchant_id, "privacy.erased", actor=actor, asked=asked, counts=rows)
    return rows


def run_erasures() -> int:
    """Do what is asked for and possible; returns how many are done."""
    return sum(_run(row) for row in _taken())


def _taken() -> list[Erasure]:
    """Whoever takes one has it for an hour; after a crash it is done again."""
    moment = now()
    with transaction.atomic():
        rows = Erasure.objects.select_for_update(skip_locked=True).exclude(status=DONE)
        found = list(rows.filter(next_try__lte=moment).order_by("next_try")[:AT_ONCE])
        Erasure.objects.filter(id__in=[row.id for row in found]).update(next_try=moment + LEASE)
    return found


def _run(row: Erasure) -> bool:
    asked = Asked(**orjson.loads(unseal(row.subject or "", bound_to=_place(row), merchant_id=row.merchant_id)))
    subject = find_subject(row.merchant_id, asked)
    obstacle = is_open(subject) or _waits_for(subject)
    if obstacle is not None:
        Erasure.objects.filter(id=row.id).update(status=WAITING, waits_for=obstacle, next_try=now() + LOOK_AGAIN)
        return False
    rows = _erased(subject)
    with transaction.atomic():
        done = {"status": DONE, "subject": None, "waits_for": None, "rows": rows, "completed_at": now(), "version": 2}
        if not Erasure.objects.filter(id=row.id).exclude(status=DONE).update(**done):
            return False
        _tell(row.merchant_id, "privacy.erased", actor=row.requested_by, asked=asked, counts=rows, row=row)
    return True


def _waits_for(subject: Subject) -> str | None:
    """What ends by itself, or by somebody else."""
    if deliveries_due(subject):
        return DUE
    return STATEMENT if waiting_statement_names(subject) else None


def _erased(subject: Subject) -> dict[str, int]:
    rows = erase(subject)
    expire_exports()
    log.info("payer_erased", merchant=str(subject.merchant_id), rows=sum(rows.values()))
    return rows


def _refuse_open(subject: Subject) -> None:
    obstacle = is_open(subject)
    if obstacle is not None:
        raise Problem("state_conflict", obstacle)


def _tell(
    merchant_id: UUID,
    action: str,
    *,
    actor: str,
    asked: Asked,
    counts: dict[str, int] | None = None,
    row: Erasure | None = None,
) -> None:
    detail: dict[str, Any] = {"payer": asked.digest(merchant_id)} | ({"rows": counts} if counts is not None else {})
    name = to_public("ers", row.id) if row else ""
    record(merchant_id=merchant_id, actor=actor, action=action, object_id=name, detail=detail)


def _plain(asked: Asked) -> str:
    return orjson.dumps({"phone": asked.phone, "email": asked.email}).decode()


def _place(row: Erasure) -> str:
    return f"privacy_erasure.subject:{row.id}"
