"""The version of the fee plan by which a payment was priced."""

import django.db.models.deletion
from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role


class Migration(migrations.Migration):
    dependencies = [("payments", "0008_query_ref"), ("settlements", "0003_fees")]
    operations = [
        migrations.AddField(
            model_name="payment",
            name="fee_version",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="settlements.feeplanversion",
            ),
        ),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
