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
