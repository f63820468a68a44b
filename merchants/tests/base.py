"""What the API tests of this room share."""

from typing import Any

from django.core.cache import cache
from django.http import HttpResponse
from django.test import TestCase, TransactionTestCase

AWAY = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        # The discard port: nothing of ours ever listens there.
        "LOCATION": "redis://127.0.0.1:9/0",
        "OPTIONS": {"socket_connect_timeout": 0.2},
    }
}


class ApiCalls:
    """Short calls of `/api/v1/`, each from an empty cache at the start of a test."""

    client: Any

    def setUp(self) -> None:
        super().setUp()  # type: ignore[misc]
        cache.clear()

    def get(self, path: str, headers: dict[str, str] | None = None, **extra: Any) -> HttpResponse:
        return self.client.get(f"/api/v1/{path}", headers=headers, **extra)

    def post(self, path: str, body: Any = None, headers: dict[str, str] | None = None, **extra: Any) -> HttpResponse:
        return self.client.post(f"/api/v1/{path}", body or {}, "application/json", headers=headers, **extra)

    def patch(self, path: str, body: Any, headers: dict[str, str] | None = None) -> HttpResponse:
        return self.client.patch(f"/api/v1/{path}", body, "application/json", headers=headers)

    def delete(self, path: str, headers: dict[str, str] | None = None) -> HttpResponse:
        return self.client.delete(f"/api/v1/{path}", headers=headers)

    def assert_problem(self, answer: HttpResponse, status: int, code: str) -> dict[str, Any]:
        found = answer.json()
        self.assertEqual((answer.status_code, found.get("code")), (status, code), found)  # type: ignore[attr-defined]
        self.assertEqual(answer["Content-Type"], "application/problem+json")  # type: ignore[attr-defined]
        return found


class ApiTestCase(ApiCalls, TestCase):
    """Everything rolled back after each test; nothing happens on commit unless captured."""


class CommittingTestCase(ApiCalls, TransactionTestCase):
    """Real commits, for what happens after them and for threads."""
