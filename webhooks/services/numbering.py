"""Numbers of events, one more per merchant and mode, given after commit: no payment waits for another's number."""

from django.db import connection, transaction

BATCH = 2000
LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('webhooks:numbers', 0))"
# Committed events only, in the order of their keys. An event that commits later has a later number, so a reader who
# remembers the last number never misses one.
NUMBER = """
WITH fresh AS MATERIALIZED (
  SELECT id, merchant_id, mode, row_number() OVER (PARTITION BY merchant_id, mode ORDER BY id) AS place,
    count(*) OVER (PARTITION BY merchant_id, mode) AS of
  FROM (SELECT id, merchant_id, mode FROM webhooks_event WHERE sequence IS NULL
    ORDER BY id LIMIT %(batch)s) AS waiting),
counted AS (
  INSERT INTO webhooks_eventsequence AS kept (merchant_id, mode, last)
  SELECT merchant_id, mode, count(*) FROM fresh GROUP BY merchant_id, mode ORDER BY merchant_id, mode
  ON CONFLICT (merchant_id, mode) DO UPDATE SET last = kept.last + excluded.last
  RETURNING merchant_id, mode, last)
UPDATE webhooks_event e
SET sequence = counted.last - fresh.of + fresh.place
FROM fresh JOIN counted ON counted.merchant_id = fresh.merchant_id AND counted.mode = fresh.mode
WHERE e.id = fresh.id
"""


def number_events() -> int:
    """Number what has been committed without a number; returns how many. One process at a time, others find nothing."""
    numbered = 0
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(LOCK)
            if not cursor.fetchone()[0]:
                return numbered
            cursor.execute(NUMBER, {"batch": BATCH})
            found: int = cursor.rowcount
        numbered += found
        if found < BATCH:
            return numbered
