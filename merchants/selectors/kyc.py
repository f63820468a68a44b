"""What a business has shown of itself, and what is still wanted."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet

from merchants.models import KycDocument, KycRequest, Merchant
from merchants.states import APPROVED, IN_REVIEW, KYC_DOCUMENT_STATES, UPLOADED, WITHDRAWN
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.errors import NotFound
from onpoint_pay.kit.listing import Page, one_of, page_by


@dataclass(frozen=True, slots=True, kw_only=True)
class KycFacts:
    """One business with its documents, newest first and without those taken back, and what a reviewer asked for."""

    merchant: Merchant
    documents: tuple[KycDocument, ...]
    requests: tuple[KycRequest, ...]

    @property
    def base(self) -> tuple[str, ...]:
        """What everybody shows."""
        return tuple(dict.fromkeys(settings.KYC_REQUIRED))

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.base, *(request.type for request in self.requests)]))

    @property
    def missing(self) -> list[str]:
        """What is required and neither holds nor waits."""
        there = self.types(APPROVED, IN_REVIEW, UPLOADED)
        return [type for type in self.required if type not in there]

    def types(self, *statuses: str) -> frozenset[str]:
        """The types of which a document is in one of these states."""
        return frozenset(document.type for document in self.documents if document.status in statuses)


def kyc_of(merchant_id: UUID) -> KycFacts:
    documents = documents_for(merchant_id).exclude(status=WITHDRAWN).order_by("-id")
    return KycFacts(
        merchant=Merchant.objects.get(id=merchant_id),
        documents=tuple(documents),
        requests=tuple(KycRequest.objects.filter(merchant_id=merchant_id).order_by("id")),
    )


def documents_for(merchant_id: UUID) -> QuerySet[KycDocument]:
    return KycDocument.objects.filter(merchant_id=merchant_id)


def document_of(caller: Caller, document_id: UUID) -> KycDocument:
    """Raises NotFound for a document of another merchant."""
    document = documents_for(caller.merchant_id).filter(id=document_id).first()
    if document is None:
        raise NotFound
    return document


def page_of_documents(caller: Caller, query: Mapping[str, str], *, limit: int) -> Page[KycDocument]:
    """One page and the cursor of the next. Raises Invalid for unknown filters, Problem cursor_invalid."""
    filters = {"type": one_of("type", tuple(KycDocument.Type.values)), "status": one_of("status", KYC_DOCUMENT_STATES)}
    return page_by(documents_for(caller.merchant_id), query, filters, limit=limit)
