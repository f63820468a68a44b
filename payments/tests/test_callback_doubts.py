"""Callbacks that are not to be believed: kept, never applied, and the provider is asked instead."""

from typing import Any

from django.http import HttpResponse

from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.schedule import ORPHAN_RETRIES
from payments.services.charge_claims import BELIEVED_UNASKED, CONFIRMS
from payments.services.hand_over import give_up_hand_over
from payments.services.sweep import sweep
from payments.tests.base import NO_SUCH_TOKEN, PaymentTestCase, events_of
from payments.tests.claims import failure_body, success_body
from payments.tests.factories import make_payment, next_receipt, op_of
from tests.simulator_process import simulator

LONG_AGO = "2020-01-01T00:00:00Z"
DOCUMENTED = "/api/v1/payments/mpesa/callback/"
STRANGERS_DOOR = f"/api/v1/hooks/{NO_SUCH_TOKEN}/collect/"
ACCEPTED = {"ResultCode": 0, "ResultDesc": "Accepted"}


class DoubtTestCase(PaymentTestCase):
    def checkout(self, payment: Payment) -> str:
        return op_of(payment).provider_ref or ""

    def claim(self) -> ProviderEvent:
        return ProviderEvent.objects.latest("id")

    def assert_kept_apart(self, note: str) -> ProviderEvent:
        claim = self.claim()
        self.assertEqual(claim.status, "quarantined")
        self.assertIn(note, claim.note)
        return claim

    def assert_untouched(self, payment: Payment) -> None:
        found = self.assert_state(payment, "pending", version=payment.version, evidence_id=None, receipt=None)
        self.assertEqual(events_of(found), ["payment.created", "payment.pending"])
        self.assert_no_money(payment)

    def assert_asked_now(self, payment: Payment) -> None:
        self.assertLessEqual(op_of(payment).next_check, now())  # type: ignore[arg-type]


class Strangers(DoubtTestCase):
    def test_a_wrong_token(self) -> None:
        payment = self.start()
        planned = op_of(payment).next_check
        answer = self.bring(success_body(self.checkout(payment)), STRANGERS_DOOR)
        self.assert_problem(answer, 404, "route_not_found")
        kept = self.claim()
        self.assertEqual((kept.status, kept.token_ok, kept.door), ("new", False, "collect:claim"))
        self.assertEqual(kept.op_id, op_of(payment).id)
        self.assertEqual(op_of(payment).next_check, planned)
        self.apply()
        self.assert_kept_apart("untrusted")
        self.assert_untouched(payment)
        self.assert_asked_now(payment)

    def test_a_forged_success_leads_to_the_truth(self) -> None:
        payment = self.start()
        simulator().cancel(self.checkout(payment))
        self.bring(success_body(self.checkout(payment)), STRANGERS_DOOR)
        self.apply()
        sweep()
        self.assert_state(payment, "cancelled", confirmed_by="query")
        self.assert_no_money(payment)

    def test_the_documented_address_without_a_token(self) -> None:
        payment = self.start()
        answer = self.bring(success_body(self.checkout(payment)), DOCUMENTED)
        self.assertEqual((answer.status_code, answer.json()), (200, ACCEPTED))
        self.apply()
        self.assert_kept_apart("untrusted")
        self.assert_untouched(payment)
        self.assert_asked_now(payment)
        simulator().approve(self.checkout(payment))
        sweep()
        self.assert_state(payment, "completed", confirmed_by="query")
        self.assert_one_capture(payment)

    def test_the_documented_address_with_the_token(self) -> None:
        payment = self.start()
        token = self.door_of(payment).split("/")[4]
        answer = self.bring(success_body(self.checkout(payment)), f"{DOCUMENTED}{token}/")
        self.assertEqual((answer.status_code, answer.json()), (200, ACCEPTED))
        self.apply()
        self.assert_state(payment, "completed", confirmed_by="callback")

    def test_the_documented_address_with_a_wrong_token(self) -> None:
        payment = self.start()
        answer = self.bring(success_body(self.checkout(payment)), f"{DOCUMENTED}{NO_SUCH_TOKEN}/")
        self.assert_problem(answer, 404, "route_not_found")
        self.apply()
        self.assert_untouched(payment)

    def test_odd_tokens(self) -> None:
        payment = self.start()
        for token in ("0", "a%00b", "%ff", "é", "x" * 2000, "..", "' OR 1=1 --"):
            with self.subTest(token=token[:20]):
                answer = self.bring(success_body(self.checkout(payment)), f"/api/v1/hooks/{token}/collect/")
                self.assertEqual(answer.status_code, 404)
        self.apply()
        self.assert_untouched(payment)

    def test_a_forged_claim_does_not_take_the_place_of_the_true_one(self) -> None:
        payment = self.start()
        line = simulator().approve(self.checkout(payment))
        forged = success_body(line["checkout_request_id"], receipt=line["receipt"], amount=1)
        self.bring(forged, DOCUMENTED)
        self.bring(forged, STRANGERS_DOOR)
        self.apply()
        (true,) = self.bring_callbacks(payment)
        self.assertEqual(true.status, "applied")
        self.assert_state(payment, "completed", receipt=line["receipt"])

    def test_a_forged_failure_does_not_close_a_payment(self) -> None:
        payment = self.start()
        self.bring(failure_body(self.checkout(payment)), DOCUMENTED)
        self.apply()
        self.assert_untouched(payment)

    def test_only_posts_are_taken(self) -> None:
        door = self.door_of(self.start())
        for address in (door, DOCUMENTED):
            for method in ("get", "put", "patch", "delete", "head", "options"):
                with self.subTest(address=address, method=method):
                    answer: HttpResponse = getattr(self.client, method)(address)
                    self.assertEqual((answer.status_code, answer["Allow"]), (405, "POST"))
                    self.assertEqual(answer["Content-Type"], "application/problem+json")
        self.assertFalse(ProviderEvent.objects.exists())


