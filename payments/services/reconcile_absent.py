"""Prompts that nobody can be asked about, and that the statement of their day does not know: nothing was paid."""

from datetime import timedelta
from typing import Any

import orjson
import structlog
from django.db import connection

from onpoint_pay.kit.clock import nairobi, now
from payments.models import MoneyOp
from payments.services.evidence import APPLIED, Answer
from payments.services.failures import NOTHING_ANSWERED
from payments.services.outcome import apply_outcome
from payments.states import OP_ACCEPTED, OP_UNKNOWN
from providers.types import Outcome, OutcomeStatus
from settlements.schedule import end_of
from settlements.selectors.statement_cover import is_covered
from settlements.services.recon_sources import party_digest

log = structlog.get_logger(__name__)
SOURCE = "statement"
CLOCKS, ANSWERED_WITHIN = timedelta(minutes=5), timedelta(hours=1)

# Under its reference; or of the same amount, of this payer or one that is not told, and not known to be another's.
PERHAPS = """
SELECT EXISTS (SELECT 1 FROM recon_line
  WHERE account = %(account)s AND mode = %(mode)s AND family = 'statement' AND direction = 'in' AND kind <> 'charge'
    AND occurred_at >= %(start)s AND (upper(replace(account_reference, ' ', '')) = %(reference)s
      OR (amount = %(amount)s AND state NOT IN ('matched', 'ignored') AND party IN ('', %(party)s))))
"""


def expire_absent(*, account: str, mode: str) -> int:
    """Expire the prompts whose hand-over was lost and whose day the statements tell whole, without them.

    Returns how many. A late success is taken all the same.
    """
    provider, _, shortcode = account.partition(":")
    rows = MoneyOp.objects.filter(
        provider=provider,
        mode=mode,
        kind="charge",
        provider_ref=None,
        status__in=(OP_ACCEPTED, OP_UNKNOWN),
        payment__shortcode=shortcode,
        sent_at__lte=now() - ANSWERED_WITHIN,
    )
    return sum(_expire(op, account) for op in rows.select_related("payment").order_by("id") if _is_absent(op, account))


def _is_absent(op: MoneyOp, account: str) -> bool:
    payment, sent_at = op.payment, op.sent_at
    assert payment is not None and sent_at is not None  # noqa: S101 - charges that were sent
    start, until = sent_at - CLOCKS, max(end_of(nairobi(sent_at).date()), sent_at + ANSWERED_WITHIN)
    if not is_covered(account, op.mode, start=start, end=until):
        return False
    wanted: dict[str, Any] = {"account": account, "mode": op.mode, "start": start, "amount": op.amount}
    reference = (payment.shown_reference or payment.account_reference).replace(" ", "").upper()
    with connection.cursor() as cursor:
        cursor.execute(PERHAPS, wanted | {"reference": reference, "party": party_digest(payment.phone or "")})
        return not cursor.fetchone()[0]


def _expire(op: MoneyOp, account: str) -> bool:
    outcome = Outcome(status=OutcomeStatus.FAILED, failure=NOTHING_ANSWERED)
    body = orjson.dumps({"try": op.client_ref, "account": account, "sent_at": op.sent_at})
    evidence = Answer(door=SOURCE, body=body, dedupe="not on the statement")
    verdict = apply_outcome(op.id, outcome, evidence=evidence, source=SOURCE)
    log.info("not_on_the_statement", op=op.client_ref, verdict=verdict)
    return verdict == APPLIED
