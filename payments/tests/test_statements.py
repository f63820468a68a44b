"""The hot statements: how many there are, and that what Python sends and what the tables hold are the same."""

import json
import re
from typing import Any

from django.db import connection
from django.db.models import Model
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from rest_framework.fields import empty

from onpoint_pay.kit.ids import to_public
from payments.serializers.payments import PaymentSerializer, payment_body
from payments.services.initiate import row_json
from payments.statements import CALL_BEGIN, CALL_HANDED_OVER, CALL_RECEIVED
from payments.tests.base import PaymentTestCase, next_key
from payments.tests.claims import success_body
from payments.tests.factories import make_payment, op_of, succeed
from settlements.selectors.fee_plans import plans

FRAME = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE SAVEPOINT|SET )", re.IGNORECASE)


class Count(CaptureQueriesContext):
    """The statements of a block without the frame of its transactions."""

    def __init__(self) -> None:
        super().__init__(connection)

    @property
    def statements(self) -> list[str]:
        return [query["sql"] for query in self.captured_queries if not FRAME.match(query["sql"])]


@override_settings(FEE_PLAN_CACHE_SECONDS=60)
class Counts(PaymentTestCase):
    """With the key's record in the cache, and the fee plans known, as they are for all but the first request."""

    def setUp(self) -> None:
        super().setUp()
        self.get("payments/", self.headers)
        plans()

    def assert_at_most(self, most: int, count: Count) -> None:
        self.assertLessEqual(len(count.statements), most, "\n".join(count.statements))

    def test_initiate(self) -> None:
        with Count() as count:
            self.assertEqual(self.initiate().status_code, 201)
        self.assert_at_most(2, count)

    def test_initiate_with_everything(self) -> None:
        url = "https://shop.example/paid"
        with self.captureOnCommitCallbacks(execute=True):
            self.start(callback_url=url)
        body = self.body(callback_url=url, reference="ORDER-1", metadata={"a": 1}, email="a@example.com")
        with Count() as count:
            answer = self.initiate(body, key=next_key())
        self.assertEqual(answer.status_code, 201)
        self.assert_at_most(2, count)

    def test_replay(self) -> None:
        body, key = self.body(), next_key()
        self.initiate(body, key=key)
        with Count() as count:
            self.assertEqual(self.initiate(body, key=key)["Idempotent-Replayed"], "true")
        self.assert_at_most(1, count)

    def test_callback_receipt(self) -> None:
        payment = self.start()
        body, door = success_body(op_of(payment).provider_ref or ""), self.door_of(payment)
        with Count() as count:
            self.bring(body, door)
        self.assert_at_most(1, count)

    def test_status(self) -> None:
        payment = self.start()
        with Count() as count:
            self.get(f"payments/status/{payment.provider_reference}/", self.headers)
        self.assert_at_most(1, count)
        with Count() as count:
            self.post("payments/status/", {"reference": payment.reference}, self.headers)
        self.assert_at_most(2, count)

    def test_one_payment_and_a_page_of_them(self) -> None:
        payment = make_payment(self.merchant)
        for _ in range(10):
            make_payment(self.merchant)
        with Count() as count:
            self.get(f"payments/{to_public('pay', payment.id)}/", self.headers)
        self.assert_at_most(1, count)
        with Count() as count:
            self.assertEqual(len(self.get("payments/", self.headers).json()["data"]), 11)
        self.assert_at_most(1, count)

    def test_applying_a_callback(self) -> None:
        """As many for the tenth as for the first: what is booked before does not count."""
        counts = []
        for _ in range(3):
            payment = self.start()
            self.bring(
                success_body(op_of(payment).provider_ref or "", receipt=f"UK{payment.id.hex[-8:]}"),
                self.door_of(payment),
            )
            with Count() as count:
                self.apply()
            counts.append(len(count.statements))
        self.assertEqual(counts[1], counts[2])
        # Two of them keep one receipt from being booked twice: its lock, and the look at what other doors told.
        self.assertLessEqual(counts[2], 18)


