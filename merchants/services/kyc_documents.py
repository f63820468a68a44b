"""What owners do with their documents: send, look at, take back, hand in for review."""

from datetime import date
from hashlib import sha256
from uuid import UUID

from django.db import transaction

from merchants.models import KycDocument, Merchant
from merchants.selectors.find import person_of
from merchants.selectors.kyc import document_of, documents_for, kyc_of
from merchants.services import kyc_files
from merchants.services.kyc_standing import locked_merchant, publish_kyc, settle_standing, tell_audit
from merchants.states import APPROVED, EXPIRED, IN_REVIEW, REJECTED, UNDECIDED, UPLOADED, WITHDRAWN
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.uploads.content import EXTENSIONS, Checked
from onpoint_pay.kit.uploads.multipart import SentFile
from onpoint_pay.kit.uploads.names import shown_name

MOST_OF_A_TYPE = 10


def upload(
    caller: Caller,
    *,
    type: str,
    sent: SentFile,
    checked: Checked,
    expires_on: date | None = None,
    replaces: UUID | None = None,
) -> KycDocument:
    """Keep a file that was found good. What it `replaces` is taken back when nobody has decided about it.

    Raises NotFound (nothing to replace), and Problem parameter_invalid (it has ended, or replaces another type),
    limit_exceeded (ten of the type are there), state_conflict (the same file waits already, or what it replaces was
    taken back).
    """
    person_of(caller)
    refuse_past(expires_on)
    document = KycDocument(
        merchant_id=caller.merchant_id,
        type=type,
        status=UPLOADED,
        file_name=shown_name(sent.name, EXTENSIONS[checked.content_type]),
        content_type=checked.content_type,
        size=len(checked.data),
        sha256=sha256(checked.data).hexdigest(),
        sent_sha256=sha256(sent.data).hexdigest(),
        expires_on=expires_on,
        uploaded_by=caller.actor,
        created_at=now(),
    )
    kyc_files.store(document, checked.data)
    try:
        with transaction.atomic():
            _add(caller, document, replaces)
    except BaseException:
        kyc_files.path_of(document.id).unlink(missing_ok=True)
        raise
    return document


def refuse_past(expires_on: date | None) -> None:
    """A document holds to the end of its last day in Nairobi."""
    if expires_on is not None and expires_on < nairobi(now()).date():
        raise Problem("parameter_invalid", "The document has ended; send one that holds.", param="expires_on")


def look(caller: Caller, document_id: UUID) -> KycDocument:
    """One document, and a note of who looked. Raises NotFound."""
    with transaction.atomic():
        document = document_of(caller, document_id)
        _tell(caller, document, "viewed")
    return document


def note_list(caller: Caller) -> None:
    """A note that somebody looked through the documents."""
    with transaction.atomic():
        tell_audit(caller.merchant_id, "kyc.documents_listed", actor=caller.actor, object_id=_merchant_name(caller))


def download(caller: Caller, document_id: UUID) -> tuple[KycDocument, bytes]:
    """The file in clear, after the note of who took it. Raises NotFound, Problem internal_error."""
    with transaction.atomic():
        document = document_of(caller, document_id)
        _tell(caller, document, "downloaded")
    return document, kyc_files.read(document)


def withdraw(caller: Caller, document_id: UUID) -> None:
    """Take a document back that nobody has decided about; its file is gone for good.

    Raises NotFound, and Problem state_conflict.
    """
    with transaction.atomic():
        merchant = locked_merchant(caller.merchant_id)
        document = document_of(caller, document_id)
        if document.status not in UNDECIDED:
            raise Problem("state_conflict", f"A document that is {document.status} stays; send another in its place.")
        _take_back(caller, document)
        settle_standing(merchant, actor=caller.actor)


def submit(caller: Caller) -> None:
    """Hand in everything that was sent. Raises Problem state_conflict when nothing was, or something is missing."""
    with transaction.atomic():
        merchant = locked_merchant(caller.merchant_id)
        facts = kyc_of(caller.merchant_id)
        waiting = [document for document in facts.documents if document.status == UPLOADED]
        if facts.missing:
            raise Problem("state_conflict", f"Still missing: {', '.join(facts.missing)}.")
        if not waiting:
            raise Problem("state_conflict", "Nothing new was sent since the last time.")
        at = now()
        for document in waiting:
            document.status, document.submitted_at = IN_REVIEW, at
            _save(document, "status", "submitted_at")
        before = merchant.kyc_status
        types = sorted({document.type for document in waiting})
        _tell_merchant(caller, merchant, types)
        settle_standing(merchant, actor=caller.actor)
        publish_kyc(merchant, "kyc.submitted", previous={"status": before})


def _add(caller: Caller, document: KycDocument, replaces: UUID | None) -> None:
    merchant = locked_merchant(caller.merchant_id)
    mine = documents_for(caller.merchant_id).filter(type=document.type)
    if mine.filter(status__in=UNDECIDED, sent_sha256=document.sent_sha256).exists():
        raise Problem("state_conflict", "You have sent this very file already, and it waits.", param="file")
    old = None if replaces is None else _replaced(caller, replaces, type=document.type)
    if old is not None and old.status in UNDECIDED:
        _take_back(caller, old)
    if mine.filter(status__in=(*UNDECIDED, APPROVED, REJECTED)).count() >= MOST_OF_A_TYPE:
        raise Problem("limit_exceeded", f"There are {MOST_OF_A_TYPE} documents of this type already.")
    document.replaces = old
    document.save(force_insert=True)
    detail = {"type": document.type, "sha256": document.sha256, "replaces": old.public_id if old else None}
    _tell(caller, document, "uploaded", **detail)
    if old is not None:
        settle_standing(merchant, actor=caller.actor)


def _replaced(caller: Caller, document_id: UUID, *, type: str) -> KycDocument:
    old = documents_for(caller.merchant_id).filter(id=document_id).first()
    if old is None:
        raise NotFound("There is no such document to replace.")
    if old.type != type:
        raise Problem("parameter_invalid", f"It replaces a document of type {old.type}.", param="replaces")
    if old.status not in (*UNDECIDED, APPROVED, REJECTED, EXPIRED):
        raise Problem("state_conflict", "That document was taken back; leave `replaces` out.", param="replaces")
    return old


def _take_back(caller: Caller, document: KycDocument) -> None:
    document.status = WITHDRAWN
    kyc_files.discard(document)
    _save(document, "status", "data_key")
    _tell(caller, document, "withdrawn")


def _save(document: KycDocument, *fields: str) -> None:
    document.version += 1
    document.save(update_fields=[*fields, "version"])


def _tell(caller: Caller, document: KycDocument, deed: str, **detail: str | None) -> None:
    tell_audit(
        caller.merchant_id,
        f"kyc.document_{deed}",
        actor=caller.actor,
        object_id=document.public_id,
        detail={"type": document.type} | detail,
    )


def _tell_merchant(caller: Caller, merchant: Merchant, types: list[str]) -> None:
    tell_audit(merchant.id, "kyc.submitted", actor=caller.actor, object_id=merchant.public_id, detail={"types": types})


def _merchant_name(caller: Caller) -> str:
    return Merchant(id=caller.merchant_id).public_id
