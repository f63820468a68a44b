"""Tries in doubt that two people decide, and the word by which the money of a payout came back."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import onpoint_pay.kit.ids
from audit.guards import guard_trigger, rules_sql
from onpoint_pay.kit.db import grant_application_role
from payments.guards import DOUBTS
from payments.states import DOUBT_MOVES, DOUBT_PROPOSED

Q = models.Q
RULES = rules_sql("doubt_decision", DOUBT_MOVES) + guard_trigger("doubt_decision", "doubt_decision", DOUBT_PROPOSED)
NO_RULES = "DROP TRIGGER doubt_decision_state ON doubt_decision; DELETE FROM state_rule WHERE entity = 'doubt_decision';"


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0011_payout_ops"),
        ("merchants", "0004_members"),
        ("settlements", "0008_days_and_retries"),
    ]

    operations = [
        migrations.AddField(
            model_name="moneyop",
            name="return_evidence",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.providerevent",
            ),
        ),
        migrations.CreateModel(
            name="DoubtDecision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("mode", models.CharField(max_length=4)),
                ("outcome", models.TextField()),
                ("receipt", models.TextField(null=True)),
                ("note", models.TextField()),
                ("status", models.TextField()),
                ("proposed_by", models.TextField()),
                ("proposed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("decided_by", models.TextField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                (
                    "evidence",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.providerevent",
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
                (
                    "op",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="decisions", to="payments.moneyop"
                    ),
                ),
            ],
            options={
                "db_table": "doubt_decision",
                "constraints": [
                    models.CheckConstraint(condition=Q(("mode__in", ("live", "test"))), name="doubt_decision_mode"),
                    models.CheckConstraint(
                        condition=Q(("outcome__in", ("succeeded", "failed"))), name="doubt_decision_outcome"
                    ),
                    models.CheckConstraint(
                        condition=Q(("status__in", ("proposed", "confirmed", "rejected"))),
                        name="doubt_decision_status",
                    ),
                    models.CheckConstraint(
                        condition=Q(("receipt__isnull", False), Q(("note", ""), _negated=True), _connector="OR"),
                        name="doubt_decision_proof",
                    ),
                    models.CheckConstraint(
                        condition=Q(
                            Q(("status", "confirmed"), _negated=True),
                            Q(
                                ("decided_by__isnull", False),
                                Q(("decided_by", models.F("proposed_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="doubt_decision_two_people",
                    ),
                    models.UniqueConstraint(
                        condition=Q(("status", "proposed")), fields=("op",), name="doubt_decision_one_open"
                    ),
                ],
            },
        ),
        migrations.RunSQL(RULES, NO_RULES),
        migrations.RunSQL(DOUBTS, migrations.RunSQL.noop),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
