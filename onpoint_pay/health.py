"""Live and ready: whether the process answers, and whether everything it needs does too."""

from collections.abc import Callable

from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from onpoint_pay.kit.api import json_answer

_migrated = False


@require_safe
def live(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is asked."""
    return json_answer({"status": "ok"})


@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """Database, cache and migrations; 503 names what is missing."""
    checks = {name: _state(check) for name, check in CHECKS.items()}
    healthy = all(state == "ok" for state in checks.values())
    return json_answer({"status": "ok" if healthy else "unavailable", "checks": checks}, 200 if healthy else 503)


def _state(check: Callable[[], bool]) -> str:
    try:
        return "ok" if check() else "missing"
    except Exception:  # noqa: BLE001 - a health check reports every failure the same way
        return "unreachable"


def database_answers() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        return cursor.fetchone() == (1,)


def cache_answers() -> bool:
    cache.set("health", 1, 5)
    return cache.get("health") == 1


def migrations_applied() -> bool:
    """Asked until it is true once: a running process never loses its migrations."""
    global _migrated  # noqa: PLW0603
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


CHECKS: dict[str, Callable[[], bool]] = {
    "database": database_answers,
    "cache": cache_answers,
    "migrations": migrations_applied,
}
