"""The files of KYC documents: one sealed file for each row, under the row's key, in KYC_ROOT."""

import base64
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from merchants.models import KycDocument
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import CannotOpen, seal, unseal
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.uploads.sealed import new_key, read_sealed, write_sealed

log = structlog.get_logger(__name__)
SUFFIX = ".sealed"
# Nothing of an upload that is still at work is older.
STRAY_AFTER = timedelta(days=1)


def path_of(document_id: UUID) -> Path:
    return Path(settings.KYC_ROOT) / f"{document_id}{SUFFIX}"


def store(document: KycDocument, data: bytes) -> None:
    """Write the file, and put its sealed key into the row, which is left to be saved. Raises OSError."""
    key = new_key()
    text = base64.b64encode(key).decode()
    document.data_key = seal(text, bound_to=_place(document, "data_key"), merchant_id=document.merchant_id)
    write_sealed(path_of(document.id), data, key=key, bound_to=_place(document, "file"))


def read(document: KycDocument) -> bytes:
    """The file in clear. Raises NotFound when it was taken back, Problem internal_error when it does not open."""
    if document.data_key is None:
        raise NotFound("The file was taken back.")
    try:
        place = _place(document, "data_key")
        key = base64.b64decode(unseal(document.data_key, bound_to=place, merchant_id=document.merchant_id))
        return read_sealed(path_of(document.id), key=key, bound_to=_place(document, "file"))
    except (CannotOpen, OSError) as error:
        log.error("kyc_file_does_not_open", document=str(document.id), error=type(error).__name__)
        raise Problem("internal_error", "The stored file does not open; tell the operator.") from error


def discard(document: KycDocument) -> None:
    """Forget the key, in the row that is left to be saved, and remove the file once that is committed."""
    document.data_key = None
    path = path_of(document.id)
    transaction.on_commit(lambda: path.unlink(missing_ok=True), robust=True)


def remove_strays() -> int:
    """Remove what uploads that died, and withdrawals that died, have left; returns how many files."""
    oldest = (now() - STRAY_AFTER).timestamp()
    old = [path for path in Path(settings.KYC_ROOT).glob("*") if path.is_file() and path.stat().st_mtime < oldest]
    held = {path_of(key).name for key in KycDocument.objects.exclude(data_key=None).values_list("id", flat=True)}
    strays = [path for path in old if path.name not in held]
    for path in strays:
        log.info("kyc_stray_removed", name=path.name)
        path.unlink(missing_ok=True)
    return len(strays)


def _place(document: KycDocument, part: str) -> str:
    """What a document's key and file are bound to: at another row or merchant they do not open."""
    return f"merchants_kyc_document.{part}:{document.merchant_id}:{document.id}"
