"""What a transfer does to pending and what of it is ours, kept beside it: settlement need not look at every entry."""

from django.db import migrations, models

from settlements.book import POST_NAMED, POST_SUMMED, SUM_UP


class Migration(migrations.Migration):
    dependencies = [("settlements", "0010_settlement_mark")]
    operations = [
        migrations.AddField("ledgertransfer", "pending", models.BigIntegerField(db_default=0)),
        migrations.AddField("ledgertransfer", "fee", models.BigIntegerField(db_default=0)),
        migrations.AddField("ledgertransfer", "by_card", models.BooleanField(db_default=False)),
        migrations.RunSQL(SUM_UP, migrations.RunSQL.noop),
        migrations.RunSQL(POST_SUMMED, POST_NAMED),
    ]
