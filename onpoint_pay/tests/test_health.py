"""Live and ready: whether the process answers, and whether what it needs does."""

import base64
from unittest import mock

from django.db import OperationalError, connection
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext

from onpoint_pay import health
from onpoint_pay.kit.crypto import seal
from onpoint_pay.tests.test_middleware import AWAY

LIVE, READY = "/api/v1/health/live/", "/api/v1/health/ready/"


class Health(TestCase):
    def test_live_asks_nothing(self) -> None:
        with CaptureQueriesContext(connection) as queries, override_settings(CACHES=AWAY):
            answer = self.client.get(LIVE)
        self.assertEqual((answer.status_code, answer.json()), (200, {"status": "ok"}))
        self.assertEqual(len(queries), 0)

    def test_ready(self) -> None:
        answer = self.client.get(READY)
        checks = {"database": "ok", "cache": "ok", "migrations": "ok", "keys": "ok"}
        self.assertEqual((answer.status_code, answer.json()), (200, {"status": "ok", "checks": checks}))

    def test_without_the_cache(self) -> None:
        with override_settings(CACHES=AWAY):
            answer = self.client.get(READY)
        self.assertEqual((answer.status_code, answer.json()["checks"]["cache"]), (503, "unreachable"))
        self.assertEqual((answer.json()["status"], answer.json()["checks"]["database"]), ("unavailable", "ok"))

    def test_without_the_database(self) -> None:
        with mock.patch.object(health.connection, "cursor", side_effect=OperationalError("gone")):
            answer = self.client.get(READY)
        self.assertEqual((answer.status_code, answer.json()["checks"]["database"]), (503, "unreachable"))

    def test_with_a_migration_to_be_applied(self) -> None:
        with mock.patch.object(health, "_migrated", False), mock.patch.object(health, "MigrationExecutor") as executor:
            executor.return_value.migration_plan.return_value = [("payments.0099_later", False)]
            answer = self.client.get(READY)
            self.assertEqual((answer.status_code, answer.json()["checks"]["migrations"]), (503, "missing"))
            executor.return_value.migration_plan.return_value = []
            self.assertEqual(self.client.get(READY).status_code, 200)

    def test_with_a_key_that_is_not_in_the_ring(self) -> None:
        seal("secret", bound_to="somewhere")
        ring = [f"k9:{base64.b64encode(b'9' * 32).decode()}"]
        with override_settings(ENCRYPTION_KEYS=ring):
            answer = self.client.get(READY)
        self.assertEqual((answer.status_code, answer.json()["checks"]["keys"]), (503, "missing"))

    def test_nothing_is_needed_to_ask_and_nothing_counted(self) -> None:
        answer = self.client.get(READY)
        self.assertNotIn("RateLimit", answer)
        self.assertEqual(answer["Cache-Control"], "no-store")
