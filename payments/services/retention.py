"""Letting go of what has been kept long enough: counted first, a batch at a time, and written down."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import structlog
from django.db import connection, transaction

from audit.services import record
from merchants.services.kyc_shredding import shred_documents
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.redact import redact_text
from payments.services.privacy_subject import payer_digest
from payments.services.retention_rules import RULES, Rule
from providers.errors import NotSupported
from providers.registry import parser_for

log = structlog.get_logger(__name__)
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One rule, and how many rows it concerned."""

    rule: Rule
    rows: int


def due() -> list[Kept]:
    """What a run would do now; nothing is changed."""
    return [Kept(rule=rule, rows=_count(rule, _before(rule))) for rule in RULES]


def apply(*, actor: str) -> list[Kept]:
    """Do it. Each batch commits alone, so a run that is cut off has done what it did; one link of the audit trail."""
    done = [Kept(rule=rule, rows=_apply(rule, _before(rule))) for rule in RULES]
    rows = {kept.rule.table: kept.rows for kept in done if kept.rows}
    with transaction.atomic():
        record(merchant_id=None, actor=actor, action="retention.applied", detail={"rows": rows})
    log.info("retention_applied", rows=rows)
    return done


def _before(rule: Rule) -> datetime:
    return now() - timedelta(days=rule.days)


def _count(rule: Rule, before: datetime) -> int:
    sql = f"SELECT count(*) FROM {rule.table} t WHERE {rule.at} < %s AND {rule.over}"  # noqa: S608 - constants of RULES
    return int(_execute(sql, [before])[0][0])


def _apply(rule: Rule, before: datetime) -> int:
    """The rows of one instant: what grows old meanwhile waits for the next run."""
    work = BY_HAND[rule.table] if rule.by_hand else _change
    total = 0
    while changed := work(rule, before):
        total += changed
    return total


def _change(rule: Rule, before: datetime) -> int:
    chosen = (
        f"SELECT {rule.key} FROM {rule.table} t WHERE {rule.at} < %s AND {rule.over}"  # noqa: S608 - constants of RULES
        f" LIMIT {BATCH} FOR UPDATE SKIP LOCKED"
    )
    act = f"DELETE FROM {rule.table} t" if rule.change is None else f"UPDATE {rule.table} t SET {rule.change}"  # noqa: S608
    return len(_execute(f"{act} WHERE {rule.key} = ANY(ARRAY({chosen})) RETURNING 1", [before]))


def _execute(sql: str, values: list[Any]) -> list[Any]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '5min'")
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _rows(cursor: Any, rule: Rule, before: datetime, columns: str) -> list[Any]:
    cursor.execute("SET LOCAL statement_timeout = '5min'")
    sql = f"SELECT {columns} FROM {rule.table} t WHERE {rule.at} < %s AND {rule.over}"  # noqa: S608 - constants of RULES
    cursor.execute(f"{sql} ORDER BY t.id LIMIT {BATCH} FOR UPDATE SKIP LOCKED", [before])
    return list(cursor.fetchall())


def _blank_bodies(rule: Rule, before: datetime) -> int:
    """What providers said, without whom they said it of."""
    with transaction.atomic(), connection.cursor() as cursor:
        rows = _rows(cursor, rule, before, "t.id, t.provider, t.body, t.dedupe")
        for key, provider, body, dedupe in rows:
            cursor.execute(
                "UPDATE provider_event SET body = %s, body_sha256 = %s, dedupe = %s WHERE id = %s",
                [_blanked(provider, bytes(body)), sha256(bytes(body)).digest(), _masked(dedupe), key],
            )
    return len(rows)


def _blanked(provider: str, body: bytes) -> bytes:
    try:
        return parser_for(provider).without_personal(body)
    except NotSupported:
        return b""


def _masked(dedupe: str) -> str:
    """A checkout id ends in the payer's number; two that look alike without it must stay two."""
    masked = redact_text(dedupe)
    return dedupe if masked == dedupe else f"{masked}:{sha256(dedupe.encode()).hexdigest()[:16]}"


def _blank_payers(rule: Rule, before: datetime) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        rows = _rows(cursor, rule, before, "t.id, t.merchant_id, t.phone, t.email")
        for key, merchant_id, *texts in rows:
            digests = [payer_digest(merchant_id, text.lower()) if text else None for text in texts]
            cursor.execute(
                "UPDATE transactions SET phone = NULL, phone_hash = NULL, payer_name = NULL, email = NULL,"
                " phone_digest = coalesce(phone_digest, %s), email_digest = coalesce(email_digest, %s),"
                " version = version + 1 WHERE id = %s",
                [*digests, key],
            )
            _mask_checkout_ids(cursor, key)
    return len(rows)


def _mask_checkout_ids(cursor: Any, payment_id: Any) -> None:
    """They end in the payer's number."""
    cursor.execute("SELECT provider_reference FROM transactions WHERE id = %s", [payment_id])
    ((reference,),) = cursor.fetchall()
    if reference and _masked(reference) != reference:
        cursor.execute(
            "UPDATE transactions SET provider_reference = %s WHERE id = %s", [_masked(reference), payment_id]
        )
    cursor.execute("SELECT id, provider_ref FROM money_op WHERE payment_id = %s AND provider_ref <> ''", [payment_id])
    for key, text in cursor.fetchall():
        if _masked(text) != text:
            cursor.execute("UPDATE money_op SET provider_ref = %s WHERE id = %s", [_masked(text), key])


def _shred_papers(rule: Rule, before: datetime) -> int:
    return shred_documents(before)


BY_HAND: dict[str, Callable[[Rule, datetime], int]] = {
    "provider_event": _blank_bodies,
    "transactions": _blank_payers,
    "merchants_kyc_document": _shred_papers,
}
