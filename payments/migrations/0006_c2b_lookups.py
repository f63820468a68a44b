"""What C2B money may be for is found by index; questions remember when they are put again; a claim waits alone."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payments', '0005_lately'),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='c2bclaim',
            name='c2b_claim_once',
        ),
        migrations.AddField(
            model_name='providerquestion',
            name='next_ask',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='providerquestion',
            name='tries',
            field=models.SmallIntegerField(db_default=0),
        ),
        migrations.AddField(
            model_name='providerquestion',
            name='unknown_there',
            field=models.SmallIntegerField(db_default=0),
        ),
        migrations.AddIndex(
            model_name='c2bclaim',
            index=models.Index(condition=models.Q(('status', 'pending')), fields=['provider', 'mode', 'receipt'], name='c2b_claim_waiting'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('status__in', ('initiated', 'pending'))), fields=['provider', 'mode', 'shortcode', 'amount'], name='transactions_awaited'),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(condition=models.Q(('receipt__isnull', True), ('status', 'completed')), fields=['provider', 'mode', 'shortcode', 'amount'], name='transactions_receiptless'),
        ),
        migrations.AddIndex(
            model_name='providerquestion',
            index=models.Index(condition=models.Q(('next_ask__isnull', False)), fields=['next_ask'], name='provider_question_due'),
        ),
        migrations.AddConstraint(
            model_name='c2bclaim',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'accepted')), fields=('provider', 'mode', 'receipt'), name='c2b_claim_once'),
        ),
        migrations.AddConstraint(
            model_name='c2bclaim',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'pending')), fields=('merchant', 'mode', 'provider', 'receipt'), name='c2b_claim_pending'),
        ),
    ]
