"""What is proved each morning, before anything is settled: every float and bank account, and that all owed is held."""

from datetime import date, timedelta

import structlog
from django.db import connection

from audit.services import record
from onpoint_pay.kit.clock import nairobi, now
from settlements.models import ReconException, ReconFile
from settlements.schedule import is_business_day
from settlements.selectors.settlement_terms import holidays
from settlements.services.float_proof import Proof, prove_account
from settlements.services.recon_checks import RECEIVABLES
from settlements.services.safeguarding import Safeguard, safeguarding_report
from settlements.states import RECON_CLOSED, RECON_QUEUE

log = structlog.get_logger(__name__)
ONE_DAY = timedelta(days=1)
# A file of a longer time proves its last days: older ones have been settled.
MOST_DAYS = 31

# Wherever money of ours lies, and wherever a statement is of.
ACCOUNTS = """
SELECT DISTINCT regexp_replace(sub, ':[0-9]{2}$', ''), mode, currency FROM ledger_account
  WHERE kind = 'provider_float' AND (debits <> 0 OR credits <> 0)
UNION SELECT 'bank:' || sub, mode, currency FROM ledger_account WHERE kind = 'bank' AND (debits <> 0 OR credits <> 0)
UNION SELECT account, mode, currency FROM recon_file
  WHERE source NOT IN ('pull', 'paystack', 'flutterwave')
ORDER BY 1, 2, 3
"""


def prove_day(day: date | None = None) -> list[Proof]:
    """Prove every account at the end of a day in Nairobi, yesterday without one; what is red is logged as an error."""
    day = day or nairobi(now()).date() - ONE_DAY
    with connection.cursor() as cursor:
        cursor.execute(ACCOUNTS)
        accounts = cursor.fetchall()
    found = []
    for account, mode, currency in accounts:
        proof = prove_account(account, day, mode=mode, currency=currency)
        found.append(proof)
        if not proof.is_green:
            told = {"account": account, "mode": mode, "day": day.isoformat(), "unexplained": proof.unexplained}
            (log.warning if proof.provider_balance is None else log.error)("float_not_proved", **told)
    return found


def prove_period(account: str, *, mode: str, currency: str, first: date, last: date) -> list[Proof]:
    """Prove one account on each of these days: a statement that came late proves what could not be proved before."""
    days = [first + ONE_DAY * number for number in range((last - first).days + 1)]
    return [prove_account(account, day, mode=mode, currency=currency) for day in days]


def prove_file(row: ReconFile) -> list[Proof]:
    """Each day that a statement tells whole, for the settlement of that day to go by; of a long one the last days."""
    if row.starts_at is None or row.ends_at is None or row.account.partition(":")[0] in RECEIVABLES:
        return []
    first, last = nairobi(row.starts_at).date(), nairobi(row.ends_at - timedelta(microseconds=1)).date()
    last = min(last, nairobi(now()).date())
    first = max(first, last - ONE_DAY * (MOST_DAYS - 1))
    return prove_period(row.account, mode=row.mode, currency=row.currency, first=first, last=last)


def report_safeguarding() -> list[Safeguard]:
    """Compare what is owed with what is held, and keep what was found in the audit log; less held is an error."""
    rows = safeguarding_report()
    for row in rows:
        (log.info if row.is_covered else log.error)("safeguarding", **row.report())
    detail = {"rows": [row.report() for row in rows]}
    record(merchant_id=None, actor="system", action="safeguarding.reported", detail=detail)
    return rows


def unowned_exceptions() -> int:
    """How many open exceptions nobody has taken within one business day; each morning there should be none."""
    free, day, business = holidays(), nairobi(now()).date(), 0
    while business < 1:
        day -= ONE_DAY
        business += is_business_day(day, free)
    rows = ReconException.objects.filter(owner=RECON_QUEUE, opened_at__date__lt=day).exclude(status=RECON_CLOSED)
    count = rows.count()
    if count:
        log.error("exceptions_without_owner", count=count)
    return count


def prove_morning() -> None:
    """All of it, as the job of each morning does."""
    prove_day()
    report_safeguarding()
    unowned_exceptions()
