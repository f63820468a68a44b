"""The types and states of a KYC document and the moves between them; no move needs a provider's evidence."""

KYC_DOCUMENT_TYPES = (
    "business_registration",
    "kra_pin",
    "director_id",
    "bank_letter",
    "permit",
    "cr12",
    "proof_of_address",
)

UPLOADED = "uploaded"
IN_REVIEW = "in_review"
APPROVED = "approved"
REJECTED = "rejected"
EXPIRED = "expired"
WITHDRAWN = "withdrawn"
KYC_DOCUMENT_STATES = (UPLOADED, IN_REVIEW, APPROVED, REJECTED, EXPIRED, WITHDRAWN)

# (from, to): whether it needs new evidence
KYC_DOCUMENT_MOVES = {
    (UPLOADED, IN_REVIEW): False,
    (UPLOADED, WITHDRAWN): False,
    (IN_REVIEW, APPROVED): False,
    (IN_REVIEW, REJECTED): False,
    (IN_REVIEW, WITHDRAWN): False,
    # What was taken for good may turn out not to be.
    (APPROVED, REJECTED): False,
    (APPROVED, EXPIRED): False,
}
# Before a decision a document is still its merchant's to take back; afterwards the law wants it kept.
UNDECIDED = frozenset({UPLOADED, IN_REVIEW})
