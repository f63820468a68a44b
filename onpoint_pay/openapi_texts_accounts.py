"""Examples of the OpenAPI document: shortcodes of a merchant's own, and the status page."""

from typing import Any

NEW_PAYBILL_EXAMPLE: dict[str, Any] = {
    "name": "Shop in Nakuru",
    "kind": "paybill",
    "environment": "sandbox",
    "shortcode": "600123",
    "consumer_key": "consumer-key-of-the-app",
    "consumer_secret": "consumer-secret-of-the-app",
    "passkey": "passkey-of-the-shortcode",
    "initiator_name": "onpoint",
    "security_credential": "the-finished-credential-in-base64",
    "pull_phone": "254722345678",
}
NEW_TILL_EXAMPLE: dict[str, Any] = {
    "name": "Counter",
    "kind": "till",
    "environment": "sandbox",
    "shortcode": "600124",
    "till": "5123456",
    "consumer_key": "consumer-key-of-the-app",
    "consumer_secret": "consumer-secret-of-the-app",
    "passkey": "passkey-of-the-shortcode",
}
CHANGES_EXAMPLE: dict[str, Any] = {"passkey": "passkey-that-came-later", "is_default": True}
ACCOUNT_EXAMPLE: dict[str, Any] = {
    "id": "prv_01KAJ9B3D5F7H9K1M3P5R7T9VX",
    "object": "provider_account",
    "livemode": False,
    "simulated": False,
    "provider": "daraja",
    "name": "Shop in Nakuru",
    "kind": "paybill",
    "environment": "sandbox",
    "shortcode": "600123",
    "till": None,
    "credentials": {
        "consumer_key": "…-app",
        "consumer_secret": True,
        "passkey": True,
        "initiator_password": False,
        "security_credential": True,
        "certificate": False,
        "pull_phone": "2547****5678",
    },
    "initiator_name": "onpoint",
    "c2b_version": "v2",
    "validation_default": "accept",
    "partial_reversals": False,
    "is_default": True,
    "is_active": True,
    "urls_registered_at": None,
    "pull_registered_at": None,
    "checked_at": None,
    "check_status": None,
    "created_by": "usr_01KAH0V4Z7B0D3F6H9K2M5P8QS",
    "created_at": "2026-11-21T09:40:18.763Z",
    "version": 1,
}
ADDRESS = "https://pay.example/api/v1"
DOCTOR_EXAMPLE: dict[str, Any] = {
    "object": "doctor_report",
    "account": ACCOUNT_EXAMPLE["id"],
    "livemode": False,
    "simulated": False,
    "status": "failed",
    "checked_at": "2026-11-21T09:41:02.933Z",
    "findings": [
        {"check": check, "status": status, "detail": detail, "fix": fix}
        for check, status, detail, fix in (
            ("credentials", "ok", "The provider takes the consumer key and secret.", ""),
            ("shortcode", "ok", "The provider takes the shortcode and its passkey.", ""),
            ("addresses", "ok", "None of the 11 addresses would be refused.", ""),
            ("public_address", "ok", "pay.example is a public address.", ""),
            ("reachable", "ok", f"{ADDRESS}/health/live/ answers, asked from this server.", ""),
            (
                "c2b_registration",
                "warning",
                "No addresses are registered: payments that payers start by themselves are not told to us.",
                "Register them: POST /api/v1/c2b/register-urls/, or manage.py register_callbacks.",
            ),
            (
                "pull_registration",
                "warning",
                "The account is not enrolled for the list of money received.",
                "Register again.",
            ),
            (
                "initiator",
                "failed",
                "The security credential is not the base64 of 256 bytes.",
                "Copy all 344 characters of the credential, or set initiator_password and certificate instead.",
            ),
            ("certificate", "skipped", "None is needed.", ""),
        )
    ],
}
REGISTRATION_EXAMPLE: dict[str, Any] = {
    "object": "c2b_registration",
    "account": ACCOUNT_EXAMPLE["id"],
    "livemode": False,
    "simulated": False,
    "shortcode": "600123",
    "till": None,
    "confirmation_url": f"{ADDRESS}/hooks/****/confirm/",
    "validation_url": f"{ADDRESS}/hooks/****/validate/",
    "validation_default": "accept",
    "urls_registered_at": "2026-11-21T09:42:18.901Z",
    "pull_registered_at": "2026-11-21T09:42:18.901Z",
    "pull_note": None,
}

# --- the status page --------------------------------------------------------------------------------------------------

STATUS_EXAMPLE: dict[str, Any] = {
    "status": "degraded",
    "components": [
        {"name": "database", "status": "operational", "lag_seconds": None},
        {"name": "cache", "status": "operational", "lag_seconds": None},
        {"name": "recovery", "status": "operational", "lag_seconds": 0.0},
        {"name": "callbacks", "status": "operational", "lag_seconds": 0.4},
        {"name": "webhooks", "status": "operational", "lag_seconds": 1.2},
    ],
    "providers": [
        {
            "provider": "daraja",
            "mode": "live",
            "status": "degraded",
            "results": 412,
            "delay_seconds": {"p50": 9.4, "p99": 46.8},
        }
    ],
    "incidents": [
        {
            "type": "callbacks_silent",
            "provider": "daraja",
            "mode": "live",
            "shortcodes": 1,
            "since": "2026-11-21T09:12:44.310Z",
            "detail": "Callbacks do not arrive. Payments are still concluded: the provider is asked more often.",
        }
    ],
}
DOWN_EXAMPLE: dict[str, Any] = {
    "status": "down",
    "components": [{"name": "database", "status": "down", "lag_seconds": None}],
    "providers": [],
    "incidents": [],
}
