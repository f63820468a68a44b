"""The name by which a provider can be asked about a try that it knows by none of ours; refunds found by receipt."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0007_attempts_and_bulk")]
    operations = [
        migrations.AddField(
            model_name="moneyop",
            name="query_ref",
            field=models.TextField(null=True),
        ),
        migrations.AddIndex(
            model_name="moneyop",
            index=models.Index(
                condition=models.Q(("query_ref__isnull", False)), fields=["query_ref"], name="money_op_query_ref"
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("receipt__isnull", False)),
                fields=["merchant", "mode", "receipt"],
                name="refunds_by_receipt",
            ),
        ),
    ]
