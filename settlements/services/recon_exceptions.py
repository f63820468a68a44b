"""Exceptions of reconciliation: somebody's until two people agree how it ends, with or without a posting."""

from uuid import UUID

from django.db import transaction

from audit.services import record
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from settlements.chart import KINDS, PLATFORM, STRIPES, Leg, Side
from settlements.models import ReconException, ReconLine, ReconMatch
from settlements.services.ledger import post_transfer
from settlements.services.recon_charges import cash_of
from settlements.states import RECON_CLOSED, RECON_OPEN, RECON_PROPOSED

# Suspense holds receipts and nothing else; what is a float's or a bank's own is told by another statement.
CONTRAS = tuple(
    kind for kind, chart in KINDS.items() if chart.owner == PLATFORM and kind not in ("provider_float", "suspense")
)
NOBODY = ("key", "system", "operator")
AS_PROPOSED = "as proposed"


def assign_exception(exception_id: UUID, *, owner: str, actor: str) -> ReconException:
    """Say whose it is from now on. Raises Problem 409 for one that is closed, 403 for a key."""
    _demand_person(actor)
    with transaction.atomic():
        row = _lock(exception_id)
        _demand(row.status != RECON_CLOSED, "it is closed")
        row.owner = owner
        row.save(update_fields=["owner"])
        _note(row, "reconciliation.assigned", actor, owner=owner)
    return row


def propose_resolution(exception_id: UUID, *, actor: str, resolution: str, contra: str | None = None) -> ReconException:
    """Say how it should end, for a second person to agree. `contra`, `kind` or `kind:sub`: post its effect against it.

    The posting takes away by how much the ledger is above the provider. Raises Problem 409 when it is not open, when
    there is nothing to post, or `contra` is no account of the platform; 403 for a key.
    """
    _demand_person(actor)
    with transaction.atomic():
        row = _lock(exception_id)
        _demand(row.status == RECON_OPEN, "it is not open")
        if contra is not None:
            _demand(contra.partition(":")[0] in CONTRAS, f"{contra} is no account this may be posted against")
            _demand(row.float_effect != 0, "the float agrees: there is nothing to post")
            row.posting = {"contra": contra}
        row.status, row.proposed_by, row.proposed_at = RECON_PROPOSED, actor, now()
        row.resolution, row.will_post = resolution, contra is not None
        row.save(update_fields=["status", "proposed_by", "proposed_at", "resolution", "will_post", "posting"])
        _note(row, "reconciliation.proposed", actor, contra=contra)
    return row


def close_exception(exception_id: UUID, *, actor: str, contra: str | None = AS_PROPOSED) -> ReconException:
    """Agree with what another person proposed, and post it where that was proposed.

    `contra` is what the second person agrees to post against, None for nothing; unless given, whatever is proposed.
    Raises Problem 409 when nothing is proposed, or something else is by now; 403 for the one who proposed it and for a
    key.
    """
    _demand_person(actor)
    with transaction.atomic():
        row = _lock(exception_id)
        _demand(row.status == RECON_PROPOSED, "nothing is proposed")
        proposed = row.posting.get("contra") if row.will_post else None
        _demand(contra in (AS_PROPOSED, proposed), f"what is proposed is to post {proposed or 'nothing'}")
        if row.proposed_by == actor:
            raise Problem("permission_denied", "Who proposed it cannot close it: another person must agree.")
        if row.will_post:
            row.transfer_id = _post(row, actor=actor)
        row.status, row.closed_by, row.closed_at = RECON_CLOSED, actor, now()
        row.save(update_fields=["status", "closed_by", "closed_at", "transfer"])
        # People have said what the line is: nothing of ours will be matched to it any more.
        ReconLine.objects.filter(exceptions=row, state="exception").update(state="ignored")
        _note(row, "reconciliation.closed", actor, posted=row.will_post)
    return row


def reopen_exception(exception_id: UUID, *, actor: str, reason: str) -> ReconException:
    """Disagree with what was proposed: it is open again. Raises Problem 409 when nothing is proposed, 403 for a key."""
    _demand_person(actor)
    with transaction.atomic():
        row = _lock(exception_id)
        _demand(row.status == RECON_PROPOSED, "nothing is proposed")
        row.status, row.resolution, row.will_post = RECON_OPEN, None, False
        row.proposed_by = row.proposed_at = None
        row.save(update_fields=["status", "resolution", "will_post", "proposed_by", "proposed_at"])
        _note(row, "reconciliation.reopened", actor, reason=reason)
    return row


def decide_match(line_id: int, *, actor: str, is_right: bool) -> None:
    """A person's word on a proposed match: taken, or rejected and never proposed again. Raises Problem 409, 403."""
    _demand_person(actor)
    with transaction.atomic():
        line = ReconLine.objects.select_for_update().get(id=line_id)
        match = ReconMatch.objects.filter(line=line, state="proposed").first()
        if match is None:
            raise Problem("state_conflict", "Nothing is proposed for this line.")
        match.state, match.decided_by = ("confirmed" if is_right else "rejected"), actor
        match.save(update_fields=["state", "decided_by"])
        line.state = "matched" if is_right else "new"
        line.save(update_fields=["state"])
        detail = {"line": line.id, "object": str(match.object_id), "is_right": is_right}
        record(merchant_id=None, actor=actor, action="reconciliation.match_decided", detail=detail)


def _lock(exception_id: UUID) -> ReconException:
    row: ReconException = ReconException.objects.select_for_update().get(id=exception_id)
    return row


def _demand(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Problem("state_conflict", f"This cannot be done: {otherwise}.")


def _demand_person(actor: str) -> None:
    if not actor.strip() or actor.partition("_")[0] in NOBODY:
        raise Problem("permission_denied", "A person decides about exceptions, never an API key: say who you are.")


def _note(row: ReconException, action: str, actor: str, **detail: object) -> None:
    record(
        merchant_id=row.merchant_id,
        actor=actor,
        action=action,
        object_id=to_public("rcx", row.id),
        detail={"kind": row.kind, "account": row.account} | detail,
    )


def _post(row: ReconException, *, actor: str) -> UUID:
    """The ledger is above the provider by `float_effect`: the account is credited by it, or debited when below."""
    place = cash_of(row.account)
    name = place["name"] if place["cash"] == "bank" else f"{place['name']}:{row.id.int % STRIPES:02d}"
    kind, _, sub = str(row.posting["contra"]).partition(":")
    ours, other = _sides(row.float_effect)
    amount = abs(row.float_effect)
    legs = [
        Leg(kind=place["cash"], side=ours, amount=amount, sub=name),
        Leg(kind=kind, side=other, amount=amount, sub=sub),
    ]
    return post_transfer(
        legs,
        idem=f"rec:{row.id}:close",
        kind="reconciliation",
        merchant_id=None,
        currency=row.currency,
        mode=row.mode,
        reason=row.resolution or "",
        actor=actor,
    )


def _sides(effect: int) -> tuple[Side, Side]:
    return ("C", "D") if effect > 0 else ("D", "C")