class Locks(PaymentTestCase):
    """Everybody takes them in one order, the claim, the operation, the payment, so that nobody waits in a circle."""

    def locked(self, count: Count) -> list[str]:
        found = [re.search(r'FROM "(\w+)".* FOR UPDATE', sql, re.DOTALL) for sql in count.statements]
        return [match[1] for match in found if match]

    def test_a_callback(self) -> None:
        payment = self.start()
        self.bring(success_body(payment.provider_reference or ""), self.door_of(payment))
        with Count() as count:
            self.apply()
        self.assertEqual(self.locked(count), ["provider_event", "money_op", "transactions"])

    def test_an_answer_to_a_question(self) -> None:
        payment = self.start()
        with Count() as count:
            succeed(payment)
        self.assertEqual(self.locked(count), ["money_op", "transactions"])

    def test_a_hand_over_without_a_clear_answer(self) -> None:
        for status in ("reconciling", "refused"):
            with self.subTest(status=status), Count() as count:
                make_payment(self.merchant, status=status)
            self.assertEqual(self.locked(count), ["money_op", "transactions"])


class Columns(PaymentTestCase):
    def columns_of(self, table: str) -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name = %s",
                [table],
            )
            return {row[0] for row in cursor.fetchall()}

    def test_a_row_sent_as_json_covers_exactly_its_table(self) -> None:
        payment = make_payment(self.merchant, status="completed")
        rows: list[Model] = [payment, op_of(payment)]
        for row in rows:
            with self.subTest(table=row._meta.db_table):
                sent = set(json.loads(row_json(row)))  # type: ignore[arg-type]
                self.assertEqual(sent, {field.column for field in row._meta.concrete_fields})
                self.assertEqual(sent, self.columns_of(row._meta.db_table))

    def test_a_row_comes_back_from_json_as_it_went(self) -> None:
        payment = make_payment(self.merchant, status="completed", metadata={"a": "é", "n": 1.5})
        for row in (payment, op_of(payment)):
            table = row._meta.db_table
            with self.subTest(table=table), connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT jsonb_populate_record(NULL::{table}, %s) = (SELECT t FROM {table} t WHERE id = %s)",  # noqa: S608
                    [row_json(row), row.pk],
                )
                self.assertEqual(cursor.fetchone(), (True,))

    def test_the_functions_take_what_python_calls_them_with(self) -> None:
        calls = {
            "payment_begin": CALL_BEGIN,
            "payment_handed_over": CALL_HANDED_OVER,
            "callback_received": CALL_RECEIVED,
        }
        with connection.cursor() as cursor:
            for name, call in calls.items():
                cursor.execute("SELECT pronargs FROM pg_proc WHERE proname = %s", [name])
                self.assertEqual(cursor.fetchall(), [(len(re.findall(r"%\((\w+)\)s", call)),)], name)


class Bodies(PaymentTestCase):
    def assert_described(self, body: dict[str, Any], serializer: Any, path: str = "") -> None:
        always = {name for name, field in serializer.fields.items() if field.required or field.default is not empty}
        self.assertLessEqual(always, set(body), path or "payment")
        self.assertLessEqual(set(body), set(serializer.fields), path or "payment")

    def test_every_state_has_the_documented_members(self) -> None:
        for status in ("initiated", "pending", "reconciling", "refused", "completed", "failed", "cancelled", "expired"):
            with self.subTest(status=status):
                body = payment_body(make_payment(self.merchant, status=status))
                serializer = PaymentSerializer()
                self.assert_described(body, serializer)
                self.assert_described(body["next_action"], serializer.fields["next_action"], "next_action")
                if body["failure"] is not None:
                    failure = serializer.fields["failure"]
                    self.assert_described(body["failure"], failure, "failure")
                    self.assert_described(body["failure"]["retry"], failure.fields["retry"], "retry")

    def test_what_may_be_null_is_said_to_be(self) -> None:
        nulls = {name for name, field in PaymentSerializer().fields.items() if field.allow_null}
        for status in ("initiated", "refused", "completed"):
            body = payment_body(make_payment(self.merchant, status=status))
            self.assertLessEqual({name for name, value in body.items() if value is None}, nulls)
