"""What belongs to another merchant or mode is not there: on every route, for keys and for people."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import orjson
from django.http import HttpResponse
from django.test import override_settings

from merchants.models import Merchant, Role
from merchants.permissions import ALL_SCOPES
from merchants.services import provider_accounts
from merchants.tests.accounts import NOBODY
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.ids import to_public
from payments.tests.factories import StandInProvider, make_payment
from tests.outsiders import CASES, NO_MERCHANT_DATA, ListCase, NamedInBodyCase, ObjectCase, route_names

OTHER_MODE = {"test": "live", "live": "test"}
GOOD = (200, 201, 202, 204)


class TheTable(ApiTestCase):
    def test_every_route_has_its_case_or_its_reason(self) -> None:
        names = [name for name, _, _ in route_names()]
        self.assertEqual([name for name in names if not name], [], "a route without a name")
        self.assertCountEqual(names, [*CASES, *NO_MERCHANT_DATA])
        self.assertTrue(all(len(reason) > 15 for reason in NO_MERCHANT_DATA.values()))

    def test_a_route_with_an_id_has_a_case(self) -> None:
        for name, path, _ in route_names():
            if "<" in path:
                self.assertTrue(isinstance(CASES.get(name), ObjectCase) or name.startswith("callback"), name)


@override_settings(SIMULATOR_URL=NOBODY, MPESA_BASE_URL=NOBODY, MPESA_ENVIRONMENT="production", BASE_URL=NOBODY)
class OutsiderTestCase(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.enterContext(override_settings(EXPORTS_ROOT=Path(folder), KYC_ROOT=Path(folder) / "kyc"))
        self.owner = make_merchant("Duka Bora", live_enabled=True)
        self.stranger = make_merchant("Mama Mboga", live_enabled=True)
        self.person = make_member(self.stranger, Role.OWNER)

    def key_of(self, merchant: Merchant, mode: str) -> dict[str, str]:
        return key_headers(make_api_key(merchant, mode=mode, scopes=sorted(ALL_SCOPES)))

    def outsiders(
        self, mode: str, *, in_person: bool = False, both_modes: bool = False
    ) -> Iterator[tuple[str, dict[str, str]]]:
        """Everybody who must not see what the owner has in this mode, or in both alike."""
        if not in_person:
            yield "key of another merchant", self.key_of(self.stranger, mode)
            yield "key of the other mode", self.key_of(self.owner, OTHER_MODE[mode])
        yield "person of another merchant", person_headers(self.person, mode=mode)
        if both_modes:
            return
        member = make_member(self.owner, Role.OWNER)
        yield "own person in the other mode", person_headers(member, mode=OTHER_MODE[mode])

    def insider(self, mode: str, *, in_person: bool = False) -> dict[str, str]:
        """The owner's key, or a person of theirs where no key gets in."""
        if not in_person:
            return self.key_of(self.owner, mode)
        return person_headers(make_member(self.owner, Role.OWNER), mode=mode)

    def send(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> HttpResponse:
        text = orjson.dumps(body or {})
        answer = self.client.generic(method.upper(), f"/{path}", text, "application/json", headers=headers)
        if answer.streaming:
            return HttpResponse(b"".join(answer.streaming_content), status=answer.status_code)
        return answer


def without_names(answer: HttpResponse) -> dict[str, Any]:
    """The body but for what differs between any two requests."""
    found: dict[str, Any] = answer.json()
    return {name: value for name, value in found.items() if name not in ("request_id", "instance")}


class Objects(OutsiderTestCase):
    def test_each_is_as_if_it_did_not_exist(self) -> None:
        for name, path, methods in route_names():
            case = CASES.get(name)
            if isinstance(case, ObjectCase):
                for mode in OTHER_MODE:
                    self.assert_hidden(case, path, methods, mode=mode)

    def assert_hidden(self, case: ObjectCase, path: str, methods: list[str], *, mode: str) -> None:
        self.assertTrue(methods, path)
        before, _, rest = path.partition("<")
        after = rest.partition(">")[2]
        for method in sorted(methods, key=["get", "patch", "post", "delete"].index):
            body = case.bodies.get(method)
            theirs = case.make(self.owner, mode)
            for who, headers in self.outsiders(mode, in_person=case.in_person, both_modes=case.both_modes):
                with self.subTest(route=path, method=method, mode=mode, who=who):
                    hidden = self.send(method, f"{before}{theirs}{after}", headers, body)
                    absent = self.send(method, f"{before}{case.nonsense()}{after}", headers, body)
                    self.assertEqual(hidden.status_code, 404, hidden.content)
                    self.assertEqual(without_names(hidden), without_names(absent))
                    self.assertNotIn(self.owner.business_name, hidden.content.decode())
            with self.subTest(route=path, method=method, mode=mode, who="owner"):
                insider = self.insider(mode, in_person=case.in_person)
                answer = self.send(method, f"{before}{theirs}{after}", insider, body)
                self.assertIn(answer.status_code, GOOD + case.told, answer.content)
            if case.in_person:
                with self.subTest(route=path, method=method, mode=mode, who="a key"):
                    answer = self.send(method, f"{before}{theirs}{after}", self.key_of(self.owner, mode), body)
                    self.assertEqual(answer.status_code, 403, answer.content)
                    # Some scopes a key may hold are of use to people only.
                    self.assertIn(answer.json()["code"], ("insufficient_scope", "permission_denied"))

    def test_each_name_in_a_body_too(self) -> None:
        for name, path, methods in route_names():
            case = CASES.get(name)
            if isinstance(case, NamedInBodyCase):
                for mode in OTHER_MODE:
                    for theirs in case.make(self.owner, mode):
                        for who, headers in self.outsiders(mode):
                            with self.subTest(route=path, mode=mode, who=who, name=theirs):
                                (method,) = methods
                                hidden = self.send(method, path, headers, case.body(theirs))
                                absent = self.send(method, path, headers, case.body("NOTHING-LIKE-IT"))
                                self.assertEqual(hidden.status_code, 404, hidden.content)
                                self.assertEqual(without_names(hidden), without_names(absent))
                        answer = self.send("post", path, self.key_of(self.owner, mode), case.body(theirs))
                        self.assertIn(answer.status_code, GOOD, answer.content)

    def test_nobody_without_a_key_gets_as_far_as_that(self) -> None:
        for name, path, methods in route_names():
            if name in CASES:
                for method in methods:
                    with self.subTest(route=path, method=method):
                        answer = self.send(method, path.replace("<", "x").replace(">", "x"), {})
                        self.assert_problem(answer, 401, "authentication_required")


class Lists(OutsiderTestCase):
    def test_each_shows_an_outsider_nothing_of_the_owners(self) -> None:
        for name, path, methods in route_names():
            case = CASES.get(name)
            if not isinstance(case, ListCase):
                continue
            self.assertIn("get", methods)
            for mode in OTHER_MODE:
                theirs = [case.make(self.owner, mode) for _ in range(2)]
                owner = self.insider(mode, in_person=case.in_person)
                page = self.send("get", f"{path}?limit=1", owner).json()
                self.assertTrue(page["next_cursor"], path)
                self.assertIn(theirs[-1], self.send("get", path, owner).content.decode())
                for who, headers in self.outsiders(mode, in_person=case.in_person, both_modes=case.both_modes):
                    for query in ({}, case.filters(theirs[0]), {"cursor": page["next_cursor"], "limit": "1"}):
                        with self.subTest(route=path, mode=mode, who=who, query=query):
                            answer = self.client.get(f"/{path}", query, headers=headers)
                            if answer.status_code != 200:  # a cursor may belong to the caller it was made for
                                self.assertIn("cursor", query)
                                self.assert_problem(answer, 400, "cursor_invalid")
                            self.assertFalse({row["id"] for row in answer.json().get("data", [])} & set(theirs))

    def test_filters_by_the_owners_ids_find_nothing(self) -> None:
        payment = make_payment(
            self.owner, status="completed", reference="ORDER-1", callback_url="https://shop.example/paid"
        )
        headers = self.key_of(self.stranger, "test")
        for query in (
            {"reference": payment.reference},
            {"reference": "ORDER-1"},
            {"phone": payment.phone},
            {"q": payment.receipt},
            {"include": "total"},
        ):
            with self.subTest(query=query):
                found = self.client.get("/api/v1/payments/", query, headers=headers).json()
                self.assertEqual((found["data"], found.get("total", 0)), ([], 0))
        endpoint = to_public("whe", payment.callback_endpoint)  # type: ignore[arg-type]
        found = self.client.get("/api/v1/webhook-deliveries/", {"endpoint": endpoint}, headers=headers)
        self.assertEqual(found.json()["data"], [])


class WithoutNames(OutsiderTestCase):
    """Routes that take no name: they are about the caller's own merchant, whoever asks."""

    def test_the_merchant(self) -> None:
        for mode in OTHER_MODE:
            for headers in (self.key_of(self.stranger, mode), person_headers(self.person, mode=mode)):
                found = self.get("merchant/", headers).json()
                self.assertEqual((found["id"], found["business_name"]), (self.stranger.public_id, "Mama Mboga"))

    def test_the_webhook_secret(self) -> None:
        before = self.get("merchant/", self.key_of(self.owner, "test")).json()
        for headers in (self.key_of(self.stranger, "test"), self.key_of(self.owner, "live")):
            self.assertEqual(self.post("merchant/rotate-webhook-secret/", {}, headers).status_code, 200)
        self.assertEqual(self.get("merchant/", self.key_of(self.owner, "test")).json(), before)

    def test_a_reference_of_others_is_not_in_the_way_and_not_told_of(self) -> None:
        theirs = make_payment(self.owner, reference="ORDER-1")
        body = {"amount": 100, "payment_method": "mpesa", "phone": "254712345678", "reference": "ORDER-1"}
        for mode, merchant in (("test", self.stranger), ("live", self.owner)):
            provider = StandInProvider(is_test=mode == "test")
            with mock.patch.object(provider_accounts, "_provider", lambda code, wanted, provider=provider: provider):
                answer = self.post("payments/initiate/", body, self.key_of(merchant, mode))
            self.assertEqual(answer.status_code, 201, answer.content)
            self.assertNotIn(to_public("pay", theirs.id), answer.content.decode())

    def test_a_person_cannot_choose_a_merchant_they_do_not_belong_to(self) -> None:
        headers = person_headers(self.person, merchant=self.owner)
        for name, path, methods in route_names():
            if name in CASES:
                with self.subTest(route=path):
                    answer = self.send(methods[0], path.replace("<", "x").replace(">", "x"), headers)
                    self.assert_problem(answer, 403, "permission_denied")

    def test_a_person_of_both_sees_each_on_its_own(self) -> None:
        theirs, other = make_payment(self.owner), make_payment(self.stranger)
        make_member(self.owner, Role.VIEWER, self.person)
        for merchant, mine, hidden in ((self.owner, theirs, other), (self.stranger, other, theirs)):
            headers = person_headers(self.person, merchant=merchant)
            self.assertEqual(self.get(f"payments/{to_public('pay', mine.id)}/", headers).status_code, 200)
            self.assert_problem(self.get(f"payments/{to_public('pay', hidden.id)}/", headers), 404, "payment_not_found")
