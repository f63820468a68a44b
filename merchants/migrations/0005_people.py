"""Sessions, second factors, mailed links and letters of people; whose address is known to be theirs."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import onpoint_pay.kit.clock
import onpoint_pay.kit.ids
from onpoint_pay.kit.db import grant_application_role

# Who was let in before addresses were asked about keeps what they had.
KNOWN_BEFORE = "UPDATE merchants_user SET email_verified_at = created_at"


class Migration(migrations.Migration):

    dependencies = [
        ('merchants', '0004_members'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='email_verified_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='PersonMail',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(max_length=32)),
                ('to_digest', models.BinaryField()),
                ('sealed', models.TextField(blank=True)),
                ('created_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('tries', models.IntegerField(default=0)),
                ('next_try_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('sent_at', models.DateTimeField(blank=True, null=True)),
                ('closed_at', models.DateTimeField(blank=True, null=True)),
            ],
            options={
                'db_table': 'merchants_person_mail',
                'indexes': [models.Index(condition=models.Q(('closed_at__isnull', True)), fields=['next_try_at'], name='person_mail_due'), models.Index(fields=['to_digest', 'kind', 'created_at'], name='person_mail_count'), models.Index(fields=['closed_at'], name='person_mail_age')],
            },
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.BinaryField(unique=True)),
                ('created_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'merchants_recovery_code',
            },
        ),
        migrations.CreateModel(
            name='Totp',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('sealed_seed', models.TextField()),
                ('last_step', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('confirmed_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='totp', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'merchants_totp',
            },
        ),
        migrations.CreateModel(
            name='Challenge',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('digest', models.BinaryField(unique=True)),
                ('tries', models.SmallIntegerField(default=0)),
                ('created_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('expires_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'merchants_challenge',
                'indexes': [models.Index(fields=['expires_at'], name='challenge_age')],
                'constraints': [models.CheckConstraint(condition=models.Q(('tries__range', (0, 5))), name='challenge_tries')],
            },
        ),
        migrations.CreateModel(
            name='OneTimeToken',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('purpose', models.CharField(choices=[('verify_email', 'Verify Email'), ('reset_password', 'Reset Password')], max_length=16)),
                ('digest', models.BinaryField(unique=True)),
                ('email_digest', models.BinaryField()),
                ('created_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('expires_at', models.DateTimeField()),
                ('used_at', models.DateTimeField(blank=True, null=True)),
                ('used_place', models.CharField(blank=True, default='', max_length=49)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'merchants_one_time_token',
                'indexes': [models.Index(fields=['expires_at'], name='one_time_token_age')],
                'constraints': [models.CheckConstraint(condition=models.Q(('purpose__in', ['verify_email', 'reset_password'])), name='one_time_token_purpose')],
            },
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('methods', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=16), size=None)),
                ('device', models.CharField(blank=True, default='', max_length=200)),
                ('address', models.CharField(blank=True, default='', max_length=45)),
                ('place', models.CharField(blank=True, default='', max_length=49)),
                ('began_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('proved_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('last_seen_at', models.DateTimeField(default=onpoint_pay.kit.clock.now)),
                ('expires_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(blank=True, null=True)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'merchants_session',
                'indexes': [models.Index(fields=['user', '-id'], name='session_list'), models.Index(fields=['user', 'place'], name='session_place'), models.Index(fields=['expires_at'], name='session_age')],
            },
        ),
        migrations.RunSQL(KNOWN_BEFORE, migrations.RunSQL.noop),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
