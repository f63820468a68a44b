"""One operation per key: fingerprints, replays, refusals, races and crashes."""

from collections.abc import Callable
from datetime import timedelta
from threading import Event
from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import RequestFactory, SimpleTestCase, override_settings
from rest_framework.request import Request

from merchants import idempotency
from merchants.idempotency import (
    forget_old_keys,
    read_key,
    replay_answer,
    replayable,
    request_fingerprint,
    wait_for_answer,
)
from merchants.models import ApiKey, IdempotencyKey, Merchant
from merchants.selectors.records import load_key_record
from merchants.tasks import forget_idempotency_keys
from merchants.tests.base import ApiTestCase, CommittingTestCase
from merchants.tests.factories import make_api_key, make_merchant
from merchants.tests.threads import at_once
from onpoint_pay.kit.api import json_answer
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.crypto import keyed_digest
from onpoint_pay.kit.errors import NotFound, Problem
from onpoint_pay.kit.strict_json import StrictJSONParser, parse_json

KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"


def make_request(
    body: str = "{}", key: str | None = KEY, path: str = "/api/v1/things/", name: str = "req_1"
) -> Request:
    headers = {"Idempotency-Key": key} if key is not None else {}
    request = RequestFactory(headers=headers).post(path, body, "application/json")
    request.request_id = name  # type: ignore[attr-defined]
    return Request(request, parsers=[StrictJSONParser()])


def make_caller() -> Caller:
    key = make_api_key(make_merchant())
    record = load_key_record(keyed_digest(key))
    assert record is not None
    return Caller(merchant=record.merchant, mode="test", actor="key_1", kind="secret")


class Work:
    """Counts its runs, writes a row each time, and answers with the number of the run."""

    def __init__(self, then: Callable[[], None] = lambda: None, status: int = 201) -> None:
        self.runs, self.then, self.status = 0, then, status

    def __call__(self) -> HttpResponse:
        self.runs += 1
        make_merchant(f"made by run {self.runs}")
        self.then()
        return json_answer({"run": self.runs}, self.status)


def fail_with(error: Exception) -> Callable[[], None]:
    def then() -> None:
        raise error

    return then


class KeyTests(SimpleTestCase):
    def test_bare_and_quoted_keys_are_the_same(self) -> None:
        self.assertEqual(read_key(make_request(key=KEY)), KEY)
        self.assertEqual(read_key(make_request(key=f'"{KEY}"')), KEY)
        self.assertIsNone(read_key(make_request(key=None)))
        self.assertEqual(read_key(make_request(key="x" * 255)), "x" * 255)

    def test_other_keys_are_refused(self) -> None:
        for wrong in ("", "short", '"short"', "x" * 256, "with a space", "nairobi-jiji-\xe9", "tab\tbed-key"):
            with self.assertRaisesMessage(Problem, "idempotency_key_invalid"):
                read_key(make_request(key=wrong))


class FingerprintTests(SimpleTestCase):
    def of(self, body: str, path: str = "/api/v1/payments/initiate/", method: str = "post") -> str:
        request = RequestFactory().generic(method, path)
        return request_fingerprint(request, parse_json(body.encode()))

    def test_order_of_keys_and_spelling_of_numbers_do_not_matter(self) -> None:
        first = self.of('{"amount": 100, "to": {"a": [1, 2.50], "b": null}}')
        for same in (
            '{"to":{"b":null,"a":[1.0,2.5]},"amount":100.00}',
            '{"amount": 1e2, "to": {"a": [1, 25e-1], "b": null}}',
        ):
            self.assertEqual(self.of(same), first)
        self.assertEqual(self.of('{"a": 0}'), self.of('{"a": -0.00}'))
        self.assertRegex(first, "^[0-9a-f]{64}$")

    def test_everything_else_matters(self) -> None:
        bodies = (
            '{"a":1}',
            '{"a":-1}',
            '{"a":10}',
            '{"a":0.1}',
            '{"a":"1"}',
            '{"a":true}',
            '{"a":[1]}',
            '{"b":1}',
            "[1]",
            "{}",
        )
        long = "1" + "0" * 40 + "1"
        found = {
            self.of(body)
            for body in (*bodies, f'{{"a":{long}}}', f'{{"a":{long[:-1]}2}}', '{"a":1e9999999999999999999}')
        }
        self.assertEqual(len(found), len(bodies) + 3)

    def test_method_and_path_count_without_the_last_slash(self) -> None:
        self.assertEqual(self.of("{}", "/api/v1/refunds"), self.of("{}", "/api/v1/refunds/"))
        self.assertNotEqual(self.of("{}", "/api/v1/refunds"), self.of("{}", "/api/v1/payouts"))
        self.assertNotEqual(self.of("{}", method="post"), self.of("{}", method="patch"))


