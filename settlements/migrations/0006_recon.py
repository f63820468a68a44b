"""Reconciliation: files, lines, matches, exceptions, proofs of floats."""

import django.db.models.deletion
import django.db.models.functions.datetime
import onpoint_pay.kit.ids
from django.db import migrations, models

from audit.guards import guard_trigger, rules_sql
from onpoint_pay.kit.db import grant_application_role
from settlements.states import RECON_EXCEPTION_MOVES

RULES = rules_sql("recon_exception", RECON_EXCEPTION_MOVES)
GUARD = guard_trigger("recon_exception", "recon_exception", "open")
UNDO = "DROP TRIGGER recon_exception_state ON recon_exception; DELETE FROM state_rule WHERE entity = 'recon_exception';"


class Migration(migrations.Migration):

    dependencies = [
        ("settlements", "0005_payouts"),
    ]

    operations = [
        migrations.CreateModel(
            name='FloatProof',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('account', models.TextField()),
                ('mode', models.CharField(max_length=4)),
                ('currency', models.CharField(max_length=3)),
                ('day', models.DateField()),
                ('ledger_balance', models.BigIntegerField()),
                ('provider_balance', models.BigIntegerField(null=True)),
                ('gap', models.BigIntegerField(null=True)),
                ('unexplained', models.BigIntegerField(null=True)),
                ('parts', models.JSONField()),
                ('is_green', models.BooleanField()),
                ('proved_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'float_proof',
                'constraints': [models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='float_proof_mode'), models.UniqueConstraint(fields=('account', 'mode', 'currency', 'day'), name='float_proof_once'), models.CheckConstraint(condition=models.Q(('is_green', False), models.Q(('provider_balance__isnull', False), ('unexplained', 0)), _connector='OR'), name='float_proof_green')],
            },
        ),
        migrations.CreateModel(
            name='ReconFile',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('source', models.TextField()),
                ('account', models.TextField()),
                ('mode', models.CharField(max_length=4)),
                ('currency', models.CharField(max_length=3)),
                ('name', models.TextField()),
                ('sha256', models.CharField(max_length=64)),
                ('size', models.BigIntegerField()),
                ('starts_at', models.DateTimeField(null=True)),
                ('ends_at', models.DateTimeField(null=True)),
                ('opening', models.BigIntegerField(null=True)),
                ('closing', models.BigIntegerField(null=True)),
                ('lines', models.IntegerField(default=0)),
                ('lines_new', models.IntegerField(default=0)),
                ('lines_skipped', models.IntegerField(default=0)),
                ('lines_unparsable', models.IntegerField(default=0)),
                ('imported_by', models.TextField()),
                ('imported_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'recon_file',
                'constraints': [models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='recon_file_mode'), models.CheckConstraint(condition=models.Q(('source__in', ('mpesa_statement', 'pull', 'bank_csv', 'mt940', 'camt053'))), name='recon_file_source'), models.UniqueConstraint(fields=('account', 'mode', 'sha256'), name='recon_file_once')],
            },
        ),
        migrations.CreateModel(
            name='ReconFilePart',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('number', models.IntegerField()),
                ('body', models.BinaryField()),
                ('file', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='parts', to='settlements.reconfile')),
            ],
            options={
                'db_table': 'recon_file_part',
            },
        ),
        migrations.CreateModel(
            name='ReconLine',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('line_no', models.IntegerField()),
                ('account', models.TextField()),
                ('mode', models.CharField(max_length=4)),
                ('family', models.TextField()),
                ('natural_key', models.BinaryField()),
                ('nth', models.IntegerField()),
                ('external_id', models.TextField()),
                ('client_ref', models.TextField()),
                ('linked_id', models.TextField()),
                ('occurred_at', models.DateTimeField()),
                ('value_date', models.DateField()),
                ('direction', models.CharField(max_length=3)),
                ('amount', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('balance_after', models.BigIntegerField(null=True)),
                ('kind', models.TextField()),
                ('narrative', models.TextField()),
                ('account_reference', models.TextField()),
                ('party', models.TextField()),
                ('state', models.TextField(default='new')),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='rows', to='settlements.reconfile')),
            ],
            options={
                'db_table': 'recon_line',
            },
        ),
        migrations.CreateModel(
            name='ReconException',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.TextField()),
                ('account', models.TextField()),
                ('mode', models.CharField(max_length=4)),
                ('name', models.TextField(unique=True)),
                ('object_type', models.TextField(null=True)),
                ('object_id', models.UUIDField(null=True)),
                ('external_id', models.TextField(default='')),
                ('amount', models.BigIntegerField()),
                ('currency', models.CharField(max_length=3)),
                ('occurred_at', models.DateTimeField()),
                ('float_effect', models.BigIntegerField()),
                ('severity', models.TextField()),
                ('owner', models.TextField()),
                ('detail', models.JSONField()),
                ('posting', models.JSONField()),
                ('status', models.TextField(default='open')),
                ('evidence_id', models.BigIntegerField(null=True)),
                ('opened_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('told_at', models.DateTimeField(null=True)),
                ('proposed_by', models.TextField(null=True)),
                ('proposed_at', models.DateTimeField(null=True)),
                ('resolution', models.TextField(null=True)),
                ('will_post', models.BooleanField(default=False)),
                ('closed_by', models.TextField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('merchant', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant')),
                ('transfer', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlements.ledgertransfer')),
                ('file', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlements.reconfile')),
                ('line', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='exceptions', to='settlements.reconline')),
            ],
            options={
                'db_table': 'recon_exception',
            },
        ),
        migrations.CreateModel(
            name='ReconMatch',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('rule', models.TextField()),
                ('object_type', models.TextField()),
                ('object_id', models.UUIDField()),
                ('state', models.TextField()),
                ('family', models.TextField()),
                ('decided_by', models.TextField(default='system')),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('line', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='matches', to='settlements.reconline')),
                ('transfer', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='settlements.ledgertransfer')),
            ],
            options={
                'db_table': 'recon_match',
            },
        ),
        migrations.AddConstraint(
            model_name='reconfilepart',
            constraint=models.UniqueConstraint(fields=('file', 'number'), name='recon_file_part_once'),
        ),
        migrations.AddIndex(
            model_name='reconline',
            index=models.Index(fields=['account', 'mode', 'external_id'], name='recon_line_by_id'),
        ),
        migrations.AddIndex(
            model_name='reconline',
            index=models.Index(fields=['account', 'mode', 'occurred_at'], name='recon_line_by_time'),
        ),
        migrations.AddIndex(
            model_name='reconline',
            index=models.Index(condition=models.Q(('state__in', ('matched', 'ignored')), _negated=True), fields=['account', 'mode'], name='recon_line_open'),
        ),
        migrations.AddConstraint(
            model_name='reconline',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='recon_line_mode'),
        ),
        migrations.AddConstraint(
            model_name='reconline',
            constraint=models.CheckConstraint(condition=models.Q(('direction__in', ('in', 'out'))), name='recon_line_direction'),
        ),
        migrations.AddConstraint(
            model_name='reconline',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='recon_line_amount'),
        ),
        migrations.AddConstraint(
            model_name='reconline',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('charge', 'receipt', 'payout', 'reversal', 'other'))), name='recon_line_kind'),
        ),
        migrations.AddConstraint(
            model_name='reconline',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('new', 'matched', 'proposed', 'exception', 'ignored'))), name='recon_line_state'),
        ),
        migrations.AddConstraint(
            model_name='reconline',
            constraint=models.UniqueConstraint(fields=('account', 'mode', 'natural_key', 'nth'), name='recon_line_once'),
        ),
        migrations.AddIndex(
            model_name='reconexception',
            index=models.Index(fields=['account', 'mode', 'status'], name='recon_exception_by_account'),
        ),
        migrations.AddIndex(
            model_name='reconexception',
            index=models.Index(fields=['merchant', 'mode', '-opened_at', '-id'], name='recon_exception_newest'),
        ),
        migrations.AddConstraint(
            model_name='reconexception',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='recon_exception_mode'),
        ),
        migrations.AddConstraint(
            model_name='reconexception',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('missing_here', 'missing_there', 'amount_differs', 'duplicate_there', 'state_differs', 'late_success', 'overpaid', 'unknown_charge', 'returned_payout', 'mode_differs', 'unparsable', 'balance_gap'))), name='recon_exception_kind'),
        ),
        migrations.AddConstraint(
            model_name='reconexception',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('open', 'proposed', 'closed'))), name='recon_exception_status'),
        ),
        migrations.AddConstraint(
            model_name='reconexception',
            constraint=models.CheckConstraint(condition=models.Q(('severity__in', ('low', 'medium', 'high'))), name='recon_exception_severity'),
        ),
        migrations.AddConstraint(
            model_name='reconexception',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('status', 'closed'), _negated=True), models.Q(('closed_by', 'system'), ('closed_by__isnull', False), ('transfer__isnull', True)), models.Q(('closed_by__isnull', False), ('proposed_by__isnull', False), models.Q(('closed_by', models.F('proposed_by')), _negated=True)), _connector='OR'), name='recon_exception_two_people'),
        ),
        migrations.AddConstraint(
            model_name='reconmatch',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('confirmed', 'proposed', 'rejected'))), name='recon_match_state'),
        ),
        migrations.AddConstraint(
            model_name='reconmatch',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'rejected'), _negated=True), fields=('line',), name='recon_match_line'),
        ),
        migrations.AddConstraint(
            model_name='reconmatch',
            constraint=models.UniqueConstraint(condition=models.Q(models.Q(('state', 'rejected'), _negated=True), models.Q(('object_type', 'bank_batch'), _negated=True)), fields=('object_type', 'object_id', 'family'), name='recon_match_object'),
        ),
        migrations.RunSQL(RULES + GUARD, UNDO),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
