"""Every change over the API, by whether a person must just have proved who they are: the one list of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from merchants.models import Merchant
from merchants.tests.factories import make_member
from onpoint_pay.kit.caller import LIVE, TEST
from settlements.tests.payouts import make_batch, make_destination, make_payout
from tests.outsiders import account
from tests.outsiders_keys import api_key
from tests.outsiders_team import invitation, role

Make = Callable[[Merchant, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitive:
    """A change that asks for a proof. `make` gives the object in the path, `mode` is where it asks."""

    route: str
    method: str = "post"
    make: Make | None = None
    body: dict[str, Any] = field(default_factory=dict)
    mode: str = TEST


def waiting_payout(merchant: Merchant, mode: str) -> str:
    return make_payout(merchant, mode, waits=True)


def member(merchant: Merchant, mode: str) -> str:
    seat = make_member(merchant, "viewer").memberships.get()
    return seat.public_id


SENSITIVE = (
    # Who gets in, and what as.
    Sensitive(route="two-factor-setup"),
    Sensitive(route="two-factor-disable"),
    Sensitive(route="two-factor-recovery-codes"),
    Sensitive(route="team", body={"email": "amina@example.com", "role": "viewer"}),
    Sensitive(route="team-member", method="patch", make=member, body={"role": "support"}),
    Sensitive(route="team-member", method="delete", make=member),
    Sensitive(route="invitations", body={"email": "amina@example.com", "role": "viewer"}),
    Sensitive(route="invitation", method="delete", make=invitation),
    Sensitive(route="roles", body={"name": "Till", "scopes": ["payments:read"]}),
    Sensitive(route="role", method="patch", make=role, body={"scopes": ["payments:read"]}),
    Sensitive(route="role", method="delete", make=role),
    Sensitive(route="email-change", body={"email": "amina@example.com"}),
    # Keys, and where they may be used from.
    Sensitive(route="api-keys", body={"name": "Shop"}, mode=LIVE),
    Sensitive(route="api-key-rotate", make=api_key, mode=LIVE),
    Sensitive(route="api-key", method="patch", make=api_key, body={"allowed_ips": ["203.0.113.7"]}),
    Sensitive(route="merchant-allowed-ips", method="patch", body={"allowed_ips": ["203.0.113.7"]}),
    # Where money comes in, goes to, and who agrees.
    Sensitive(route="merchant", method="patch", body={"refund_approval_above": "500"}),
    Sensitive(route="merchant-limits", method="patch", body={"per_day": "50000"}),
    Sensitive(route="provider-accounts", mode=LIVE, body={"name": "Duka", "kind": "paybill", "shortcode": "600555",
              "consumer_key": "consumer-key-of-the-shop", "consumer_secret": "consumer-secret-of-the-shop", "passkey": "passkey-of-the-shop"}),
    Sensitive(route="provider-account", method="patch", make=account, body={"name": "Mine"}, mode=LIVE),
    Sensitive(route="provider-account", method="delete", make=account, mode=LIVE),
    Sensitive(route="payout-destinations", body={"type": "mpesa_phone", "label": "Me", "phone": "254712345678"}),
    Sensitive(route="payout-destination", method="patch", make=make_destination, body={"label": "Mine"}),
    Sensitive(route="payout-destination", method="delete", make=make_destination),
    Sensitive(route="payout-approve", make=waiting_payout),
    Sensitive(route="payout-batch-approve", make=make_batch),
    Sensitive(route="settlement-run"),
    # All that is kept of a person.
    Sensitive(route="privacy-exports", body={"phone": "254712345678"}),
    Sensitive(route="privacy-erasures", body={"phone": "254712345678"}),
)  # fmt: skip
# Above the merchant's limit only: payments/tests/test_refund_approval.py.
SOMETIMES = {("refund-approve", "post")}

# What a session may do without: by route, and why.
FREE = {
    "prove themselves by what they are sent with": (
        "register login refresh logout verify-email email-confirm password-forgot password-reset password-change two-factor-verify "
        "two-factor-enable invitation-accept step-up api-key-report"
    ),
    "only take rights away, or must be quick": "logout-all session api-key.delete api-key-revoke",
    "are about oneself, and open nothing": "verify-email-resend profile",
    "are judged by a second person or a reviewer": (
        "kyc-submit kyc-documents kyc-document payouts payout-reject payout-cancel payout-retry payout-batches "
        "payout-batch-reject payout-batch-cancel reconciliation-runs payment-refund refund-cancel refund-retry"
    ),
    "are the daily work of a role": (
        "payment-initiate payment-status payment-quote payment-bulk payment-resend payment-cancel payment-sync "
        "c2b-accounts c2b-account c2b-account-close c2b-receipt-match c2b-receipt-unmatch c2b-claims exports "
        "test-balance"
    ),
    "tell providers and receivers what is set already": (
        "provider-account-doctor provider-account-register c2b-register-urls webhook-endpoint-test "
        "webhook-endpoint-recover webhook-delivery-resend"
    ),
    "say where news goes, never money, and keys may do them as well": (
        "webhook-endpoints webhook-endpoint webhook-endpoint-rotate rotate-webhook-secret"
    ),
}
