"""The ledger's guards: the chart, balanced transfers, balances that move by entries alone, and the one door to post."""

from django.db import migrations

from audit.guards import keep, unkeep
from onpoint_pay.kit.db import grant_application_role
from settlements.book import DROP_ALL, KIND_TABLE, OPEN_ACCOUNT, POST, STRUCTURE, TRIGGERS, kinds_sql

KEPT = ("ledger_transfer", "ledger_entry")
READ_ONLY = ("ledger_kind", "ledger_account", "ledger_transfer", "ledger_entry")


class Migration(migrations.Migration):
    dependencies = [("settlements", "0001_initial"), ("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(KIND_TABLE + kinds_sql() + STRUCTURE + TRIGGERS + OPEN_ACCOUNT + POST, DROP_ALL),
        *[migrations.RunSQL(keep(table), unkeep(table)) for table in KEPT],
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
        migrations.RunPython(grant_application_role(read_only=READ_ONLY), migrations.RunPython.noop),
    ]
