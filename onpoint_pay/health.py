"""Live and ready: whether the process answers, and whether everything it needs does too."""

from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from onpoint_pay import openapi_texts_people as texts
from onpoint_pay.kit.api import json_answer
from onpoint_pay.kit.keyring import keyring

_migrated = False


class ChecksSerializer(serializers.Serializer[Any]):
    """What the process needs: each `ok`, `missing` or `unreachable`."""

    database = serializers.CharField()
    cache = serializers.CharField()
    migrations = serializers.CharField()
    keys = serializers.CharField()


@extend_schema_serializer(examples=[OpenApiExample("Answers", value=texts.LIVE_EXAMPLE)])
class LiveSerializer(serializers.Serializer[Any]):
    status = serializers.CharField(help_text="ok.")


@extend_schema_serializer(
    examples=[
        OpenApiExample("All is well", value=texts.READY_EXAMPLE, status_codes=["200"]),
        OpenApiExample("Not now", value=texts.UNREADY_EXAMPLE, status_codes=["503"]),
    ]
)
class ReadySerializer(serializers.Serializer[Any]):
    status = serializers.CharField(help_text="ok or unavailable.")
    checks = ChecksSerializer()


class HealthViewSet(ViewSet):
    """Open to everybody and counted against no limit: whoever watches has no key."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="health_live", summary="The process answers", responses=LiveSerializer)
    def live(self, request: Request) -> HttpResponse:
        return json_answer({"status": "ok"})

    @extend_schema(
        operation_id="health_ready",
        summary="Database, cache and migrations are there",
        responses={200: ReadySerializer, 503: ReadySerializer},
    )
    def ready(self, request: Request) -> HttpResponse:
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


def keys_are_there() -> bool:
    """Nothing sealed can be read without the keys that its data keys name: they left ENCRYPTION_KEYS too early."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT ring_key FROM data_key WHERE wrapped IS NOT NULL")
        return {name for (name,) in cursor.fetchall()} <= keyring().keys()


CHECKS: dict[str, Callable[[], bool]] = {
    "database": database_answers,
    "cache": cache_answers,
    "migrations": migrations_applied,
    "keys": keys_are_there,
}
