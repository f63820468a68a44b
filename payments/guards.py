"""What may not change any more about payments, refunds and tries, whoever asks the database."""

from audit.guards import fixed, stays

WHAT_IS_PAID = (
    *("merchant_id", "mode", "reference", "account_reference", "amount", "currency", "fee", "tax", "fee_version_id"),
    *("provider", "shortcode", "provider_account_id"),
)
PAYMENTS = (
    fixed("transactions", *WHAT_IS_PAID)
    + fixed("transactions", "captured", "capture_transfer_id", name="captured", when="OLD.captured > 0")
    # Dead tests may be cleared away.
    + stays("transactions", when="OLD.captured > 0 OR OLD.mode = 'live'")
)
WHAT_IS_RETURNED = ("payment_id", "merchant_id", "mode", "reference", "amount", "currency", "proof", "requested_by")
REFUNDS = fixed("refunds", *WHAT_IS_RETURNED) + stays("refunds")
# Whoever asks for a refund that needs a second person is not that person.
TWO_PEOPLE = "ALTER TABLE refunds ADD CONSTRAINT refunds_second_person CHECK (approved_by <> requested_by);"
ONE_PERSON = "ALTER TABLE refunds DROP CONSTRAINT refunds_second_person;"

WHAT_IS_TRIED = (
    *("payment_id", "refund_id", "payout_id", "part", "merchant_id", "mode", "provider", "provider_account_id"),
    *("kind", "amount", "currency", "client_ref"),
)
TRIES = fixed("money_op", *WHAT_IS_TRIED) + stays(
    "money_op", when="OLD.status = 'succeeded' OR OLD.payment_id IS NULL OR OLD.mode = 'live'"
)

WHAT_WAS_SAID = ("op_id", "merchant_id", "mode", "outcome", "receipt", "note", "proposed_by")
DOUBTS = (
    fixed("doubt_decision", *WHAT_WAS_SAID)
    + fixed("doubt_decision", "decided_by", "evidence_id", name="decided", when="OLD.status <> 'proposed'")
    + stays("doubt_decision")
)

GUARDS = PAYMENTS + REFUNDS + TWO_PEOPLE + TRIES
NO_GUARDS = ONE_PERSON + "".join(
    f"DROP TRIGGER {table}_{name} ON {table};"
    for table in ("transactions", "refunds", "money_op")
    for name in ("fixed", "stays")
)
NO_GUARDS += "DROP TRIGGER transactions_captured ON transactions;"
