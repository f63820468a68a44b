"""Tries of payouts, part by part; the evidence of a payout is a claim or answer that is kept here."""

import django.db.models.deletion
from django.db import migrations, models

from onpoint_pay.kit.db import grant_application_role
from payments.guards import GUARDS, NO_GUARDS

# The table of payouts belongs to a room that knows nothing of claims.
EVIDENCE = """
ALTER TABLE payouts ADD CONSTRAINT payouts_evidence FOREIGN KEY (evidence_id) REFERENCES provider_event (id)
  DEFERRABLE INITIALLY DEFERRED;
"""
NO_EVIDENCE = "ALTER TABLE payouts DROP CONSTRAINT payouts_evidence;"


class Migration(migrations.Migration):
    dependencies = [("payments", "0010_refund_approval"), ("settlements", "0007_striped_pending")]
    operations = [
        migrations.RemoveConstraint(
            model_name='moneyop',
            name='money_op_one_purpose',
        ),
        migrations.RemoveConstraint(
            model_name='moneyop',
            name='money_op_kind',
        ),
        migrations.AddField(
            model_name='moneyop',
            name='part',
            field=models.SmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='moneyop',
            name='payout',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='ops', to='settlements.payout'),
        ),
        migrations.AddField(
            model_name='moneyop',
            name='receipt',
            field=models.TextField(null=True),
        ),
        migrations.AddIndex(
            model_name='moneyop',
            index=models.Index(condition=models.Q(('payout__isnull', False)), fields=['payout', 'id'], name='money_op_of_payout'),
        ),
        migrations.AddConstraint(
            model_name='moneyop',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ('charge', 'c2b', 'reversal', 'b2c', 'manual', 'external', 'bank', 'b2b'))), name='money_op_kind'),
        ),
        migrations.AddConstraint(
            model_name='moneyop',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('payment__isnull', False), ('payout__isnull', True), ('refund__isnull', True)), models.Q(('payment__isnull', True), ('payout__isnull', True), ('refund__isnull', False)), models.Q(('payment__isnull', True), ('payout__isnull', False), ('refund__isnull', True)), _connector='OR'), name='money_op_one_purpose'),
        ),
        migrations.AddConstraint(
            model_name='moneyop',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('part__isnull', True), ('payout__isnull', True)), models.Q(('part__gte', 1), ('payout__isnull', False)), _connector='OR'), name='money_op_part'),
        ),
        migrations.AddConstraint(
            model_name='moneyop',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ('rejected', 'failed', 'cancelled')), _negated=True), fields=('payout', 'part'), name='money_op_one_payout'),
        ),
        migrations.AddConstraint(
            model_name='moneyop',
            constraint=models.UniqueConstraint(condition=models.Q(('receipt__isnull', False)), fields=('provider', 'mode', 'receipt'), name='money_op_receipt'),
        ),
        migrations.RunSQL(EVIDENCE, NO_EVIDENCE),
        migrations.RunSQL(GUARDS, NO_GUARDS),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
