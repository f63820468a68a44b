"""Forgetting payers: what was asked for, digests of what is gone, and tries whose excerpts may be emptied."""

import django.db.models.functions.datetime
import django.db.models.functions.text
import onpoint_pay.kit.ids
from django.db import migrations, models

from audit.guards import NO_ONLY_RESEALED, ONLY_RESEALED, fixed, keep_but_key, resealed, told
from onpoint_pay.kit.db import grant_application_role
from payments.guards import WHAT_IS_RETURNED, WHAT_WAS_SAID
from payments.statements import RECEIVED
from settlements import guards as settlement_guards

# A stored body whose names are gone is compared by its digest.
DROP_DOOR = "DROP FUNCTION callback_received;"
# Without the column of the digest, bodies are compared as they are.
RECEIVED_BEFORE = RECEIVED.replace("coalesce(e.body_sha256, sha256(e.body))", "sha256(e.body)")
# What a receiver answered may name a payer: it may be emptied, and nothing else of a try may change.
KEEP_TRIES = """
CREATE FUNCTION webhooks_attempt_kept() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.response_excerpt IN ('', OLD.response_excerpt)
     AND NEW.response_headers IN ('{}', OLD.response_headers) AND NEW.request_headers IN ('{}', OLD.request_headers)
     AND to_jsonb(NEW) - 'response_excerpt' - 'response_headers' - 'request_headers'
       = to_jsonb(OLD) - 'response_excerpt' - 'response_headers' - 'request_headers'
  THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'webhooks_attempt is append-only' USING ERRCODE='42501';
END $$;
DROP TRIGGER webhooks_attempt_keep ON webhooks_attempt;
CREATE TRIGGER webhooks_attempt_keep BEFORE UPDATE OR DELETE ON webhooks_attempt
  FOR EACH ROW EXECUTE FUNCTION webhooks_attempt_kept();
"""
KEEP_ALL = """
DROP TRIGGER webhooks_attempt_keep ON webhooks_attempt; DROP FUNCTION webhooks_attempt_kept();
CREATE TRIGGER webhooks_attempt_keep BEFORE UPDATE OR DELETE ON webhooks_attempt
  FOR EACH ROW EXECUTE FUNCTION append_only();
"""
# Frozen but for the key they are sealed with: `sha256` says what the bytes inside must be.
SEALED_FILES = ("bank_file", "bank_result")
# Fixed but for their key, too. Each text opens in its own row only, so none can be put in the place of another.
SEALED = {"payouts": "destination_sealed", "payout_destination": "sealed"}
# What payers, merchants and statements wrote: it stays, but for a payer who is forgotten.
TOLD = {
    "payouts": ("merchant_reference",),
    "refunds": ("proof",),
    "recon_line": ("client_ref", "linked_id", "account_reference"),
    "doubt_decision": ("receipt", "note"),
}
FIXED = {
    "payouts": settlement_guards.WHAT_IS_PAID,
    "payout_destination": settlement_guards.WHO_IS_PAID,
    "recon_line": settlement_guards.WHAT_WAS_READ,
    "refunds": WHAT_IS_RETURNED,
    "doubt_decision": WHAT_WAS_SAID,
}


def still_fixed(table: str) -> tuple[str, ...]:
    changeable = (*TOLD.get(table, ()), SEALED.get(table))
    return tuple(name for name in FIXED[table] if name not in changeable)


def unhang(table: str, name: str) -> str:
    return f"DROP TRIGGER {table}_{name} ON {table};\n"


RESEAL = (
    ONLY_RESEALED
    + "".join(keep_but_key(table, "sealed") for table in SEALED_FILES)
    + "".join(unhang(table, "fixed") + fixed(table, *still_fixed(table)) for table in FIXED)
    + "".join(resealed(table, column) for table, column in SEALED.items())
    + "".join(told(table, *columns) for table, columns in TOLD.items())
)
NO_RESEAL = (
    "".join(unhang(table, "told") for table in TOLD)
    + "".join(unhang(table, "fixed") + fixed(table, *columns) for table, columns in FIXED.items())
    + "".join(
        unhang(table, "keep") + f"CREATE TRIGGER {table}_keep BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION append_only();\n"
        for table in SEALED_FILES
    )
    + NO_ONLY_RESEALED
)


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_checkpoints'),
        ('webhooks', '0007_drain_calls'),
        ('payments', '0012_doubts'),
        ('settlements', '0011_transfer_sums'),
    ]

    operations = [
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.UUIDField(default=onpoint_pay.kit.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('merchant_id', models.UUIDField()),
                ('status', models.TextField(default='queued')),
                ('subject', models.TextField(null=True)),
                ('digest', models.TextField()),
                ('waits_for', models.TextField(null=True)),
                ('rows', models.JSONField(default=dict)),
                ('requested_by', models.TextField()),
                ('request_id', models.TextField(null=True)),
                ('next_try', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('created_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('completed_at', models.DateTimeField(null=True)),
                ('version', models.IntegerField(default=1)),
            ],
            options={
                'db_table': 'privacy_erasure',
            },
        ),
        migrations.AddField(
            model_name='payment',
            name='email_digest',
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name='payment',
            name='phone_digest',
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name='providerevent',
            name='body_sha256',
            field=models.BinaryField(null=True),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(models.F('merchant'), django.db.models.functions.text.Lower('email'), condition=models.Q(('email__isnull', False)), name='transactions_by_email'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('phone_hash__isnull', False)), fields=['merchant', 'phone_hash'], name='transactions_by_hash'),
        ),
        migrations.AddIndex(
            model_name='erasure',
            index=models.Index(fields=['merchant_id', '-created_at', '-id'], name='privacy_erasure_newest'),
        ),
        migrations.AddIndex(
            model_name='erasure',
            index=models.Index(condition=models.Q(('status', 'done'), _negated=True), fields=['next_try'], name='privacy_erasure_due'),
        ),
        migrations.AddConstraint(
            model_name='erasure',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('queued', 'waiting', 'done'))), name='privacy_erasure_status'),
        ),
        migrations.AddConstraint(
            model_name='erasure',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('completed_at__isnull', False), ('status', 'done'), ('subject__isnull', True)), models.Q(models.Q(('status', 'done'), _negated=True), ('subject__isnull', False)), _connector='OR'), name='privacy_erasure_forgets'),
        ),
        migrations.AddConstraint(
            model_name='erasure',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'done'), _negated=True), fields=('merchant_id', 'digest'), name='privacy_erasure_once'),
        ),
        migrations.RunSQL(DROP_DOOR + RECEIVED, DROP_DOOR + RECEIVED_BEFORE),
        migrations.RunSQL(KEEP_TRIES, KEEP_ALL),
        migrations.RunSQL(RESEAL, NO_RESEAL),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
