"""Pending money in several rows, rows locked in order, pages of entries, exports, triggers nobody may borrow, and what
may not change any more."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import onpoint_pay.kit.ids
from onpoint_pay.kit.db import grant_application_role
from settlements.book import LOAN_TRIGGERS, LOCK_ROWS, OWN_TRIGGERS
from settlements.guards import DOORS, GUARDS, NO_GUARDS

Q = models.Q


def merchant() -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="merchants.merchant"
    )


class Migration(migrations.Migration):
    dependencies = [("settlements", "0006_recon"), ("audit", "0001_initial")]
    operations = [
        migrations.CreateModel(
            name="PendingStriping",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("mode", models.CharField(max_length=4)),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("until", models.DateTimeField(null=True)),
                ("created_by", models.TextField()),
                ("merchant", merchant()),
            ],
            options={
                "db_table": "ledger_pending_striping",
                "indexes": [models.Index(fields=["merchant", "mode"], name="ledger_pending_striping_of")],
                "constraints": [
                    models.CheckConstraint(
                        condition=Q(("mode__in", ("live", "test"))), name="ledger_pending_striping_mode"
                    ),
                    models.CheckConstraint(
                        condition=Q(("until__isnull", True), ("until__gte", models.F("since")), _connector="OR"),
                        name="ledger_pending_striping_range",
                    ),
                    models.UniqueConstraint(
                        condition=Q(("until__isnull", True)),
                        fields=("merchant", "mode"),
                        name="ledger_pending_striping_open",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Export",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mode", models.CharField(max_length=4)),
                ("type", models.TextField()),
                ("format", models.TextField()),
                ("filters", models.JSONField(default=dict)),
                ("status", models.TextField(default="queued")),
                ("rows", models.BigIntegerField(null=True)),
                ("bytes", models.BigIntegerField(null=True)),
                ("sha256", models.TextField(null=True)),
                ("failure", models.TextField(null=True)),
                ("requested_by", models.TextField()),
                ("tries", models.SmallIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ready_at", models.DateTimeField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("version", models.IntegerField(default=1)),
                ("merchant", merchant()),
            ],
            options={
                "db_table": "export",
                "indexes": [
                    models.Index(fields=["merchant", "mode", "-id"], name="export_of_merchant"),
                    models.Index(condition=Q(("status", "queued")), fields=["id"], name="export_queued"),
                    models.Index(condition=Q(("status", "ready")), fields=["expires_at"], name="export_due"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=Q(("mode__in", ("live", "test"))), name="export_mode"),
                    models.CheckConstraint(
                        condition=Q(
                            (
                                "type__in",
                                (
                                    "payments",
                                    "refunds",
                                    "payouts",
                                    "settlements",
                                    "ledger_entries",
                                    "c2b_receipts",
                                ),
                            )
                        ),
                        name="export_type",
                    ),
                    models.CheckConstraint(
                        condition=Q(("format__in", ("csv", "xlsx", "json"))), name="export_format"
                    ),
                    models.CheckConstraint(
                        condition=Q(("status__in", ("queued", "ready", "failed", "expired"))), name="export_status"
                    ),
                    models.CheckConstraint(
                        condition=Q(
                            Q(("status", "ready"), _negated=True),
                            Q(
                                ("bytes__isnull", False),
                                ("expires_at__isnull", False),
                                ("rows__isnull", False),
                                ("sha256__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="export_ready",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="ledgerentry", index=models.Index(fields=["account", "-id"], name="ledger_entry_page")
        ),
        migrations.RunSQL(LOCK_ROWS, "DROP FUNCTION ledger_lock_rows"),
        migrations.RunSQL(OWN_TRIGGERS, LOAN_TRIGGERS),
        migrations.RunSQL(GUARDS, NO_GUARDS),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
        migrations.RunPython(grant_application_role(doors=DOORS), migrations.RunPython.noop),
    ]
