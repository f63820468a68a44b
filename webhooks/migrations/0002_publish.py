"""`webhook_publish`: an event and its deliveries in one call, for use inside the transaction of the change."""

from django.db import migrations

PUBLISH = """
CREATE FUNCTION webhook_publish(p_event uuid, p_key text, p_merchant uuid, p_mode text, p_type text,
    p_api_version text, p_body text, p_inline uuid) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  noun text := split_part(p_type, '.', 1);
  made integer;
BEGIN
  INSERT INTO webhooks_event (id, merchant_id, mode, type, key, api_version, body, created_at)
    VALUES (p_event, p_merchant, p_mode, p_type, p_key, p_api_version, p_body, now());
  INSERT INTO webhooks_delivery (event_id, endpoint_id, merchant_id, mode, state, created_at, next_attempt_at, expires_at)
    SELECT p_event, wanted.id, p_merchant, p_mode, CASE wanted.status WHEN 'enabled' THEN 'open' ELSE 'held' END,
           now(), now(), now() + interval '76 hours'
    FROM (
      SELECT id, status FROM webhooks_endpoint
        WHERE merchant_id = p_merchant AND mode = p_mode AND kind = 'normal' AND deleted_at IS NULL
          AND events && ARRAY['*', noun || '.*', p_type]
      UNION ALL
      SELECT id, status FROM webhooks_endpoint
        WHERE id = p_inline AND merchant_id = p_merchant AND mode = p_mode AND kind = 'inline' AND deleted_at IS NULL
          AND noun IN ('payment', 'refund')
    ) AS wanted;
  GET DIAGNOSTICS made = ROW_COUNT;
  RETURN made;
END $$;
"""
DROP = "DROP FUNCTION webhook_publish(uuid, text, uuid, text, text, text, text, uuid);"


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial")]
    operations = [migrations.RunSQL(PUBLISH, DROP)]
