"""Violations planted past every guard, as the owner of the tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from payments.invariants import INVARIANTS
from payments.services.proof import prove

GUARDED = (
    *("transactions", "refunds", "money_op", "payouts", "settlement", "settlement_line", "day_statement"),
    *("state_history", "ledger_account", "ledger_transfer", "ledger_entry", "provider_event"),
)


def execute(sql: str, *parameters: object) -> int:
    """A statement as the owner; how many rows it changed."""
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return int(cursor.rowcount)


def broken() -> set[str]:
    return {finding.invariant.name for finding in prove() if finding.rows}


@contextmanager
def unguarded(*tables: str) -> Iterator[None]:
    """The triggers of these tables sleep."""
    for table in tables:
        execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    try:
        yield
    finally:
        for table in tables:
            execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def found_after(name: str, *statements: str) -> list[tuple[object, ...]]:
    """What one invariant finds after these statements, made past every trigger; all of it is undone.

    What drops a constraint may stand among them.
    """
    (sql,) = [invariant.sql for invariant in INVARIANTS if invariant.name == name]
    with transaction.atomic(), connection.cursor() as cursor:
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in statements:
            cursor.execute(statement)
            assert cursor.rowcount, f"it changes nothing: {statement}"
        cursor.execute(f"SELECT * FROM ({sql}) found")
        rows = cursor.fetchall()
        transaction.set_rollback(True)
    return rows
