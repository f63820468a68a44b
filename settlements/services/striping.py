"""Pending money in sixteen rows: switched on and off, and taken from as if it were one."""

from uuid import UUID

from django.db import connection, transaction

from audit.services import record
from onpoint_pay.kit.clock import now
from settlements.chart import account_name
from settlements.models import PendingStriping
from settlements.selectors import rows_of

LOCKED = "SELECT kind, sub, balance FROM ledger_lock_rows(%s, %s, %s)"


def start_striping(merchant_id: UUID, *, mode: str, actor: str) -> bool:
    """Payments made from now on are captured to sixteen rows; False when they are already.

    What stands on the one row stays there, and is what is taken first.
    """
    with transaction.atomic():
        _, is_new = PendingStriping.objects.get_or_create(
            merchant_id=merchant_id, mode=mode, until=None, defaults={"created_by": actor}
        )
        if is_new:
            record(merchant_id=merchant_id, actor=actor, action="ledger.striping_started", detail={"mode": mode})
    return is_new


def stop_striping(merchant_id: UUID, *, mode: str, actor: str) -> bool:
    """Payments made from now on are captured to one row again; False when they are already."""
    with transaction.atomic():
        open_one = PendingStriping.objects.filter(merchant_id=merchant_id, mode=mode, until=None)
        is_over = bool(open_one.update(until=now()))
        if is_over:
            record(merchant_id=merchant_id, actor=actor, action="ledger.striping_stopped", detail={"mode": mode})
    return is_over


def rows_to_take_from(merchant_id: UUID, *, currency: str, mode: str) -> dict[str, int]:
    """Balances by row, in minor units. Must run inside the transaction that takes.

    Money in one row is taken on a look and a second look should somebody have been faster. Of many rows each could be
    another's meanwhile, so they are locked, in the ledger's own order, and stay as they are until the commit.
    """
    found = rows_of(merchant_id, currency=currency, mode=mode)
    if not any(name.startswith("pending:") for name in found):
        return found
    with connection.cursor() as cursor:
        cursor.execute(LOCKED, [merchant_id, currency, mode])
        return {account_name(kind, sub): balance for kind, sub, balance in cursor.fetchall()}