class WrongContent(DoubtTestCase):
    def test_the_token_of_another_payment(self) -> None:
        mine, other = self.start(), self.start()
        self.bring(success_body(self.checkout(other)), self.door_of(mine))
        self.apply()
        claim = self.assert_kept_apart("belongs to another operation")
        self.assertEqual(claim.op_id, op_of(mine).id)
        self.assert_untouched(mine)
        self.assert_untouched(other)
        self.assert_asked_now(mine)

    def test_the_token_of_another_merchants_payment(self) -> None:
        mine = self.start()
        self.headers = key_headers(make_api_key(make_merchant("Mama Mboga")))
        other = self.start()
        self.bring(success_body(self.checkout(other)), self.door_of(mine))
        self.apply()
        self.assert_untouched(mine)
        self.assert_untouched(other)

    def test_the_token_of_a_payment_whose_reference_is_not_known_yet(self) -> None:
        doubtful, other = make_payment(self.merchant, status="reconciling"), self.start()
        self.bring(success_body(self.checkout(other)), doubtful.door)  # type: ignore[attr-defined]
        self.apply()
        self.assert_kept_apart("belongs to another operation")
        self.assert_untouched(doubtful)
        self.assert_untouched(other)
        self.pay(other)
        self.assert_state(other, "completed")

    def test_another_amount(self) -> None:
        payment = self.start(phone="254700000044")
        simulator().approve(self.checkout(payment))
        (claim,) = self.bring_callbacks(payment)
        self.assertEqual((claim.status, claim.note), ("quarantined", "amount differs: asked 100.00, told 101.00 KES"))
        self.assert_untouched(payment)
        self.assert_asked_now(payment)
        sweep()
        self.assert_state(payment, "completed", confirmed_by="query", receipt=None, captured=100_00)
        self.assert_one_capture(payment)

    def test_no_amount_that_can_be_read(self) -> None:
        amounts: list[Any] = [None, "", "a hundred", -100, "1e2", [100], {"a": 1}, True, 10**18]
        payment = self.start()
        for amount in amounts:
            with self.subTest(amount=amount):
                self.tell(payment, success_body(self.checkout(payment), amount=amount, receipt=next_receipt()))
                self.assertEqual(self.claim().status, "quarantined")
                self.assert_untouched(payment)

    def test_a_receipt_that_was_used(self) -> None:
        first, second = self.start(), self.start()
        line = self.pay(first)
        self.tell(second, success_body(self.checkout(second), receipt=line["receipt"]))
        self.assert_kept_apart("receipt already credited to another payment")
        self.assert_untouched(second)
        self.assert_asked_now(second)
        self.assert_one_capture(first)

    def test_a_receipt_of_the_other_mode_is_another_receipt(self) -> None:
        live = make_payment(self.merchant, mode="live", status="completed")
        payment = self.start()
        self.tell(payment, success_body(self.checkout(payment), receipt=live.receipt))
        self.assert_state(payment, "completed", receipt=live.receipt)

    def test_success_of_what_never_left(self) -> None:
        payment = make_payment(self.merchant, status="initiated")
        give_up_hand_over(op_of(payment).id)
        self.bring(success_body("ws_CO_211120260930000001"), payment.door)  # type: ignore[attr-defined]
        self.apply()
        self.assert_kept_apart("never left")
        self.assert_state(payment, "failed", captured=0)

    def test_an_unreadable_body_at_the_right_door_makes_us_ask(self) -> None:
        payment = self.start()
        self.bring(b"<xml/>", self.door_of(payment))
        self.apply()
        self.assert_kept_apart("cannot be read")
        self.assert_untouched(payment)
        self.assert_asked_now(payment)


