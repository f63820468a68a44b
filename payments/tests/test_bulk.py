"""Many prompts in one call: checked whole, paced, each an ordinary payment, none sent twice after a crash."""

from collections import Counter
from datetime import timedelta
from typing import Any
from unittest import mock

from django.db import connection
from django.http import HttpResponse
from django.test import override_settings

from audit.models import AuditEvent
from merchants.models import IdempotencyKey, Merchant
from merchants.services import provider_accounts
from merchants.tests.threads import at_once
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import from_public, new_id, to_public
from payments.models import BulkLine, BulkRun, MoneyOp, Payment
from payments.services.bulk import MOST_TRIES, send_bulk, send_line
from payments.services.proof import prove
from payments.tests.base import (
    NOBODY,
    CommittingPaymentTestCase,
    PaymentCalls,
    PaymentTestCase,
    events_of,
    next_key,
)
from payments.tests.factories import Died, StandInProvider, make_payment, next_phone, payment_of
from payments.tests.test_initiate import provider_settings
from tests.simulator_process import simulator
from webhooks.models import Event

BULK = "payments/bulk/"


class BulkCalls(PaymentCalls):
    def items(self, count: int, **fields: Any) -> list[dict[str, Any]]:
        return [self.body(**fields) for _ in range(count)]

    def ask(self, items: Any, *, key: str | None = None) -> HttpResponse:
        return self.post(BULK, {"items": items}, self.headers | ({"Idempotency-Key": key} if key else {}))

    def begin(self, items: list[dict[str, Any]]) -> BulkRun:
        answer = self.ask(items)
        self.assertEqual(answer.status_code, 202, answer.content)  # type: ignore[attr-defined]
        return BulkRun.objects.get(id=from_public("blk", answer.json()["id"]))

    def shown(self, run: BulkRun) -> dict[str, Any]:
        answer = self.get(f"{BULK}{to_public('blk', run.id)}/", self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)  # type: ignore[attr-defined]
        found: dict[str, Any] = answer.json()
        return found

    def statuses(self, run: BulkRun) -> Counter[str]:
        return Counter(BulkLine.objects.filter(run=run).values_list("status", flat=True))

    def next_second(self) -> None:
        """As if the pace's second had gone by: it lasts an hour here, so that a slow machine sees the same."""
        long_ago = now() - timedelta(hours=2)
        BulkLine.objects.filter(taken_at__isnull=False).update(taken_at=long_ago)

    def send_all(self, *, rings: int = 20) -> None:
        for _ in range(rings):
            self.next_second()
            if not send_bulk():
                return
        raise AssertionError("it never ends")


