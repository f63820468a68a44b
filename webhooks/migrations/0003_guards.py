"""Attempts are kept for ever as written, deliveries have room to change in place, and the application role may work."""

from django.db import migrations

from audit.guards import keep, unkeep
from onpoint_pay.kit.db import grant_application_role

# A lease touches no index: with room on its page the new row version stays there.
ROOM = "ALTER TABLE webhooks_delivery SET (fillfactor = 70);"
NO_ROOM = "ALTER TABLE webhooks_delivery RESET (fillfactor);"


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0002_publish"), ("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(keep("webhooks_attempt"), unkeep("webhooks_attempt")),
        migrations.RunSQL(ROOM, NO_ROOM),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
