"""Where payers are named: every table of the installation, with the rows that speak of one, or why it names nobody."""

from dataclasses import dataclass

OF_MERCHANT = "t.merchant_id = %(merchant)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One table `t`. `scope` are the merchant's rows in it, `linked` those that belong to the payer by their keys.

    `texts` are its columns, in which the payer may be spelled; `settled` those rows that nobody works at any more.
    """

    table: str
    texts: tuple[str, ...]
    scope: str = OF_MERCHANT
    linked: str = "false"
    key: str = "id"
    settled: str = "true"


PAYMENT = "t.payment_id = ANY(%(payments)s)"
OWN_EVENT = "split_part(e.key, ':', 2) = ANY(%(objects)s)"
# On a shortcode of the platform, and matched with nothing of any merchant: it is about whoever it names.
NOBODYS = "NOT EXISTS (SELECT FROM recon_match m WHERE m.line_id = {line} AND m.state <> 'rejected')"
OWN_ACCOUNT = (
    "EXISTS (SELECT FROM merchants_provider_account a WHERE a.merchant_id = %(merchant)s AND a.mode = t.mode"
    " AND t.account = a.provider || ':' || a.shortcode)"
)
MATCHED = "EXISTS (SELECT FROM recon_match m WHERE m.line_id = {line} AND m.object_id::text = ANY(%(objects)s))"
OF_PARTY = "EXISTS (SELECT FROM recon_line l WHERE l.id = t.line_id AND l.party = ANY(%(parties)s))"
NOBODYS_EXCEPTION = f"t.merchant_id IS NULL AND t.object_id IS NULL AND {NOBODYS.format(line='t.line_id')}"
NOBODYS_LINE = (
    "NOT EXISTS (SELECT FROM merchants_provider_account a WHERE a.merchant_id IS NOT NULL AND a.mode = t.mode"
    f" AND t.account = a.provider || ':' || a.shortcode) AND {NOBODYS.format(line='t.id')}"
)
PLACES = (
    Place(
        table="transactions",
        texts=(
            "merchant_reference", "shown_reference", "failure", "provider_reference", "provider_details", "phone",
            "phone_hash", "payer_name", "email", "description", "customer_message", "metadata", "callback_url",
            "idempotency_key",
        ),
        linked="t.id = ANY(%(payments)s)",
    ),
    Place(
        table="money_op",
        texts=("provider_ref", "query_ref"),
        linked=f"{PAYMENT} OR t.refund_id = ANY(%(refunds)s)",
    ),
    Place(table="refunds", texts=("reason", "phone", "proof", "failure"), linked=PAYMENT),
    Place(
        table="c2b_receipt",
        texts=(
            "bill_ref", "phone", "phone_hash", "phone_masked", "payer_name", "reason", "reason_sw", "suggestions",
        ),
        linked="t.id = ANY(%(receipts)s)",
    ),
    # Its codes are found by their parts: see privacy_erase.
    Place(table="c2b_account", texts=("name", "customer", "phone"), linked="t.id = ANY(%(accounts)s)"),
    Place(table="doubt_decision", texts=("receipt", "note"), linked="t.op_id = ANY(%(ops)s)"),
    Place(table="c2b_claim", texts=("reason",), linked=f"{PAYMENT} OR t.c2b_receipt_id = ANY(%(receipts)s)"),
    Place(
        table="provider_question",
        texts=("original_reference", "provider_ref"),
        scope="(t.op_id IS NOT NULL OR t.c2b_receipt_id IS NOT NULL OR t.claim_id IS NOT NULL)",
        linked="t.op_id = ANY(%(ops)s) OR t.c2b_receipt_id = ANY(%(receipts)s)",
    ),
    Place(
        table="provider_event",
        texts=("dedupe", "body", "headers", "note"),
        # Also what nobody could be found for: whoever's phone stands in it, it was believed by none.
        scope=(
            "(t.op_id IS NULL OR EXISTS (SELECT FROM money_op o WHERE o.id = t.op_id AND o.merchant_id = %(merchant)s))"
            " AND (t.provider_account_id IS NULL OR EXISTS (SELECT FROM merchants_provider_account a"
            " WHERE a.id = t.provider_account_id AND (a.merchant_id = %(merchant)s OR a.merchant_id IS NULL)))"
            " AND NOT EXISTS (SELECT FROM c2b_receipt r WHERE r.evidence_id = t.id"
            " AND r.merchant_id IS DISTINCT FROM %(merchant)s)"
        ),
        linked="t.op_id = ANY(%(ops)s) OR t.id = ANY(%(evidence)s)",
        settled="t.status NOT IN ('new', 'orphan')",
    ),
    Place(
        table="bulk_line",
        texts=("request", "problem"),
        scope="EXISTS (SELECT FROM bulk_run r WHERE r.id = t.run_id AND r.merchant_id = %(merchant)s)",
        linked=PAYMENT,
    ),
    Place(table="merchants_idempotency_key", texts=("key", "body"), linked="t.object_id = ANY(%(payments)s)"),
    Place(table="webhooks_event", texts=("body",), linked="split_part(t.key, ':', 2) = ANY(%(objects)s)"),
    Place(table="webhooks_delivery", texts=("last_error",)),
    Place(table="webhooks_endpoint", texts=("url", "description")),
    Place(
        table="webhooks_attempt",
        texts=("request_headers", "response_headers", "response_excerpt"),
        scope="EXISTS (SELECT FROM webhooks_delivery d WHERE d.id = t.delivery_id AND d.merchant_id = %(merchant)s)",
        linked=(
            "EXISTS (SELECT FROM webhooks_delivery d JOIN webhooks_event e ON e.id = d.event_id"
            f" WHERE d.id = t.delivery_id AND {OWN_EVENT})"
        ),
    ),
    # Where a payout went to is a money record, like the sealed text of it.
    Place(table="payouts", texts=("merchant_reference", "reason", "failure")),
    Place(table="payout_batch", texts=("description",)),
    Place(table="payout_destination", texts=("label",)),
    Place(table="settlement", texts=("hold_reason", "paid_proof")),
    Place(table="export", texts=("filters", "failure")),
    # Amounts and receipts stay; the words go with the payer, see privacy_erase.
    Place(
        table="recon_line",
        texts=("client_ref", "linked_id", "narrative", "account_reference"),
        scope=f"{OWN_ACCOUNT} OR ({NOBODYS_LINE})",
        linked=(
            f"{MATCHED.format(line='t.id')} OR (t.party = ANY(%(parties)s) AND ({OWN_ACCOUNT} OR ({NOBODYS_LINE})))"
        ),
    ),
    Place(
        table="recon_exception",
        texts=("external_id", "detail", "resolution"),
        scope=f"{OF_MERCHANT} OR ({NOBODYS_EXCEPTION})",
        linked=(
            f"t.object_id::text = ANY(%(objects)s) OR {MATCHED.format(line='t.line_id')}"
            # Lines that could not be read are kept with masked numbers.
            f" OR (({OF_MERCHANT} OR ({NOBODYS_EXCEPTION})) AND ({OF_PARTY} OR t.detail->>'text' LIKE ANY(%(masked)s)))"
        ),
    ),
)  # fmt: skip

# What the other texts of those tables are: words and ids of ours, digests, codes of the network. First what many have.
COMMON = {
    "approved_by", "created_by", "currency", "kind", "mode", "pending_reason", "provider", "receipt", "reference",
    "request_id", "requested_by", "shortcode", "state", "status", "type",
}  # fmt: skip
SILENT = {
    "transactions": (
        "account_reference amount_check cancel_requested_by channel confirmed_by email_digest language "
        "payment_method phone_digest reference_policy"
    ),
    "money_op": "client_ref token_hash",
    "refunds": "held_from route",
    "c2b_receipt": "decided_by rule source verification verified_by",
    "c2b_account": "aliases code folded search_keys",
    "doubt_decision": "decided_by outcome proposed_by",
    "provider_question": "client_ref token_hash",
    "provider_event": "body_sha256 door",
    "merchants_idempotency_key": "fingerprint phase",
    "webhooks_event": "api_version key",
    "webhooks_delivery": "trigger",
    "webhooks_endpoint": "api_version events",
    "webhooks_attempt": "error_code trigger worker",
    "payouts": "approval_reasons destination destination_sealed makers paid_from purpose route",
    "payout_batch": "approval_reasons makers",
    "payout_destination": "digest sealed shown",
    "export": "format sha256",
    "recon_line": "account batch direction external_id family natural_key party",
    "recon_exception": "account closed_by name object_type owner posting proposed_by severity",
}

# Found and emptied in ways of their own by privacy_erase.
BY_HAND = {
    "c2b_alias": "learned texts of a payer",
    "recon_file_part": "files as they came, compressed and sealed",
    "recon_run_part": "statements that wait to be taken in, sealed: the payer waits with them",
    "request_log": "calls of the last 30 days, masked: those of a payer are deleted",
}

NO_PAYERS: dict[str, str] = {
    "audit_event": "ids, states and keyed digests alone, by rule: links are never changed",
    "audit_head": "hashes",
    "audit_origin": "people and servers of merchants, not payers",
    "audit_checkpoint": "hashes",
    "auth_group": "names of rights",
    "auth_permission": "names of rights",
    "bank_file": "receivers of payouts, sealed: kept as a money record",
    "bank_result": "receivers of payouts, sealed: kept as a money record",
    "bulk_run": "counts, and who asked for them",
    "business_holiday": "days",
    "closed_day": "days, and which transfers were committed",
    "data_key": "sealed keys",
    "day_statement": "sums",
    "django_admin_log": "kept empty: what operators do is in the audit trail",
    "django_content_type": "names of tables",
    "django_migrations": "names of migrations",
    "django_session": "sessions of operators",
    "fee_plan": "prices",
    "fee_plan_version": "prices",
    "fee_rule": "prices",
    "float_proof": "sums",
    "ledger_account": "names of accounts",
    "ledger_entry": "sums",
    "ledger_kind": "names of accounts",
    "ledger_pending_striping": "switches",
    "ledger_transfer": "sums: names ids of ours only, and is never changed",
    "merchant_settlement_profile": "how a merchant is settled",
    "merchants_api_key": "keys of a merchant",
    "merchants_challenge": "sign-in of a merchant's people",
    "merchants_custom_role": "names and scopes of a merchant's roles",
    "merchants_invitation": "a merchant's people",
    "merchants_kyc_document": "papers of a merchant and its directors",
    "merchants_kyc_notice": "which news of its papers a merchant's owners were told",
    "merchants_kyc_request": "papers that are wanted of a merchant",
    "merchants_limits": "limits",
    "merchants_membership": "a merchant's people",
    "merchants_merchant": "the merchant",
    "merchants_operator": "people who run the installation, and their roles",
    "merchants_one_time_token": "digests of a merchant's people",
    "merchants_person_mail": "mail to a merchant's people, sealed",
    "merchants_provider_account": "shortcodes and sealed credentials of a merchant",
    "merchants_recovery_code": "digests of a merchant's people",
    "merchants_session": "a merchant's people",
    "merchants_totp": "seeds of a merchant's people, sealed",
    "merchants_user": "a merchant's people",
    "payout_policy": "limits",
    "privacy_erasure": "keyed digests; the payer is sealed until it is done",
    "recon_file": "names of files, and sums",
    "recon_match": "ids",
    "recon_run": "names of files, and counts",
    "settlement_line": "sums",
    "shortcode_health": "counts",
    "state_history": "states",
    "state_rule": "states",
    "token_blacklist_outstandingtoken": "sessions of a merchant's people",
    "webhooks_eventsequence": "numbers",
    "webhooks_lane": "states",
    "webhooks_recovery": "ranges of time",
    "webhooks_secret": "sealed secrets",
}
