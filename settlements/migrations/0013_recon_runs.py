"""Runs of reconciliation that merchants see, and the statements they bring until a worker has taken them in."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import onpoint_pay.kit.ids
from onpoint_pay.kit.db import grant_application_role


class Migration(migrations.Migration):
    dependencies = [
        ("merchants", "0004_members"),
        ("settlements", "0012_recon_counts"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReconRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mode", models.CharField(max_length=4)),
                ("account", models.TextField()),
                ("currency", models.CharField(default="KES", max_length=3)),
                ("source", models.TextField(null=True)),
                ("name", models.TextField(null=True)),
                ("batch", models.TextField(default="")),
                ("first_day", models.DateField(null=True)),
                ("last_day", models.DateField(null=True)),
                ("status", models.TextField()),
                ("failure", models.TextField(null=True)),
                ("found", models.JSONField(default=dict)),
                ("requested_by", models.TextField()),
                ("decided_by", models.TextField(null=True)),
                ("tries", models.SmallIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("finished_at", models.DateTimeField(null=True)),
                ("version", models.IntegerField(default=1)),
                (
                    "file",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="runs",
                        to="settlements.reconfile",
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="merchants.merchant",
                    ),
                ),
            ],
            options={
                "db_table": "recon_run",
            },
        ),
        migrations.CreateModel(
            name="ReconRunPart",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.IntegerField()),
                ("body", models.BinaryField()),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="parts",
                        to="settlements.reconrun",
                    ),
                ),
            ],
            options={
                "db_table": "recon_run_part",
            },
        ),
        migrations.AddIndex(
            model_name="reconrun",
            index=models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="recon_run_newest"),
        ),
        migrations.AddIndex(
            model_name="reconrun",
            index=models.Index(condition=models.Q(("status", "queued")), fields=["id"], name="recon_run_queued"),
        ),
        migrations.AddConstraint(
            model_name="reconrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ("live", "test"))), name="recon_run_mode"
            ),
        ),
        migrations.AddConstraint(
            model_name="reconrun",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("requires_approval", "queued", "completed", "failed", "rejected"))),
                name="recon_run_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="reconrun",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by__isnull", True),
                    models.Q(("decided_by", models.F("requested_by")), _negated=True),
                    _connector="OR",
                ),
                name="recon_run_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="reconrunpart",
            constraint=models.UniqueConstraint(fields=("run", "number"), name="recon_run_part_once"),
        ),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
