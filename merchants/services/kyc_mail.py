"""Mail to the owners of a business about its documents, and the note that they were told."""

from merchants.models import KycDocument, KycNotice, Membership, Merchant, Role
from merchants.services import people_mail

SUBJECTS = {
    KycNotice.Kind.VERIFIED: "is verified",
    KycNotice.Kind.REJECTED: "a document was rejected",
    KycNotice.Kind.ASKED: "more documents are needed",
    KycNotice.Kind.EXPIRING: "a document ends soon",
    KycNotice.Kind.EXPIRED: "a document has ended",
}


def tell_owners(
    merchant: Merchant, kind: KycNotice.Kind, *, document: KycDocument | None = None, days: int = 0, words: str = ""
) -> None:
    """A mail to each owner, sent by a worker. Call it in the transaction of the change.

    Raises IntegrityError kyc_notice_once for a warning that was told before.
    """
    KycNotice.objects.create(merchant=merchant, document=document, kind=kind, days=days)
    name = merchant.business_name
    body = f"{_sentence(kind, document, words)}\n\nBusiness: {name}\nWhat is missing: GET /api/v1/kyc/"
    for address in _owners(merchant):
        people_mail.send(to=address, subject=f"{name}: {SUBJECTS[kind]}", body=body)


def _sentence(kind: KycNotice.Kind, document: KycDocument | None, words: str) -> str:
    paper = document.type.replace("_", " ") if document else ""
    ends = f"{document.expires_on:%d.%m.%Y}" if document and document.expires_on else ""
    return {
        KycNotice.Kind.VERIFIED: "Everything you have shown was approved: live mode is open.",
        KycNotice.Kind.REJECTED: f"Your {paper} was rejected: {words}\nSend another in its place.",
        KycNotice.Kind.ASKED: f"Please send as well: {words}",
        KycNotice.Kind.EXPIRING: f"Your {paper} ends on {ends}. Send another before, so that live mode stays open.",
        KycNotice.Kind.EXPIRED: f"Your {paper} ended on {ends}. Send another; live mode may be shut until then.",
    }[kind]


def _owners(merchant: Merchant) -> list[str]:
    """The owners who can still sign in; the address of the business when there is none."""
    members = Membership.objects.filter(merchant=merchant, role=Role.OWNER, user__is_active=True)
    return list(members.order_by("user_id").values_list("user__email", flat=True)) or [merchant.email]
