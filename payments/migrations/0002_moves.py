"""The legal moves of payments and operations, their guards, and the hot statements."""

from django.db import migrations

from audit.guards import guard_trigger, rules_sql
from onpoint_pay.kit.db import grant_application_role
from payments.statements import BEGIN, DROP_ALL, HANDED_OVER
from payments.states import INITIATED, OP_CREATED, OP_MOVES, PAYMENT_MOVES

RULES = rules_sql("payment", PAYMENT_MOVES) + rules_sql("op", OP_MOVES)
GUARDS = guard_trigger("transactions", "payment", INITIATED) + guard_trigger("money_op", "op", OP_CREATED)
UNDO = (
    "DROP TRIGGER transactions_state ON transactions; DROP TRIGGER money_op_state ON money_op; "
    "DELETE FROM state_rule WHERE entity IN ('payment', 'op');"
)


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial"), ("audit", "0001_initial")]
    operations = [
        migrations.RunSQL(RULES + GUARDS, UNDO),
        migrations.RunSQL(BEGIN + HANDED_OVER, DROP_ALL),
        migrations.RunPython(grant_application_role(), migrations.RunPython.noop),
    ]
