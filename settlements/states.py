"""The legal moves of what is settled and paid out. `True` means the move needs new evidence."""

# --- payouts ----------------------------------------------------------------------------------------------------------

PAYOUT_REQUIRES_APPROVAL = "requires_approval"
PAYOUT_PENDING = "pending"
PAYOUT_COMPLETED = "completed"
PAYOUT_FAILED = "failed"
PAYOUT_RETURNED = "returned"
PAYOUT_CANCELLED = "cancelled"
PAYOUT_STATES = (
    PAYOUT_REQUIRES_APPROVAL,
    PAYOUT_PENDING,
    PAYOUT_COMPLETED,
    PAYOUT_FAILED,
    PAYOUT_RETURNED,
    PAYOUT_CANCELLED,
)
PAYOUT_OPEN = (PAYOUT_REQUIRES_APPROVAL, PAYOUT_PENDING)
# Why an approved payout is still open: nothing was handed over yet, the provider will tell, nobody knows whether it
# left, our account held too little, or it waits for a file that a person takes to the bank.
PAYOUT_PENDING_REASONS = ("queued", "awaiting_provider", "reconciling", "insufficient_float", "awaiting_file")

PAYOUT_MOVES: dict[tuple[str, str], bool] = {
    (PAYOUT_REQUIRES_APPROVAL, PAYOUT_PENDING): False,
    (PAYOUT_REQUIRES_APPROVAL, PAYOUT_CANCELLED): False,
    (PAYOUT_PENDING, PAYOUT_COMPLETED): True,
    (PAYOUT_PENDING, PAYOUT_FAILED): True,
    # Said to have failed, and it went out after all.
    (PAYOUT_FAILED, PAYOUT_COMPLETED): True,
    (PAYOUT_COMPLETED, PAYOUT_RETURNED): True,
}

PAYOUT_PURPOSES = ("business", "salary", "promotion", "refund")
DESTINATION_TYPES = ("mpesa_phone", "paybill", "till", "bank")
DESTINATION_STATES = ("active", "deleted")
# How money leaves: by the provider's API to a phone, in a list for the provider's portal, in a file for the bank.
PAYOUT_ROUTES = ("b2c", "b2b", "bank")
ROUTE_OF = {"mpesa_phone": "b2c", "paybill": "b2b", "till": "b2b", "bank": "bank"}

BATCH_REQUIRES_APPROVAL = "requires_approval"
BATCH_PENDING = "pending"
BATCH_COMPLETED = "completed"
BATCH_CANCELLED = "cancelled"
BATCH_STATES = (BATCH_REQUIRES_APPROVAL, BATCH_PENDING, BATCH_COMPLETED, BATCH_CANCELLED)
BATCH_MOVES: dict[tuple[str, str], bool] = {
    (BATCH_REQUIRES_APPROVAL, BATCH_PENDING): False,
    (BATCH_REQUIRES_APPROVAL, BATCH_CANCELLED): False,
    (BATCH_PENDING, BATCH_COMPLETED): False,
}

# --- reconciliation ---------------------------------------------------------------------------------------------------

RECON_SOURCES = ("mpesa_statement", "pull", "paystack", "flutterwave", "bank_csv", "mt940", "camt053")
RECON_LINE_STATES = ("new", "matched", "proposed", "exception", "ignored")
RECON_MATCH_STATES = ("confirmed", "proposed", "rejected")
RECON_SEVERITIES = ("low", "medium", "high")
RECON_EXCEPTION_KINDS = (
    "missing_here",
    "missing_there",
    "amount_differs",
    "duplicate_there",
    "state_differs",
    "late_success",
    "overpaid",
    "unknown_charge",
    "returned_payout",
    "mode_differs",
    "unparsable",
    "balance_gap",
)
# Whose an exception is until somebody takes it.
RECON_QUEUE = "reconciliation"
RECON_OPEN = "open"
RECON_PROPOSED = "proposed"
RECON_CLOSED = "closed"
RECON_EXCEPTION_STATES = (RECON_OPEN, RECON_PROPOSED, RECON_CLOSED)
RECON_EXCEPTION_MOVES: dict[tuple[str, str], bool] = {
    (RECON_OPEN, RECON_PROPOSED): False,
    # The second person does not agree.
    (RECON_PROPOSED, RECON_OPEN): False,
    (RECON_PROPOSED, RECON_CLOSED): False,
    # What was missing has come: it fits after all.
    (RECON_OPEN, RECON_CLOSED): False,
}

# What somebody brought in live mode waits for an operator: a statement is evidence.
RUN_WAITS, RUN_QUEUED, RUN_COMPLETED = "requires_approval", "queued", "completed"
RUN_FAILED, RUN_REJECTED = "failed", "rejected"
RECON_RUN_STATES = (RUN_WAITS, RUN_QUEUED, RUN_COMPLETED, RUN_FAILED, RUN_REJECTED)

# --- settlement -------------------------------------------------------------------------------------------------------

SETTLEMENT_OPEN = "open"
SETTLEMENT_CLOSED = "closed"
SETTLEMENT_PROCESSING = "processing"
SETTLEMENT_PAID = "paid"
SETTLEMENT_FAILED = "failed"
SETTLEMENT_STATES = (
    SETTLEMENT_OPEN,
    SETTLEMENT_CLOSED,
    SETTLEMENT_PROCESSING,
    SETTLEMENT_PAID,
    SETTLEMENT_FAILED,
)
# Only in these may a settlement have released nothing.
SETTLEMENT_UNRELEASED = (SETTLEMENT_OPEN, SETTLEMENT_FAILED)

SETTLEMENT_MOVES: dict[tuple[str, str], bool] = {
    (SETTLEMENT_OPEN, SETTLEMENT_CLOSED): False,
    # What had fallen due was refunded before it was released: its lines go to the next batch.
    (SETTLEMENT_OPEN, SETTLEMENT_FAILED): False,
    (SETTLEMENT_CLOSED, SETTLEMENT_PROCESSING): False,
    # By hand, with proof.
    (SETTLEMENT_CLOSED, SETTLEMENT_PAID): False,
    (SETTLEMENT_PROCESSING, SETTLEMENT_PAID): False,
    # The payout failed or was called off: the money is available again, and the next payout takes it.
    (SETTLEMENT_PROCESSING, SETTLEMENT_FAILED): False,
    (SETTLEMENT_FAILED, SETTLEMENT_PROCESSING): False,
    (SETTLEMENT_FAILED, SETTLEMENT_PAID): False,
    # It was paid, and the money came back.
    (SETTLEMENT_PAID, SETTLEMENT_FAILED): False,
}
LINE_KINDS = ("capture", "refund", "reversal", "dispute", "adjustment", "reserve_return")
SCHEDULES = ("daily", "weekly", "monthly", "manual")

# --- exports ----------------------------------------------------------------------------------------------------------

EXPORT_QUEUED, EXPORT_READY, EXPORT_FAILED, EXPORT_EXPIRED = "queued", "ready", "failed", "expired"
EXPORT_STATES = (EXPORT_QUEUED, EXPORT_READY, EXPORT_FAILED, EXPORT_EXPIRED)
EXPORT_TYPES = ("payments", "refunds", "payouts", "settlements", "ledger_entries", "c2b_receipts")
EXPORT_FORMATS = ("csv", "xlsx", "json")
