"""Payouts, their destinations, limits and batches; the files for banks. Their legal moves and guards."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import onpoint_pay.kit.ids
from audit.guards import guard_trigger, keep, rules_sql, unkeep
from onpoint_pay.kit.db import grant_application_role
from settlements.states import BATCH_MOVES, BATCH_REQUIRES_APPROVAL, PAYOUT_MOVES, PAYOUT_REQUIRES_APPROVAL

KEPT = ("bank_file", "bank_result")
RULES = rules_sql("payout", PAYOUT_MOVES) + rules_sql("payout_batch", BATCH_MOVES)
# A batch moves by the payouts in it and by people: it has no evidence of its own.
GUARDS = guard_trigger("payouts", "payout", PAYOUT_REQUIRES_APPROVAL) + guard_trigger(
    "payout_batch", "payout_batch", BATCH_REQUIRES_APPROVAL
)
UNDO = (
    "DROP TRIGGER payouts_state ON payouts; DROP TRIGGER payout_batch_state ON payout_batch; "
    "DELETE FROM state_rule WHERE entity IN ('payout', 'payout_batch');"
)


class Migration(migrations.Migration):
    dependencies = [("merchants", "0002_provider_accounts"), ("settlements", "0004_settlement")]
    operations = [
        migrations.CreateModel(
            name='PayoutPolicy',
            fields=[
                ('merchant', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='merchants.merchant')),
                ('approval_above', models.BigIntegerField(null=True)),
                ('largest', models.BigIntegerField(null=True)),
                ('per_day', models.BigIntegerField(null=True)),
                ('changed_by', models.TextField()),
                ('changed_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'payout_policy',
            },
        ),
        migrations.CreateModel(
            name='BankFile',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('route', models.TextField()),
                ('account', models.TextField()),
                ('mode', models.CharField(max_length=4)),
                ('day', models.DateField()),
                ('number', models.IntegerField()),
                ('lines', models.IntegerField()),
                ('amount', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('sha256', models.CharField(max_length=64)),
                ('sealed', models.TextField()),
                ('exported_by', models.TextField()),
                ('exported_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'bank_file',
                'constraints': [models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='bank_file_mode'), models.UniqueConstraint(fields=('route', 'account', 'mode', 'day'), name='bank_file_one_a_day'), models.UniqueConstraint(fields=('route', 'account', 'mode', 'number'), name='bank_file_number')],
            },
        ),
        migrations.CreateModel(
            name='BankResult',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('sha256', models.CharField(max_length=64)),
                ('sealed', models.TextField()),
                ('imported_by', models.TextField()),
                ('imported_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'bank_result',
                'constraints': [models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='bank_result_mode'), models.UniqueConstraint(fields=('mode', 'sha256'), name='bank_result_once')],
            },
        ),
        migrations.CreateModel(
            name='PayoutBatch',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('description', models.TextField()),
                ('status', models.TextField()),
                ('lines', models.IntegerField()),
                ('amount', models.BigIntegerField()),
                ('fee', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('approval_reasons', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('requested_by', models.TextField()),
                ('makers', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('approved_by', models.TextField(null=True)),
                ('evidence_id', models.BigIntegerField(null=True)),
                ('request_id', models.TextField(null=True)),
                ('created_at', models.DateTimeField()),
                ('completed_at', models.DateTimeField(null=True)),
                ('version', models.IntegerField()),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant')),
            ],
            options={
                'db_table': 'payout_batch',
            },
        ),
        migrations.CreateModel(
            name='PayoutDestination',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('type', models.TextField()),
                ('label', models.CharField(max_length=80)),
                ('sealed', models.TextField()),
                ('shown', models.JSONField()),
                ('digest', models.BinaryField()),
                ('status', models.TextField()),
                ('created_by', models.TextField()),
                ('created_at', models.DateTimeField()),
                ('usable_from', models.DateTimeField()),
                ('deleted_at', models.DateTimeField(null=True)),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant')),
            ],
            options={
                'db_table': 'payout_destination',
            },
        ),
        migrations.CreateModel(
            name='Payout',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('reference', models.TextField(unique=True)),
                ('merchant_reference', models.TextField(null=True)),
                ('line', models.IntegerField(null=True)),
                ('amount', models.BigIntegerField()),
                ('fee', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('paid', models.BigIntegerField(default=0)),
                ('released', models.BigIntegerField(default=0)),
                ('given_back', models.BigIntegerField(default=0)),
                ('destination', models.JSONField()),
                ('destination_sealed', models.TextField()),
                ('route', models.TextField()),
                ('provider', models.TextField()),
                ('paid_from', models.TextField()),
                ('reason', models.TextField()),
                ('purpose', models.TextField()),
                ('status', models.TextField()),
                ('pending_reason', models.TextField(null=True)),
                ('approval_reasons', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('failure', models.JSONField(null=True)),
                ('receipt', models.TextField(null=True)),
                ('evidence_id', models.BigIntegerField(null=True)),
                ('requested_by', models.TextField()),
                ('makers', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ('approved_by', models.TextField(null=True)),
                ('request_id', models.TextField(null=True)),
                ('created_at', models.DateTimeField()),
                ('approved_at', models.DateTimeField(null=True)),
                ('completed_at', models.DateTimeField(null=True)),
                ('version', models.IntegerField()),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant')),
                ('provider_account', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.provideraccount')),
                ('batch', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payouts', to='settlements.payoutbatch')),
                ('destination_row', models.ForeignKey(db_column='destination_id', db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlements.payoutdestination')),
            ],
            options={
                'db_table': 'payouts',
            },
        ),
        migrations.AddIndex(
            model_name='payoutbatch',
            index=models.Index(fields=['merchant', 'mode', '-created_at', '-id'], name='payout_batch_newest'),
        ),
        migrations.AddConstraint(
            model_name='payoutbatch',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='payout_batch_mode'),
        ),
        migrations.AddConstraint(
            model_name='payoutbatch',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('requires_approval', 'pending', 'completed', 'cancelled'))), name='payout_batch_status'),
        ),
        migrations.AddIndex(
            model_name='payoutdestination',
            index=models.Index(fields=['merchant', 'mode', '-created_at', '-id'], name='payout_destination_newest'),
        ),
        migrations.AddConstraint(
            model_name='payoutdestination',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='payout_destination_mode'),
        ),
        migrations.AddConstraint(
            model_name='payoutdestination',
            constraint=models.CheckConstraint(condition=models.Q(('type__in', ('mpesa_phone', 'paybill', 'till', 'bank'))), name='payout_destination_type'),
        ),
        migrations.AddConstraint(
            model_name='payoutdestination',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('active', 'deleted'))), name='payout_destination_status'),
        ),
        migrations.AddConstraint(
            model_name='payoutdestination',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'active')), fields=('merchant', 'mode', 'digest'), name='payout_destination_once'),
        ),
        migrations.AddIndex(
            model_name='payout',
            index=models.Index(fields=['merchant', 'mode', '-created_at', '-id'], name='payouts_newest'),
        ),
        migrations.AddIndex(
            model_name='payout',
            index=models.Index(condition=models.Q(('pending_reason', 'queued')), fields=['created_at'], name='payouts_queued'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='payouts_mode'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0), ('fee__gte', 0)), name='payouts_amount'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('requires_approval', 'pending', 'completed', 'failed', 'returned', 'cancelled'))), name='payouts_status'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('route__in', ('b2c', 'b2b', 'bank'))), name='payouts_route'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__in', ('business', 'salary', 'promotion', 'refund'))), name='payouts_purpose'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('pending_reason__isnull', True), models.Q(('pending_reason__in', ('queued', 'awaiting_provider', 'reconciling', 'insufficient_float', 'awaiting_file')), ('status', 'pending')), _connector='OR'), name='payouts_pending_reason'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('given_back__gte', 0), ('given_back__lte', models.F('paid')), ('paid__gte', 0), ('released__gte', 0), ('amount__gte', django.db.models.expressions.CombinedExpression(models.F('paid'), '+', models.F('released')))), name='payouts_sums'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('requires_approval', 'pending')), models.Q(('paid', models.F('amount')), ('status__in', ('completed', 'returned'))), models.Q(('amount', django.db.models.expressions.CombinedExpression(models.F('paid'), '+', models.F('released'))), ('released__gt', 0), ('status__in', ('failed', 'cancelled'))), _connector='OR'), name='payouts_closed'),
        ),
        migrations.AddConstraint(
            model_name='payout',
            constraint=models.UniqueConstraint(condition=models.Q(('merchant_reference__isnull', False), models.Q(('status__in', ('failed', 'cancelled', 'returned')), _negated=True)), fields=('merchant', 'mode', 'merchant_reference'), name='payouts_live_reference'),
        ),
        migrations.RunSQL(RULES + GUARDS, UNDO),
        *[migrations.RunSQL(keep(table), unkeep(table)) for table in KEPT],
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
