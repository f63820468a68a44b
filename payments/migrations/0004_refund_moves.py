"""The legal moves of refunds and their guard; the doors of all callbacks."""

from django.db import migrations

from audit.guards import guard_trigger, rules_sql
from onpoint_pay.kit.db import grant_application_role
from payments.statements import RECEIVED
from payments.states import REFUND_MOVES, REFUND_REQUIRES_APPROVAL

RULES = rules_sql("refund", REFUND_MOVES) + guard_trigger("refunds", "refund", REFUND_REQUIRES_APPROVAL)
UNDO = "DROP TRIGGER refunds_state ON refunds; DELETE FROM state_rule WHERE entity = 'refund';"
DROP_DOOR = "DROP FUNCTION IF EXISTS callback_received;"


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_refunds_and_c2b"), ("merchants", "0002_provider_accounts")]
    operations = [
        migrations.RunSQL(RULES, UNDO),
        migrations.RunSQL(DROP_DOOR + RECEIVED, DROP_DOOR),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
