"""What each role may do: the contract's table as sets of scopes."""

from collections.abc import Collection

from merchants.models import CUSTOM, Role, Scope
from onpoint_pay.kit.caller import TEST

ALL_SCOPES = frozenset(Scope.values)
# What a signed-in person may do with their own account. No key can hold it.
SESSION = "session"
# A merchant's own credentials at providers. No key can hold it either.
ACCOUNTS = "accounts:write"
# Who works at a merchant, and how much they may do without a second person.
TEAM = "team:write"
LIMITS = "limits:write"
# The calls of its backends, for people who build and run them.
REQUESTS = "requests:read"
# What is kept of a payer, and forgetting it: the merchant answers for it, so its owners decide.
PRIVACY = "privacy:write"
# Bringing a provider's statement, and reading what it says.
STATEMENTS = "statements:write"
# What the business shows of itself and its directors: for owners alone.
KYC = "kyc:write"

READ = {
    Scope.PAYMENTS_READ,
    Scope.REFUNDS_READ,
    Scope.CUSTOMERS_READ,
    Scope.LINKS_READ,
    Scope.INVOICES_READ,
    Scope.C2B_READ,
    Scope.DISPUTES_READ,
    Scope.EVENTS_READ,
}
COLLECT = {
    Scope.PAYMENTS_WRITE,
    Scope.CUSTOMERS_WRITE,
    Scope.CHECKOUT_WRITE,
    Scope.LINKS_WRITE,
    Scope.INVOICES_WRITE,
}
MATCH = {Scope.C2B_WRITE}
ASK_REFUND = {Scope.REFUNDS_WRITE}
APPROVE_REFUND = {Scope.REFUNDS_APPROVE}
PAY_OUT = {Scope.PAYOUTS_READ, Scope.PAYOUTS_WRITE}
APPROVE_PAYOUT = {Scope.PAYOUTS_APPROVE}
BOOKS = {
    Scope.BALANCE_READ,
    Scope.SETTLEMENTS_READ,
    Scope.LEDGER_READ,
    Scope.EXPORTS_WRITE,
    Scope.DISPUTES_WRITE,
}
BUILD = {Scope.KEYS_WRITE, Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE, Scope.TEST_WRITE}
AUDIT = {Scope.AUDIT_READ}

FINANCE = READ | COLLECT | MATCH | ASK_REFUND | APPROVE_REFUND | PAY_OUT | BOOKS | AUDIT
ROLE_SCOPES: dict[str, frozenset[str]] = {
    Role.OWNER: ALL_SCOPES,
    Role.ADMIN: frozenset(FINANCE | APPROVE_PAYOUT | BUILD),
    Role.FINANCE: frozenset(FINANCE),
    Role.DEVELOPER: frozenset(READ | BUILD),
    Role.SUPPORT: frozenset(READ | COLLECT | MATCH | ASK_REFUND),
    Role.VIEWER: frozenset(READ),
}
# What a role may do in person only.
PERSONAL_SCOPES: dict[str, frozenset[str]] = {
    Role.OWNER: frozenset({SESSION, ACCOUNTS, TEAM, LIMITS, REQUESTS, STATEMENTS, PRIVACY, KYC}),
    Role.ADMIN: frozenset({SESSION, ACCOUNTS, TEAM, LIMITS, REQUESTS, STATEMENTS}),
    Role.FINANCE: frozenset({SESSION, STATEMENTS}),
    Role.DEVELOPER: frozenset({SESSION, REQUESTS}),
}
# Money is not real in test mode: there a developer starts payments too.
TEST_ROLE_SCOPES: dict[str, frozenset[str]] = {Role.DEVELOPER: frozenset(COLLECT)}


def scopes_of_role(role: str, mode: str, *, granted: Collection[str] = ()) -> frozenset[str]:
    """Everything a person of this role may do in this mode; an unknown role may do nothing but sign out.

    `granted` is what a CUSTOM role is made of, the same in both modes; with another role it counts for nothing.
    """
    if role == CUSTOM:
        return frozenset(granted) | {SESSION}
    scopes = ROLE_SCOPES.get(role, frozenset()) | PERSONAL_SCOPES.get(role, frozenset({SESSION}))
    return scopes | TEST_ROLE_SCOPES.get(role, frozenset()) if mode == TEST else scopes
