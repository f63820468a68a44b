"""Everybody who could ask, and what each of them hears, for the probe of who may do what."""

import re
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from merchants.models import Role
from merchants.permissions import ALL_SCOPES
from merchants.selectors import records
from merchants.tests.accounts import NOBODY
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from tests.outsiders import CASES, ObjectCase, route_names

Headers = dict[str, str]
OTHER_MODE = {"test": "live", "live": "test"}
NO_LIMITS = {name: "99999/1m" for name in settings.RATE_LIMITS}
# What differs between any two answers, or between any two moments.
OF_THE_MOMENT = {"request_id", "as_of", "at", "last_seen_at", "last_used_at", "from", "to"}
COUNTED = ("Request-Id", "RateLimit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "Content-Length")


@override_settings(
    SIMULATOR_URL=NOBODY, MPESA_BASE_URL=NOBODY, MPESA_ENVIRONMENT="production", BASE_URL=NOBODY, RATE_LIMITS=NO_LIMITS
)
class ProbeCase(ApiTestCase):
    """Two merchants, the people and keys of both, and objects of the first that are made once in each mode."""

    @classmethod
    def setUpTestData(cls) -> None:
        cls.shop = make_merchant("Duka Bora", live_enabled=True)
        cls.stranger = make_merchant("Mama Mboga", live_enabled=True)
        cls.people = {role: make_member(cls.shop, role) for role in Role.values}
        cls.outside = make_member(cls.stranger, Role.OWNER)

    def setUp(self) -> None:
        super().setUp()
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(override_settings(EXPORTS_ROOT=Path(folder)))
        # Nothing is read anew, however slow the machine: statements are counted.
        for name in ("KEY_SECONDS", "SEAT_SECONDS"):
            self.enterContext(mock.patch.object(records, name, 3600))
        # Each of these is made once per test: a key or a session costs more than asking with it.
        self.key = cache(self._key)
        self.person = cache(self._person)
        self.stranger_person = cache(self._stranger_person)
        self.placeless = cache(self._placeless)
        self.object_of = cache(lambda make, mode: make(self.shop, mode))

    def _key(self, mode: str, scopes: frozenset[str] | None = None, *, stranger: bool = False) -> Headers:
        """A secret key with the usual scopes, or a restricted one with just these."""
        merchant = self.stranger if stranger else self.shop
        if scopes is None:
            return key_headers(make_api_key(merchant, mode=mode))
        return key_headers(make_api_key(merchant, mode=mode, scopes=sorted(scopes), kind="restricted"))

    def _person(self, role: str, mode: str) -> Headers:
        return person_headers(self.people[role], mode=mode)

    def _stranger_person(self, mode: str) -> Headers:
        return person_headers(self.outside, mode=mode)

    def somebody(self, role: str, mode: str) -> Headers:
        return person_headers(make_member(self.shop, role), mode=mode)

    def _placeless(self, mode: str) -> Headers:
        """A person of another business who names this one."""
        return person_headers(self.outside, mode=mode, merchant=self.shop)

    def ask(self, method: str, path: str, headers: Headers, body: Any = None) -> HttpResponse:
        answer = self.client.generic(
            method.upper(), f"/{path}", orjson.dumps(body or {}), "application/json", headers=headers
        )
        if answer.streaming:
            return HttpResponse(b"".join(answer.streaming_content), status=answer.status_code)
        return answer


def operations() -> Iterator[tuple[str, str, str]]:
    """Name, method and path of everything in the URL map that is a viewset's."""
    for name, path, methods in route_names():
        for method in methods:
            yield name, method, path


def filled(path: str, name: str) -> str:
    """The path with `name` in place of what it names."""
    return re.sub(r"<[^>]+>", name, path)


def nobody_of(name: str) -> str:
    """The name of something that is not there, as this route takes names."""
    case = CASES.get(name)
    return case.nonsense() if isinstance(case, ObjectCase) else ""


def everything_but(scope: str) -> frozenset[str]:
    return frozenset(ALL_SCOPES - {scope})


# --- what is seen -----------------------------------------------------------------------------------------------------


def seen(answer: HttpResponse, name: str) -> dict[str, Any]:
    """Status, headers and body of an answer, but for the moment and for the `name` that was asked for."""
    headers = {key: value.replace(name, "…") if name else value for key, value in answer.items() if key not in COUNTED}
    text = answer.content.decode()
    body = _timeless(orjson.loads(text.replace(name, "…") if name else text)) if _is_json(answer) else text
    return {"status": answer.status_code, "headers": headers, "body": body}


def _is_json(answer: HttpResponse) -> bool:
    return "json" in answer.get("Content-Type", "")


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(inner) for key, inner in value.items() if key not in OF_THE_MOMENT}
    return [_timeless(inner) for inner in value] if isinstance(value, list) else value


class Statements(CaptureQueriesContext):
    """What the database is asked meanwhile; savepoints are statements too."""

    def __init__(self) -> None:
        super().__init__(connection)

    @property
    def kinds(self) -> list[str]:
        """Each statement without its values and the names of savepoints."""
        return [re.sub(r"'[^']*'|s\d+_x\d+|\d+", "?", query["sql"])[:80] for query in self.captured_queries]
