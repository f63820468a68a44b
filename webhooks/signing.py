"""Signing secrets and the three headers of Standard Webhooks."""

import base64
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

SECRET_BYTES = 32


def new_secret() -> str:
    """`whsec_` and the base64 of 32 random bytes."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()}"


def sign_headers(event_id: str, body: str, *, signing_secrets: Sequence[str], at: datetime) -> dict[str, str]:
    """Headers of one try at `at`, with one signature per live secret, the newest first.

    `event_id` is the public id and stays the same for every try. Raises ValueError without a secret.
    """
    if not signing_secrets:
        raise ValueError("a webhook is never sent unsigned")
    moment = at.astimezone(UTC)
    signatures = [Webhook(secret).sign(event_id, moment, body) for secret in signing_secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
