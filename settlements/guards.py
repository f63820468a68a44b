"""What may not change any more about fees, settlements, payouts and statements, whoever asks the database."""

from audit.guards import NO_REFUSE_ROW, REFUSE_ROW, fixed, keep, pin, stays, unkeep, unpin

# They read tables, and run where the statement that calls them comes from: a caller's own table of the same name must
# not be what they see. Triggers with the owner's rights have said so from the beginning.
READERS = (
    *("ledger_transfer_balanced", "ledger_account_guard", "append_only"),
    *("fee_plan_version_guard", "fee_rule_guard", "settlement_line_guard"),
)

# Who may not work with the books at all may not post to them either.
DOORS = ("ledger_post", "ledger_open_account", "ledger_lock_rows")
CLOSED_DOORS = f"REVOKE EXECUTE ON FUNCTION {', '.join(DOORS)} FROM PUBLIC;"
OPEN_DOORS = f"GRANT EXECUTE ON FUNCTION {', '.join(DOORS)} TO PUBLIC;"

TOTALS = ("gross", "fee", "total", "debt", "reserve", "available", "returned", "reserve_due", "closed_at")
SETTLEMENTS = (
    fixed("settlement", "merchant_id", "mode", "currency", "day")
    + fixed("settlement", *TOTALS, "release_transfer_id", name="summed", when="OLD.status <> 'open'")
    + fixed("settlement", "reserve_transfer_id", name="returned", when="OLD.reserve_transfer_id IS NOT NULL")
    + stays("settlement")
)

WHAT_IS_PAID = (
    *("merchant_id", "mode", "reference", "merchant_reference", "batch_id", "line", "amount", "fee", "currency"),
    *("destination", "destination_sealed", "destination_id", "route", "provider", "provider_account_id", "paid_from"),
    *("purpose", "requested_by", "makers", "approval_reasons"),
)
WHAT_IS_SENT = ("merchant_id", "mode", "lines", "amount", "fee", "currency")
WHO_IS_PAID = ("merchant_id", "mode", "type", "sealed", "shown", "digest", "created_by")
PAYOUTS = (
    fixed("payouts", *WHAT_IS_PAID)
    + stays("payouts")
    + fixed("payout_batch", *WHAT_IS_SENT, "requested_by", "makers", "approval_reasons")
    + stays("payout_batch")
    + fixed("payout_destination", *WHO_IS_PAID)
    + fixed("payout_destination", "status", "deleted_at", name="gone", when="OLD.status = 'deleted'")
    + stays("payout_destination")
)
# A payout that needs a second person goes out when one has agreed who had no hand in asking.
TWO_PEOPLE = """
ALTER TABLE payouts
  ADD CONSTRAINT payouts_second_person CHECK (approved_by IS NULL OR approved_by <> ALL (makers)),
  ADD CONSTRAINT payouts_agreed CHECK (
    approved_by IS NOT NULL OR cardinality(approval_reasons) = 0 OR status IN ('requires_approval', 'cancelled'));
ALTER TABLE payout_batch
  ADD CONSTRAINT payout_batch_second_person CHECK (approved_by IS NULL OR approved_by <> ALL (makers)),
  ADD CONSTRAINT payout_batch_agreed CHECK (
    approved_by IS NOT NULL OR cardinality(approval_reasons) = 0 OR status IN ('requires_approval', 'cancelled'));
"""
ONE_PERSON = """
ALTER TABLE payouts DROP CONSTRAINT payouts_second_person, DROP CONSTRAINT payouts_agreed;
ALTER TABLE payout_batch DROP CONSTRAINT payout_batch_second_person, DROP CONSTRAINT payout_batch_agreed;
"""

WHAT_WAS_READ = (
    *("file_id", "line_no", "account", "mode", "family", "natural_key", "nth", "external_id", "client_ref"),
    *("linked_id", "occurred_at", "direction", "amount", "currency", "balance_after", "kind", "account_reference"),
)
STATEMENTS = (
    fixed("recon_line", *WHAT_WAS_READ)
    + stays("recon_line")
    + fixed("recon_match", "line_id", "rule", "object_type", "object_id", "family")
    # Of what a person has confirmed, the transfer is made after it.
    + fixed("recon_match", "transfer_id", name="booked", when="OLD.transfer_id IS NOT NULL")
    + fixed("recon_match", "state", name="decided", when="OLD.state <> 'proposed'")
    + stays("recon_match")
    + fixed("recon_exception", "kind", "account", "mode", "currency", "name")
    + fixed("recon_exception", "amount", "float_effect", "transfer_id", name="closed", when="OLD.status = 'closed'")
    + stays("recon_exception")
)

GUARDS = REFUSE_ROW + keep("fee_plan") + SETTLEMENTS + PAYOUTS + TWO_PEOPLE + STATEMENTS + pin(*READERS) + CLOSED_DOORS
NO_GUARDS = OPEN_DOORS + unpin(*READERS) + ONE_PERSON + unkeep("fee_plan") + NO_REFUSE_ROW
