"""Who may do what, as the contract says it: its table of roles, and under which of its lines each route falls.

Written down by hand and never made from the code: the probe holds the gateway to it.
"""

from dataclasses import dataclass

ROLES = ("owner", "admin", "finance", "developer", "support", "viewer")
# Lines of the contract, then (below the rule) what it says in its sections.
PERMISSIONS = {
    #                                      owner  admin  finance  developer  support  viewer
    "read payments, customers, events":   " yes    yes    yes      yes        yes      yes  ",
    "start payments, resend prompt":      " yes    yes    yes      test       yes      -    ",
    "ask for a refund":                   " yes    yes    yes      -          yes      -    ",
    "approve refunds":                    " yes    yes    yes      -          -        -    ",
    "create payouts":                     " yes    yes    yes      -          -        -    ",
    "approve payouts":                    " yes    yes    -        -          -        -    ",
    "match C2B money":                    " yes    yes    yes      -          yes      -    ",
    "statements, exports, ledger":        " yes    yes    yes      -          -        -    ",
    "API keys, webhooks, request log":    " yes    yes    -        yes        -        -    ",
    "team, provider accounts, limits":    " yes    yes    -        -          -        -    ",
    "audit trail":                        " yes    yes    yes      -          -        -    ",
    # -------------------------------------------------------------------------------------------------
    "one's own account":                  " yes    yes    yes      yes        yes      yes  ",
    "the simulator's tools":              " yes    yes    -        yes        -        -    ",
    "a payer's privacy":                  " yes    -      -        -          -        -    ",
    "KYC":                                " yes    -      -        -          -        -    ",
}  # fmt: skip
# What a secret key may not do unless it was named when the key was made.
NOT_USUAL = {"payouts:approve", "refunds:approve", "keys:write"}
# A person's doing alone, though a key may hold the scope.
IN_PERSON = " in person"
NO_KEY = ""

