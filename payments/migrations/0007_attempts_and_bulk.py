"""New attempts of a closed payment, merchants who call a payment off, and many prompts asked for at once."""

import django.db.models.deletion
import onpoint_pay.kit.ids
from django.db import migrations, models

from audit.guards import rules_sql
from onpoint_pay.kit.db import grant_application_role
from payments.statements import HANDED_OVER
from payments.states import NEW_ATTEMPTS

# A database made today has these rules from the first migration on.
RULES = rules_sql("payment", NEW_ATTEMPTS).removesuffix(";") + " ON CONFLICT DO NOTHING;"
UNDO = "DELETE FROM state_rule WHERE entity = 'payment' AND to_state = 'initiated';"
DROP_HANDED_OVER = "DROP FUNCTION IF EXISTS payment_handed_over;"


class Migration(migrations.Migration):

    dependencies = [
        ('merchants', '0002_provider_accounts'),
        ('payments', '0006_c2b_lookups'),
    ]

    operations = [
        migrations.AddField(
            model_name='payment',
            name='cancel_requested_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='cancel_requested_by',
            field=models.TextField(null=True),
        ),
        migrations.CreateModel(
            name='BulkRun',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('provider', models.TextField()),
                ('total', models.SmallIntegerField()),
                ('request_id', models.TextField()),
                ('created_by', models.TextField()),
                ('created_at', models.DateTimeField()),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant')),
                ('provider_account', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.provideraccount')),
            ],
            options={
                'db_table': 'bulk_run',
            },
        ),
        migrations.CreateModel(
            name='BulkLine',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('n', models.SmallIntegerField()),
                ('request', models.JSONField()),
                ('status', models.TextField()),
                ('problem', models.JSONField(null=True)),
                ('tries', models.SmallIntegerField(default=0)),
                ('taken_at', models.DateTimeField(null=True)),
                ('lease_until', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('payment', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='payments.payment')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='payments.bulkrun')),
            ],
            options={
                'db_table': 'bulk_line',
            },
        ),
        migrations.AddIndex(
            model_name='bulkrun',
            index=models.Index(fields=['merchant', 'mode', '-created_at', '-id'], name='bulk_run_newest'),
        ),
        migrations.AddConstraint(
            model_name='bulkrun',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='bulk_run_mode'),
        ),
        migrations.AddConstraint(
            model_name='bulkrun',
            constraint=models.CheckConstraint(condition=models.Q(('total__gt', 0)), name='bulk_run_total'),
        ),
        migrations.AddIndex(
            model_name='bulkline',
            index=models.Index(condition=models.Q(('status__in', ('waiting', 'sending'))), fields=['run', 'n'], name='bulk_line_open'),
        ),
        migrations.AddIndex(
            model_name='bulkline',
            index=models.Index(condition=models.Q(('taken_at__isnull', False)), fields=['taken_at'], name='bulk_line_taken'),
        ),
        migrations.AddConstraint(
            model_name='bulkline',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('waiting', 'sending', 'sent', 'refused'))), name='bulk_line_status'),
        ),
        migrations.AddConstraint(
            model_name='bulkline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'sending'), _negated=True), ('lease_until__isnull', False), _connector='OR'), name='bulk_line_leased'),
        ),
        migrations.AddConstraint(
            model_name='bulkline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'sent'), _negated=True), ('payment__isnull', False), _connector='OR'), name='bulk_line_has_payment'),
        ),
        migrations.AddConstraint(
            model_name='bulkline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'refused'), _negated=True), ('problem__isnull', False), _connector='OR'), name='bulk_line_has_problem'),
        ),
        migrations.AddConstraint(
            model_name='bulkline',
            constraint=models.UniqueConstraint(fields=('run', 'n'), name='bulk_line_once'),
        ),
        migrations.RunSQL(RULES, UNDO),
        migrations.RunSQL(DROP_HANDED_OVER + HANDED_OVER, migrations.RunSQL.noop),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
