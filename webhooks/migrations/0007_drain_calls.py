"""What a drain asks of the database, as functions: their plans are made once a session, where planning these statements
takes longer than running them."""

from django.db import migrations

# The tables grow from nothing to millions of rows under one plan: it always goes through the indexes.
PLANNED_ONCE = """
  SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
"""
CLAIM = f"""
CREATE FUNCTION webhook_claim_lanes(p_after uuid, p_lanes integer, p_drains integer, p_lease double precision,
    p_token uuid)
  RETURNS TABLE (probed bigint, last_probed uuid, waiting bigint, endpoint_id uuid, merchant_id uuid, head bigint,
    leases_lost smallint, send_window smallint, breaker text, last_ms integer, times_tripped smallint,
    failures_in_row integer, failing_since timestamptz, failing_tries integer, failing_events integer,
    last_success_at timestamptz, notified_level smallint)
  LANGUAGE plpgsql {PLANNED_ONCE} AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
WITH RECURSIVE walk AS (
  (SELECT endpoint_id FROM webhooks_delivery WHERE state = 'open' AND endpoint_id > p_after
   ORDER BY endpoint_id LIMIT 1)
  UNION ALL
  SELECT (SELECT d.endpoint_id FROM webhooks_delivery d
          WHERE d.state = 'open' AND d.endpoint_id > walk.endpoint_id ORDER BY d.endpoint_id LIMIT 1)
  FROM walk WHERE walk.endpoint_id IS NOT NULL),
probe AS MATERIALIZED (SELECT endpoint_id FROM walk WHERE endpoint_id IS NOT NULL LIMIT 64),
newest AS MATERIALIZED (SELECT endpoint_id, state FROM webhooks_delivery ORDER BY id DESC LIMIT 64),
free AS MATERIALIZED (
  SELECT l.endpoint_id, first.id AS head, first.merchant_id
  FROM (SELECT endpoint_id FROM probe UNION SELECT endpoint_id FROM newest WHERE state = 'open') AS seen
  JOIN webhooks_lane l ON l.endpoint_id = seen.endpoint_id
  CROSS JOIN LATERAL (
    SELECT d.id, d.merchant_id FROM webhooks_delivery d
    WHERE d.endpoint_id = l.endpoint_id AND d.state = 'open' AND d.next_attempt_at <= now()
    ORDER BY d.next_attempt_at, d.id LIMIT 1) AS first
  WHERE (l.lease_until IS NULL OR l.lease_until < now()) AND (l.open_until IS NULL OR l.open_until <= now())
  FOR UPDATE OF l SKIP LOCKED),
mine AS MATERIALIZED (
  SELECT * FROM free ORDER BY endpoint_id LIMIT greatest(1, least(p_lanes, (
    SELECT ceil(2.0 * count(*) / p_drains)::integer FROM free)))),
taken AS (
  UPDATE webhooks_lane l SET lease_until = now() + make_interval(secs => p_lease), lease_token = p_token,
    leases_lost = CASE WHEN l.lease_until IS NULL THEN 0 WHEN l.head = mine.head THEN least(l.leases_lost + 1, 100)
      ELSE 1 END,
    head = mine.head, open_until = NULL, breaker = CASE l.breaker WHEN 'open' THEN 'half' ELSE l.breaker END
  FROM mine WHERE l.endpoint_id = mine.endpoint_id
  RETURNING l.endpoint_id, mine.merchant_id, l.head, l.leases_lost, l.send_window AS window, l.breaker, l.last_ms,
    l.times_tripped, l.failures_in_row, l.failing_since, l.failing_tries, l.failing_events, l.last_success_at,
    l.notified_level)
SELECT (SELECT count(*) FROM probe), (SELECT endpoint_id FROM probe ORDER BY endpoint_id DESC LIMIT 1),
  (SELECT count(*) FROM free), taken.*
FROM (SELECT 1) AS always LEFT JOIN taken ON true;
END $$;
"""
FETCH = f"""
CREATE FUNCTION webhook_fetch_due(p_endpoints uuid[], p_tokens uuid[], p_rooms integer[], p_behind boolean[],
    p_flying bigint[])
  RETURNS TABLE (next_attempt_at timestamptz, place bigint, secret_ids text, id bigint, event_id uuid, mode varchar,
    tries smallint, trigger text, expires_at timestamptz, body text, kind text, url text, endpoint_status text,
    is_deleted boolean, rate_limit smallint)
  LANGUAGE plpgsql {PLANNED_ONCE} AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
WITH mine AS MATERIALIZED (
  SELECT want.place, want.endpoint_id, want.room, want.is_behind, e.kind, e.url, e.status,
    e.deleted_at IS NOT NULL AS is_deleted, e.rate_limit, array_to_string(CASE e.kind WHEN 'inline' THEN ARRAY(
        SELECT s.id FROM webhooks_secret s WHERE s.endpoint_id IS NULL AND s.merchant_id = e.merchant_id
          AND s.mode = e.mode AND (s.expires_at IS NULL OR s.expires_at > now())
        ORDER BY s.expires_at DESC NULLS FIRST, s.created_at DESC, s.id DESC)
      ELSE ARRAY(
        SELECT s.id FROM webhooks_secret s
        WHERE s.endpoint_id = e.id AND (s.expires_at IS NULL OR s.expires_at > now())
        ORDER BY s.expires_at DESC NULLS FIRST, s.created_at DESC, s.id DESC) END, ' ') AS secret_ids
  FROM unnest(p_endpoints, p_tokens, p_rooms, p_behind)
    WITH ORDINALITY AS want (endpoint_id, token, room, is_behind, place)
  JOIN webhooks_lane l ON l.endpoint_id = want.endpoint_id AND l.lease_token = want.token AND l.lease_until > now()
  JOIN webhooks_endpoint e ON e.id = want.endpoint_id)
SELECT due.next_attempt_at, mine.place - 1, mine.secret_ids, due.id, due.event_id, due.mode, due.tries, due.trigger,
  due.expires_at, v.body, mine.kind, mine.url, mine.status, mine.is_deleted, mine.rate_limit
FROM mine
CROSS JOIN LATERAL (
  (SELECT d.id, d.event_id, d.mode, d.tries, d.trigger, d.expires_at, d.next_attempt_at
   FROM webhooks_delivery d
   WHERE d.endpoint_id = mine.endpoint_id AND d.state = 'open' AND d.next_attempt_at <= now()
     AND d.id <> ALL(p_flying)
   ORDER BY d.next_attempt_at, d.id LIMIT mine.room - mine.is_behind::integer)
  UNION
  (SELECT d.id, d.event_id, d.mode, d.tries, d.trigger, d.expires_at, d.next_attempt_at
   FROM webhooks_delivery d
   WHERE mine.is_behind AND d.endpoint_id = mine.endpoint_id AND d.state = 'open' AND d.next_attempt_at <= now()
     AND d.next_attempt_at > now() - interval '1 minute' AND d.id <> ALL(p_flying)
   ORDER BY d.next_attempt_at DESC, d.id DESC LIMIT 1)) AS due
JOIN webhooks_event v ON v.id = due.event_id;
END $$;
"""
SETTLE = f"""
CREATE FUNCTION webhook_settle(p_tries json, p_lanes json, p_at timestamptz) RETURNS void LANGUAGE plpgsql {PLANNED_ONCE} AS $$
BEGIN
WITH done AS (
  SELECT * FROM json_to_recordset(p_tries) AS t (id bigint, endpoint_id uuid, token uuid, n smallint, trigger text,
    started_at timestamptz, connect_ms integer, total_ms integer, status smallint, error text, request_headers jsonb,
    response_headers jsonb, excerpt text, ip inet, worker text, was_sent boolean, state text, due_at timestamptz)),
noted AS (
  INSERT INTO webhooks_attempt (delivery_id, endpoint_id, n, trigger, started_at, connect_ms, total_ms, status,
    error_code, request_headers, response_headers, response_excerpt, ip, worker)
  SELECT id, endpoint_id, n, trigger, started_at, connect_ms, total_ms, status, error, request_headers,
    response_headers, excerpt, ip, worker FROM done WHERE was_sent),
moved AS (
  UPDATE webhooks_delivery d SET state = done.state, trigger = 'auto', tries = done.n, last_status = done.status,
    last_error = done.error, delivered_at = CASE done.state WHEN 'delivered' THEN now() END,
    next_attempt_at = coalesce(done.due_at + (now() - p_at), d.next_attempt_at)
  FROM done JOIN webhooks_lane l ON l.endpoint_id = done.endpoint_id AND l.lease_token = done.token
  WHERE d.id = done.id AND (d.state = 'open' OR (d.state = 'held' AND done.state = 'delivered')))
UPDATE webhooks_lane l SET send_window = t.send_window, last_ms = t.last_ms, breaker = t.breaker,
  open_until = t.open_until + (now() - p_at), times_tripped = t.times_tripped, failures_in_row = t.failures_in_row,
  failing_since = t.failing_since, failing_tries = t.failing_tries, failing_events = t.failing_events,
  last_success_at = t.last_success_at, notified_level = t.notified_level,
  lease_until = CASE WHEN t.is_given_back THEN NULL ELSE l.lease_until END,
  lease_token = CASE WHEN t.is_given_back THEN NULL ELSE l.lease_token END
FROM json_to_recordset(p_lanes) AS t (endpoint_id uuid, token uuid, send_window smallint, last_ms integer,
  breaker text, open_until timestamptz, times_tripped smallint, failures_in_row integer, failing_since timestamptz,
  failing_tries integer, failing_events integer, last_success_at timestamptz, notified_level smallint,
  is_given_back boolean)
WHERE l.endpoint_id = t.endpoint_id AND l.lease_token = t.token;
END $$;
"""
DROP = """
DROP FUNCTION webhook_claim_lanes(uuid, integer, integer, double precision, uuid);
DROP FUNCTION webhook_fetch_due(uuid[], uuid[], integer[], boolean[], bigint[]);
DROP FUNCTION webhook_settle(json, json, timestamptz);
"""


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0006_lane_guards")]
    operations = [migrations.RunSQL(CLAIM + FETCH + SETTLE, DROP)]
