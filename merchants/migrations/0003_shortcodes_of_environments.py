"""A shortcode of the simulator is another one than the same number in the sandbox."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("merchants", "0002_provider_accounts")]

    operations = [
        migrations.RemoveConstraint(model_name="provideraccount", name="provider_account_owner"),
        migrations.AddConstraint(
            model_name="provideraccount",
            constraint=models.UniqueConstraint(
                fields=["provider", "mode", "environment", "shortcode", "till"],
                condition=models.Q(("is_active", True)),
                nulls_distinct=False,
                name="provider_account_owner",
            ),
        ),
    ]
