"""People who run the installation."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import onpoint_pay.kit.clock
from onpoint_pay.kit.db import grant_application_role


class Migration(migrations.Migration):
    dependencies = [
        ("merchants", "0011_limits"),
        # Their sessions lie there; granted with what is made here.
        ("sessions", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Operator",
            fields=[
                ("user", models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="operator", serialize=False, to=settings.AUTH_USER_MODEL)),
                ("roles", django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=16), size=None)),
                ("created_at", models.DateTimeField(default=onpoint_pay.kit.clock.now)),
            ],
            options={"db_table": "merchants_operator"},
        ),
        migrations.AddConstraint(
            model_name="operator",
            constraint=models.CheckConstraint(
                condition=models.Q(("roles__contained_by", ["operator", "risk", "compliance", "read_only"]), ("roles__len__gt", 0)),
                name="operator_roles",
            ),
        ),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
