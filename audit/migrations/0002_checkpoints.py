"""Copies of signed checkpoints, where requests came from, and the data keys of merchants."""

import django.contrib.postgres.indexes
import django.db.models.functions.datetime
from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role

# Without its data key everything a merchant has sealed is lost: destroying one is an update that is audited.
KEEP_KEYS = "CREATE TRIGGER data_key_stays BEFORE DELETE ON data_key FOR EACH ROW EXECUTE FUNCTION append_only();"
LET_KEYS_GO = "DROP TRIGGER data_key_stays ON data_key;"


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='AuditCheckpoint',
            fields=[
                ('number', models.BigIntegerField(primary_key=True, serialize=False)),
                ('at', models.DateTimeField()),
                ('statement', models.TextField()),
                ('signature', models.TextField()),
                ('public_key', models.TextField()),
                ('heads', models.TextField()),
                ('mailed_at', models.DateTimeField(null=True)),
            ],
            options={
                'db_table': 'audit_checkpoint',
            },
        ),
        migrations.CreateModel(
            name='AuditOrigin',
            fields=[
                ('pk', models.CompositePrimaryKey('stream', 'seq', blank=True, editable=False, primary_key=True, serialize=False)),
                ('stream', models.TextField()),
                ('seq', models.BigIntegerField()),
                ('at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('address', models.TextField()),
                ('user_agent', models.TextField()),
            ],
            options={
                'db_table': 'audit_origin',
            },
        ),
        migrations.CreateModel(
            name='DataKey',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('merchant_id', models.UUIDField(null=True)),
                ('ring_key', models.TextField()),
                ('wrapped', models.TextField(null=True)),
                ('is_current', models.BooleanField(db_default=True, default=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                'db_table': 'data_key',
            },
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(fields=['stream', 'object', 'seq'], name='audit_event_of_object'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=django.contrib.postgres.indexes.BrinIndex(fields=['at'], name='audit_event_lately', pages_per_range=32),
        ),
        migrations.AddIndex(
            model_name='auditorigin',
            index=django.contrib.postgres.indexes.BrinIndex(fields=['at'], name='audit_origin_lately', pages_per_range=32),
        ),
        migrations.AddIndex(
            model_name='datakey',
            index=models.Index(fields=['ring_key'], name='data_key_by_ring_key'),
        ),
        migrations.AddConstraint(
            model_name='datakey',
            constraint=models.UniqueConstraint(condition=models.Q(('is_current', True)), fields=('merchant_id',), name='data_key_current', nulls_distinct=False),
        ),
        migrations.RunSQL(KEEP_KEYS, LET_KEYS_GO),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
