"""The audit chain, the table of legal moves and the history of moves, with their guards."""

from django.db import migrations, models

from audit.guards import APPEND_ONLY, AUDIT_CHAIN, DROP_ALL, HISTORY_CLOCK, STATE_GUARD, STATE_RULE, keep, unkeep
from onpoint_pay.kit.db import grant_application_role

KEPT = ("state_history", "audit_event")


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                ("stream", models.TextField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField()),
                ("hash", models.BinaryField()),
            ],
            options={"db_table": "audit_head"},
        ),
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey("stream", "seq", blank=True, editable=False, primary_key=True, serialize=False),
                ),
                ("stream", models.TextField()),
                ("seq", models.BigIntegerField()),
                ("at", models.DateTimeField()),
                ("actor", models.TextField()),
                ("action", models.TextField()),
                ("object", models.TextField(default="")),
                ("detail", models.JSONField(default=dict)),
                ("prev", models.BinaryField()),
                ("hash", models.BinaryField()),
            ],
            options={"db_table": "audit_event"},
        ),
        migrations.CreateModel(
            name="StateRule",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "entity", "from_state", "to_state", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("entity", models.TextField()),
                ("from_state", models.TextField()),
                ("to_state", models.TextField()),
                ("evidence", models.BooleanField()),
            ],
            options={"db_table": "state_rule", "managed": False},
        ),
        migrations.CreateModel(
            name="StateHistory",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("entity", models.TextField()),
                ("entity_id", models.UUIDField()),
                ("from_state", models.TextField()),
                ("to_state", models.TextField()),
                ("evidence_id", models.BigIntegerField(null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "db_table": "state_history",
                "indexes": [models.Index(fields=["entity_id", "id"], name="state_history_entity")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("evidence_id__isnull", False)),
                        fields=("entity", "evidence_id"),
                        name="state_history_evidence",
                    )
                ],
            },
        ),
        migrations.RunSQL(APPEND_ONLY + STATE_RULE + HISTORY_CLOCK + STATE_GUARD + AUDIT_CHAIN, DROP_ALL),
        *[migrations.RunSQL(keep(table), unkeep(table)) for table in KEPT],
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
        migrations.RunPython(
            grant_application_role(read_only=("audit_head", "state_rule", "state_history")), migrations.RunPython.noop
        ),
    ]
