"""The shared HTTP surface: problems, faults with their paths, input, cursors and pages."""

from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from django.test import RequestFactory, SimpleTestCase
from rest_framework import exceptions, serializers
from rest_framework.request import Request

from onpoint_pay.kit.api import (
    InputSerializer,
    Turn,
    decode_cursor,
    encode_cursor,
    faults_of,
    key_from,
    list_answer,
    page_size,
    problem_answer,
    to_problem,
    validated,
)
from onpoint_pay.kit.errors import Fault, Invalid, NotFound, Problem, RateLimited
from onpoint_pay.kit.ids import new_id, to_public


def request(path: str = "/api/v1/things/", **query: str) -> Request:
    return Request(RequestFactory().get(path, query))


class Item(InputSerializer):
    amount = serializers.IntegerField(min_value=1)


class Order(InputSerializer):
    name = serializers.CharField(max_length=5)
    items = Item(many=True, required=False)
    inner = Item(required=False)

    def validate_name(self, value: str) -> str:
        if value == "card":
            raise serializers.ValidationError("Not here.", code="payment_method_unsupported")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["name"] == "whole":
            raise serializers.ValidationError("All of it.", code="metadata_invalid")
        return attrs


class Input(SimpleTestCase):
    def faults(self, data: Any) -> list[tuple[str | None, str]]:
        with self.assertRaises(Invalid) as raised:
            validated(Order(data=data))
        return [(fault.param, fault.code) for fault in raised.exception.faults]

    def test_what_is_right(self) -> None:
        data = {"name": "abc", "items": [{"amount": 1}], "inner": {"amount": "2"}}
        self.assertEqual(validated(Order(data=data))["inner"], {"amount": 2})

    def test_paths_and_codes(self) -> None:
        self.assertEqual(self.faults({}), [("name", "parameter_missing")])
        self.assertEqual(self.faults({"name": None}), [("name", "parameter_missing")])
        self.assertEqual(self.faults({"name": ""}), [("name", "parameter_missing")])
        self.assertEqual(self.faults({"name": "toolong"}), [("name", "parameter_invalid")])
        self.assertEqual(self.faults({"name": "card"}), [("name", "payment_method_unsupported")])
        self.assertEqual(self.faults({"name": "whole"}), [(None, "metadata_invalid")])
        self.assertEqual(self.faults({"name": "a", "inner": {"amount": 0}}), [("inner.amount", "parameter_invalid")])
        self.assertEqual(
            self.faults({"name": "a", "items": [{"amount": 1}, {"amount": "x"}, {}]}),
            [("items[1].amount", "parameter_invalid"), ("items[2].amount", "parameter_missing")],
        )
        self.assertEqual(self.faults({"name": "a", "items": "x"}), [("items", "parameter_invalid")])

    def test_unknown_names_come_with_the_rest(self) -> None:
        self.assertEqual(
            self.faults({"nam": "a", "x" * 99: 1}),
            [("name", "parameter_missing"), ("nam", "unknown_parameter"), ("x" * 64, "unknown_parameter")],
        )
        self.assertEqual(validated(Order(data={"name": "a", "other": 1}), refuse_unknown=False), {"name": "a"})

    def test_only_objects(self) -> None:
        for data in ([], "text", 5, None):
            with self.subTest(data=data), self.assertRaises(Problem) as raised:
                validated(Order(data=data))
            self.assertEqual(raised.exception.code, "invalid_json")

    def test_one_request_leaves_nothing_for_the_next(self) -> None:
        self.faults({"name": "toolong"})
        self.assertEqual(validated(Order(data={"name": "a"})), {"name": "a"})
        self.assertEqual(self.faults({}), [("name", "parameter_missing")])

    def test_faults_of_nothing(self) -> None:
        self.assertEqual(faults_of("odd"), [])


