"""Money that a provider's statement should tell of and does not: it stays in pending until people have looked."""

from django.db import connection

from settlements.models import Settlement
from settlements.selectors.due import TOTALS

LEAVE_OUT = """
DELETE FROM settlement_line l USING recon_exception x, ledger_transfer t
  WHERE l.settlement_id = %(settlement)s AND l.transfer_id = t.id AND t.idem = 'pay:' || x.object_id || ':capture'
    AND x.kind = 'missing_there' AND x.status <> 'closed' AND x.object_type = 'payment'
"""


def leave_out_frozen(row: Settlement) -> int:
    """Take what was frozen since it was opened out of an open batch; returns how many lines. A later batch has them.

    The caller holds the batch's locks.
    """
    with connection.cursor() as cursor:
        cursor.execute(LEAVE_OUT, {"settlement": row.id})
        count = int(cursor.rowcount)
        if count:
            cursor.execute(TOTALS, {"settlement": row.id})
    if count:
        row.refresh_from_db()
    return count
