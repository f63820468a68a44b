"""What waits, over all merchants: for the status page, for metrics and for operators."""

from datetime import datetime

from django.db import connection

# From lane to lane through the index of what is open, so that the cost grows with the lanes that wait and not with what
# waits in them. A lane that is left alone on purpose keeps nobody waiting.
OLDEST_DUE = """
WITH RECURSIVE walk AS (
  (SELECT endpoint_id FROM webhooks_delivery WHERE state = 'open' ORDER BY endpoint_id LIMIT 1)
  UNION ALL
  SELECT (SELECT d.endpoint_id FROM webhooks_delivery d
          WHERE d.state = 'open' AND d.endpoint_id > walk.endpoint_id ORDER BY d.endpoint_id LIMIT 1)
  FROM walk WHERE walk.endpoint_id IS NOT NULL)
SELECT min(first.at) FROM walk
JOIN webhooks_lane l ON l.endpoint_id = walk.endpoint_id AND (l.open_until IS NULL OR l.open_until <= now())
CROSS JOIN LATERAL (
  SELECT d.next_attempt_at AS at FROM webhooks_delivery d
  WHERE d.endpoint_id = walk.endpoint_id AND d.state = 'open' AND d.next_attempt_at <= now()
  ORDER BY d.next_attempt_at, d.id LIMIT 1) AS first
"""


def oldest_due() -> datetime | None:
    """Since when the delivery that has waited longest should have been tried; None when nothing is due."""
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_DUE)
        found: datetime | None = cursor.fetchone()[0]
    return found