# (line of the table, scope a key needs): the routes, as method and name.
ROUTES: dict[tuple[str, str], str] = {
    ("read payments, customers, events", "payments:read"): """
        GET payments, GET payment-transactions, GET payment, GET payment-timeline, GET payment-explanation,
        GET payment-by-checkout, POST payment-status, POST payment-sync, POST payment-quote, GET payment-bulk-run,
        GET merchant, GET merchant-limits
    """,
    ("read payments, customers, events", "refunds:read"): "GET refunds, GET refund",
    ("read payments, customers, events", "events:read"): "GET events, GET event",
    ("read payments, customers, events", "c2b:read"): """
        GET c2b-accounts, GET c2b-account, GET c2b-receipts, GET c2b-receipt, GET c2b-receipt-suggestions,
        GET c2b-claims, GET c2b-claim
    """,
    ("start payments, resend prompt", "payments:write"): """
        POST payment-initiate, POST payment-bulk, POST payment-resend, POST payment-cancel
    """,
    ("ask for a refund", "refunds:write"): "POST payment-refund, POST refund-cancel, POST refund-retry",
    ("approve refunds", "refunds:approve" + IN_PERSON): "POST refund-approve",
    ("create payouts", "payouts:read"): """
        GET payouts, GET payout, GET payout-batches, GET payout-batch, GET payout-destinations, GET payout-destination
    """,
    ("create payouts", "payouts:write"): """
        POST payouts, POST payout-cancel, POST payout-retry, POST payout-batches, POST payout-batch-cancel
    """,
    ("create payouts", "payouts:write" + IN_PERSON): """
        POST payout-destinations, PATCH payout-destination, DELETE payout-destination
    """,
    ("approve payouts", "payouts:approve" + IN_PERSON): """
        POST payout-approve, POST payout-reject, POST payout-batch-approve, POST payout-batch-reject
    """,
    ("match C2B money", "c2b:write"): """
        POST c2b-accounts, PATCH c2b-account, POST c2b-account-close, POST c2b-receipt-match, POST c2b-receipt-unmatch,
        POST c2b-claims
    """,
    ("statements, exports, ledger", "balance:read"): "GET balance",
    ("statements, exports, ledger", "settlements:read"): """
        GET settlements, GET settlement, GET settlement-items, GET settlement-statement, GET settlement-own-statement,
        GET merchant-fees, GET settlement-accounts
    """,
    ("statements, exports, ledger", "settlements:read" + IN_PERSON): "POST settlement-run",
    ("statements, exports, ledger", "ledger:read"): """
        GET ledger-accounts, GET ledger-entries, GET ledger-transfer, GET ledger-verify, GET reconciliation-exceptions
    """,
    ("statements, exports, ledger", NO_KEY): """
        GET reconciliation-runs, POST reconciliation-runs, GET reconciliation-run, GET reconciliation-items
    """,
    ("statements, exports, ledger", "exports:write"): """
        GET exports, POST exports, GET export, GET export-file,
        GET report-payments, GET report-failures, GET report-refunds, GET report-payouts
    """,
    ("API keys, webhooks, request log", "keys:write"): """
        GET api-keys, POST api-keys, GET api-key, PATCH api-key, DELETE api-key, POST api-key-revoke,
        POST api-key-rotate
    """,
    ("API keys, webhooks, request log", NO_KEY): "GET requests, GET request",
    ("API keys, webhooks, request log", "webhooks:read"): """
        GET webhook-endpoints, GET webhook-endpoint, GET webhook-endpoint-statistics, GET webhook-endpoint-recoveries,
        GET webhook-recovery, GET webhook-notices, GET webhook-deliveries, GET webhook-delivery
    """,
    ("API keys, webhooks, request log", "webhooks:write"): """
        POST webhook-endpoints, PATCH webhook-endpoint, DELETE webhook-endpoint, POST webhook-endpoint-rotate,
        POST webhook-endpoint-test, POST webhook-endpoint-recover, POST webhook-delivery-resend,
        POST rotate-webhook-secret
    """,
    ("team, provider accounts, limits", NO_KEY): """
        GET roles, POST roles, GET role, PATCH role, DELETE role, GET team, POST team, GET invitations, POST invitations,
        GET invitation, DELETE invitation, GET team-member, PATCH team-member, DELETE team-member, PATCH merchant,
        GET merchant-allowed-ips, PATCH merchant-allowed-ips,
        PATCH merchant-limits,
        GET provider-accounts, POST provider-accounts, GET provider-account, PATCH provider-account,
        DELETE provider-account, POST provider-account-doctor, POST provider-account-register
    """,
    # What a key with the right may do too: the contract has this route for keys.
    ("team, provider accounts, limits", "c2b:write"): "POST c2b-register-urls",
    ("audit trail", "audit:read" + IN_PERSON): """
        GET audit-records, GET audit-record, GET audit-checkpoints, GET audit-receipt, GET audit-verify
    """,
    ("one's own account", NO_KEY): """
        GET profile, PATCH profile, GET sessions, DELETE session, POST logout-all, POST verify-email-resend,
        POST email-change, POST password-change, POST step-up, POST two-factor-setup, POST two-factor-enable, POST two-factor-disable,
        POST two-factor-recovery-codes
    """,
    ("the simulator's tools", "test:write"): "POST test-balance",
    ("a payer's privacy", NO_KEY): """
        POST privacy-exports, POST privacy-erasures, GET privacy-erasures, GET privacy-erasure
    """,
    ("KYC", NO_KEY): """
        GET kyc, POST kyc-submit, GET kyc-documents, POST kyc-documents, GET kyc-document, DELETE kyc-document,
        GET kyc-document-file
    """,
}
# Before anybody is known, or for everybody alike: a credential changes nothing.
OPEN = """
    register, invitation-accept, api-key-report, login, refresh, logout, verify-email, email-confirm, password-forgot,
    password-reset, two-factor-verify,
    callback, callback-confirm, callback-validate, callback-result, callback-timeout,
    callback-documented, callback-documented-token, callback-confirm-documented, callback-confirm-documented-token,
    callback-validate-documented, callback-validate-documented-token,
    schema, docs, health-live, health-ready, status
"""
# What whoever is let in hears who sends nothing at all, where that is neither 200 for reading nor 404 for an object that
# is not there nor 400 for what is missing.
LET_IN = {
    "logout-all": (204, ""),
    "two-factor-setup": (200, ""),
    "two-factor-disable": (204, ""),
    "two-factor-recovery-codes": (409, "state_conflict"),
    "verify-email-resend": (409, "state_conflict"),
    "rotate-webhook-secret": (200, ""),
    "settlement-run": (409, "state_conflict"),
    "kyc-submit": (409, "state_conflict"),
    # What brings files takes forms.
    "post kyc-documents": (415, "unsupported_media_type"),
    "post reconciliation-runs": (415, "unsupported_media_type"),
    # Nobody answers for the provider here.
    "c2b-register-urls": (503, ""),
    "audit-receipt": (404, "resource_missing"),
    # A day must be named.
    "settlement-statement": (400, "parameter_missing"),
    "profile": (200, ""),
    "patch merchant-limits": (200, ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """What one route asks for: a line of the table for people, a scope for keys (none: no key gets in)."""

    line: str
    scope: str
    in_person: bool

    def lets_in_person(self, role: str, mode: str) -> bool:
        word = dict(zip(ROLES, PERMISSIONS[self.line].split(), strict=True))[role]
        return word == "yes" or word == mode

    def lets_in_key(self, scopes: set[str]) -> bool:
        return not self.in_person and self.scope in scopes


def rights() -> dict[tuple[str, str], Right]:
    """The right of each (name, method) of the table."""
    found = {}
    for (line, asked), routes in ROUTES.items():
        scope = asked.removesuffix(IN_PERSON)
        for text in routes.split(","):
            method, name = text.split()
            found[name, method.lower()] = Right(line=line, scope=scope, in_person=scope != asked or not scope)
    return found


def open_routes() -> list[str]:
    return [name.strip() for name in OPEN.split(",")]
