"""What a person asked for goes first in its lane, even while the breaker keeps the others waiting."""

from datetime import datetime
from uuid import UUID

from django.db import connection

# An open breaker lets one try through, as it does by itself in the end. A pause the receiver asked for is kept.
PROBE_NOW = """
UPDATE webhooks_lane SET open_until = now() WHERE endpoint_id = %(endpoint)s AND breaker = 'open' AND open_until > now()
"""
BEFORE_ALL_OTHERS = """
SELECT least(now(), min(next_attempt_at) - interval '1 ms') FROM webhooks_delivery
WHERE endpoint_id = %(endpoint)s AND state = 'open'
"""


def go_first(endpoint_id: UUID) -> datetime:
    """The due time that puts a delivery before all others of its endpoint. Call it in the transaction that uses it."""
    with connection.cursor() as cursor:
        cursor.execute(PROBE_NOW, {"endpoint": endpoint_id})
        cursor.execute(BEFORE_ALL_OTHERS, {"endpoint": endpoint_id})
        due_at: datetime = cursor.fetchone()[0]
    return due_at
