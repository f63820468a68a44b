"""Examples of the OpenAPI document: people who sign in, their business and team, API keys, and the health pages."""

from typing import Any

USER, MERCHANT = "usr_01KAH0V4Z7B0D3F6H9K2M5P8QS", "mer_01KAH0V3Y6Z9B2D5F8H1K4M7NP"

# --- signing in -------------------------------------------------------------------------------------------------------

REGISTER_EXAMPLE: dict[str, Any] = {
    "business_name": "Duka Bora",
    "email": "amina@dukabora.example",
    "password": "a long sentence of your own",
    "phone": "0722345678",
    "first_name": "Amina",
    "last_name": "Otieno",
}
LOGIN_EXAMPLE: dict[str, Any] = {name: REGISTER_EXAMPLE[name] for name in ("email", "password")}
TOKENS_EXAMPLE: dict[str, Any] = {
    "access": "eyJhbGciOiJIUzI1NiJ9.e30.the-access-token",
    "refresh": "eyJhbGciOiJIUzI1NiJ9.e30.the-refresh-token",
    "access_expires_in": 900,
    "refresh_expires_in": 604800,
}
REFRESH_EXAMPLE: dict[str, Any] = {"refresh": TOKENS_EXAMPLE["refresh"]}
RENEWED_EXAMPLE: dict[str, Any] = {"tokens": TOKENS_EXAMPLE}
PROFILE_CHANGES_EXAMPLE: dict[str, Any] = {"first_name": "Amina", "phone": None}
USER_EXAMPLE: dict[str, Any] = {
    "id": USER,
    "object": "user",
    "email": REGISTER_EXAMPLE["email"],
    "first_name": "Amina",
    "last_name": "Otieno",
    "phone": "254722345678",
    "email_verified": True,
    "two_factor_enabled": False,
    "created_at": "2026-11-20T17:03:45.119Z",
}
MERCHANT_EXAMPLE: dict[str, Any] = {
    "id": MERCHANT,
    "object": "merchant",
    "business_name": "Duka Bora",
    "email": REGISTER_EXAMPLE["email"],
    "phone": "254722345678",
    "registration_number": None,
    "kra_pin": None,
    "address": None,
    "business_type": None,
    "website": None,
    "status": "active",
    "kyc_status": "unverified",
    "live_enabled": False,
    "reference_policy": "unique_unless_failed",
    "created_at": "2026-11-20T17:03:45.119Z",
    "version": 1,
}
SESSION_EXAMPLE: dict[str, Any] = {
    "tokens": TOKENS_EXAMPLE,
    "user": USER_EXAMPLE,
    "merchant": MERCHANT_EXAMPLE | {"role": "owner"},
    "merchants": [{"id": MERCHANT, "business_name": "Duka Bora", "role": "owner"}],
}

# --- the business -----------------------------------------------------------------------------------------------------

MERCHANT_CHANGES_EXAMPLE: dict[str, Any] = {"refund_approval_above": "5000.00"}
MERCHANT_SETTINGS_EXAMPLE: dict[str, Any] = MERCHANT_EXAMPLE | {
    "livemode": False,
    "default_webhook_secret_last4": "cQ==",
    "refund_approval_above": "5000.00",
    "version": 2,
}
ROTATE_SECRET_EXAMPLE: dict[str, Any] = {"overlap_hours": 24}
WEBHOOK_SECRET_EXAMPLE: dict[str, Any] = {
    "object": "webhook_secret",
    "livemode": False,
    "secret": "whsec_c2hvd24gb25jZSwga2VlcCBpdCB3aXRoIHlvdXIgc2VjcmV0cw==",
}
NEW_MEMBER_EXAMPLE: dict[str, Any] = {"email": "juma@dukabora.example", "role": "finance"}
MEMBER_CHANGES_EXAMPLE: dict[str, Any] = {"role": "support"}
MEMBER_EXAMPLE: dict[str, Any] = {
    "id": "mbr_0000000000000000000000002C",
    "object": "member",
    "user": "usr_01KAJ5A2C4E6G8J0M2P4R6T8VX",
    "email": NEW_MEMBER_EXAMPLE["email"],
    "first_name": "Juma",
    "last_name": "Kamau",
    "role": "finance",
    "added_by": USER,
    "created_at": "2026-11-21T07:44:10.902Z",
}
NEW_ROLE_EXAMPLE: dict[str, Any] = {"name": "Till", "scopes": ["payments:read", "payments:write"]}
ROLE_CHANGES_EXAMPLE: dict[str, Any] = {"scopes": ["payments:read"]}
ROLE_EXAMPLE: dict[str, Any] = {
    "id": "rol_01KAJ6D2E4F6G8H0J2K4M6N8PQ",
    "object": "role",
    **NEW_ROLE_EXAMPLE,
    "created_by": USER,
    "created_at": "2026-11-21T08:29:41.660Z",
    "version": 1,
}
NEW_INVITATION_EXAMPLE: dict[str, Any] = {"email": "achieng@dukabora.example", "role": "support"}
INVITATION_EXAMPLE: dict[str, Any] = {
    "id": "ivt_01KAJ6E1G3J5M7P9R1T3W5Y7ZB",
    "object": "invitation",
    **NEW_INVITATION_EXAMPLE,
    "status": "open",
    "invited_by": USER,
    "created_at": "2026-11-21T08:31:04.115Z",
    "expires_at": "2026-11-28T08:31:04.115Z",
    "accepted_at": None,
}
ACCEPTING_EXAMPLE: dict[str, Any] = {
    "token": "TOKEN-FROM-THE-MAIL",
    "first_name": "Achieng",
    "last_name": "Odhiambo",
    "password": "four words nobody guesses",
}

# --- health -----------------------------------------------------------------------------------------------------------

LIVE_EXAMPLE: dict[str, Any] = {"status": "ok"}
READY_EXAMPLE: dict[str, Any] = {
    "status": "ok",
    "checks": {"database": "ok", "cache": "ok", "migrations": "ok", "keys": "ok"},
}
UNREADY_EXAMPLE: dict[str, Any] = {
    "status": "unavailable",
    "checks": READY_EXAMPLE["checks"] | {"cache": "unreachable"},
}
