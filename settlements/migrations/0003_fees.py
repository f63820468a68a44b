"""Fee plans, their versions and rules."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import onpoint_pay.kit.ids
from audit.guards import keep, unkeep
from onpoint_pay.kit.db import grant_application_role
from settlements.book import DROP_FEE_GUARDS, FEE_RULE_GUARD, FEE_VERSION_GUARD

KEPT = ("fee_plan_version", "fee_rule")
GUARDS = FEE_VERSION_GUARD + FEE_RULE_GUARD


def key() -> models.UUIDField:
    return models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    dependencies = [("merchants", "0002_provider_accounts"), ("settlements", "0002_book")]
    operations = [
        migrations.CreateModel(
            name="FeePlan",
            fields=[
                ("id", key()),
                ("currency", models.CharField(max_length=3)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "merchant",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="merchants.merchant",
                    ),
                ),
            ],
            options={
                "db_table": "fee_plan",
                "constraints": [
                    models.UniqueConstraint(fields=("merchant", "currency"), name="fee_plan_once", nulls_distinct=False)
                ],
            },
        ),
        migrations.CreateModel(
            name="FeePlanVersion",
            fields=[
                ("id", key()),
                ("effective_from", models.DateTimeField()),
                ("created_by", models.TextField()),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "plan",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="settlements.feeplan",
                    ),
                ),
            ],
            options={
                "db_table": "fee_plan_version",
                "constraints": [
                    models.UniqueConstraint(fields=("plan", "effective_from"), name="fee_plan_version_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="FeeRule",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("method", models.TextField()),
                ("amount_from", models.BigIntegerField()),
                ("amount_to", models.BigIntegerField(null=True)),
                ("bps", models.IntegerField()),
                ("flat", models.BigIntegerField()),
                ("least", models.BigIntegerField()),
                ("most", models.BigIntegerField(null=True)),
                ("tax_bps", models.IntegerField()),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rules",
                        to="settlements.feeplanversion",
                    ),
                ),
            ],
            options={
                "db_table": "fee_rule",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount_from__gte", 0),
                            models.Q(
                                ("amount_to__isnull", True),
                                ("amount_to__gt", models.F("amount_from")),
                                _connector="OR",
                            ),
                        ),
                        name="fee_rule_band",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("bps__range", (0, 10_000)),
                            ("flat__gte", 0),
                            ("least__gte", 0),
                            ("tax_bps__range", (0, 10_000)),
                            models.Q(("most__isnull", True), ("most__gte", models.F("least")), _connector="OR"),
                        ),
                        name="fee_rule_terms",
                    ),
                ],
            },
        ),
        migrations.RunSQL(GUARDS, DROP_FEE_GUARDS),
        *[migrations.RunSQL(keep(table), unkeep(table)) for table in KEPT],
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
