"""Violations planted past every guard, as the owner of the tables."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from payments.services.proof import prove


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
