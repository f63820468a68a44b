"""Limits of what a merchant takes, kept where payments begin."""

from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role
from payments.limit_statements import ASKED, DROP_LIMITS, REACHED, WAIT
from payments.statements import BEGIN

DROP_BEGIN = "DROP FUNCTION payment_begin;"
# Without the limits and what is done for them.
LIMITED = BEGIN[BEGIN.index("  IF p_limits IS NOT NULL") : BEGIN.index("  IF reached IS NULL")]
BEGIN_BEFORE = BEGIN.replace(LIMITED, "").replace(", p_limits jsonb", "")


class Migration(migrations.Migration):
    dependencies = [("payments", "0013_privacy"), ("merchants", "0011_limits")]
    operations = [
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                fields=["merchant", "mode", "created_at"],
                condition=models.Q(attempts__gt=1),
                name="transactions_again",
            ),
        ),
        migrations.RunSQL(ASKED + WAIT + REACHED, DROP_LIMITS),
        migrations.RunSQL(DROP_BEGIN + BEGIN, DROP_BEGIN + BEGIN_BEFORE),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
