"""Asking for refunds by the API: what is taken, what is refused and why, and what the answers say."""

from hashlib import sha256

from django.test import override_settings

from merchants.services import provider_accounts
from merchants.tests.factories import key_headers, make_api_key
from onpoint_pay.kit.ids import to_public
from payments.models import Payment, Refund
from payments.tests.base import next_key
from payments.tests.factories import make_payment, succeed
from payments.tests.refund_base import REFUND, RefundTestCase, balance, public, refund_of, steps_of, try_of


class Asking(RefundTestCase):
    def test_the_answer(self) -> None:
        payment = self.paid(reference="ORDER-123")
        answer = self.ask(payment, amount="40.00", reason="Customer requested refund")
        self.assertEqual(answer.status_code, 201, answer.content)
        found = answer.json()
        refund = refund_of(found["id"])
        moments = {name: found.pop(name) for name in ("created_at", "expected_at")}
        self.assertLess(moments["created_at"], moments["expected_at"])
        self.assertRegex(found["reference"], r"^RFD2\d{7}[0-9A-HJKMNP-TV-Z]{6}$")
        self.assertEqual(
            found,
            {
                "id": public(refund),
                "object": "refund",
                "livemode": False,
                "payment": to_public("pay", payment.id),
                "reference": refund.reference,
                "amount": "40.00",
                "currency": "KES",
                "status": "pending",
                "pending_reason": "awaiting_provider",
                "route": "b2c",
                "destination": {"phone": payment.phone},
                "reason": "Customer requested refund",
                "fee": "0.00",
                "provider_receipt": None,
                "proof": None,
                "failure": None,
                "requested_by": refund.requested_by,
                "approved_by": None,
                "completed_at": None,
                "version": 1,
            },
        )
        self.assertTrue(found["requested_by"].startswith("key_"))
        self.assertEqual(answer["Location"], f"/api/v1/refunds/{public(refund)}/")
        self.assertEqual(self.get(f"refunds/{public(refund)}/", self.headers).json(), found | moments)

    def test_what_is_stored(self) -> None:
        payment = self.paid()
        refund = self.refund(payment)
        op = try_of(refund)
        self.assertEqual(
            (op.kind, op.status, op.amount, op.client_ref, op.payment_id, op.token_hash),
            ("reversal", "created", 100_00, f"{refund.reference}-1", None, None),
        )
        self.assertEqual(refund.held_from, {"pending": 100_00})
        self.assertEqual(steps_of(refund), [("requires_approval", "pending")])
        self.assert_counters(payment, held=100_00)
        self.assert_posted(refund, hold={("pending", "D"): 100_00, ("refund_hold", "C"): 100_00})
        self.assert_told(refund, "created")
        self.assertEqual(self.book(), [], "nothing is sent while the merchant waits")

    def test_by_any_reference(self) -> None:
        payment = self.paid(reference="ORDER-1", amount=100)
        names = (
            "ORDER-1",
            payment.reference,
            payment.receipt,
            payment.provider_reference,
            to_public("pay", payment.id),
        )
        for name in names:
            with self.subTest(name=name):
                body = {"reference": name, "amount": 10, "reason": "Returned"}
                answer = self.post(REFUND, body, self.headers)
                self.assertEqual(answer.status_code, 201, answer.content)
        self.assert_counters(payment, held=50_00)

    def test_the_payment_tells(self) -> None:
        payment = self.paid()
        told = []

        def look() -> None:
            found = self.get(f"payments/{to_public('pay', payment.id)}/", self.headers).json()
            told.append((found["status"], found["refund_status"], found["amount_refundable"], found["amount_refunded"]))

        look()
        refund = self.sent(payment, amount=40)
        look()
        self.bring_results(refund)
        look()
        refund = self.sent(payment)
        look()
        self.bring_results(refund)
        look()
        self.assertEqual(
            told,
            [
                ("completed", "none", "100.00", "0.00"),
                ("completed", "pending", "60.00", "0.00"),
                ("completed", "partial", "60.00", "40.00"),
                ("completed", "pending", "0.00", "40.00"),
                ("completed", "full", "0.00", "100.00"),
            ],
        )
        self.assertEqual(refund.route, "b2c")
        self.assertEqual(self.again(payment).version, payment.version + 4)

    def test_one_key_one_refund(self) -> None:
        payment, key = self.paid(), next_key()
        first = self.ask(payment, amount=10, key=key)
        again = self.ask(payment, amount=10, key=key)
        self.assertEqual((first.status_code, again.status_code), (201, 201))
        self.assertEqual((first.content, again["Idempotent-Replayed"]), (again.content, "true"))
        self.assert_problem(self.ask(payment, amount=20, key=key), 422, "idempotency_key_reused")
        self.assertEqual(Refund.objects.count(), 1)
        self.assert_counters(payment, held=10_00)

    def test_refusals_are_replayed_too(self) -> None:
        payment, key = self.paid(), next_key()
        for _ in range(2):
            self.assert_problem(self.ask(payment, amount=101, key=key), 409, "refund_exceeds_payment")
        self.assert_untouched(payment)


