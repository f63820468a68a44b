"""How far each row of pending is settled, so that a batch reads what is new and not the whole of the books."""

import django.db.models.deletion
from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role
from settlements.book import ADVANCE, ADVANCE_ALL

READ_ONLY = ("settlement_mark",)
DOORS = ("settlement_advance",)


class Migration(migrations.Migration):
    dependencies = [("settlements", "0009_recon_sources")]
    operations = [
        migrations.CreateModel(
            name="SettlementMark",
            fields=[
                (
                    "account",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="settlements.ledgeraccount",
                    ),
                ),
                ("version", models.BigIntegerField()),
            ],
            options={"db_table": "settlement_mark"},
        ),
        migrations.RunSQL(ADVANCE, "DROP FUNCTION settlement_advance"),
        migrations.RunSQL(ADVANCE_ALL, migrations.RunSQL.noop),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
        migrations.RunPython(grant_application_role(read_only=READ_ONLY), migrations.RunPython.noop),
        migrations.RunPython(grant_application_role(doors=DOORS), migrations.RunPython.noop),
    ]
