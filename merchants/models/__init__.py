"""Merchants, their people, keys and provider accounts, and the answers kept for idempotent repeats."""

from merchants.models.invitations import Invitation
from merchants.models.kyc import KycDocument, KycNotice, KycRequest
from merchants.models.limits import KINDS, MerchantLimits
from merchants.models.merchants import (
    CUSTOM,
    MODE_CHOICES,
    ApiKey,
    IdempotencyKey,
    Membership,
    Merchant,
    Role,
    Scope,
    User,
    default_fee_bps,
    default_fee_flat,
    default_refund_limit,
    one_of,
)
from merchants.models.operators import Operator
from merchants.models.people import Challenge, OneTimeToken, PersonMail, RecoveryCode, Session, Totp
from merchants.models.provider_accounts import ProviderAccount
from merchants.models.roles import GRANTABLE, CustomRole

__all__ = [
    "ApiKey",
    "Challenge",
    "CUSTOM",
    "CustomRole",
    "default_fee_bps",
    "default_fee_flat",
    "default_refund_limit",
    "GRANTABLE",
    "IdempotencyKey",
    "Invitation",
    "KycDocument",
    "KycNotice",
    "KycRequest",
    "KINDS",
    "Membership",
    "Merchant",
    "MerchantLimits",
    "MODE_CHOICES",
    "one_of",
    "OneTimeToken",
    "Operator",
    "PersonMail",
    "ProviderAccount",
    "RecoveryCode",
    "Role",
    "Scope",
    "Session",
    "Totp",
    "User",
]