class Refused(RefundTestCase):
    """Each with the silence after it."""

    def test_payments_without_money(self) -> None:
        for status in ("pending", "failed", "cancelled", "expired", "reconciling"):
            with self.subTest(status=status):
                payment = make_payment(self.merchant, status=status)
                self.assert_problem(self.ask(payment), 409, "payment_not_refundable")
                self.assert_untouched(payment)

    def test_a_payment_nobody_knows(self) -> None:
        body = {"reference": "NO-SUCH", "reason": "Returned"}
        self.assert_problem(self.post(REFUND, body, self.headers), 404, "payment_not_found")

    def test_more_than_came_in(self) -> None:
        payment = self.paid()
        found = self.assert_problem(self.ask(payment, amount="100.01"), 409, "refund_exceeds_payment")
        self.assertEqual((found["amount_refundable"], found["param"]), ("100.00", "amount"))
        self.assert_untouched(payment)

    def test_more_than_is_left(self) -> None:
        payment = self.paid()
        self.refund(payment, amount=60)
        found = self.assert_problem(self.ask(payment, amount=41), 409, "refund_exceeds_payment")
        self.assertEqual(found["amount_refundable"], "40.00")
        self.refund(payment, amount=40)
        self.assert_problem(self.ask(payment), 409, "payment_not_refundable")
        self.assert_counters(payment, held=100_00)

    def test_amounts_that_m_pesa_does_not_send(self) -> None:
        payment = self.paid(amount=300)
        for amount, code in (
            ("9.00", "amount_too_small"),
            ("0", "amount_too_small"),
            ("50.50", "amount_not_whole"),
            ("1e2", "amount_invalid"),
            (-5, "amount_invalid"),
        ):
            with self.subTest(amount=amount):
                found = self.assert_problem(self.ask(payment, amount=amount), 400, code)
                self.assertEqual(found["param"], "amount")
        self.assert_untouched(payment)

    def test_a_whole_small_payment_can_be_reversed(self) -> None:
        payment = self.paid(amount=5)
        self.assertEqual(self.refund(payment).route, "reversal")

    def test_the_balance_does_not_cover_it(self) -> None:
        """The fee is kept, so the net of one payment is less than its whole."""
        self.merchant.fee_bps = 150
        self.merchant.save(update_fields=["fee_bps"])
        payment = make_payment(self.merchant, status="completed", amount="100.00")
        self.assertEqual(balance("pending"), 98_50)
        self.assert_problem(self.ask(payment), 402, "insufficient_balance")
        self.assert_untouched(payment)
        make_payment(self.merchant, status="completed", amount="100.00")
        self.refund(payment)
        self.assert_counters(payment, held=100_00)

    def test_what_is_missing_or_unknown(self) -> None:
        payment = self.paid()
        for fields, code, param in (
            ({"reason": None}, "parameter_missing", "reason"),
            ({"reason": ""}, "parameter_missing", "reason"),
            ({"reason": "x" * 256}, "parameter_invalid", "reason"),
            ({"reference": None}, "parameter_missing", "reference"),
            ({"ammount": 10}, "unknown_parameter", "ammount"),
            ({"destination": {}}, "parameter_missing", "destination.phone"),
            ({"destination": {"phone": "12"}}, "phone_invalid", "destination.phone"),
            ({"destination": {"phone": payment.phone, "name": "x"}}, "unknown_parameter", "destination.name"),
            ({"destination": "254712345678"}, "parameter_invalid", "destination"),
        ):
            with self.subTest(**fields):
                found = self.assert_problem(self.ask(payment, **fields), 400, code)
                self.assertEqual(found["param"], param)
        self.assert_untouched(payment)

    def test_live_mode_without_credentials(self) -> None:
        live = key_headers(make_api_key(self.live_merchant(), mode="live"))
        payment = make_payment(self.merchant, mode="live", status="completed")
        provider_accounts._provider.cache_clear()
        body = {"reference": payment.reference, "reason": "Returned"}
        self.assert_problem(self.post(REFUND, body, live), 503, "provider_not_configured")
        self.assert_untouched(payment)

    def live_merchant(self) -> object:
        self.merchant.live_enabled, self.merchant.kyc_status = True, "verified"
        self.merchant.save(update_fields=["live_enabled", "kyc_status"])
        return self.merchant

    def test_a_key_that_may_only_read(self) -> None:
        payment = self.paid()
        readers = key_headers(make_api_key(self.merchant, scopes=["refunds:read", "payments:write"]))
        body = {"reference": payment.reference, "reason": "Returned"}
        self.assert_problem(self.post(REFUND, body, readers), 403, "insufficient_scope")
        self.assertEqual(self.get("refunds/", readers).status_code, 200)
        writers = key_headers(make_api_key(self.merchant, scopes=["refunds:write"]))
        self.assert_problem(self.get("refunds/", writers), 403, "insufficient_scope")
        self.assert_untouched(payment)


