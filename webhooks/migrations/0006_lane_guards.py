"""Every endpoint has its lane from birth, lanes change in place, and the application role may work."""

from django.db import migrations

from onpoint_pay.kit.db import grant_application_role

# No index beyond the key and half a page of room: a lease that is taken, renewed and given back stays on its page.
ROOM = "ALTER TABLE webhooks_lane SET (fillfactor = 50);"
NO_ROOM = "ALTER TABLE webhooks_lane RESET (fillfactor);"
OPEN_LANE = """
CREATE FUNCTION webhooks_open_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO webhooks_lane (endpoint_id) VALUES (NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER webhooks_endpoint_lane AFTER INSERT ON webhooks_endpoint
  FOR EACH ROW EXECUTE FUNCTION webhooks_open_lane();
INSERT INTO webhooks_lane (endpoint_id) SELECT id FROM webhooks_endpoint ON CONFLICT DO NOTHING;
"""
CLOSE_LANE = "DROP TRIGGER webhooks_endpoint_lane ON webhooks_endpoint; DROP FUNCTION webhooks_open_lane();"


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0005_attempts_by_day")]
    operations = [
        migrations.RunSQL(ROOM, NO_ROOM),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
        migrations.RunSQL(OPEN_LANE, CLOSE_LANE),
    ]
