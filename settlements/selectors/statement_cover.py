"""What loaded statements say of a time, and of money that may have left in it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

# Lists of money received account for nothing; nor does a file of which a line is missing, or could not be read.
COVERED = """
SELECT coalesce(range_agg(tstzrange(starts_at, ends_at)) @> tstzrange(%(start)s, %(end)s), false) FROM recon_file f
WHERE account = %(account)s AND mode = %(mode)s AND source <> 'pull' AND ends_at > starts_at
  AND NOT EXISTS (SELECT 1 FROM recon_exception x WHERE x.file_id = f.id AND x.kind IN ('unparsable', 'balance_gap')
    AND x.status <> 'closed')
"""

# By our name of it, by what it undoes; or of the same amount, to the same receiver or to one that is not told, and not
# known to be something else.
PERHAPS = """
SELECT EXISTS (SELECT 1 FROM recon_line l
  WHERE account = %(account)s AND mode = %(mode)s AND family = 'statement' AND direction = 'out' AND kind <> 'charge'
    AND occurred_at >= %(start)s
    AND (client_ref = ANY (%(names)s) OR (linked_id <> '' AND linked_id = ANY (%(undoes)s))
      OR (amount = %(amount)s AND state NOT IN ('matched', 'ignored') AND party IN ('', %(party)s))))
"""


def is_covered(account: str, mode: str, *, start: datetime, end: datetime) -> bool:
    """Whether statements without a gap account for every movement of `account`, `provider:shortcode`, in that time."""
    with connection.cursor() as cursor:
        cursor.execute(COVERED, {"account": account, "mode": mode, "start": start, "end": end})
        return bool(cursor.fetchone()[0])


def may_have_left(
    account: str,
    mode: str,
    *,
    start: datetime,
    amount: int,
    names: Sequence[str],
    undoes: Sequence[str],
    party: str,
) -> bool:
    """Whether a line since `start` may be money sent out: `amount` in minor units, under one of our `names`, taking
    back a movement of `undoes`, or to `party` (a digest).
    """
    wanted: dict[str, Any] = {"account": account, "mode": mode, "start": start, "amount": amount, "party": party}
    with connection.cursor() as cursor:
        cursor.execute(PERHAPS, wanted | {"names": list(names), "undoes": list(undoes)})
        return bool(cursor.fetchone()[0])
