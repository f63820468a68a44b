"""Refunds that wait for a second person: which do, who may agree, and what is held meanwhile."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse

from merchants.models import Merchant, Role, Session, User
from merchants.tests.factories import key_headers, make_api_key, make_member, make_merchant, person_headers
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Payment, Refund
from payments.services.out_sending import send_out
from payments.tests.base import next_key
from payments.tests.refund_base import (
    CommittingRefundTestCase,
    RefundTestCase,
    balance,
    public,
    refund_of,
    steps_of,
    try_of,
)

HELD = {("pending", "D"): 100_00, ("refund_hold", "C"): 100_00}
RELEASED = {("refund_hold", "D"): 100_00, ("pending", "C"): 100_00}
SENT = {("refund_hold", "D"): 100_00, ("provider_float", "C"): 100_00}


class ApprovalCalls:
    """Asking as one person, deciding as another."""

    def limit(self: Any, minor: int | None) -> None:
        Merchant.objects.filter(id=self.merchant.id).update(refund_approval_above=minor)

    def person(self: Any, role: str = Role.FINANCE) -> tuple[User, dict[str, str]]:
        user = make_member(self.merchant, role)
        return user, person_headers(user)

    def ask_as(self: Any, headers: dict[str, str], payment: Payment, **fields: Any) -> HttpResponse:
        body = {"reference": payment.reference, "reason": "Returned goods"} | fields
        return self.post("payments/refund/", body, headers)

    def waiting(self: Any, payment: Payment, headers: dict[str, str] | None = None, **fields: Any) -> Refund:
        answer = self.ask_as(headers or self.headers, payment, **fields)
        self.assertEqual((answer.status_code, answer.json().get("status")), (201, "requires_approval"), answer.content)
        return refund_of(answer.json()["id"])

    def decide(self: Any, refund: Refund, word: str, headers: dict[str, str], *, key: str = "") -> HttpResponse:
        named = {"Idempotency-Key": key} if key else {}
        return self.post(f"refunds/{public(refund)}/{word}/", {}, headers | named)

    def assert_waiting(self: Any, refund: Refund) -> None:
        """Held and told of, and nothing that could leave."""
        self.assert_refund(refund, "requires_approval", pending_reason=None, approved_by=None, expected_at=None)
        self.assert_told(refund, "requires_approval")
        self.assert_posted(refund, hold=HELD)
        self.assertFalse(MoneyOp.objects.filter(refund=refund).exists())
        self.assertEqual(send_out(), 0)
        self.assertEqual(self.book(), [])


class WhichWait(ApprovalCalls, RefundTestCase):
    def test_above_the_limit(self) -> None:
        self.limit(99_99)
        payment = self.paid()
        refund = self.waiting(payment)
        self.assert_waiting(refund)
        self.assert_counters(payment, held=100_00)
        self.assertEqual(steps_of(refund), [])

    def test_up_to_the_limit_none_does(self) -> None:
        self.limit(100_00)
        refund = self.refund(self.paid())
        self.assert_refund(refund, "pending")
        self.assert_told(refund, "created")

    def test_without_a_limit_none_does(self) -> None:
        self.limit(None)
        self.assert_refund(self.refund(self.paid()), "pending")

    def test_of_a_role_that_may_only_ask(self) -> None:
        self.limit(None)
        _, support = self.person(Role.SUPPORT)
        refund = self.waiting(self.paid(), support)
        self.assert_waiting(refund)

    def test_of_a_role_that_may_approve_only_above_the_limit(self) -> None:
        self.limit(100_00)
        _, finance = self.person()
        answer = self.ask_as(finance, self.paid())
        self.assertEqual(answer.json()["status"], "pending")

    def test_the_quote_tells(self) -> None:
        payment = self.paid()
        for minor, told in ((None, False), (99_99, True), (100_00, False)):
            with self.subTest(limit=minor):
                self.limit(minor)
                answer = self.post("payments/quote/", {"refund_of": payment.reference}, self.headers)
                self.assertIs(answer.json()["requires_approval"], told)
        self.limit(None)
        _, support = self.person(Role.SUPPORT)
        answer = self.post("payments/quote/", {"refund_of": payment.reference}, support)
        self.assertIs(answer.json()["requires_approval"], True)
        answer = self.post("payments/quote/", {"amount": "100", "payment_method": "mpesa"}, self.headers)
        self.assertIs(answer.json()["requires_approval"], False)

    def test_what_waits_is_not_free_for_others(self) -> None:
        self.limit(0)
        payment = self.paid()
        self.waiting(payment, amount="60.00")
        self.assert_problem(self.ask(payment, amount="50.00"), 409, "refund_exceeds_payment")
        self.waiting(payment, amount="40.00")
        self.assert_counters(payment, held=100_00)


class WhoMayAgree(ApprovalCalls, RefundTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.limit(0)

    def test_another_person(self) -> None:
        _, asker = self.person()
        approver, headers = self.person()
        refund = self.waiting(self.paid(), asker)
        answer = self.decide(refund, "approve", headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        told = answer.json()
        self.assertEqual((told["status"], told["approved_by"]), ("pending", approver.public_id))
        self.assertIsNotNone(told["expected_at"])
        self.assert_told(refund, "requires_approval", "created")
        self.assert_ops(refund, ("reversal", "created"))
        self.assertEqual(steps_of(refund), [("requires_approval", "pending")])
        self.assert_posted(refund, hold=HELD)

    def test_never_the_one_who_asked(self) -> None:
        _, asker = self.person(Role.OWNER)
        refund = self.waiting(self.paid(), asker)
        self.assert_problem(self.decide(refund, "approve", asker), 403, "own_request_approval")
        self.assert_waiting(refund)

    def test_never_whoever_made_the_key_it_was_asked_with(self) -> None:
        maker, headers = self.person(Role.OWNER)
        theirs = key_headers(make_api_key(self.merchant, created_by=maker.public_id))
        refund = self.waiting(self.paid(), theirs)
        self.assert_problem(self.decide(refund, "approve", headers), 403, "own_request_approval")
        self.assert_waiting(refund)

    def test_never_a_key(self) -> None:
        refund = self.waiting(self.paid())
        scopes = ["refunds:read", "refunds:write", "refunds:approve"]
        able = key_headers(make_api_key(self.merchant, scopes=scopes))
        self.assert_problem(self.decide(refund, "approve", able), 403, "permission_denied")
        self.assert_problem(self.decide(refund, "approve", self.headers), 403, "insufficient_scope")
        self.assert_waiting(refund)

    def test_never_a_role_that_may_only_ask(self) -> None:
        refund = self.waiting(self.paid())
        for role in (Role.SUPPORT, Role.DEVELOPER, Role.VIEWER):
            with self.subTest(role=role):
                self.assert_problem(self.decide(refund, "approve", self.person(role)[1]), 403, "insufficient_scope")
        self.assert_waiting(refund)

    def test_never_somebody_of_another_merchant(self) -> None:
        refund = self.waiting(self.paid())
        stranger = person_headers(make_member(make_merchant("Other"), Role.OWNER))
        for word in ("approve", "cancel"):
            self.assert_problem(self.decide(refund, word, stranger), 404, "resource_missing")
        self.assert_waiting(refund)

    def test_above_the_limit_only_after_a_fresh_proof(self) -> None:
        refund = self.waiting(self.paid())
        user, headers = self.person()
        Session.objects.filter(user=user).update(proved_at=now() - timedelta(minutes=11))
        self.assert_problem(self.decide(refund, "approve", headers), 403, "step_up_required")
        self.assert_waiting(refund)
        self.limit(None)
        self.assertEqual(self.decide(refund, "approve", headers).status_code, 200)

    def test_once(self) -> None:
        refund = self.waiting(self.paid())
        _, one = self.person()
        _, two = self.person()
        key = next_key()
        first = self.decide(refund, "approve", one, key=key)
        self.assertEqual(self.decide(refund, "approve", one, key=key).content, first.content)
        self.assert_problem(self.decide(refund, "approve", two), 409, "state_conflict")
        self.assert_problem(self.decide(refund, "cancel", two), 409, "state_conflict")
        self.assert_ops(refund, ("reversal", "created"))

    def test_one_on_its_way_asks_for_nobody(self) -> None:
        self.limit(None)
        refund = self.refund(self.paid())
        _, headers = self.person()
        for word in ("approve", "cancel"):
            self.assert_problem(self.decide(refund, word, headers), 409, "state_conflict")
        self.assert_refund(refund, "pending")

    def test_it_cannot_be_sent_past_the_second_person(self) -> None:
        refund = self.waiting(self.paid())
        self.assert_problem(self.decide(refund, "retry", self.headers), 409, "state_conflict")
        self.assert_waiting(refund)


class CallingOff(ApprovalCalls, RefundTestCase):
    def test_by_anybody_who_may_ask(self) -> None:
        self.limit(0)
        payment = self.paid()
        refund = self.waiting(payment)
        answer = self.decide(refund, "cancel", self.headers)
        self.assertEqual((answer.status_code, answer.json()["status"]), (200, "cancelled"), answer.content)
        self.assert_counters(payment)
        self.assert_posted(refund, hold=HELD, undo=RELEASED)
        self.assert_told(refund, "requires_approval", "cancelled")
        self.assertEqual((balance("pending"), balance("refund_hold")), (100_00, 0))
        self.assertEqual(send_out(), 0)
        self.assertEqual(self.book(), [])
        # The money may be asked for again.
        self.waiting(payment)

    def test_it_stays_off(self) -> None:
        self.limit(0)
        refund = self.waiting(self.paid())
        self.decide(refund, "cancel", self.headers)
        _, headers = self.person()
        self.assert_problem(self.decide(refund, "approve", headers), 409, "state_conflict")
        self.assert_problem(self.decide(refund, "cancel", self.headers), 409, "state_conflict")
        self.assert_told(refund, "requires_approval", "cancelled")

    def test_not_by_somebody_who_may_not_ask(self) -> None:
        self.limit(0)
        refund = self.waiting(self.paid())
        _, viewer = self.person(Role.VIEWER)
        self.assert_problem(self.decide(refund, "cancel", viewer), 403, "insufficient_scope")
        self.assert_waiting(refund)


class SentByHand(ApprovalCalls, RefundTestCase):
    """The route `manual`: two people and a proof."""

    def by_hand(self, payment: Payment, headers: dict[str, str], **fields: Any) -> HttpResponse:
        return self.ask_as(headers, payment, **({"route": "manual", "proof": "UKL0HAND01"} | fields))

    def test_two_people_book_it(self) -> None:
        payment = self.paid()
        _, asker = self.person()
        approver, headers = self.person()
        refund = self.waiting(payment, asker, route="manual", proof="ukl0hand01")
        self.assert_waiting(refund)
        told = self.decide(refund, "approve", headers).json()
        self.assertEqual(
            (told["status"], told["route"], told["proof"], told["provider_receipt"], told["approved_by"]),
            ("completed", "manual", "UKL0HAND01", "UKL0HAND01", approver.public_id),
        )
        self.assert_posted(refund, hold=HELD, done=SENT)
        self.assert_counters(payment, refunded=100_00)
        self.assert_told(refund, "requires_approval", "completed")
        self.assert_ops(refund, ("manual", "succeeded"))
        self.assertEqual(try_of(refund).evidence_id, self.again_refund(refund).evidence_id)
        self.assertEqual(send_out(), 0)
        self.assertEqual(self.book(), [], "nobody sends it a second time")

    def test_only_people_who_may_approve(self) -> None:
        payment = self.paid()
        self.assert_problem(self.by_hand(payment, self.headers), 403, "permission_denied")
        _, support = self.person(Role.SUPPORT)
        self.assert_problem(self.by_hand(payment, support), 403, "insufficient_scope")
        self.assert_untouched(payment)

    def test_proof_and_route_belong_together(self) -> None:
        payment = self.paid()
        _, asker = self.person()
        self.assert_problem(self.by_hand(payment, asker, proof=""), 400, "parameter_missing")
        self.assert_problem(self.ask_as(asker, payment, route="manual"), 400, "parameter_missing")
        self.assert_problem(self.ask_as(asker, payment, proof="UKL0HAND01"), 400, "parameter_missing")
        self.assert_problem(self.ask_as(asker, payment, route="external", proof="X"), 400, "parameter_invalid")
        self.assert_untouched(payment)

    def test_one_transfer_proves_one_refund(self) -> None:
        payment, other = self.paid(), self.paid()
        _, asker = self.person()
        self.assert_problem(self.by_hand(payment, asker, proof=payment.receipt), 409, "receipt_already_used")
        refund = self.waiting(payment, asker, route="manual", proof="UKL0HAND01")
        self.assert_problem(self.by_hand(other, asker), 409, "receipt_already_used")
        self.decide(refund, "approve", self.person()[1])
        self.assert_problem(self.by_hand(other, asker), 409, "receipt_already_used")
        self.assert_counters(other)


class Committed(ApprovalCalls, CommittingRefundTestCase):
    """The whole way, with every proof asked."""

    def test_approved_and_paid(self) -> None:
        self.limit(0)
        payment = self.paid()
        refund = self.waiting(payment)
        self.assert_clean()
        self.decide(refund, "approve", self.person()[1])
        self.assert_clean()
        self.assertEqual(send_out(), 1)
        self.bring_results(refund)
        self.assert_refund(refund, "completed")
        self.assert_told(refund, "requires_approval", "created", "completed")
        self.assert_paid_once(refund, minor=100_00)
        self.assert_counters(payment, refunded=100_00)
        self.assert_clean()

    def test_cancelled_and_by_hand(self) -> None:
        self.limit(0)
        payment = self.paid()
        refund = self.waiting(payment)
        self.decide(refund, "cancel", self.headers)
        self.assert_clean()
        by_hand = self.waiting(payment, self.person()[1], route="manual", proof="UKL0HAND02")
        self.decide(by_hand, "approve", self.person()[1])
        self.assert_refund(by_hand, "completed", route="manual")
        self.assert_clean()
