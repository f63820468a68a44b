"""The OpenAPI document and the page that shows it."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from django.test import SimpleTestCase, TestCase
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from onpoint_pay.kit.api import problem_body
from onpoint_pay.kit.errors import CODES, Problem
from onpoint_pay.openapi_problems import SIGNED_IN_CODES, problem_answers
from webhooks.events import EMITTED

# These name an object in what is sent, or in the query.
NAMED_IN_BODY = (
    "payments/status",
    "payments/refund",
    "payments/quote",
    "post /api/v1/c2b/claims",
    "post /api/v1/payouts",
    "post /api/v1/payout-batches",
    "get /api/v1/audit/checkpoints/receipt",
    "post /api/v1/reconciliation/runs",
    # What it comes in the place of.
    "post /api/v1/kyc/documents/",
    # Whom to add, by the address they registered with.
    "post /api/v1/team/",
)
METHODS = {"get", "post", "put", "patch", "delete"}


@cache
def document() -> dict[str, Any]:
    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, found in document()["paths"].items():
        for method, operation in found.items():
            yield f"{method} {path}", operation


def faults_of(value: Any, schema: dict[str, Any]) -> list[str]:
    whole = schema | {"components": document()["components"]}
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


class Operations(SimpleTestCase):
    def test_each_says_what_it_does(self) -> None:
        tags = {tag["name"] for tag in document()["tags"]}
        self.assertTrue(all(tag["description"] for tag in document()["tags"]))
        names = [operation["operationId"] for _, operation in operations()]
        self.assertEqual(len(set(names)), len(names))
        for place, operation in operations():
            with self.subTest(place):
                self.assertRegex(operation["operationId"], r"^[a-z]+(_([a-z]+|c2b))*$")
                self.assertTrue(operation["summary"])
                self.assertEqual(len(operation["tags"]), 1)
                self.assertLessEqual(set(operation["tags"]), tags)
                self.assertIn(operation["security"], ([{"bearer": []}], [{}]))

    def test_each_says_how_it_may_refuse(self) -> None:
        for place, operation in operations():
            with self.subTest(place):
                answers = operation["responses"]
                self.assertIn("default", answers)
                is_open = operation["security"] == [{}]
                opens_session = any(door in place for door in ("login", "2fa/verify"))
                self.assertEqual({"401", "403", "429"} <= set(answers), not is_open or opens_session)
                named_in_body = any(path in place for path in NAMED_IN_BODY) and "invitations" not in place
                self.assertEqual("404" in answers, "{" in place or named_in_body)
                if "requestBody" in operation:
                    self.assertIn("400", answers)
                keyed = any(each["name"] == "Idempotency-Key" for each in operation.get("parameters", []))
                self.assertEqual("422" in answers, keyed)

    def test_each_shows_what_is_sent_and_what_comes_back(self) -> None:
        for place, operation in operations():
            good = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            for side in (operation.get("requestBody", {}), *good):
                for media, told in side.get("content", {}).items():
                    # A file of another kind shows nothing on a page, and any JSON may be in one.
                    is_shown = media == "application/json" and told["schema"].get("type") != "string"
                    with self.subTest(place, media=media):
                        self.assertTrue(told.get("examples") or not is_shown)

    def test_lists_are_objects(self) -> None:
        for place, operation in operations():
            schema = operation["responses"].get("200", {}).get("content", {}).get("application/json", {}).get("schema")
            self.assertNotEqual((schema or {}).get("type"), "array", place)

    def test_paths_name_each_parameter_once(self) -> None:
        for place, operation in operations():
            named = [each["name"] for each in operation.get("parameters", []) if each["in"] == "path"]
            self.assertEqual(named, re.findall(r"\{(\w+)\}", place))

    def test_every_event_is_described_as_it_is_sent(self) -> None:
        self.assertEqual(list(document()["webhooks"]), list(EMITTED))
        for kind, found in document()["webhooks"].items():
            shown = found["post"]["requestBody"]["content"]["application/json"]["example"]
            self.assertEqual((shown["type"], set(shown["data"])), (kind, {"object", "previous"}))
            headers = [parameter["name"] for parameter in found["post"]["parameters"]]
            self.assertEqual(headers, ["webhook-id", "webhook-timestamp", "webhook-signature"])


class Problems(SimpleTestCase):
    def test_codes_are_gathered_by_status(self) -> None:
        found = problem_answers(["email_taken", "state_conflict", "email_taken", "rate_limited"])
        self.assertEqual(list(found), ["409", "429"])
        self.assertEqual(found["409"]["description"].count("`email_taken`"), 1)
        self.assertEqual(found["429"], {"$ref": "#/components/responses/TooManyRequests"})

    def test_a_code_more_than_usual_is_told_with_the_others(self) -> None:
        found = problem_answers([*SIGNED_IN_CODES, "limit_exceeded"])
        self.assertEqual(found["401"], {"$ref": "#/components/responses/Unauthorized"})
        for code in ("insufficient_scope", "limit_exceeded"):
            self.assertIn(f"`{code}`", found["403"]["description"])

    def test_the_schema_takes_every_problem(self) -> None:
        schema = {"$ref": "#/components/schemas/Problem"}
        for code in CODES:
            self.assertEqual(faults_of(problem_body(Problem(code), None), schema), [])
            self.assertIn(
                f"`{code}`", document()["components"]["schemas"]["Problem"]["properties"]["code"]["description"]
            )
        self.assertNotEqual(faults_of({"code": "oops"}, schema), [])


class Examples(SimpleTestCase):
    def test_every_example_fits_its_schema(self) -> None:
        found = list(self.examples(document()))
        self.assertGreater(len(found), 10)
        for value, schema in found:
            self.assertEqual(faults_of(value, schema), [])

    def examples(self, node: Any) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Every example beside a schema, wherever it stands."""
        if isinstance(node, list):
            node = dict(enumerate(node))
        if not isinstance(node, dict):
            return
        if isinstance(node.get("schema"), dict):
            told = [each["value"] for each in node.get("examples", {}).values() if "value" in each]
            yield from ((value, node["schema"]) for value in told)
            if "example" in node:
                yield node["example"], node["schema"]
        for inner in node.values():
            yield from self.examples(inner)

    def test_every_code_that_is_told_has_an_example(self) -> None:
        found = document()["components"]["examples"]
        told = set(re.findall(r"components/examples/(\w+)", json.dumps(document())))
        self.assertEqual(set(found), told)
        self.assertGreater(len(told), 40)
        for code, example in found.items():
            value = example["value"]
            self.assertEqual((value["code"], value["status"], value["title"]), (code, *CODES[code][:2]))
            self.assertEqual(faults_of(value, {"$ref": "#/components/schemas/Problem"}), [])


class Pages(TestCase):
    def test_the_document_is_served(self) -> None:
        answer = self.client.get("/api/v1/schema/", headers={"Accept": "application/json"})
        self.assertEqual((answer.status_code, answer.json()["openapi"]), (200, "3.1.0"))

    def test_the_reference_needs_no_other_host(self) -> None:
        answer = self.client.get("/api/v1/docs/")
        self.assertEqual(answer.status_code, 200)
        page = answer.content.decode() + self.client.get("/api/v1/docs/?script=").content.decode()
        self.assertNotRegex(page, r"https?://")
        self.assertIn('"validatorUrl": null', page)
        for address in re.findall(r'(?:src|href)="([^"]+)"', page):
            self.assertEqual(self.client.get(address).status_code, 200, address)
