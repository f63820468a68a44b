"""Examples of the OpenAPI document: what a business shows to be verified."""

from typing import Any

from onpoint_pay.openapi_texts_people import MERCHANT, USER

DOCUMENT_EXAMPLE: dict[str, Any] = {
    "id": "doc_01KAJ7C5E7G9J1K3N5P7R9T1VX",
    "object": "kyc_document",
    "livemode": False,
    "type": "kra_pin",
    "status": "in_review",
    "file_name": "PIN certificate.pdf",
    "content_type": "application/pdf",
    "size": 48213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "reasons": [],
    "note": None,
    "expires_on": None,
    "replaces": None,
    "uploaded_by": USER,
    "created_at": "2026-11-21T08:31:07.412Z",
    "submitted_at": "2026-11-21T08:40:55.018Z",
    "decided_at": None,
    "version": 2,
}
SHORT = ("id", "type", "status", "reasons", "note", "expires_on")
SHORT_EXAMPLE: dict[str, Any] = {name: DOCUMENT_EXAMPLE[name] for name in SHORT}
KYC_EXAMPLE: dict[str, Any] = {
    "object": "kyc",
    "livemode": False,
    "merchant": MERCHANT,
    "status": "pending",
    "live_enabled": False,
    "required": ["business_registration", "kra_pin", "director_id", "cr12"],
    "missing": ["cr12"],
    "requests": [
        {"type": "cr12", "note": "The company has two directors.", "asked_at": "2026-11-21T09:02:44.300Z"},
    ],
    "documents": [SHORT_EXAMPLE],
    "version": 3,
}
APPROVED_EXAMPLE: dict[str, Any] = KYC_EXAMPLE | {
    "status": "verified",
    "live_enabled": True,
    "missing": [],
    "documents": [SHORT_EXAMPLE | {"status": "approved"}],
    "version": 4,
}
REJECTED_EXAMPLE: dict[str, Any] = KYC_EXAMPLE | {
    "status": "rejected",
    "documents": [
        SHORT_EXAMPLE | {"status": "rejected", "reasons": ["unreadable"], "note": "The number cannot be read."}
    ],
    "version": 4,
}
EXPIRING_EXAMPLE: dict[str, Any] = DOCUMENT_EXAMPLE | {
    "type": "permit",
    "status": "approved",
    "expires_on": "2026-12-21",
    "decided_at": "2026-01-04T07:12:30.771Z",
    "version": 3,
}
OBJECTS: dict[str, dict[str, Any]] = {
    "kyc.submitted": KYC_EXAMPLE,
    "kyc.approved": APPROVED_EXAMPLE,
    "kyc.rejected": REJECTED_EXAMPLE,
    "kyc.expiring": EXPIRING_EXAMPLE,
}
STATUS_BEFORE = {"kyc.submitted": "unverified", "kyc.approved": "pending", "kyc.rejected": "pending"}
