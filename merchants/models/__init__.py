"""Merchants, their people, keys and provider accounts, and the answers kept for idempotent repeats."""

from merchants.models.merchants import (
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
from merchants.models.provider_accounts import ProviderAccount

__all__ = [
    "ApiKey",
    "default_fee_bps",
    "default_fee_flat",
    "default_refund_limit",
    "IdempotencyKey",
    "Membership",
    "Merchant",
    "MODE_CHOICES",
    "one_of",
    "ProviderAccount",
    "Role",
    "Scope",
    "User",
]
