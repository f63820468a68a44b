"""Publishable keys, rotation with an overlap, reports of leaks, addresses of a merchant, and where a key was used."""

import django.contrib.postgres.fields
from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role


class Migration(migrations.Migration):

    dependencies = [
        ('merchants', '0005_people'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='apikey',
            name='api_key_kind',
        ),
        migrations.AddField(
            model_name='apikey',
            name='last_used_place',
            field=models.CharField(blank=True, default='', max_length=49),
        ),
        migrations.AddField(
            model_name='apikey',
            name='overlap_ends_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='reported_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='apikey',
            name='rotated_to',
            field=models.UUIDField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='merchant',
            name='allowed_ips',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=49), blank=True, default=list, size=None),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='kind',
            field=models.CharField(choices=[('secret', 'Secret'), ('restricted', 'Restricted'), ('publishable', 'Publishable')], max_length=16),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['secret', 'restricted', 'publishable'])), name='api_key_kind'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'publishable'), _negated=True), ('scopes', []), _connector='OR'), name='api_key_publishable_bare'),
        ),
        migrations.AddConstraint(
            model_name='apikey',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('overlap_ends_at__isnull', True), ('rotated_to__isnull', True)), models.Q(('overlap_ends_at__isnull', False), ('rotated_to__isnull', False)), _connector='OR'), name='api_key_rotation_whole'),
        ),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
