"""What a business shows to be verified: its documents, what more was asked for, and what its owners were told."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from merchants.models.merchants import Merchant, one_of
from merchants.states import (
    APPROVED,
    EXPIRED,
    KYC_DOCUMENT_STATES,
    KYC_DOCUMENT_TYPES,
    REJECTED,
    UNDECIDED,
    UPLOADED,
    WITHDRAWN,
)
from onpoint_pay.kit.db import KeyedModel
from onpoint_pay.kit.ids import to_public

Q = models.Q


class KycDocument(KeyedModel):
    """One file and what became of it, the same in both modes. The row is never removed.

    The file lies sealed in KYC_ROOT under the row's key. `data_key` is what it is sealed with, itself sealed; without
    it nobody reads the file again. `sha256` is of the file as it is kept, `sent_sha256` as it was sent.
    """

    class Type(models.TextChoices):
        BUSINESS_REGISTRATION = "business_registration"
        KRA_PIN = "kra_pin"
        DIRECTOR_ID = "director_id"
        BANK_LETTER = "bank_letter"
        PERMIT = "permit"
        CR12 = "cr12"
        PROOF_OF_ADDRESS = "proof_of_address"

    class Reason(models.TextChoices):
        """Why a document was rejected."""

        UNREADABLE = "unreadable"
        INCOMPLETE = "incomplete"
        OUT_OF_DATE = "out_of_date"
        WRONG_DOCUMENT = "wrong_document"
        NAME_DIFFERS = "name_differs"
        NOT_GENUINE = "not_genuine"
        OTHER = "other"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="kyc_documents", db_index=False)
    type = models.CharField(max_length=24, choices=Type.choices)
    status = models.CharField(max_length=12, db_default=UPLOADED, default=UPLOADED)
    file_name = models.CharField(max_length=120)
    content_type = models.CharField(max_length=20)
    size = models.IntegerField()
    sha256 = models.CharField(max_length=64)
    sent_sha256 = models.CharField(max_length=64)
    data_key = models.TextField(null=True)
    expires_on = models.DateField(null=True)
    reasons = ArrayField(models.CharField(max_length=24), default=list)
    note = models.CharField(max_length=500, blank=True, default="")
    replaces = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    uploaded_by = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.TextField(blank=True, default="")
    # When its key was destroyed because it was old enough.
    shredded_at = models.DateTimeField(null=True)
    # Guarded like everything with states; no provider speaks of a document.
    evidence_id = models.BigIntegerField(null=True)
    version = models.IntegerField(default=1)

    class Meta:
        db_table = "merchants_kyc_document"
        indexes = [
            models.Index(fields=["merchant", "-id"], name="kyc_document_list"),
            models.Index(fields=["expires_on"], condition=Q(status=APPROVED), name="kyc_document_expiry"),
        ]
        constraints = [
            one_of("type", list(KYC_DOCUMENT_TYPES), "kyc_document_type"),
            one_of("status", list(KYC_DOCUMENT_STATES), "kyc_document_status"),
            one_of("content_type", ["application/pdf", "image/jpeg", "image/png"], "kyc_document_content"),
            models.CheckConstraint(condition=Q(size__gte=1), name="kyc_document_size"),
            models.CheckConstraint(condition=Q(sha256__regex="^[0-9a-f]{64}$"), name="kyc_document_sha256"),
            models.CheckConstraint(condition=Q(sent_sha256__regex="^[0-9a-f]{64}$"), name="kyc_document_sent"),
            # What was taken back or is old cannot be read any more; what is to be decided, or holds, can.
            models.CheckConstraint(
                condition=Q(status=WITHDRAWN, data_key=None)
                | Q(status__in=[*sorted(UNDECIDED), APPROVED], data_key__isnull=False)
                | Q(status__in=[REJECTED, EXPIRED])
                | Q(shredded_at__isnull=False, data_key=None),
                name="kyc_document_key",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[APPROVED, REJECTED, EXPIRED], decided_at__isnull=False)
                | Q(status__in=[*sorted(UNDECIDED), WITHDRAWN], decided_at=None),
                name="kyc_document_decided",
            ),
            models.CheckConstraint(
                condition=Q(status=REJECTED, reasons__len__gt=0) | (~Q(status=REJECTED) & Q(reasons__len=0)),
                name="kyc_document_reasons",
            ),
        ]

    @property
    def public_id(self) -> str:
        return to_public("doc", self.id)


class KycRequest(models.Model):
    """A document that a reviewer wants of one business besides those everybody shows."""

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="kyc_requests", db_index=False)
    type = models.CharField(max_length=24, choices=KycDocument.Type.choices)
    note = models.CharField(max_length=500)
    asked_by = models.TextField()
    asked_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "merchants_kyc_request"
        constraints = [models.UniqueConstraint(fields=["merchant", "type"], name="kyc_request_once")]


class KycNotice(models.Model):
    """News that the owners were mailed, so that nobody is told the same twice. Written with the mails."""

    class Kind(models.TextChoices):
        VERIFIED = "verified"
        REJECTED = "rejected"
        ASKED = "asked"
        EXPIRING = "expiring"
        EXPIRED = "expired"

    merchant = models.ForeignKey(Merchant, on_delete=models.PROTECT, related_name="+")
    document = models.ForeignKey(KycDocument, on_delete=models.PROTECT, null=True, related_name="notices")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # Of `expiring`: how long before the end this one is told.
    days = models.SmallIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "merchants_kyc_notice"
        constraints = [
            one_of("kind", ["verified", "rejected", "asked", "expiring", "expired"], "kyc_notice_kind"),
            # Nobody is warned of the same end twice.
            models.UniqueConstraint(
                fields=["document", "kind", "days"], condition=Q(kind="expiring"), name="kyc_notice_once"
            ),
        ]
