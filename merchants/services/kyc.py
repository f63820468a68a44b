"""The review of what a business shows, for operators: approve, reject with reasons, ask for more; and who is verified.

Every function takes the `actor` as audit shows them: the public id of the operator, or `operator` from a terminal.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from merchants.models import KycDocument, KycNotice, KycRequest, Merchant
from merchants.services import kyc_files
from merchants.services.kyc_documents import refuse_past
from merchants.services.kyc_mail import tell_owners
from merchants.services.kyc_standing import locked_merchant, publish_kyc, settle_standing, tell_audit
from merchants.services.live_mode import is_verified as is_verified
from merchants.states import APPROVED, IN_REVIEW, REJECTED
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import NotFound, Problem


def waiting_documents() -> QuerySet[KycDocument]:
    """What is to be reviewed, the longest waiting first."""
    return KycDocument.objects.select_related("merchant").filter(status=IN_REVIEW).order_by("submitted_at", "id")


def open_document(document_id: UUID, *, actor: str) -> tuple[KycDocument, bytes]:
    """The file in clear for a reviewer, after the note of who took it. Raises NotFound, Problem internal_error."""
    with transaction.atomic():
        document = _document(document_id)
        _tell(document, "downloaded", actor=actor, detail={"by_operator": True})
    return document, kyc_files.read(document)


def look(document_id: UUID, *, actor: str) -> KycDocument:
    """What is known of a document, for a reviewer, and a note of who looked. Raises NotFound."""
    with transaction.atomic():
        document = _document(document_id)
        _tell(document, "viewed", actor=actor, detail={"by_operator": True})
    return document


def approve(document_id: UUID, *, actor: str, expires_on: date | None = None) -> KycDocument:
    """The document holds, to the end of `expires_on` where it ends; by default as its sender said.

    When it was the last that was required the business is verified, and live mode opens.
    Raises NotFound, and Problem state_conflict (it does not wait), parameter_invalid (it has ended),
    own_request_approval.
    """
    with transaction.atomic():
        merchant, document = _locked(document_id)
        _refuse_own(document, actor)
        if document.status != IN_REVIEW:
            raise Problem("state_conflict", f"The document is {document.status}; only what is in review is approved.")
        document.expires_on = expires_on or document.expires_on
        refuse_past(document.expires_on)
        _decide(document, APPROVED, actor=actor)
        ends = document.expires_on.isoformat() if document.expires_on else None
        _tell(document, "approved", actor=actor, detail={"expires_on": ends})
        settle_standing(merchant, actor=actor)
    return document


def reject(document_id: UUID, *, actor: str, reasons: Sequence[str], note: str = "") -> KycDocument:
    """The document does not hold, for one or more of KycDocument.Reason; `note` is for the business to read.

    One that was approved may be rejected later; live mode closes when it was required and nothing stands in its place.
    Raises NotFound, and Problem parameter_invalid, state_conflict.
    """
    wanted = _reasons(reasons, note)
    with transaction.atomic():
        merchant, document = _locked(document_id)
        if document.status not in (IN_REVIEW, APPROVED):
            raise Problem("state_conflict", f"The document is {document.status}; it cannot be rejected any more.")
        before = merchant.kyc_status
        document.reasons, document.note = wanted, note.strip()
        _decide(document, REJECTED, actor=actor)
        _tell(document, "rejected", actor=actor, detail={"reasons": wanted})
        settle_standing(merchant, actor=actor)
        publish_kyc(merchant, "kyc.rejected", previous={"status": before})
        words = f"{', '.join(wanted).replace('_', ' ')}. {document.note}".strip()
        tell_owners(merchant, KycNotice.Kind.REJECTED, document=document, words=words)
    return document


def ask_for_more(merchant_id: UUID, *, actor: str, types: Sequence[str], note: str) -> None:
    """Want further documents of one business before it is verified; one that is verified stays so and is asked.

    Asked again, the note is the newer one. Raises NotFound, Problem parameter_invalid.
    """
    unknown = sorted(set(types) - set(KycDocument.Type.values))
    if unknown or not types:
        raise Problem("parameter_invalid", f"Name types of {', '.join(KycDocument.Type.values)}.", param="types")
    _check_note(note, needed=True)
    with transaction.atomic():
        merchant = locked_merchant(merchant_id)
        for type in dict.fromkeys(types):
            fields = {"note": note.strip(), "asked_by": actor, "asked_at": now()}
            KycRequest.objects.update_or_create(merchant=merchant, type=type, defaults=fields)
        wanted = sorted(set(types))
        tell_audit(merchant.id, "kyc.asked", actor=actor, object_id=merchant.public_id, detail={"types": wanted})
        words = f"{', '.join(wanted).replace('_', ' ')}. {note.strip()}"
        tell_owners(merchant, KycNotice.Kind.ASKED, words=words)
        settle_standing(merchant, actor=actor)


def set_expiry(document_id: UUID, *, actor: str, expires_on: date | None) -> KycDocument:
    """Correct the last day of a document that holds; None for one without an end.

    Raises NotFound, Problem state_conflict, parameter_invalid.
    """
    refuse_past(expires_on)
    with transaction.atomic():
        _, document = _locked(document_id)
        if document.status != APPROVED:
            raise Problem("state_conflict", f"The document is {document.status}; only what holds has an end.")
        ends = {"from": document.expires_on, "to": expires_on}
        document.expires_on = expires_on
        document.version += 1
        document.save(update_fields=["expires_on", "version"])
        # Whoever was warned of the former end is warned of this one.
        document.notices.filter(kind=KycNotice.Kind.EXPIRING).delete()
        detail = {name: day.isoformat() if day else None for name, day in ends.items()}
        _tell(document, "expiry_set", actor=actor, detail=detail)
    return document


def _document(document_id: UUID) -> KycDocument:
    document = KycDocument.objects.select_related("merchant").filter(id=document_id).first()
    if document is None:
        raise NotFound
    return document


def _locked(document_id: UUID) -> tuple[Merchant, KycDocument]:
    """The business first, as everybody locks it."""
    merchant = locked_merchant(_document(document_id).merchant_id)
    return merchant, _document(document_id)


def _refuse_own(document: KycDocument, actor: str) -> None:
    if actor == document.uploaded_by:
        raise Problem("own_request_approval")


def _reasons(reasons: Sequence[str], note: str) -> list[str]:
    wanted = list(dict.fromkeys(reasons))
    if not wanted or set(wanted) - set(KycDocument.Reason.values):
        detail = f"Name at least one reason of {', '.join(KycDocument.Reason.values)}."
        raise Problem("parameter_invalid", detail, param="reasons")
    _check_note(note, needed=KycDocument.Reason.OTHER in wanted)
    return wanted


def _check_note(note: str, *, needed: bool) -> None:
    if len(note) > 500 or (needed and not note.strip()):
        raise Problem("parameter_invalid", "Say in at most 500 letters what the business must do.", param="note")


def _decide(document: KycDocument, status: str, *, actor: str) -> None:
    document.status, document.decided_at, document.decided_by = status, now(), actor
    document.version += 1
    document.save(update_fields=["status", "decided_at", "decided_by", "expires_on", "reasons", "note", "version"])


def _tell(document: KycDocument, deed: str, *, actor: str, detail: Mapping[str, object]) -> None:
    tell_audit(
        document.merchant_id,
        f"kyc.document_{deed}",
        actor=actor,
        object_id=document.public_id,
        detail={"type": document.type, **detail},
    )
