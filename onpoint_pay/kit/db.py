"""Base model, merchant-scoped manager, database helpers for roles and triggers."""

import random
import time
from collections.abc import Callable
from typing import Any, Self, TypeVar
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, models, transaction

from onpoint_pay.kit.ids import new_id

T = TypeVar("T")
# Deadlock and serialization failure: PostgreSQL undid the whole unit, so it may be done again.
RETRY_STATES = {"40001", "40P01"}
ATTEMPTS = 3


class UUIDv7(models.Func):
    """PostgreSQL's own time-ordered key, for rows that a database function inserts."""

    function = "uuidv7"
    output_field = models.UUIDField()
    allowed_default = True


class ScopedQuerySet(models.QuerySet[Any]):
    """Rows of one merchant in one mode: the only way a view may reach them."""

    def scoped(self, merchant_id: UUID, mode: str) -> Self:
        return self.filter(merchant_id=merchant_id, mode=mode)


class KeyedModel(models.Model):
    """A row with a time-ordered key that its public id encodes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


def retry_unit(unit: Callable[[], T], *, attempts: int = ATTEMPTS) -> T:
    """Run one whole transaction, again when PostgreSQL undid it to end a deadlock or to keep transactions apart.

    Raises the last OperationalError. Inside another transaction nothing is repeated: only its owner can begin again.
    """

    def transaction_of_its_own() -> T:
        with transaction.atomic():
            return unit()

    return _repeat(transaction_of_its_own, attempts=attempts)


def _repeat(whole: Callable[[], T], *, attempts: int = ATTEMPTS) -> T:
    for attempt in range(1, attempts + 1):
        try:
            return whole()
        except OperationalError as error:
            state = getattr(error.__cause__, "pgcode", None)
            if state not in RETRY_STATES or attempt == attempts or connection.in_atomic_block:
                raise
            # Two transactions that collided must not collide again in step.
            time.sleep(random.uniform(0.005, 0.05) * attempt)  # noqa: S311
    raise AssertionError("unreachable")


def fetch_one(sql: str, parameters: dict[str, Any]) -> dict[str, Any] | None:
    """First row of a hand-written statement as a dictionary. On its own it is a whole unit, and repeated like one."""

    def statement() -> dict[str, Any] | None:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            row = cursor.fetchone()
            if row is None:
                return None
            return dict(zip([column.name for column in cursor.description], row, strict=True))

    return _repeat(statement)


def broke(error: IntegrityError, constraint: str) -> bool:
    """Whether it was this constraint that refused."""
    diagnosis = getattr(error.__cause__, "diag", None)
    return getattr(diagnosis, "constraint_name", None) == constraint


def role_exists(cursor: Any, role: str) -> bool:
    cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    return cursor.fetchone() is not None


def grant_application_role(read_only: tuple[str, ...] = (), doors: tuple[str, ...] = ()) -> Callable[[Any, Any], None]:
    """A migration step: the application role works on all tables, may only read those named, or may call the functions
    named, which not everybody may.

    Says nothing when the role does not exist: a single-role installation stands on the triggers alone.
    """

    def step(apps: Any, schema_editor: Any) -> None:
        with schema_editor.connection.cursor() as cursor:
            if role_exists(cursor, settings.DATABASE_APP_ROLE):
                tables = _tables_without_rights(cursor, settings.DATABASE_APP_ROLE)
                role = schema_editor.quote_name(settings.DATABASE_APP_ROLE)
                for statement in privilege_statements(role, tables, read_only, doors):
                    cursor.execute(statement)

    return step


def _tables_without_rights(cursor: Any, role: str) -> list[str]:
    """Only these are granted: a table the role can read may have lost its other rights on purpose."""
    cursor.execute(
        "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND relkind IN ('r', 'p') AND NOT has_table_privilege(%s, oid, 'SELECT')",
        [role],
    )
    return [name for (name,) in cursor.fetchall()]


def privilege_statements(
    role: str, tables: list[str], read_only: tuple[str, ...], doors: tuple[str, ...] = ()
) -> list[str]:
    if read_only:
        return [f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON {', '.join(read_only)} FROM {role}"]
    if doors:
        return [f"GRANT EXECUTE ON FUNCTION {', '.join(doors)} TO {role}"]
    statements = [
        f"GRANT USAGE ON SCHEMA public TO {role}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {role}",
    ]
    if tables:
        statements.append(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(tables)} TO {role}")
    return statements
