"""Lanes, notices, numbers of events and recoveries; a delivery has no lease of its own any more."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import onpoint_pay.kit.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('merchants', '0003_shortcodes_of_environments'),
        ('webhooks', '0003_guards'),
    ]

    operations = [
        migrations.CreateModel(
            name='EventSequence',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('last', models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='Lane',
            fields=[
                ('endpoint', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='lane', serialize=False, to='webhooks.endpoint')),
                ('lease_until', models.DateTimeField(null=True)),
                ('lease_token', models.UUIDField(null=True)),
                ('head', models.BigIntegerField(null=True)),
                ('leases_lost', models.SmallIntegerField(db_default=0, default=0)),
                ('send_window', models.SmallIntegerField(db_default=4, default=4)),
                ('last_ms', models.IntegerField(null=True)),
                ('breaker', models.TextField(db_default='closed', default='closed')),
                ('open_until', models.DateTimeField(null=True)),
                ('times_tripped', models.SmallIntegerField(db_default=0, default=0)),
                ('failures_in_row', models.IntegerField(db_default=0, default=0)),
                ('failing_since', models.DateTimeField(null=True)),
                ('failing_tries', models.IntegerField(db_default=0, default=0)),
                ('failing_events', models.IntegerField(db_default=0, default=0)),
                ('last_success_at', models.DateTimeField(null=True)),
                ('notified_level', models.SmallIntegerField(db_default=0, default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Notice',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('level', models.SmallIntegerField()),
                ('days', models.SmallIntegerField()),
                ('failing_since', models.DateTimeField()),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('mailed_at', models.DateTimeField(null=True)),
                ('lease_until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Recovery',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('mode', models.CharField(max_length=4)),
                ('since', models.DateTimeField()),
                ('until', models.DateTimeField()),
                ('types', django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None)),
                ('which', models.TextField()),
                ('state', models.TextField(default='running')),
                ('cursor', models.BigIntegerField(default=0)),
                ('seen', models.IntegerField(default=0)),
                ('opened', models.IntegerField(default=0)),
                ('due_until', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('finished_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='delivery',
            name='webhooks_delivery_due',
        ),
        migrations.RemoveField(
            model_name='delivery',
            name='lease_until',
        ),
        migrations.AddIndex(
            model_name='delivery',
            index=models.Index(condition=models.Q(('state__in', ('failed', 'held'))), fields=['endpoint', 'id'], include=['state'], name='webhooks_delivery_missed'),
        ),
        migrations.AddField(
            model_name='attempt',
            name='worker',
            field=models.TextField(default=''),
        ),
        migrations.AddField(
            model_name='endpoint',
            name='rate_limit',
            field=models.SmallIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='attempt',
            name='delivery',
            field=models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='attempts', to='webhooks.delivery'),
        ),
        migrations.AlterField(
            model_name='attempt',
            name='endpoint',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='webhooks.endpoint'),
        ),
        migrations.AddIndex(
            model_name='event',
            index=models.Index(condition=models.Q(('sequence__isnull', True)), fields=['id'], name='webhooks_event_unnumbered'),
        ),
        migrations.AddConstraint(
            model_name='endpoint',
            constraint=models.CheckConstraint(condition=models.Q(('rate_limit__isnull', True), models.Q(('rate_limit__gte', 1), ('rate_limit__lte', 1000)), _connector='OR'), name='webhooks_endpoint_rate'),
        ),
        migrations.AddField(
            model_name='eventsequence',
            name='merchant',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant'),
        ),
        migrations.AddConstraint(
            model_name='lane',
            constraint=models.CheckConstraint(condition=models.Q(('breaker__in', ('closed', 'open', 'half'))), name='webhooks_lane_breaker'),
        ),
        migrations.AddConstraint(
            model_name='lane',
            constraint=models.CheckConstraint(condition=models.Q(('send_window__gte', 1), ('send_window__lte', 32)), name='webhooks_lane_window'),
        ),
        migrations.AddField(
            model_name='notice',
            name='endpoint',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='webhooks.endpoint'),
        ),
        migrations.AddField(
            model_name='recovery',
            name='endpoint',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='recoveries', to='webhooks.endpoint'),
        ),
        migrations.AddField(
            model_name='recovery',
            name='merchant',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='merchants.merchant'),
        ),
        migrations.AddConstraint(
            model_name='eventsequence',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='webhooks_eventsequence_mode'),
        ),
        migrations.AddConstraint(
            model_name='eventsequence',
            constraint=models.UniqueConstraint(fields=('merchant', 'mode'), name='webhooks_eventsequence_once'),
        ),
        migrations.AddIndex(
            model_name='notice',
            index=models.Index(condition=models.Q(('mailed_at__isnull', True)), fields=['id'], name='webhooks_notice_unsent'),
        ),
        migrations.AddConstraint(
            model_name='notice',
            constraint=models.UniqueConstraint(fields=('endpoint', 'failing_since', 'level'), name='webhooks_notice_once'),
        ),
        migrations.AddConstraint(
            model_name='recovery',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'running')), fields=('endpoint',), name='webhooks_recovery_running'),
        ),
        migrations.AddConstraint(
            model_name='recovery',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ('live', 'test'))), name='webhooks_recovery_mode'),
        ),
        migrations.AddConstraint(
            model_name='recovery',
            constraint=models.CheckConstraint(condition=models.Q(('which__in', ('missed', 'failed', 'held', 'all'))), name='webhooks_recovery_which'),
        ),
        migrations.AddConstraint(
            model_name='recovery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', True), ('state', 'running')), models.Q(('finished_at__isnull', False), ('state__in', ('done', 'stopped'))), _connector='OR'), name='webhooks_recovery_state'),
        ),
    ]
