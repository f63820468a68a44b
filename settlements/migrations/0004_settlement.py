"""Settlement: profiles, holidays, batches with their lines, and the balances of days that are over."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.datetime
from django.db import migrations, models

import onpoint_pay.kit.ids
from audit.guards import guard_trigger, keep, rules_sql, unkeep
from onpoint_pay.kit.db import grant_application_role
from settlements.book import DROP_LINE_GUARD, HOLIDAY_TABLE, LINE_GUARD
from settlements.states import SETTLEMENT_MOVES, SETTLEMENT_OPEN

RULES = rules_sql("settlement", SETTLEMENT_MOVES) + guard_trigger("settlement", "settlement", SETTLEMENT_OPEN)
NO_RULES = "DROP TRIGGER settlement_state ON settlement; DELETE FROM state_rule WHERE entity = 'settlement';"
# Kenya's public holidays; one that falls on a Sunday is kept on the Monday. The two of the moon are expected days: when
# the Gazette names others, change them with `manage.py holiday`.
HOLIDAYS = {
    "2026-01-01": "New Year's Day",
    "2026-03-20": "Idd-ul-Fitr (expected)",
    "2026-04-03": "Good Friday",
    "2026-04-06": "Easter Monday",
    "2026-05-01": "Labour Day",
    "2026-05-27": "Idd-ul-Azha (expected)",
    "2026-06-01": "Madaraka Day",
    "2026-10-10": "Mazingira Day",
    "2026-10-20": "Mashujaa Day",
    "2026-12-12": "Jamhuri Day",
    "2026-12-25": "Christmas Day",
    "2026-12-26": "Boxing Day",
    "2027-01-01": "New Year's Day",
    "2027-03-10": "Idd-ul-Fitr (expected)",
    "2027-03-26": "Good Friday",
    "2027-03-29": "Easter Monday",
    "2027-05-01": "Labour Day",
    "2027-05-17": "Idd-ul-Azha (expected)",
    "2027-06-01": "Madaraka Day",
    "2027-10-11": "Mazingira Day (of Sunday 10)",
    "2027-10-20": "Mashujaa Day",
    "2027-12-13": "Jamhuri Day (of Sunday 12)",
    "2027-12-25": "Christmas Day",
    "2027-12-27": "Boxing Day (of Sunday 26)",
}
ROWS = [("INSERT INTO business_holiday (day, name) VALUES (%s, %s)", list(row)) for row in HOLIDAYS.items()]


class Migration(migrations.Migration):
    dependencies = [("merchants", "0002_provider_accounts"), ("settlements", "0003_fees"), ("audit", "0001_initial")]

    operations = [
        migrations.RunSQL(HOLIDAY_TABLE, "DROP TABLE business_holiday"),
        migrations.RunSQL(ROWS, migrations.RunSQL.noop),
        migrations.CreateModel(
            name="BusinessHoliday",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("name", models.TextField()),
            ],
            options={
                "db_table": "business_holiday",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Settlement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mode", models.CharField(max_length=4)),
                ("currency", models.CharField(max_length=3)),
                ("day", models.DateField()),
                ("status", models.TextField()),
                ("evidence_id", models.BigIntegerField(null=True)),
                ("gross", models.BigIntegerField(default=0)),
                ("fee", models.BigIntegerField(default=0)),
                ("total", models.BigIntegerField(default=0)),
                ("debt", models.BigIntegerField(default=0)),
                ("reserve", models.BigIntegerField(default=0)),
                ("available", models.BigIntegerField(default=0)),
                ("returned", models.BigIntegerField(default=0)),
                ("reserve_due", models.DateField(null=True)),
                ("hold_reason", models.TextField(default="")),
                ("payout_id", models.UUIDField(null=True)),
                ("paid_proof", models.TextField(default="")),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("closed_at", models.DateTimeField(null=True)),
                ("paid_at", models.DateTimeField(null=True)),
                ("version", models.IntegerField(default=1)),
                (
                    "merchant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="merchants.merchant",
                    ),
                ),
                (
                    "release_transfer",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="settlements.ledgertransfer",
                    ),
                ),
                (
                    "reserve_transfer",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="settlements.ledgertransfer",
                    ),
                ),
            ],
            options={
                "db_table": "settlement",
            },
        ),
        migrations.CreateModel(
            name="SettlementLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.TextField()),
                ("amount", models.BigIntegerField()),
                ("fee", models.BigIntegerField(default=0)),
                (
                    "settlement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="lines", to="settlements.settlement"
                    ),
                ),
                (
                    "transfer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="settlements.ledgertransfer"
                    ),
                ),
            ],
            options={
                "db_table": "settlement_line",
            },
        ),
        migrations.CreateModel(
            name="SettlementProfile",
            fields=[
                (
                    "merchant",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="merchants.merchant",
                    ),
                ),
                ("schedule", models.TextField(default="daily")),
                ("weekday", models.SmallIntegerField(default=0)),
                ("month_day", models.SmallIntegerField(default=1)),
                ("delays", models.JSONField(default=dict)),
                ("reserve_bps", models.IntegerField(default=0)),
                ("reserve_days", models.IntegerField(default=0)),
                ("minimum", models.BigIntegerField(null=True)),
                ("destination_id", models.UUIDField(null=True)),
                ("hold", models.BooleanField(default=False)),
                ("hold_reason", models.TextField(default="")),
                ("version", models.IntegerField(default=1)),
            ],
            options={
                "db_table": "merchant_settlement_profile",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("schedule__in", ("daily", "weekly", "monthly", "manual"))),
                        name="settlement_profile_schedule",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("month_day__range", (1, 28)), ("weekday__range", (0, 6))),
                        name="settlement_profile_day",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reserve_bps__range", (0, 10000)),
                            ("reserve_days__range", (0, 730)),
                            models.Q(("reserve_bps", 0), ("reserve_days__gt", 0), _connector="OR"),
                        ),
                        name="settlement_profile_reserve",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("minimum__isnull", True), ("minimum__gte", 0), _connector="OR"),
                        name="settlement_profile_minimum",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("hold", False), models.Q(("hold_reason", ""), _negated=True), _connector="OR"
                        ),
                        name="settlement_profile_hold",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="DayStatement",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("mode", models.CharField(max_length=4)),
                ("currency", models.CharField(max_length=3)),
                ("day", models.DateField()),
                ("opening", models.JSONField()),
                ("closing", models.JSONField()),
                ("made_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
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
                "db_table": "day_statement",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("mode__in", ("live", "test"))), name="day_statement_mode"
                    ),
                    models.UniqueConstraint(fields=("merchant", "mode", "currency", "day"), name="day_statement_once"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="settlement",
            index=models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="settlement_newest"),
        ),
        migrations.AddIndex(
            model_name="settlement",
            index=models.Index(
                condition=models.Q(("status__in", ("open", "closed"))), fields=["status"], name="settlement_unpaid"
            ),
        ),
        migrations.AddIndex(
            model_name="settlement",
            index=models.Index(
                condition=models.Q(("payout_id__isnull", False)), fields=["payout_id"], name="settlement_payout"
            ),
        ),
        migrations.AddIndex(
            model_name="settlement",
            index=models.Index(
                condition=models.Q(("reserve__gt", 0), ("reserve_transfer__isnull", True)),
                fields=["merchant", "mode", "reserve_due"],
                name="settlement_reserve_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.CheckConstraint(
                condition=models.Q(("mode__in", ("live", "test"))), name="settlement_mode"
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("open", "closed", "processing", "paid", "failed"))),
                name="settlement_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.CheckConstraint(
                condition=models.Q(("available__gte", 0), ("debt__gte", 0), ("reserve__gte", 0), ("returned__gte", 0)),
                name="settlement_parts",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ("open", "failed")),
                    models.Q(
                        ("closed_at__isnull", False),
                        (
                            "total",
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("debt"), "+", models.F("reserve")
                                ),
                                "+",
                                models.F("available"),
                            ),
                        ),
                    ),
                    _connector="OR",
                ),
                name="settlement_split",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.UniqueConstraint(fields=("merchant", "mode", "currency", "day"), name="settlement_once"),
        ),
        migrations.AddConstraint(
            model_name="settlementline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("capture", "refund", "reversal", "dispute", "adjustment", "reserve_return"))
                ),
                name="settlement_line_kind",
            ),
        ),
        migrations.RunSQL(RULES + LINE_GUARD, NO_RULES + DROP_LINE_GUARD),
        migrations.RunSQL(keep("day_statement"), unkeep("day_statement")),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
