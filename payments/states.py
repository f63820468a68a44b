"""The legal moves of a payment and of one money operation. `True` means the move needs new evidence."""

INITIATED = "initiated"
PENDING = "pending"
COMPLETED = "completed"
FAILED = "failed"
CANCELLED = "cancelled"
EXPIRED = "expired"
REVERSED = "reversed"

PAYMENT_STATES = (INITIATED, PENDING, COMPLETED, FAILED, CANCELLED, EXPIRED, REVERSED)
# The states in which a merchant's reference is free again.
CLOSED_UNPAID = (FAILED, CANCELLED, EXPIRED)
PAID = (COMPLETED, REVERSED)
FINAL = (*PAID, *CLOSED_UNPAID)

AWAITING_CUSTOMER = "awaiting_customer"
AWAITING_PROVIDER = "awaiting_provider"
RECONCILING = "reconciling"
PENDING_REASONS = (AWAITING_CUSTOMER, AWAITING_PROVIDER, RECONCILING)

NEW_ATTEMPTS: dict[tuple[str, str], bool] = {(state, INITIATED): False for state in CLOSED_UNPAID}
PAYMENT_MOVES: dict[tuple[str, str], bool] = {
    (INITIATED, PENDING): False,
    # Refused, or stopped, before anything was handed over.
    (INITIATED, FAILED): False,
    (INITIATED, CANCELLED): False,
    (PENDING, COMPLETED): True,
    (PENDING, FAILED): True,
    (PENDING, CANCELLED): True,
    (PENDING, EXPIRED): True,
    # Late money is real money: it is always taken.
    (FAILED, COMPLETED): True,
    (CANCELLED, COMPLETED): True,
    (EXPIRED, COMPLETED): True,
    (COMPLETED, REVERSED): True,
    # A new attempt begins as the first one did; it needs no evidence, because it claims nothing about money.
    **NEW_ATTEMPTS,
}

OP_CREATED = "created"
OP_SENDING = "sending"
OP_ACCEPTED = "accepted"
OP_REJECTED = "rejected"
OP_UNKNOWN = "unknown"
OP_SUCCEEDED = "succeeded"
OP_FAILED = "failed"
OP_EXPIRED = "expired"
OP_CANCELLED = "cancelled"
OP_STATES = (
    OP_CREATED,
    OP_SENDING,
    OP_ACCEPTED,
    OP_REJECTED,
    OP_UNKNOWN,
    OP_SUCCEEDED,
    OP_FAILED,
    OP_EXPIRED,
    OP_CANCELLED,
)
OP_OPEN = (OP_CREATED, OP_SENDING, OP_ACCEPTED, OP_UNKNOWN)

OP_MOVES: dict[tuple[str, str], bool] = {
    (OP_CREATED, OP_SENDING): False,
    (OP_CREATED, OP_CANCELLED): False,
    (OP_SENDING, OP_ACCEPTED): False,
    (OP_SENDING, OP_REJECTED): True,
    # Nothing left the server: the same attempt may be made again, or be given up.
    (OP_SENDING, OP_CANCELLED): False,
    (OP_SENDING, OP_UNKNOWN): False,
    (OP_ACCEPTED, OP_UNKNOWN): False,
    (OP_SENDING, OP_SUCCEEDED): True,
    (OP_ACCEPTED, OP_SUCCEEDED): True,
    (OP_UNKNOWN, OP_SUCCEEDED): True,
    (OP_SENDING, OP_FAILED): True,
    (OP_ACCEPTED, OP_FAILED): True,
    (OP_UNKNOWN, OP_FAILED): True,
    (OP_UNKNOWN, OP_ACCEPTED): True,
    (OP_ACCEPTED, OP_EXPIRED): True,
    (OP_UNKNOWN, OP_EXPIRED): True,
    (OP_FAILED, OP_SUCCEEDED): True,
    (OP_EXPIRED, OP_SUCCEEDED): True,
    (OP_REJECTED, OP_SUCCEEDED): True,
}

# One try: a prompt to the payer, money a payer sends by themselves, a charge taken back, money sent to a phone; what
# went back past us, by a person who told of it here or by nobody we know of; and lines of the files that people take to
# a bank, or key into the portal of the provider.
OP_KINDS = ("charge", "c2b", "reversal", "b2c", "manual", "external", "bank", "b2b")
# The kinds that send money out: a doubt about one is never answered by sending again.
OP_OUT = ("reversal", "b2c")
# The kinds that leave in a file: nobody can be asked about them, a file of results tells.
OP_FILED = ("bank", "b2b")

REFUND_REQUIRES_APPROVAL = "requires_approval"
REFUND_PENDING = "pending"
REFUND_COMPLETED = "completed"
REFUND_FAILED = "failed"
REFUND_CANCELLED = "cancelled"
REFUND_STATES = (REFUND_REQUIRES_APPROVAL, REFUND_PENDING, REFUND_COMPLETED, REFUND_FAILED, REFUND_CANCELLED)
REFUND_OPEN = (REFUND_REQUIRES_APPROVAL, REFUND_PENDING)
# Sent past us: by a person, with proof; found at the provider.
MANUAL, EXTERNAL = "manual", "external"
REFUND_ROUTES = ("reversal", "b2c", "card", MANUAL, EXTERNAL)
REFUND_PENDING_REASONS = ("awaiting_provider", "reconciling", "insufficient_float")

REFUND_MOVES: dict[tuple[str, str], bool] = {
    (REFUND_REQUIRES_APPROVAL, REFUND_PENDING): False,
    (REFUND_REQUIRES_APPROVAL, REFUND_CANCELLED): False,
    (REFUND_PENDING, REFUND_COMPLETED): True,
    (REFUND_PENDING, REFUND_FAILED): True,
    # The provider said no, and later that the money went out after all.
    (REFUND_FAILED, REFUND_COMPLETED): True,
}

# What two people say became of a try that nobody can be asked about any more: one proposes it, another agrees.
DOUBT_PROPOSED = "proposed"
DOUBT_CONFIRMED = "confirmed"
DOUBT_REJECTED = "rejected"
DOUBT_STATES = (DOUBT_PROPOSED, DOUBT_CONFIRMED, DOUBT_REJECTED)
DOUBT_MOVES: dict[tuple[str, str], bool] = {
    (DOUBT_PROPOSED, DOUBT_CONFIRMED): True,
    (DOUBT_PROPOSED, DOUBT_REJECTED): False,
}
DOUBT_OUTCOMES = (OP_SUCCEEDED, OP_FAILED)

C2B_STATES = ("unmatched", "suggested", "matched")
C2B_SOURCES = ("confirmation", "callback", "pull", "statement", "claim")
# pending: not believed yet; waived: the merchant does not want every receipt asked back; refuted: the provider says no.
VERIFICATIONS = ("pending", "verified", "waived", "refuted")
CLAIM_STATES = ("pending", "accepted", "refused")
# A line of a bulk run: not begun, at the provider or on its way there, a payment, refused.
LINE_WAITING = "waiting"
LINE_SENDING = "sending"
LINE_SENT = "sent"
LINE_REFUSED = "refused"
LINE_STATES = (LINE_WAITING, LINE_SENDING, LINE_SENT, LINE_REFUSED)
LINE_OPEN = (LINE_WAITING, LINE_SENDING)
QUESTION_KINDS = ("transaction_status", "balance")
QUESTION_STATES = ("asked", "answered", "refused", "lost")
