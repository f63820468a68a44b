"""How long what is kept: one rule for each thing that has an end, as SQL that counts and SQL that ends it.

Money, states and the audit trail have none: they are archived after seven years, and stay (see archive).
"""

from dataclasses import dataclass

MONTH = 31
# With the days of two leap years.
SEVEN_YEARS = 7 * 365 + 2
CLOSED = "t.status IN ('completed', 'reversed', 'failed', 'cancelled', 'expired')"
# Nobody asks any more what the line is.
DECIDED = "state IN ('matched', 'ignored')"
# The form of what the database lets stand in the place of a text that is fixed otherwise.
ERASED = "erased00000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Rows of table `t` for which `over` holds, `days` old by the column `at`.

    `change` is what becomes of a batch of them: an UPDATE's assignments, or None for rows that are deleted. With
    `by_hand` the service knows how. `words` say it to people.
    """

    table: str
    days: int
    at: str
    words: str
    over: str = "true"
    change: str | None = None
    key: str = "t.id"
    by_hand: bool = False


FORGET_OBJECT = """body = jsonb_set(jsonb_set(t.body::jsonb, '{data,previous}', 'null'), '{data,object}',
  jsonb_build_object('id', t.body::jsonb #> '{data,object,id}', 'object', t.body::jsonb #> '{data,object,object}',
    'expired', true))::text"""
RULES = (
    Rule(
        table="webhooks_event",
        days=90,
        at="t.created_at",
        words="bodies emptied, but for the object's id",
        over=(
            "t.body NOT LIKE '%%\"expired\": true%%' AND NOT EXISTS (SELECT FROM webhooks_delivery d"
            " WHERE d.event_id = t.id AND d.state IN ('open', 'held'))"
        ),
        change=FORGET_OBJECT,
    ),
    Rule(
        table="provider_event",
        days=13 * MONTH,
        at="t.received_at",
        words="personal fields of bodies blanked, digest kept",
        over="t.body_sha256 IS NULL AND t.status NOT IN ('new', 'orphan')",
        by_hand=True,
    ),
    Rule(
        table="transactions",
        days=24 * MONTH,
        at="t.created_at",
        words="phone, e-mail and name blanked, in checkout ids too; keyed digest kept",
        over=f"coalesce(t.phone, t.phone_hash, t.payer_name, t.email) IS NOT NULL AND {CLOSED}",
        by_hand=True,
    ),
    Rule(
        table="refunds",
        days=24 * MONTH,
        at="t.created_at",
        words="phone blanked",
        over="t.phone IS NOT NULL AND t.status IN ('completed', 'failed', 'cancelled')",
        change="phone = NULL",
    ),
    Rule(
        table="c2b_receipt",
        days=24 * MONTH,
        at="t.received_at",
        words="phone and name blanked",
        over="coalesce(t.phone, t.phone_hash, t.phone_masked, t.payer_name) IS NOT NULL AND t.state = 'matched'",
        change="phone = NULL, phone_hash = NULL, phone_masked = NULL, payer_name = NULL",
    ),
    Rule(
        table="recon_line",
        days=24 * MONTH,
        at="t.occurred_at",
        words="words and account numbers blanked, keyed digest of the other party kept",
        over=f"t.{DECIDED} AND (t.narrative <> '' OR t.account_reference NOT IN ('', '{ERASED}'))",
        change=f"narrative = '', account_reference = CASE t.account_reference WHEN '' THEN '' ELSE '{ERASED}' END",
    ),
    Rule(
        table="recon_file_part",
        days=13 * MONTH,
        at="(SELECT f.imported_at FROM recon_file f WHERE f.id = t.file_id)",
        words="statement files deleted, digest and lines kept",
        over=(
            f"NOT EXISTS (SELECT FROM recon_line l WHERE l.file_id = t.file_id AND NOT l.{DECIDED})"  # noqa: S608 - constants
            " AND NOT EXISTS (SELECT FROM recon_exception x WHERE x.file_id = t.file_id AND x.status <> 'closed')"
        ),
    ),
    Rule(
        table="recon_exception",
        days=24 * MONTH,
        at="t.closed_at",
        words="lines that could not be read blanked",
        over="t.status = 'closed' AND t.detail->>'text' IS NOT NULL",
        change="detail = t.detail - 'text'",
    ),
    Rule(
        table="bulk_line",
        days=24 * MONTH,
        at="t.finished_at",
        words="what was asked for is emptied",
        over="t.request <> '{}' AND t.status IN ('sent', 'refused')",
        change="request = '{}'",
    ),
    Rule(
        table="merchants_kyc_document",
        days=SEVEN_YEARS,
        at="(SELECT m.closed_at FROM merchants_merchant m WHERE m.id = t.merchant_id)",
        words="papers shredded, counted from the day the account was closed: their keys are destroyed",
        over="t.data_key IS NOT NULL",
        by_hand=True,
    ),
    Rule(
        table="merchants_idempotency_key",
        days=7,
        at="t.created_at",
        words="deleted",
    ),
    Rule(
        table="audit_origin",
        days=13 * MONTH,
        at="t.at",
        words="addresses deleted, keyed digests stay in the chain",
        key="t.ctid",
    ),
    Rule(
        table="audit_checkpoint",
        days=13 * MONTH,
        at="t.at",
        words="copies deleted, files stay",
        key="t.number",
    ),
)
# Ended by jobs of their own.
ELSEWHERE = {
    "webhooks_attempt": "WEBHOOK_ATTEMPTS_KEPT_DAYS, hourly, a day's partition at a time",
    "request_log": "30 days, hourly, a day's partition at a time",
    "export": "files after 24 hours",
    "merchants_session": "30 days after their end, hourly",
}