class Problems(SimpleTestCase):
    def test_what_the_framework_raises(self) -> None:
        cases: list[tuple[Exception, str]] = [
            (exceptions.NotAuthenticated(), "authentication_required"),
            (exceptions.AuthenticationFailed(), "token_invalid"),
            (exceptions.PermissionDenied(), "permission_denied"),
            (exceptions.NotFound(), "resource_missing"),
            (exceptions.MethodNotAllowed("PUT"), "method_not_allowed"),
            (exceptions.NotAcceptable(), "not_acceptable"),
            (exceptions.UnsupportedMediaType("text/plain"), "unsupported_media_type"),
            (exceptions.ParseError(), "invalid_json"),
            (PermissionDenied(), "permission_denied"),
            (Http404(), "resource_missing"),
            (RequestDataTooBig(), "body_too_large"),
            (exceptions.ValidationError({"a": ["no"]}), "parameter_invalid"),
        ]
        for error, code in cases:
            with self.subTest(error=type(error).__name__):
                problem = to_problem(error)
                assert problem is not None
                self.assertEqual(problem.code, code)
        self.assertIsNone(to_problem(ZeroDivisionError()))

    def test_throttled(self) -> None:
        problem = to_problem(exceptions.Throttled(wait=1.2))
        assert isinstance(problem, RateLimited)
        self.assertEqual((problem.code, problem.retry_after_seconds), ("rate_limited", 2))

    def test_headers(self) -> None:
        answer = problem_answer(Problem("authentication_required"), None)
        self.assertEqual(answer["WWW-Authenticate"], 'Bearer realm="onpoint-pay"')
        self.assertEqual(problem_answer(Problem("rate_limited", retry_after_seconds=7), None)["Retry-After"], "7")
        self.assertNotIn("Retry-After", problem_answer(Problem("rate_limited"), None))

    def test_extra_members_stand_beside_the_others(self) -> None:
        problem = Problem("duplicate_reference", extra={"existing": "pay_1"})
        self.assertIn(b'"existing":"pay_1"', problem_answer(problem, None).content)

    def test_an_id_that_is_none(self) -> None:
        key = new_id()
        self.assertEqual(key_from("pay", to_public("pay", key)), key)
        with self.assertRaises(NotFound) as raised:
            key_from("pay", "x", code="payment_not_found")
        self.assertEqual(raised.exception.code, "payment_not_found")


class Pages(SimpleTestCase):
    def test_cursors_there_and_back(self) -> None:
        for parts in ([""], ["a", "b"], ["é", "x" * 500, "2026-11-21T00:00:00+00:00"]):
            text = encode_cursor(parts)
            self.assertRegex(text, r"^[A-Za-z0-9_-]+$")
            self.assertEqual(decode_cursor(text, length=len(parts)), parts)

    def test_cursors_that_are_none(self) -> None:
        good = encode_cursor(["a", "b"])
        cases = (good[:-2], good + "x", encode_cursor(["a"]), "", "!", "é", "\x00", "bnVsbA", "WzEsMl0", "e30", "=" * 9)
        for text in cases:
            with self.subTest(text=text), self.assertRaises(Problem) as raised:
                decode_cursor(text, length=2)
            self.assertEqual(raised.exception.code, "cursor_invalid")

    def test_limits(self) -> None:
        self.assertEqual(
            [page_size(request()), page_size(request(limit="1")), page_size(request(limit="100"))], [20, 1, 100]
        )
        for text in ("0", "101", "", "-1", "+5", "5.0", "٥", "²", "0001000", "1" * 5000):
            with self.subTest(text=text[:9]), self.assertRaises(Problem) as raised:
                page_size(request(limit=text))
            self.assertEqual((raised.exception.code, raised.exception.param), ("parameter_invalid", "limit"))

    def test_a_page(self) -> None:
        answer = list_answer(request(status="paid", limit="2"), [{"id": 1}], turn=Turn(next="abc", total={"total": 9}))
        self.assertEqual(
            answer.data,
            {
                "object": "list",
                "url": "/api/v1/things/",
                "data": [{"id": 1}],
                "has_more": True,
                "next_cursor": "abc",
                "previous_cursor": None,
                "total": 9,
            },
        )
        self.assertRegex(answer["Link"], r'^<http.*/api/v1/things/\?status=paid&limit=2&cursor=abc>; rel="next"$')

    def test_the_last_page(self) -> None:
        answer = list_answer(request(), [], turn=Turn(previous="xyz"))
        assert answer.data is not None
        self.assertEqual((answer.data["has_more"], answer.data["next_cursor"]), (False, None))
        self.assertRegex(answer["Link"], r'^<http.*/api/v1/things/\?cursor=xyz>; rel="prev"$')

    def test_a_page_between_others(self) -> None:
        links = list_answer(request(), [], turn=Turn(next="abc", previous="xyz"))["Link"].split(", ")
        self.assertEqual([link.rpartition("; ")[2] for link in links], ['rel="next"', 'rel="prev"'])

    def test_the_only_page(self) -> None:
        answer = list_answer(request(), [])
        self.assertNotIn("Link", answer)


class Several(SimpleTestCase):
    def test_one_fault_gives_its_own_code(self) -> None:
        one = Invalid([Fault(param="a", code="phone_invalid", detail="No.")])
        two = Invalid(
            [Fault(param="a", code="phone_invalid", detail="No."), Fault(param="b", code="date_invalid", detail="No.")]
        )
        self.assertEqual((one.code, one.param, one.detail), ("phone_invalid", "a", "No."))
        self.assertEqual((two.code, two.param, two.http_status), ("validation_failed", "a", 400))
