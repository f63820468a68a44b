"""What speaks against taking a file as it stands: it is not whole, of another account, or of the other mode."""

from typing import Any

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.entries import FileRefused
from onpoint_pay.kit.money import Money
from settlements.models import ReconFile

# Lists of a card provider: who brings one says which days it is of.
RECEIVABLES = ("paystack", "flutterwave")
# The last balance of a whole file is the closing one: one line more ends with it than begins with it. Where nobody can
# read the last line, it may be that line's.
CHAIN = """
WITH line AS (SELECT DISTINCT ON (natural_key, balance_after) balance_after AS after,
    balance_after - CASE direction WHEN 'in' THEN amount ELSE -amount END AS before
  FROM recon_stage WHERE why IS NULL AND balance_after IS NOT NULL)
SELECT count(*), count(*) FILTER (WHERE after = %(closing)s)
    + (%(opening)s IS NOT DISTINCT FROM %(closing)s::bigint)::int
    - count(*) FILTER (WHERE before = %(closing)s),
  (SELECT coalesce(bool_or(why IS NOT NULL), false) FROM recon_stage
    WHERE line_no = (SELECT max(line_no) FROM recon_stage))
FROM line
"""
SUM = """
SELECT coalesce(sum(CASE direction WHEN 'in' THEN amount ELSE -amount END) FILTER (WHERE why IS NULL), 0)::bigint,
  count(*) FILTER (WHERE why IS NOT NULL) FROM recon_stage
"""
TAKEN_ELSEWHERE = """
SELECT count(*) FROM recon_stage s JOIN recon_line l ON l.natural_key = s.natural_key
  AND l.account = %(account)s AND l.mode <> %(mode)s AND l.mode = ANY (%(modes)s)
"""


def refuse_other_mode(account: str, mode: str, *, sha256: str) -> None:
    """Raises FileRefused for a file that was taken in the other mode: money moved in one of them."""
    other = ReconFile.objects.filter(account=account, sha256=sha256).exclude(mode=mode).first()
    if other is not None:
        raise FileRefused(f"the file was taken in {other.mode} mode: it cannot be of both")


def refuse_other_account(row: ReconFile) -> None:
    """Raises FileRefused when earlier files of the account were of another number, or another account has this one.

    The first file of a bank account tells its number.
    """
    if not row.told_account:
        return
    files = ReconFile.objects.filter(mode=row.mode).exclude(told_account="").exclude(id=row.id)
    earlier = files.filter(account=row.account).exclude(told_account=row.told_account).first()
    if earlier is not None:
        raise FileRefused(f"the file is of {row.told_account}; those of {row.account} were of {earlier.told_account}")
    theirs = files.filter(told_account=row.told_account).exclude(account=row.account)
    # Several providers may well give the same short number.
    other = theirs.filter(account__startswith=row.account.partition(":")[0] + ":").first()
    if other is not None:
        raise FileRefused(f"the file is of {row.told_account}, which is {other.account} here, not {row.account}")


def refuse_unless_whole(cursor: Any, parameters: dict[str, Any]) -> None:
    """Raises FileRefused for a file that ends before its own closing balance, or whose lines the other mode has."""
    cursor.execute(TAKEN_ELSEWHERE, parameters | {"modes": list(MODES)})
    count = cursor.fetchone()[0]
    if count:
        raise FileRefused(f"{count} of its lines were taken in the other mode: the file is not of {parameters['mode']}")
    if parameters["closing"] is not None and parameters["family"] == "statement":
        _refuse_cut(cursor, parameters)


def _refuse_cut(cursor: Any, parameters: dict[str, Any]) -> None:
    closing = Money(parameters["closing"], parameters["currency"])
    cursor.execute(CHAIN, parameters)
    with_balance, ends_there, is_last_unread = cursor.fetchone()
    if with_balance:
        if ends_there < 1 and not is_last_unread:
            raise FileRefused(f"no movement ends at the closing balance of {closing}: the file is cut off")
        return
    cursor.execute(SUM)
    moved, unread = cursor.fetchone()
    if parameters["opening"] is not None and not unread and parameters["opening"] + moved != closing.minor:
        raise FileRefused(
            f"opening balance and movements make {Money(parameters['opening'] + moved, closing.currency)}, and the"
            f" closing balance is {closing}: the file is cut off"
        )


def certain_period(cursor: Any, row: ReconFile) -> None:
    """A file tells everything of its period only when it shows both balances; else from its first line to its last.

    Banks tell days: of the last day of such a file there may be more.
    """
    if row.source in RECEIVABLES or (row.opening is not None and row.closing is not None):
        return
    cursor.execute("SELECT min(occurred_at), max(occurred_at) FROM recon_stage WHERE why IS NULL")
    first, last = cursor.fetchone()
    is_told = row.starts_at is not None or row.source == "bank_csv"
    row.starts_at = max(filter(None, (row.starts_at, first)), default=None) if is_told and first else None
    row.ends_at = min(filter(None, (row.ends_at, last)), default=None) if is_told and last else None