class Destinations(RefundTestCase):
    """The money goes to whoever paid."""

    def without_phone(self, **fields: object) -> Payment:
        payment = self.paid()
        Payment.objects.filter(id=payment.id).update(phone=None, **fields)
        return self.again(payment)

    def test_a_payer_nobody_knows_must_be_named(self) -> None:
        payment = self.without_phone()
        found = self.assert_problem(self.ask(payment, amount=40), 400, "parameter_missing")
        self.assertEqual(found["param"], "destination.phone")
        refund = self.refund(payment, amount=40, destination={"phone": "0712 000 001"})
        self.assertEqual((refund.phone, refund.route), ("254712000001", "b2c"))

    def test_a_whole_payment_needs_no_number(self) -> None:
        refund = self.refund(self.without_phone())
        self.assertEqual((refund.route, refund.phone), ("reversal", None))
        self.assertIsNone(self.get(f"refunds/{public(refund)}/", self.headers).json()["destination"])

    def test_a_payer_known_by_the_hash_of_the_number(self) -> None:
        payment = self.without_phone(phone_hash=sha256(b"254712000001").hexdigest())
        self.assert_problem(self.ask(payment, amount=40), 400, "parameter_missing")
        other = {"phone": "254712000002"}
        found = self.assert_problem(self.ask(payment, amount=40, destination=other), 400, "parameter_invalid")
        self.assertEqual(found["param"], "destination.phone")
        self.refund(payment, amount=40, destination={"phone": "254712000001"})

    def test_another_number_than_the_payers(self) -> None:
        payment = self.paid()
        for amount in (40, None):
            fields = {"amount": amount} if amount else {}
            answer = self.ask(payment, destination={"phone": "254712000009"}, **fields)
            self.assert_problem(answer, 400, "parameter_invalid")
        self.refund(payment, amount=40, destination={"phone": payment.phone})


class Routes(RefundTestCase):
    def test_whole_and_untouched_is_reversed(self) -> None:
        payment = self.paid()
        for fields in ({}, {"amount": 100}):
            with self.subTest(**fields):
                self.assertEqual(self.refund(self.paid(), **fields).route, "reversal")
        self.assertEqual(self.refund(payment, amount=99).route, "b2c")

    def test_what_is_left_of_a_touched_payment_goes_to_the_phone(self) -> None:
        payment = self.paid()
        self.refund(payment, amount=40)
        rest = self.refund(payment)
        self.assertEqual((rest.route, rest.amount), ("b2c", 60_00))

    def test_without_a_receipt_there_is_nothing_to_reverse(self) -> None:
        payment = self.paid()
        Payment.objects.filter(id=payment.id).update(receipt=None)
        self.assertEqual(self.refund(payment).route, "b2c")

    def test_after_a_refused_reversal(self) -> None:
        payment = self.paid()
        Payment.objects.filter(id=payment.id).update(receipt="UKLNOBODY1", phone=None)
        refund = self.sent(self.again(payment))
        self.bring_results(refund)
        self.assert_refund(refund, "failed")
        again = self.refund(payment, destination={"phone": "254712000001"})
        self.assertEqual(again.route, "b2c")

    def test_a_surplus_payment_is_given_back_from_what_is_owed_to_payers(self) -> None:
        late = make_payment(self.merchant, status="failed", reference="ORDER-1")
        make_payment(self.merchant, reference="ORDER-1")
        succeed(late)
        surplus = self.again(late)
        self.assertTrue(surplus.surplus)
        body = {"reference": to_public("pay", surplus.id), "reason": "Paid twice"}
        refund = refund_of(self.post(REFUND, body, self.headers).json()["id"])
        self.assertEqual(refund.held_from, {"overpaid": 100_00})
        self.assert_posted(refund, hold={("overpaid", "D"): 100_00, ("refund_hold", "C"): 100_00})
        self.assertEqual((balance("overpaid"), balance("pending")), (0, 0))


@override_settings(MPESA_CALLBACK_URL="https://pay.example/collect")
class Addresses(RefundTestCase):
    def test_each_try_has_addresses_of_its_own(self) -> None:
        payment = self.paid_by_door()
        first = self.sent(payment, amount=40)
        second = self.sent(payment, amount=40)
        urls = [line["result_url"] for refund in (first, second) for line in self.lines(refund)]
        self.assertEqual(len(set(urls)), 2)
        for refund in (first, second):
            (line,) = self.lines(refund)
            self.assertRegex(line["result_url"], r"/api/v1/hooks/[0-9a-f]{32}/result/b2c/$")
            self.assertRegex(line["timeout_url"], r"/api/v1/hooks/[0-9a-f]{32}/timeout/b2c/$")
            token = line["result_url"].split("/")[-4]
            self.assertEqual(bytes(try_of(refund).token_hash or b""), sha256(token.encode()).digest())

    def paid_by_door(self) -> Payment:
        payment = self.start()
        succeed(payment)
        return self.again(payment)