class Orphans(DoubtTestCase):
    def visit_again(self) -> None:
        ProviderEvent.objects.filter(status="orphan").update(next_try=LONG_AGO)
        self.apply()

    def test_a_claim_about_nothing_we_know_is_looked_at_again_and_kept_apart(self) -> None:
        self.bring(success_body("ws_CO_000000000000000001"), DOCUMENTED)
        self.apply()
        for tries in range(1, len(ORPHAN_RETRIES) + 1):
            claim = self.claim()
            self.assertEqual((claim.status, claim.tries), ("orphan", tries))
            self.assertGreater(claim.next_try, now())
            self.visit_again()
        self.assert_kept_apart("nobody here knows")
        self.assertEqual(self.claim().mode, "live")
        self.assertEqual(self.apply(), 0)

    def test_its_owner_may_appear(self) -> None:
        self.bring(success_body("ws_CO_000000000000000001"), DOCUMENTED)
        self.apply()
        payment = self.start()
        MoneyOp.objects.update(provider_ref="ws_CO_000000000000000001")
        self.visit_again()
        claim = self.assert_kept_apart("untrusted")
        self.assertEqual(claim.op_id, op_of(payment).id)
        self.assert_asked_now(payment)


class Confirmation(DoubtTestCase):
    """A merchant who wants every success to be asked back."""

    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora", confirm_policy="always")
        self.headers = key_headers(make_api_key(self.merchant))

    def come_back(self) -> None:
        ProviderEvent.objects.filter(status="new").update(next_try=LONG_AGO)
        self.apply()

    def test_the_provider_says_the_same(self) -> None:
        payment = self.start()
        line = self.pay(payment)
        self.assertEqual(line["queries"] + 1, simulator().prompt(line["checkout_request_id"])["queries"])
        self.assert_state(payment, "completed", confirmed_by="callback", receipt=line["receipt"])
        self.assert_one_capture(payment)
        kept = ProviderEvent.objects.get(door="query")
        self.assertEqual((kept.status, kept.note, kept.op_id), ("duplicate", CONFIRMS, op_of(payment).id))

    def test_the_provider_knows_of_no_outcome_yet(self) -> None:
        payment = self.start()
        receipt = next_receipt()
        self.tell(payment, success_body(self.checkout(payment), receipt=receipt))
        self.assertEqual(self.claim().status, "new")
        self.assertGreater(self.claim().next_try, now())
        self.assert_untouched(payment)
        simulator().approve(self.checkout(payment))
        self.come_back()
        self.assert_state(payment, "completed", receipt=receipt)

    def test_the_provider_does_not_answer(self) -> None:
        payment = self.start(scenario="query.fail=1")
        simulator().approve(self.checkout(payment))
        (claim,) = self.bring_callbacks(payment)
        self.assertEqual(claim.status, "new")
        self.assert_untouched(payment)
        self.come_back()
        self.assert_state(payment, "completed", confirmed_by="callback")

    def test_the_provider_says_otherwise(self) -> None:
        payment = self.start()
        simulator().cancel(self.checkout(payment))
        self.tell(payment, success_body(self.checkout(payment)))
        self.assert_kept_apart("the provider says otherwise")
        self.assert_untouched(payment)
        self.bring_callbacks(payment)
        self.assert_state(payment, "cancelled")

    def test_a_success_told_before_its_hand_over_was_answered(self) -> None:
        payment = self.start(scenario="push=reset")
        (line,) = simulator().prompts()
        receipt = simulator().approve(line["checkout_request_id"])["receipt"]
        self.bring(
            success_body(line["checkout_request_id"], receipt=receipt),
            line["callback_url"][len("http://127.0.0.1:9") :],
        )
        self.apply()
        self.assert_state(payment, "completed", receipt=receipt, provider_reference=line["checkout_request_id"])

    def test_failures_need_no_confirmation(self) -> None:
        payment = self.start()
        self.tell(payment, failure_body(self.checkout(payment)))
        self.assert_state(payment, "cancelled")
        self.assertEqual(simulator().prompt(self.checkout(payment))["queries"], 0)

    def test_test_mode_asks_only_those_who_want_it(self) -> None:
        for policy in ("default", "never"):
            with self.subTest(policy=policy):
                self.merchant = make_merchant("Mama Mboga", confirm_policy=policy)
                self.headers = key_headers(make_api_key(self.merchant))
                payment = self.start()
                line = self.pay(payment)
                self.assert_state(payment, "completed")
                self.assertEqual(simulator().prompt(line["checkout_request_id"])["queries"], 0)

    def test_live_mode_notes_whom_it_believed_unasked(self) -> None:
        merchant = make_merchant("Mama Mboga", live_enabled=True, confirm_policy="never")
        live = make_payment(merchant, mode="live")
        self.bring(success_body(live.provider_reference or ""), live.door)  # type: ignore[attr-defined]
        self.apply()
        self.assert_state(live, "completed", confirmed_by="callback")
        self.assertEqual((self.claim().status, self.claim().note), ("applied", BELIEVED_UNASKED))

    def test_live_mode_asks_by_default(self) -> None:
        """Without credentials nobody can be asked: the claim waits, and no money is booked on its word alone."""
        merchant = make_merchant("Mama Mboga", live_enabled=True)
        live = make_payment(merchant, mode="live")
        self.bring(success_body(live.provider_reference or ""), live.door)  # type: ignore[attr-defined]
        self.apply()
        self.assertEqual(self.claim().status, "new")
        self.assert_untouched(live)
