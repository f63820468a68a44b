"""Events, endpoints, secrets, deliveries and attempts, with their constraints and indexes."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import onpoint_pay.kit.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('merchants', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('kind', models.TextField(default='normal')),
                ('url', models.TextField()),
                ('events', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ('status', models.TextField(default='enabled')),
                ('description', models.TextField(blank=True, default='')),
                ('api_version', models.TextField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('version', models.IntegerField(default=1)),
                ('deleted_at', models.DateTimeField(null=True)),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant')),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('state', models.TextField(default='open')),
                ('tries', models.SmallIntegerField(db_default=0, default=0)),
                ('trigger', models.TextField(db_default='auto', default='auto')),
                ('next_attempt_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('lease_until', models.DateTimeField(null=True)),
                ('expires_at', models.DateTimeField()),
                ('last_status', models.SmallIntegerField(null=True)),
                ('last_error', models.TextField(db_default='', default='')),
                ('delivered_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant')),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='webhooks.endpoint')),
            ],
        ),
        migrations.CreateModel(
            name='Attempt',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('n', models.SmallIntegerField()),
                ('trigger', models.TextField()),
                ('started_at', models.DateTimeField()),
                ('connect_ms', models.IntegerField(null=True)),
                ('total_ms', models.IntegerField()),
                ('status', models.SmallIntegerField(null=True)),
                ('error_code', models.TextField(default='')),
                ('request_headers', models.JSONField(default=dict)),
                ('response_headers', models.JSONField(default=dict)),
                ('response_excerpt', models.TextField(default='')),
                ('ip', models.GenericIPAddressField(null=True)),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attempts', to='webhooks.delivery')),
                ('endpoint', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='webhooks.endpoint')),
            ],
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('type', models.TextField()),
                ('key', models.TextField(null=True)),
                ('api_version', models.TextField()),
                ('body', models.TextField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('sequence', models.BigIntegerField(null=True)),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant')),
            ],
        ),
        migrations.AddField(
            model_name='delivery',
            name='event',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='webhooks.event'),
        ),
        migrations.CreateModel(
            name='Secret',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('ciphertext', models.TextField()),
                ('last4', models.CharField(max_length=4)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('expires_at', models.DateTimeField(null=True)),
                ('endpoint', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='secrets', to='webhooks.endpoint')),
                ('merchant', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant')),
            ],
        ),
        migrations.AddIndex(
            model_name='endpoint',
            index=models.Index(condition=models.Q(('deleted_at__isnull', True), ('kind', 'normal')), fields=['merchant', 'mode', 'id'], name='webhooks_endpoint_list'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='webhooks_endpoint_mode'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('normal', 'inline'))), name='webhooks_endpoint_kind'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('enabled', 'paused', 'disabled'))), name='webhooks_endpoint_status'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'inline')), fields=('merchant', 'mode', 'url'), name='webhooks_endpoint_inline'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('trigger__in', ('auto', 'manual', 'recover', 'test'))), name='webhooks_attempt_trigger'),
        ),
        migrations.AddConstraint(
            model_name='attempt',
            constraint=models.CheckConstraint(condition=models.Q(('n__gte', 1)), name='webhooks_attempt_n'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(fields=['merchant', 'mode', '-id'], name='webhooks_event_list'),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='webhooks_event_mode'),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.UniqueConstraint(fields=('key',), name='webhooks_event_key'),
        ),
        migrations.AddConstraint(
            model_name='event',
            constraint=models.UniqueConstraint(condition=models.Q(('sequence__isnull', False)), fields=('merchant', 'mode', 'sequence'), name='webhooks_event_sequence'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['next_attempt_at', 'id'], name='webhooks_delivery_due'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['endpoint', 'next_attempt_at', 'id'], name='webhooks_delivery_lane'),
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(fields=['merchant', 'mode', '-id'], name='webhooks_delivery_list'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='webhooks_delivery_mode'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ('open', 'delivered', 'failed', 'held'))), name='webhooks_delivery_state'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('trigger__in', ('auto', 'manual', 'recover', 'test'))), name='webhooks_delivery_trigger'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('tries__gte', 0)), name='webhooks_delivery_tries'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'delivered'), _negated=True), ('delivered_at__isnull', False), _connector='OR'), name='webhooks_delivery_delivered'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.UniqueConstraint(fields=('event', 'endpoint'), name='webhooks_delivery_once'),
        ),
        migrations.AddIndex(
            model_name='secret',
            index=models.Index(condition=models.Q(('endpoint__isnull', True)), fields=['merchant', 'mode'], name='webhooks_secret_list'),
        ),
        migrations.AddConstraint(
            model_name='secret',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='webhooks_secret_mode'),
        ),
        migrations.AddConstraint(
            model_name='secret',
            constraint=models.UniqueConstraint(condition=models.Q(('endpoint__isnull', False), ('expires_at__isnull', True)), fields=('endpoint',), name='webhooks_secret_current'),
        ),
        migrations.AddConstraint(
            model_name='secret',
            constraint=models.UniqueConstraint(condition=models.Q(('endpoint__isnull', True), ('expires_at__isnull', True)), fields=('merchant', 'mode'), name='webhooks_secret_default'),
        ),
    ]
