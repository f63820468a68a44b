"""Invitations to a team, and roles of a merchant's own."""

import django.contrib.postgres.fields
import django.db.models.deletion
import onpoint_pay.kit.clock
import onpoint_pay.kit.ids
from django.conf import settings
from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role


class Migration(migrations.Migration):

    dependencies = [
        ('merchants', '0006_keys'),
    ]

    operations = [
        migrations.CreateModel(
            name='CustomRole',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=60)),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=32), size=None)),
                ('created_by', models.TextField()),
                ('created_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('version', models.IntegerField(default=1)),
            ],
            options={
                'db_table': 'merchants_custom_role',
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254)),
                ('role', models.CharField(max_length=16)),
                ('digest', models.BinaryField(unique=True)),
                ('created_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('expires_at', models.DateTimeField()),
                ('accepted_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'db_table': 'merchants_invitation',
            },
        ),
        migrations.RemoveConstraint(
            model_name='membership',
            name='membership_role',
        ),
        migrations.AlterField(
            model_name='membership',
            name='role',
            field=models.CharField(max_length=16),
        ),
        migrations.AddField(
            model_name='customrole',
            name='merchant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='merchants.merchant'),
        ),
        migrations.AddField(
            model_name='membership',
            name='custom_role',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.customrole'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'admin', 'finance', 'developer', 'support', 'viewer', 'custom'])), name='membership_role'),
        ),
        migrations.AddConstraint(
            model_name='membership',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('custom_role__isnull', False), ('role', 'custom')), models.Q(models.Q(('role', 'custom'), _negated=True), ('custom_role', None)), _connector='OR'), name='membership_custom_role'),
        ),
        migrations.AddField(
            model_name='invitation',
            name='accepted_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='invitation',
            name='custom_role',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='merchants.customrole'),
        ),
        migrations.AddField(
            model_name='invitation',
            name='invited_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='invitation',
            name='merchant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='merchants.merchant'),
        ),
        migrations.AddConstraint(
            model_name='customrole',
            constraint=models.UniqueConstraint(fields=('merchant', 'name'), name='custom_role_name_once'),
        ),
        migrations.AddConstraint(
            model_name='customrole',
            constraint=models.CheckConstraint(condition=models.Q(('scopes__contained_by', ['payments:read', 'payments:write', 'refunds:read', 'refunds:write', 'refunds:approve', 'payouts:read', 'payouts:write', 'payouts:approve', 'customers:read', 'customers:write', 'checkout:write', 'links:read', 'links:write', 'invoices:read', 'invoices:write', 'c2b:read', 'c2b:write', 'disputes:read', 'disputes:write', 'balance:read', 'settlements:read', 'ledger:read', 'webhooks:read', 'webhooks:write', 'events:read', 'exports:write', 'audit:read', 'keys:write', 'test:write', 'accounts:write', 'team:write', 'limits:write'])), name='custom_role_scopes'),
        ),
        migrations.AddConstraint(
            model_name='customrole',
            constraint=models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='custom_role_version'),
        ),
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(fields=['merchant', '-id'], name='invitation_list'),
        ),
        migrations.AddIndex(
            model_name='invitation',
            index=models.Index(fields=['expires_at'], name='invitation_age'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.UniqueConstraint(condition=models.Q(('accepted_at', None), ('revoked_at', None)), fields=('merchant', 'email'), name='invitation_open_once'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['owner', 'admin', 'finance', 'developer', 'support', 'viewer', 'custom'])), name='invitation_role'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('custom_role__isnull', False), ('role', 'custom')), models.Q(models.Q(('role', 'custom'), _negated=True), ('custom_role', None)), _connector='OR'), name='invitation_custom_role'),
        ),
        migrations.AddConstraint(
            model_name='invitation',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('accepted_at', None), ('accepted_by', None)), models.Q(('accepted_at__isnull', False), ('accepted_by__isnull', False), ('revoked_at', None)), _connector='OR'), name='invitation_taken_by'),
        ),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