class ReplayTests(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.caller = make_caller()

    def refused(self, work: Work, request: Request | None = None) -> Problem:
        with self.assertRaises(Problem) as caught:
            replayable(request or make_request(), self.caller, work)
        return caught.exception

    def test_without_a_key_every_request_runs(self) -> None:
        work = Work()
        for run in (1, 2):
            self.assertEqual(replayable(make_request(key=None), self.caller, work).content, b'{"run":%d}' % run)
        self.assertEqual(IdempotencyKey.objects.count(), 0)

    def test_a_repeat_gets_the_first_answer(self) -> None:
        work = Work()
        first = replayable(make_request('{"a": 1}'), self.caller, work)
        again = replayable(make_request('{"a": 1.0}', name="req_2"), self.caller, work)
        self.assertEqual((again.status_code, again.content), (201, first.content))
        self.assertEqual(again["Idempotent-Replayed"], "true")
        self.assertEqual(again["Idempotent-Original-Request"], "req_1")
        self.assertNotIn("Idempotent-Replayed", first)
        self.assertEqual((work.runs, Merchant.objects.filter(business_name__startswith="made").count()), (1, 1))

    def test_another_request_under_the_key_is_refused(self) -> None:
        work = Work()
        replayable(make_request('{"a": 1}'), self.caller, work)
        for other in (make_request('{"a": 2}'), make_request('{"a": 1}', path="/api/v1/others/")):
            self.assertEqual(self.refused(work, other).code, "idempotency_key_reused")
        self.assertEqual(work.runs, 1)

    def test_keys_of_other_merchants_and_modes_are_other_keys(self) -> None:
        work = Work()
        replayable(make_request(), self.caller, work)
        replayable(make_request(), make_caller(), work)
        live = Caller(merchant=self.caller.merchant, mode="live", actor="key_1", kind="secret")
        replayable(make_request(), live, work)
        self.assertEqual(work.runs, 3)

    def test_what_told_the_caller_to_mend_something_is_not_kept(self) -> None:
        codes = ("parameter_invalid", "insufficient_scope", "method_not_allowed", "body_too_large", "rate_limited")
        for code in (*codes, "unsupported_media_type", "internal_error", "provider_unavailable"):
            self.assertEqual(self.refused(Work(fail_with(Problem(code)))).code, code)
        self.assertEqual(self.refused(Work(fail_with(NotFound()))).code, "resource_missing")
        with self.assertRaises(ZeroDivisionError):
            replayable(make_request(), self.caller, Work(fail_with(ZeroDivisionError())))
        self.assertEqual(IdempotencyKey.objects.count(), 0)
        self.assertEqual(Merchant.objects.filter(business_name__startswith="made").count(), 0)
        self.assertEqual(replayable(make_request(), self.caller, Work()).status_code, 201)

    def test_an_answer_of_that_kind_is_not_kept_either(self) -> None:
        work = Work(status=503)
        replayable(make_request(), self.caller, work)
        replayable(make_request(), self.caller, work)
        self.assertEqual((work.runs, IdempotencyKey.objects.count()), (2, 0))

    def test_an_outcome_that_ran_is_kept_as_the_problem_it_was(self) -> None:
        work = Work(fail_with(Problem("state_conflict", extra={"existing": "pay_1"})))
        first = replayable(make_request(), self.caller, work)
        again = replayable(make_request(), self.caller, work)
        self.assertEqual((first.status_code, again.status_code, again.content), (409, 409, first.content))
        self.assertEqual(again["Content-Type"], "application/problem+json")
        self.assertEqual(work.runs, 1)
        self.assertEqual(Merchant.objects.filter(business_name__startswith="made").count(), 0)

    @override_settings(IDEMPOTENCY_WAIT_SECONDS=0.05)
    def test_while_the_first_is_at_work_the_second_is_told_to_come_back(self) -> None:
        work = Work()
        self.claim(lease_until=now() + timedelta(seconds=30))
        problem = self.refused(work)
        self.assertEqual((problem.code, problem.retry_after_seconds), ("idempotency_in_progress", 1))
        self.assertEqual(self.refused(work, make_request('{"a": 1}')).code, "idempotency_key_reused")
        self.assertEqual(work.runs, 0)

    @override_settings(IDEMPOTENCY_WAIT_SECONDS=0.05)
    def test_the_key_of_a_dead_holder_is_taken_over_by_the_same_request_only(self) -> None:
        work = Work()
        self.claim(lease_until=now() - timedelta(seconds=1))
        self.assertEqual(self.refused(work, make_request('{"a": 1}')).code, "idempotency_key_reused")
        self.assertEqual(replayable(make_request(name="req_2"), self.caller, work).status_code, 201)
        row = IdempotencyKey.objects.get()
        self.assertEqual((row.phase, row.request_id, work.runs), ("answered", "req_2", 1))

    def test_a_secret_is_sealed_and_opens_for_its_caller_alone(self) -> None:
        def work() -> HttpResponse:
            return json_answer({"secret": "simulator-secret"}, 201)

        first = replayable(make_request(), self.caller, work, shows_secret=True)
        self.assertNotIn("simulator-secret", IdempotencyKey.objects.get().body or "")
        self.assertEqual(replayable(make_request(), self.caller, work, shows_secret=True).content, first.content)
        somebody = Caller(merchant=self.caller.merchant, mode="test", actor="key_2", kind="secret")
        with self.assertRaisesMessage(Problem, "idempotency_key_reused"):
            replayable(make_request(), somebody, work, shows_secret=True)

    def claim(self, lease_until: Any) -> None:
        request = make_request()
        IdempotencyKey.objects.create(
            merchant_id=self.caller.merchant_id,
            mode="test",
            key=KEY,
            fingerprint=request_fingerprint(request, {}),
            request_id="req_0",
            lease_until=lease_until,
        )


class PartTests(ApiTestCase):
    def test_replay_answer_marks_and_types_the_answer(self) -> None:
        answer = replay_answer(201, '{"id":"pay_1"}', "req_1")
        self.assertEqual((answer.content, answer["Content-Type"]), (b'{"id":"pay_1"}', "application/json"))
        self.assertEqual(replay_answer(402, "{}", "req_1")["Content-Type"], "application/problem+json")

    @override_settings(IDEMPOTENCY_WAIT_SECONDS=0.05)
    def test_waiting_for_nobody_and_for_somebody_slow(self) -> None:
        caller = make_caller()
        self.assertIsNone(wait_for_answer(caller.merchant_id, "test", KEY))
        row = {
            "merchant_id": caller.merchant_id,
            "mode": "test",
            "key": KEY,
            "fingerprint": "0" * 64,
            "lease_until": now(),
        }
        IdempotencyKey.objects.create(**row)
        self.assertIsNone(wait_for_answer(caller.merchant_id, "test", KEY))
        with self.assertRaisesMessage(Problem, "idempotency_key_reused"):
            wait_for_answer(caller.merchant_id, "test", KEY, fingerprint="1" * 64)
        IdempotencyKey.objects.update(phase="answered", status=201, body="{}")
        found = wait_for_answer(caller.merchant_id, "test", KEY)
        assert found is not None
        self.assertEqual(found.status, 201)

    def test_old_keys_are_forgotten_in_batches(self) -> None:
        caller = make_caller()
        row = {"merchant_id": caller.merchant_id, "mode": "test", "fingerprint": "0" * 64, "lease_until": now()}
        ages = [8, 8, 8, 8, 8, 6, 0]
        rows = [IdempotencyKey(key=f"order-{n}-key", **row) for n in range(len(ages))]
        for made, age in zip(IdempotencyKey.objects.bulk_create(rows), ages, strict=True):
            IdempotencyKey.objects.filter(id=made.id).update(created_at=now() - timedelta(days=age))
        with self.subTest("batches"), override_batch(2):
            self.assertEqual(forget_old_keys(), 5)
        self.assertEqual(forget_idempotency_keys(), 0)
        self.assertEqual(IdempotencyKey.objects.count(), 2)
        self.assertEqual(forget_idempotency_keys.name, "merchants.forget_idempotency_keys")


class override_batch:  # noqa: N801 - reads like override_settings
    def __init__(self, size: int) -> None:
        self.size = size

    def __enter__(self) -> None:
        self.usual, idempotency.FORGET_BATCH = idempotency.FORGET_BATCH, self.size

    def __exit__(self, *_: object) -> None:
        idempotency.FORGET_BATCH = self.usual


class RaceTests(CommittingTestCase):
    def test_many_at_once_run_once_and_get_one_answer(self) -> None:
        caller, work = make_caller(), Work()
        answers = at_once(8, lambda number: replayable(make_request(name=f"req_{number}"), caller, work))
        self.assertEqual(work.runs, 1)
        self.assertEqual({(answer.status_code, answer.content) for answer in answers}, {(201, b'{"run":1}')})
        self.assertEqual(sum("Idempotent-Replayed" in answer for answer in answers), 7)
        self.assertEqual(Merchant.objects.filter(business_name__startswith="made").count(), 1)

    def test_a_waiting_repeat_runs_when_the_first_ends_without_an_answer(self) -> None:
        caller = make_caller()
        is_claimed, may_fail = Event(), Event()

        def hold() -> None:
            is_claimed.set()
            may_fail.wait(10)
            raise Problem("parameter_invalid")

        def call(number: int) -> str:
            if number == 0:
                try:
                    replayable(make_request(name="req_0"), caller, Work(hold))
                except Problem as problem:
                    return problem.code
            is_claimed.wait(10)
            may_fail.set()
            return replayable(make_request(name="req_1"), caller, Work()).content.decode()

        self.assertEqual(at_once(2, call), ["parameter_invalid", '{"run":1}'])
        self.assertEqual(IdempotencyKey.objects.get().request_id, "req_1")

    def test_who_lost_the_key_meanwhile_undoes_their_work_and_leaves_the_key(self) -> None:
        def taken_over() -> None:
            at_once(1, lambda _: IdempotencyKey.objects.update(request_id="req_2"))

        with self.assertRaisesMessage(Problem, "idempotency_in_progress"):
            replayable(make_request(), make_caller(), Work(taken_over))
        self.assertEqual(IdempotencyKey.objects.get().request_id, "req_2")
        self.assertEqual(Merchant.objects.filter(business_name__startswith="made").count(), 0)

    def test_the_claim_is_visible_to_others_while_the_work_is_not(self) -> None:
        caller = make_caller()
        seen: list[tuple[int, int]] = []

        def look() -> None:
            def count(_: int) -> tuple[int, int]:
                return IdempotencyKey.objects.count(), ApiKey.objects.filter(name="half done").count()

            make_api_key(Merchant.objects.get(id=caller.merchant_id), name="half done")
            seen.extend(at_once(1, count))

        replayable(make_request(), caller, Work(look))
        self.assertEqual(seen, [(1, 0)])
        self.assertFalse(connection.in_atomic_block)
