"""Accounts that are closed, papers that were kept long enough, and addresses that are about to change."""

from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role


class Migration(migrations.Migration):

    dependencies = [
        ('merchants', '0009_key_origins'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='kycdocument',
            name='kyc_document_key',
        ),
        migrations.AddField(
            model_name='kycdocument',
            name='shredded_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='merchant',
            name='closed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name='kycdocument',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('data_key', None), ('status', 'withdrawn')), models.Q(('data_key__isnull', False), ('status__in', ['in_review', 'uploaded', 'approved'])), ('status__in', ['rejected', 'expired']), models.Q(('data_key', None), ('shredded_at__isnull', False)), _connector='OR'), name='kyc_document_key'),
        ),
        migrations.AddConstraint(
            model_name='merchant',
            constraint=models.CheckConstraint(condition=models.Q(('closed_at__isnull', True), ('status', 'suspended'), _connector='OR'), name='merchant_closed'),
        ),
        migrations.AddField(
            model_name='onetimetoken',
            name='new_email',
            field=models.EmailField(blank=True, default='', max_length=254),
        ),
        migrations.AlterField(
            model_name='onetimetoken',
            name='purpose',
            field=models.CharField(choices=[('verify_email', 'Verify Email'), ('reset_password', 'Reset Password'), ('change_email', 'Change Email')], max_length=16),
        ),
        migrations.RemoveConstraint(
            model_name='onetimetoken',
            name='one_time_token_purpose',
        ),
        migrations.AddConstraint(
            model_name='onetimetoken',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__in', ['verify_email', 'reset_password', 'change_email'])), name='one_time_token_purpose'),
        ),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
