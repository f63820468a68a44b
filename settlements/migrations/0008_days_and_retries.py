"""Days that are closed with what was committed by then, payouts asked for again, and holidays that were called off."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from audit.guards import keep, unkeep
from onpoint_pay.kit.db import grant_application_role

OFF = "ALTER TABLE business_holiday ADD COLUMN is_off boolean NOT NULL DEFAULT true;"
NO_OFF = "ALTER TABLE business_holiday DROP COLUMN is_off;"


class Migration(migrations.Migration):
    dependencies = [("settlements", "0007_striped_pending")]

    operations = [
        migrations.CreateModel(
            name="ClosedDay",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("snapshot", models.TextField()),
                ("closed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={"db_table": "closed_day"},
        ),
        migrations.AddField(model_name="daystatement", name="rows", field=models.IntegerField(null=True)),
        migrations.AddField(model_name="daystatement", name="digest", field=models.TextField(null=True)),
        migrations.AddField(
            model_name="payout",
            name="retry_of",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="retries",
                to="settlements.payout",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.UniqueConstraint(
                condition=models.Q(
                    ("retry_of__isnull", False), models.Q(("status", "cancelled"), _negated=True)
                ),
                fields=("retry_of",),
                name="payouts_one_retry",
            ),
        ),
        migrations.AddField(
            model_name="settlementprofile", name="destination_since", field=models.DateTimeField(null=True)
        ),
        migrations.RunSQL(OFF, NO_OFF),
        migrations.RunSQL(keep("closed_day"), unkeep("closed_day")),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