@override_settings(BULK_PER_SECOND=5, IDEMPOTENCY_WAIT_SECONDS=0.05)
class SendingTestCase(BulkCalls, CommittingPaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.enterContext(mock.patch("payments.services.bulk.PACE_WINDOW", timedelta(hours=1)))


class Asking(BulkCalls, PaymentTestCase):
    def test_the_answer(self) -> None:
        items = [*self.items(2), self.body(reference="FEES-1", amount="250.00")]
        answer = self.ask(items)
        body = answer.json()
        self.assertEqual((answer.status_code, answer["Location"]), (202, f"/api/v1/{BULK}{body['id']}/"))
        self.assertEqual((body["object"], body["livemode"], body["status"]), ("bulk", False, "running"))
        self.assertEqual((body["total"], body["finished_at"]), (3, None))
        self.assertEqual(body["counts"], {"waiting": 3, "sending": 0, "sent": 0, "refused": 0})
        self.assertEqual(
            body["lines"][2],
            {
                "n": 2,
                "status": "waiting",
                "phone": items[2]["phone"],
                "amount": "250.00",
                "reference": "FEES-1",
                "payment": None,
                "payment_status": None,
                "problem": None,
            },
        )
        run = BulkRun.objects.get()
        self.assertEqual(self.shown(run), body)
        link = AuditEvent.objects.get(action="bulk.created")
        self.assertEqual((link.object, link.actor, link.told), (body["id"], run.created_by, {"lines": 3}))
        self.assertEqual((Payment.objects.count(), simulator().summary()["pushes_received"]), (0, 0))

    def test_every_fault_of_every_item_at_once(self) -> None:
        items = [
            self.body(),
            self.body(phone="12", ammount=5),
            self.body(amount="5.50"),
            self.body(callback_url="http://localhost/x"),
            self.body(payment_method="mpesa_c2b"),
            self.body(amount=None, reference="no spaces"),
            "x",
        ]
        found = self.assert_problem(self.ask(items), 400, "validation_failed")
        self.assertCountEqual(
            [(fault["param"], fault["code"]) for fault in found["errors"]],
            [
                ("items[1].phone", "phone_invalid"),
                ("items[1].ammount", "unknown_parameter"),
                ("items[4].payment_method", "payment_method_unsupported"),
                ("items[5].amount", "parameter_missing"),
                ("items[5].reference", "reference_invalid"),
                ("items[6]", "parameter_invalid"),
            ],
        )
        self.assert_nothing_stored()

    def test_what_only_the_merchant_can_be_refused(self) -> None:
        items = [
            self.body(amount="5.50"),
            self.body(callback_url="http://localhost/x"),
            self.body(reference="ORDER-1"),
            self.body(reference="ORDER-1"),
            self.body(amount=300_000),
        ]
        found = self.assert_problem(self.ask(items), 400, "validation_failed")
        self.assertCountEqual(
            [(fault["param"], fault["code"]) for fault in found["errors"]],
            [
                ("items[0].amount", "amount_not_whole"),
                ("items[1].callback_url", "callback_url_forbidden"),
                ("items[3].reference", "reference_invalid"),
                ("items[4].amount", "amount_too_large"),
            ],
        )
        self.assert_nothing_stored()

    def assert_nothing_stored(self) -> None:
        self.assertEqual((BulkRun.objects.count(), BulkLine.objects.count(), Payment.objects.count()), (0, 0, 0))

    def test_how_many(self) -> None:
        for items in ([], self.items(1) * 501, None, {}):
            with self.subTest(items=len(items or [])):
                answer = self.ask(items)
                self.assertEqual(answer.status_code, 400)
                self.assertEqual(answer.json()["param"], "items")
        self.assert_nothing_stored()
        self.assertEqual(self.begin([self.body() for _ in range(500)]).total, 500)

    def test_one_reference_twice_where_the_policy_allows_it(self) -> None:
        Merchant.objects.filter(id=self.merchant.id).update(reference_policy="any")
        self.assertEqual(self.ask(self.items(2, reference="ORDER-1")).status_code, 202)

    def test_a_key_gives_the_same_run(self) -> None:
        items, key = self.items(2), next_key()
        first, again = self.ask(items, key=key), self.ask(items, key=key)
        self.assertEqual((again.status_code, again.content, again["Idempotent-Replayed"]), (202, first.content, "true"))
        self.assertEqual(BulkRun.objects.count(), 1)
        self.assert_problem(self.ask(self.items(2), key=key), 422, "idempotency_key_reused")

    def test_what_is_not_there(self) -> None:
        for name in (to_public("blk", new_id()), "blk_x", to_public("pay", new_id())):
            self.assert_problem(self.get(f"{BULK}{name}/", self.headers), 404, "resource_missing")


class Sending(SendingTestCase):
    def test_each_line_becomes_an_ordinary_payment(self) -> None:
        items = [self.body(reference=f"FEES-{n}", metadata={"pupil": str(n)}) for n in range(3)]
        run = self.begin(items)
        self.assertEqual(send_bulk(), 3)
        found = self.shown(run)
        self.assertEqual((found["status"], found["counts"]["sent"]), ("finished", 3))
        self.assertIsNotNone(found["finished_at"])
        for n, line in enumerate(found["lines"]):
            payment = payment_of(line["payment"])
            self.assertEqual((line["status"], line["payment_status"], line["problem"]), ("sent", "pending", None))
            self.assertEqual((payment.phone, payment.merchant_reference), (items[n]["phone"], f"FEES-{n}"))
            self.assertEqual((payment.metadata, payment.created_by), ({"pupil": str(n)}, run.created_by))
            self.assertEqual(payment.idempotency_key, f"{to_public('blk', run.id)}:{n}")
            self.assertEqual(events_of(payment), ["payment.created", "payment.pending"])
        self.pay(payment)
        self.assertEqual(self.shown(run)["lines"][2]["payment_status"], "completed")
        self.assertEqual(send_bulk(), 0)
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])

    def test_no_more_than_the_pace(self) -> None:
        run = self.begin(self.items(12))
        self.assertEqual([send_bulk(), send_bulk()], [5, 0])
        self.next_second()
        self.assertEqual(send_bulk(), 5)
        self.assertEqual(self.statuses(run), {"sent": 10, "waiting": 2})
        self.send_all()
        self.assertEqual(self.statuses(run), {"sent": 12})
        numbers = [line["phone"] for line in simulator().prompts()]
        self.assertEqual((len(numbers), len(set(numbers))), (12, 12))

    def test_several_workers_keep_one_pace_and_send_each_once(self) -> None:
        run = self.begin(self.items(12))
        self.assertEqual(sum(at_once(4, lambda _: send_bulk())), 5)
        self.next_second()
        self.assertEqual(sum(at_once(4, lambda _: send_bulk())), 5)
        self.send_all()
        self.assertEqual(self.statuses(run), {"sent": 12})
        self.assertEqual((len(simulator().prompts()), Payment.objects.count()), (12, 12))

    def test_runs_of_one_account_share_its_pace_in_their_order(self) -> None:
        first, second = self.begin(self.items(4)), self.begin(self.items(4))
        self.assertEqual(send_bulk(), 5)
        self.assertEqual((self.statuses(first), self.statuses(second)), ({"sent": 4}, {"sent": 1, "waiting": 3}))

    def test_refusals_stand_beside_their_lines(self) -> None:
        taken = make_payment(self.merchant, reference="ORDER-1")
        run = self.begin([self.body(), self.body(reference="ORDER-1"), self.body(phone="254700000001")])
        # Somebody takes the second reference after the run was checked; the third phone is busy with another prompt.
        busy = self.start(phone="254700000001")
        self.assertEqual(send_bulk(), 3)
        found = self.shown(run)
        self.assertEqual([line["status"] for line in found["lines"]], ["sent", "refused", "refused"])
        self.assertEqual(found["counts"], {"waiting": 0, "sending": 0, "sent": 1, "refused": 2})
        duplicate, refused = found["lines"][1:]
        self.assertEqual((duplicate["problem"]["code"], duplicate["payment"]), ("duplicate_reference", None))
        self.assertIn(to_public("pay", taken.id), duplicate["problem"]["detail"])
        self.assertEqual((refused["problem"]["code"], refused["payment_status"]), ("payment_failed", "failed"))
        self.assertEqual(Payment.objects.filter(phone=busy.phone).count(), 2)

    def test_a_provider_that_was_not_reached(self) -> None:
        run = self.begin(self.items(1))
        with provider_settings(SIMULATOR_URL=NOBODY):
            send_bulk()
        (line,) = self.shown(run)["lines"]
        self.assertEqual((line["status"], line["problem"]["code"]), ("refused", "provider_unavailable"))
        self.assertEqual(line["payment_status"], "failed")

    def test_a_merchant_who_was_suspended_meanwhile(self) -> None:
        run = self.begin(self.items(2))
        Merchant.objects.filter(id=self.merchant.id).update(status="suspended")
        self.assertEqual(send_bulk(), 2)
        lines = BulkLine.objects.filter(run=run)
        self.assertEqual({line.problem["code"] for line in lines if line.problem}, {"merchant_suspended"})
        self.assertEqual((Payment.objects.count(), simulator().summary()["pushes_received"]), (0, 0))

    @override_settings(PROMPT_LIMITS_IN_TEST_MODE=True)
    def test_one_phone_too_often(self) -> None:
        phone = next_phone()
        run = self.begin(self.items(5, phone=phone))
        with mock.patch.object(provider_accounts, "_provider", lambda code, mode: StandInProvider()):
            send_bulk()
        codes = Counter((line["problem"] or {}).get("code") for line in self.shown(run)["lines"])
        self.assertEqual(codes, {None: 3, "prompt_throttled": 2})


