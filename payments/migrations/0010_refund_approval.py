"""Refunds that wait for a second person, that a person sent by hand, and that were made past us."""

from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role

KINDS = ("charge", "c2b", "reversal", "b2c", "manual", "external")


class Migration(migrations.Migration):
    dependencies = [("payments", "0009_fee_versions"), ("merchants", "0004_members")]

    operations = [
        migrations.AddField(model_name="refund", name="proof", field=models.TextField(null=True)),
        migrations.RemoveConstraint(model_name="moneyop", name="money_op_kind"),
        migrations.AddConstraint(
            model_name="moneyop",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", KINDS)), name="money_op_kind"),
        ),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
