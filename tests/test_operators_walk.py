"""Every address under /operators/ by every role, by nobody and by a merchant's own people: what the table says."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from audit.models import AuditEvent
from audit.operators.pages import OperatorPage
from audit.operators.rights import PLATFORM_ROLES, RIGHTS_OF, Right
from audit.services import record
from merchants.tests.factories import make_member, make_merchant, person_headers
from tests.operator_rows import ROWS
from tests.operator_rows_money import VIEWS_OF_MONEY
from tests.operators import OperatorsTestCase, make_operator, signed_in
from tests.outsiders import route_names

PREFIX = "operators/"
# Open to everybody signed in, and to nobody else.
COMMON = ("index", "logout", "jsi18n", "app_list", "prove", None)
DOOR = "login"
# Addresses of pages beside the usual: each is asked for its own right, in the tests of its page.
OWN_VIEWS = frozenset({"merchants_kycdocument_file"}) | VIEWS_OF_MONEY
# The admin's own that our pages shut for everybody.
SHUT = ("add", "delete", "history")


def addresses() -> list[tuple[str | None, str]]:
    """Name and path of everything under the prefix, as in the URL map."""
    return list(_walk(get_resolver().url_patterns, ""))


def _walk(patterns: Any, before: str) -> Iterator[tuple[str | None, str]]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        elif path.startswith(PREFIX):
            assert isinstance(pattern, URLPattern)
            yield pattern.name, path


def pages() -> dict[str, OperatorPage]:
    """Every registered page by its part of the address."""
    return {f"{model._meta.app_label}/{model._meta.model_name}": page for model, page in admin.site._registry.items()}


class WalkTestCase(OperatorsTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant()
        with transaction.atomic():
            record(merchant_id=self.merchant.id, actor="system", action="merchant.registered")
        self.people = {role: make_operator(role) for role in PLATFORM_ROLES}
        self.clients = {role: signed_in(user) for role, user in self.people.items()}

    def path_of(self, path: str) -> str:
        """With the key of a row where it names one; what a regular expression stands for is filled in by hand."""
        where = path.removeprefix(PREFIX)
        if "(?P<" in where:
            where = "merchants/" if "app_label" in where else "nowhere/"
        place = "/".join(where.split("/")[:2])
        if "<" in where:
            where = re.sub(r"<[a-z]+:object_id>", str(ROWS[place](self.merchant).pk), where)
        self.assertNotIn("<", where)
        return f"/{PREFIX}{where}"


class TheMap(WalkTestCase):
    def test_only_pages_of_ours_are_there(self) -> None:
        for place, page in pages().items():
            self.assertIsInstance(page, OperatorPage, place)
            self.assertIsInstance(page.sees, Right, place)

    def test_each_page_has_a_row_to_walk_over(self) -> None:
        self.assertEqual(set(ROWS), set(pages()))

    def test_nothing_of_it_is_part_of_the_api(self) -> None:
        self.assertFalse([path for _, path, _ in route_names() if path.startswith(PREFIX)])
        self.assertGreater(len(addresses()), 30)

    def test_nobody_signed_in_sees_nothing_of_it(self) -> None:
        owner = person_headers(make_member(self.merchant))
        for name, path in addresses():
            if name == DOOR:
                continue
            for headers in ({}, owner):
                for method in ("get", "post"):
                    with self.subTest(path=path, method=method, headers=bool(headers)):
                        answer = getattr(Client(), method)(self.path_of(path), headers=headers)
                        self.assertEqual(answer.status_code, 302)
                        self.assertTrue(answer["Location"].startswith(("/operators/login/", "/operators/")))
                        self.assertFalse(answer.content)


class Roles(WalkTestCase):
    def test_every_page_by_every_role(self) -> None:
        for place, page in pages().items():
            for role in PLATFORM_ROLES:
                allowed = page.sees in RIGHTS_OF[role]
                row = ROWS[place](self.merchant)
                for where in (f"/{PREFIX}{place}/", f"/{PREFIX}{place}/{row.pk}/change/"):
                    with self.subTest(where=where, role=role):
                        before = AuditEvent.objects.count()
                        answer = self.clients[role].get(where)
                        self.assertEqual(answer.status_code, 200 if allowed else 403)
                        self.assertEqual(answer["Content-Type"], "text/html; charset=utf-8")
                        # A look is on record, and so is a refusal.
                        self.assertGreater(AuditEvent.objects.count(), before)

    def test_every_deed_by_every_role(self) -> None:
        for place, page in pages().items():
            for deed in page.deeds:
                for role in PLATFORM_ROLES:
                    where = f"/{PREFIX}{place}/{ROWS[place](self.merchant).pk}/{deed.name}/"
                    allowed = {page.sees, deed.needs} <= RIGHTS_OF[role]
                    with self.subTest(where=where, role=role):
                        answer = self.clients[role].get(where)
                        self.assertIn(answer.status_code, (200, 409) if allowed else (403,))
                        if not allowed:
                            self.assertEqual(self.clients[role].post(where).status_code, 403)

    def test_unmasking_by_every_role(self) -> None:
        for place, page in pages().items():
            if page.personal:
                for role in PLATFORM_ROLES:
                    where = f"/{PREFIX}{place}/{ROWS[place](self.merchant).pk}/unmask/"
                    allowed = {page.sees, Right.UNMASK} <= RIGHTS_OF[role]
                    with self.subTest(where=where, role=role):
                        self.assertEqual(self.clients[role].get(where).status_code, 200 if allowed else 403)

    def test_nothing_else_is_open_to_anybody(self) -> None:
        """What is left of the map: doors everybody signed in has, and the admin's own that are shut."""
        for name, path in addresses():
            kind = (name or "").rpartition("_")[2]
            if name in COMMON or name == DOOR or kind in ("changelist", "change", "unmask"):
                continue
            if any(path.endswith(f"/{deed.name}/") for page in pages().values() for deed in page.deeds):
                continue
            for role in PLATFORM_ROLES:
                with self.subTest(path=path, role=role):
                    found = self.clients[role].get(self.path_of(path)).status_code
                    if kind in SHUT:
                        self.assertIn(found, (403, 404))
                    else:
                        self.assertIn(found, (200, 403))
                        self.assertIn(name, OWN_VIEWS)

    def test_nothing_is_written_where_the_system_owns_it(self) -> None:
        everybody = signed_in(make_operator(*PLATFORM_ROLES))
        for place in pages():
            row = ROWS[place](self.merchant)
            before = type(row).objects.filter(pk=row.pk).values().get()
            sent = dict.fromkeys(before, "changed") | {"_save": "Save"}
            sent |= {"action": "delete_selected", "_selected_action": str(row.pk)}
            for where in (f"{row.pk}/change/", f"{row.pk}/delete/", "add/", ""):
                with self.subTest(page=place, where=where):
                    answer = everybody.post(f"/{PREFIX}{place}/{where}", sent)
                    # The list has no action to do, and is shown.
                    self.assertEqual(answer.status_code, 403 if where else 200)
                    self.assertEqual(type(row).objects.filter(pk=row.pk).values().get(), before)

    def test_the_shapes_of_what_is_not_there(self) -> None:
        client = self.clients["risk"]
        another = self.people["risk"].id
        for where in (
            "nowhere/",
            "merchants/merchant",
            "merchants/merchant/mer_X/change/",
            f"merchants/merchant/{another}/change/",
            "search/?s=a",
            "password_change/",
            "autocomplete/",
            "r/1/2/",
        ):
            answer = client.get(f"/{PREFIX}{where}")
            self.assertEqual((answer.status_code, answer["Content-Type"]), (404, "text/html; charset=utf-8"), where)