class Crashes(SendingTestCase):
    """A worker dies in the middle; another goes on when the lease is over."""

    def take(self) -> list[BulkLine]:
        with mock.patch("payments.services.bulk.send_line"):
            send_bulk()
        return list(BulkLine.objects.filter(status="sending").order_by("n"))

    def lease_ends(self) -> None:
        past = now() - timedelta(seconds=1)
        BulkLine.objects.filter(status="sending").update(lease_until=past)
        IdempotencyKey.objects.update(lease_until=past)
        self.next_second()

    def test_before_anything_was_done(self) -> None:
        run = self.begin(self.items(3))
        self.assertEqual(len(self.take()), 3)
        self.assertEqual(send_bulk(), 0)
        self.lease_ends()
        self.send_all()
        self.assertEqual(self.statuses(run), {"sent": 3})
        self.assertEqual((len(simulator().prompts()), set(BulkLine.objects.values_list("tries", flat=True))), (3, {2}))

    def test_after_the_prompt_and_before_the_line_was_noted(self) -> None:
        run = self.begin(self.items(3))
        lines = self.take()
        with mock.patch("payments.services.bulk._finish"):
            send_line(lines[0].id)
        self.assertEqual(len(simulator().prompts()), 1)
        self.lease_ends()
        self.send_all()
        self.assertEqual(self.statuses(run), {"sent": 3})
        self.assertEqual((len(simulator().prompts()), Payment.objects.count()), (3, 3))
        self.assertEqual(simulator().summary()["pushes_received"], 3)

    def test_while_it_spoke_to_the_provider(self) -> None:
        """Nobody knows whether that prompt is out: it is not sent again, and its payment waits for the truth."""
        run = self.begin(self.items(2))
        first, _ = self.take()
        provider = StandInProvider(error=Died())
        with mock.patch.object(provider_accounts, "_provider", lambda code, mode: provider), self.assertRaises(Died):
            send_line(first.id)
        self.lease_ends()
        self.send_all()
        self.assertEqual(self.statuses(run), {"sent": 2})
        payment = Payment.objects.get(pending_reason="reconciling")
        self.assertEqual(self.shown(run)["lines"][0]["payment"], to_public("pay", payment.id))
        self.assertEqual((len(provider.charges), len(simulator().prompts()), MoneyOp.objects.count()), (1, 1, 2))
        self.assertEqual(Event.objects.filter(type="payment.created").count(), 2)

    def test_a_line_that_never_succeeds_is_given_up(self) -> None:
        run = self.begin(self.items(2))
        with mock.patch("payments.services.bulk._checked", side_effect=RuntimeError("broken")):
            for _ in range(MOST_TRIES):
                self.assertEqual(send_bulk(), 2)
                self.lease_ends()
        self.send_all()
        codes = [line["problem"]["code"] for line in self.shown(run)["lines"]]
        self.assertEqual((codes, self.statuses(run)), (["internal_error"] * 2, {"refused": 2}))
        self.assertEqual(simulator().summary()["pushes_received"], 0)

    def test_a_line_that_somebody_concluded_is_left_alone(self) -> None:
        run = self.begin(self.items(1))
        send_bulk()
        (line,) = BulkLine.objects.filter(run=run)
        send_line(line.id)
        connection.close()
        self.assertEqual((Payment.objects.count(), len(simulator().prompts())), (1, 1))
