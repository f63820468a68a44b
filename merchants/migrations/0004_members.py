"""Who gave a member their role; above which amount a refund waits for a second person."""

from django.db import migrations, models

import merchants.models.merchants
from onpoint_pay.kit.db import grant_application_role


class Migration(migrations.Migration):
    dependencies = [("merchants", "0003_shortcodes_of_environments")]

    operations = [
        migrations.AddField(model_name="membership", name="added_by", field=models.TextField(blank=True, default="")),
        migrations.AddField(
            model_name="merchant",
            name="refund_approval_above",
            field=models.BigIntegerField(
                blank=True, default=merchants.models.merchants.default_refund_limit, null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="merchant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("refund_approval_above__isnull", True), ("refund_approval_above__gte", 0), _connector="OR"
                ),
                name="merchant_refund_limit",
            ),
        ),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
