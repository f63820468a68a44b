"""Limits of merchants; the largest payment of each moves among them, as the operator's word in both modes."""

import django.db.models.deletion
from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role

# Constraints are asked at once, so that the tables may change after it.
MOVE = """
INSERT INTO merchants_limits (merchant_id, mode, cap_largest, rates, changed_by, changed_at, version)
  SELECT m.id, modes.mode, m.max_payment, '{}', 'system', now(), 2
  FROM merchants_merchant m CROSS JOIN (VALUES ('test'), ('live')) AS modes (mode) WHERE m.max_payment IS NOT NULL;
SET CONSTRAINTS ALL IMMEDIATE;
"""
MOVE_BACK = """
UPDATE merchants_merchant m SET max_payment = l.cap_largest
  FROM merchants_limits l WHERE l.merchant_id = m.id AND l.mode = 'live';
"""


class Migration(migrations.Migration):

    dependencies = [
        ('merchants', '0010_closing'),
    ]

    operations = [
        migrations.CreateModel(
            name='MerchantLimits',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('mode', models.CharField(choices=[('test', 'test'), ('live', 'live')], max_length=4)),
                ('own_largest', models.BigIntegerField(blank=True, null=True)),
                ('own_per_day', models.BigIntegerField(blank=True, null=True)),
                ('own_per_month', models.BigIntegerField(blank=True, null=True)),
                ('own_per_payer_day', models.BigIntegerField(blank=True, null=True)),
                ('own_payments_per_payer_day', models.BigIntegerField(blank=True, null=True)),
                ('cap_largest', models.BigIntegerField(blank=True, null=True)),
                ('cap_per_day', models.BigIntegerField(blank=True, null=True)),
                ('cap_per_month', models.BigIntegerField(blank=True, null=True)),
                ('cap_per_payer_day', models.BigIntegerField(blank=True, null=True)),
                ('cap_payments_per_payer_day', models.BigIntegerField(blank=True, null=True)),
                ('rates', models.JSONField(blank=True, default=dict)),
                ('changed_by', models.TextField()),
                ('changed_at', models.DateTimeField()),
                ('version', models.IntegerField(default=1)),
            ],
            options={
                'db_table': 'merchants_limits',
            },
        ),
        migrations.AddField(
            model_name='merchantlimits',
            name='merchant',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='limits', to='merchants.merchant'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.UniqueConstraint(fields=('merchant', 'mode'), name='merchants_limits_once'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('mode__in', ['test', 'live'])), name='merchants_limits_mode'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('version__gte', 1)), name='merchants_limits_version'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('own_largest__isnull', True), ('own_largest__gt', 0), _connector='OR'), name='merchants_limits_own_largest'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('own_per_day__isnull', True), ('own_per_day__gt', 0), _connector='OR'), name='merchants_limits_own_per_day'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('own_per_month__isnull', True), ('own_per_month__gt', 0), _connector='OR'), name='merchants_limits_own_per_month'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('own_per_payer_day__isnull', True), ('own_per_payer_day__gt', 0), _connector='OR'), name='merchants_limits_own_per_payer_day'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('own_payments_per_payer_day__isnull', True), ('own_payments_per_payer_day__gt', 0), _connector='OR'), name='merchants_limits_own_payments_per_payer_day'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('cap_largest__isnull', True), ('cap_largest__gt', 0), _connector='OR'), name='merchants_limits_cap_largest'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('cap_per_day__isnull', True), ('cap_per_day__gt', 0), _connector='OR'), name='merchants_limits_cap_per_day'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('cap_per_month__isnull', True), ('cap_per_month__gt', 0), _connector='OR'), name='merchants_limits_cap_per_month'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('cap_per_payer_day__isnull', True), ('cap_per_payer_day__gt', 0), _connector='OR'), name='merchants_limits_cap_per_payer_day'),
        ),
        migrations.AddConstraint(
            model_name='merchantlimits',
            constraint=models.CheckConstraint(condition=models.Q(('cap_payments_per_payer_day__isnull', True), ('cap_payments_per_payer_day__gt', 0), _connector='OR'), name='merchants_limits_cap_payments_per_payer_day'),
        ),
        migrations.RunSQL(MOVE, MOVE_BACK),
        migrations.RemoveConstraint(
            model_name='merchant',
            name='merchant_max_payment',
        ),
        migrations.RemoveField(
            model_name='merchant',
            name='max_payment',
        ),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
