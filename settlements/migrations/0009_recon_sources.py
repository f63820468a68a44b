"""Reconciliation: files of card providers, what a file calls its account, settlements, receipts that are still to be told."""

from django.db import migrations, models

SOURCES = ("mpesa_statement", "pull", "paystack", "flutterwave", "bank_csv", "mt940", "camt053")
KINDS = ("charge", "receipt", "payout", "reversal", "settlement", "other")


class Migration(migrations.Migration):
    dependencies = [("settlements", "0008_days_and_retries")]

    operations = [
        migrations.RemoveConstraint(model_name="reconfile", name="recon_file_source"),
        migrations.RemoveConstraint(model_name="reconline", name="recon_line_kind"),
        migrations.AddField(
            model_name="reconfile", name="told_account", field=models.TextField(db_default="", default="")
        ),
        migrations.AddField(model_name="reconline", name="batch", field=models.TextField(db_default="", default="")),
        migrations.AddField(
            model_name="reconmatch", name="is_taught", field=models.BooleanField(db_default=False, default=False)
        ),
        migrations.AddIndex(
            model_name="reconline",
            index=models.Index(
                condition=models.Q(("batch", ""), _negated=True),
                fields=["account", "mode", "batch"],
                name="recon_line_by_batch",
            ),
        ),
        migrations.AddIndex(
            model_name="reconmatch",
            index=models.Index(condition=models.Q(("is_taught", False)), fields=["id"], name="recon_match_untaught"),
        ),
        migrations.AddIndex(
            model_name="reconexception",
            index=models.Index(
                condition=models.Q(("kind", "missing_there"), models.Q(("status", "closed"), _negated=True)),
                fields=["object_id"],
                name="recon_exception_frozen",
            ),
        ),
        migrations.AddConstraint(
            model_name="reconfile",
            constraint=models.CheckConstraint(condition=models.Q(("source__in", SOURCES)), name="recon_file_source"),
        ),
        migrations.AddConstraint(
            model_name="reconline",
            constraint=models.CheckConstraint(condition=models.Q(("kind__in", KINDS)), name="recon_line_kind"),
        ),
    ]
