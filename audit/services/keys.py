"""Changing keys while everybody works: data keys wrapped anew, rows sealed anew, keys that nothing needs any more."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from audit.models import DataKey
from audit.sealed_columns import SEALED_COLUMNS, SealedColumn
from audit.services import record
from onpoint_pay.kit import data_keys
from onpoint_pay.kit.crypto import CannotOpen, seal, unseal
from onpoint_pay.kit.keyring import keyring, newest

log = structlog.get_logger(__name__)
BATCH = 200
# Texts of the first version carry the id of a key of the ring, those of the second that of a data key.
NAMING = "SELECT count(*) FROM {table} t WHERE {text} LIKE %s"
# Rows in the order of their keys, those that are not sealed by the merchant's current data key.
STALE = """
SELECT t.{key}, {text}, {bound_to}, {merchant} FROM {table} t
  LEFT JOIN data_key k ON k.merchant_id IS NOT DISTINCT FROM {merchant} AND k.is_current
  WHERE {text} LIKE 'v_.%%' AND (k.id IS NULL OR {text} NOT LIKE 'v2.' || k.id || '.%%')
    AND (%(after)s::text IS NULL OR t.{key} > %(after)s::{kind}) ORDER BY t.{key} LIMIT %(batch)s
"""
PUT = "UPDATE {table} SET {column} = {put} WHERE {key} = %s AND {column} = {put}"


class KeyInUse(Exception):
    """Something still names the key; `places` say what, with how many."""

    def __init__(self, key: str, places: dict[str, int]) -> None:
        self.places = places
        named = ", ".join(f"{place}: {count}" for place, count in places.items())
        super().__init__(f"{key} is needed by {named}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resealed:
    """Rows sealed anew, and those that could not be opened, by column."""

    done: dict[str, int]
    broken: dict[str, int]


# --- what there is ----------------------------------------------------------------------------------------------------


def uses_of(ring_key: str) -> dict[str, int]:
    """How many rows name this key of the ring: data keys, and texts of the first version, by place."""
    found = {"data_key": DataKey.objects.filter(ring_key=ring_key, wrapped__isnull=False).count()}
    pattern = f"v1.{_escaped(ring_key)}.%"
    for column in SEALED_COLUMNS:
        found[column.name] = _count(column, pattern)
    return {place: count for place, count in found.items() if count}


def named_keys() -> list[str]:
    """Every key of a ring that something names, also those that are not in the keyring any more."""
    names = set(DataKey.objects.filter(wrapped__isnull=False).values_list("ring_key", flat=True))
    with connection.cursor() as cursor:
        for column in SEALED_COLUMNS:
            sql = f"SELECT DISTINCT split_part({column.text}, '.', 2) FROM {column.table} t WHERE {column.text} LIKE %s"  # noqa: S608
            cursor.execute(sql, ["v1.%"])
            names |= {name for (name,) in cursor.fetchall()}
    return sorted(names)


def missing_keys() -> list[str]:
    """Keys that rows need and the keyring does not have: they were taken out of ENCRYPTION_KEYS too early."""
    return [name for name in named_keys() if name not in keyring()]


def _count(column: SealedColumn, pattern: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        cursor.execute(NAMING.format(table=column.table, text=column.text), [pattern])
        return int(cursor.fetchone()[0])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# --- changing it ------------------------------------------------------------------------------------------------------


def rotate(*, actor: str) -> int:
    """Wrap every data key by the newest key of the ring; returns how many. What they seal is not touched.

    Raises CannotOpen when the key of one is not in the keyring.
    """
    ring_key, count = newest(), 0
    while changed := _rotate_batch(ring_key):
        count += changed
    _tell("keys.rotated", actor=actor, ring_key=ring_key, data_keys=count)
    return count


def _rotate_batch(ring_key: str) -> int:
    with transaction.atomic():
        stale = DataKey.objects.exclude(ring_key=ring_key).filter(wrapped__isnull=False).order_by("id")
        rows = list(stale.select_for_update()[:BATCH])
        for row in rows:
            secret = data_keys.unwrap(row.pk, row.merchant_id, row.ring_key, row.wrapped)
            row.ring_key, row.wrapped = data_keys.wrap(row.pk, row.merchant_id, secret)
        DataKey.objects.bulk_update(rows, ["ring_key", "wrapped"])
    return len(rows)


def reseal(
    *, actor: str, new_data_keys: bool = False, progress: Callable[[str, int], None] = lambda place, rows: None
) -> Resealed:
    """Seal every row by its merchant's current data key, a batch at a time; what has been done is not done again.

    Readers and writers go on meanwhile: a row that somebody changes in between keeps what they wrote. With
    `new_data_keys` every merchant gets a new one first.
    """
    if new_data_keys:
        _replace_data_keys()
    done: dict[str, int] = {}
    broken: dict[str, int] = {}
    for column in SEALED_COLUMNS:
        for sealed, failed in _batches(column):
            done[column.name] = done.get(column.name, 0) + sealed
            broken[column.name] = broken.get(column.name, 0) + failed
            progress(column.name, done[column.name])
    broken = {place: count for place, count in broken.items() if count}
    _tell("keys.resealed", actor=actor, rows=done, broken=broken)
    return Resealed(done=done, broken=broken)


def retire(ring_key: str, *, actor: str) -> None:
    """See that nothing needs the key: afterwards it may be taken out of ENCRYPTION_KEYS.

    Raises KeyInUse while something does, and also for the newest, which seals.
    """
    if ring_key == newest():
        raise KeyInUse(ring_key, {"everything that is sealed from now on": 1})
    uses = uses_of(ring_key)
    if uses:
        raise KeyInUse(ring_key, uses)
    _tell("keys.retired", actor=actor, ring_key=ring_key)


def destroy_data_keys(merchant_id: UUID, *, actor: str) -> int:
    """Make everything sealed for the merchant unreadable for good, within a minute; returns how many keys are gone."""
    with transaction.atomic():
        keys = DataKey.objects.filter(merchant_id=merchant_id, wrapped__isnull=False)
        count = keys.update(wrapped=None, is_current=False)
        record(merchant_id=merchant_id, actor=actor, action="keys.destroyed", detail={"data_keys": count})
    data_keys.forget()
    return count


def _replace_data_keys() -> None:
    """The old ones stay and open what they sealed."""
    for merchant_id in DataKey.objects.filter(is_current=True).values_list("merchant_id", flat=True):
        with transaction.atomic():
            DataKey.objects.filter(merchant_id=merchant_id, is_current=True).update(is_current=False)
            data_keys.forget()
            data_keys.sealing_key(merchant_id)
    data_keys.forget()


def _batches(column: SealedColumn) -> Iterator[tuple[int, int]]:
    """Rows sealed anew and rows that do not open, batch by batch."""
    if column.bound_to is None:
        return
    kind = _kind(column)
    sql = STALE.format(
        key=column.key,
        text=column.text,
        table=column.table,
        bound_to=column.bound_to,
        merchant=column.merchant,
        kind=kind,
    )
    after: str | None = None
    while rows := _rows(sql, after, batch=column.batch):
        after = str(rows[-1][0])
        outcomes = [_reseal_row(column, *row) for row in rows]
        yield outcomes.count(True), outcomes.count(None)


def _kind(column: SealedColumn) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT udt_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = %s AND column_name = %s",
            [column.table, column.key],
        )
        return str(cursor.fetchone()[0])


def _rows(sql: str, after: str | None, *, batch: int) -> list[Any]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        cursor.execute(sql, {"after": after, "batch": batch})
        return list(cursor.fetchall())


def _reseal_row(column: SealedColumn, key: Any, sealed: str, bound_to: str, merchant_id: UUID | None) -> bool | None:
    """True when sealed anew, False when somebody was faster, None when it does not open."""
    try:
        plain = unseal(sealed, bound_to=bound_to, merchant_id=merchant_id)
    except CannotOpen:
        log.error("sealed_text_does_not_open", place=column.name, row=str(key))
        return None
    fresh = seal(plain, bound_to=bound_to, merchant_id=merchant_id)
    with connection.cursor() as cursor:
        put = PUT.format(table=column.table, column=column.column, key=column.key, put=column.put)
        cursor.execute(put, [fresh, key, sealed])
        return bool(cursor.rowcount == 1)


def _tell(action: str, *, actor: str, **detail: Any) -> None:
    with transaction.atomic():
        record(merchant_id=None, actor=actor, action=action, detail=detail)
