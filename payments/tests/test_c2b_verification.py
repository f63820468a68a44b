"""Confirmations are unsigned: before money is anybody's, the provider is asked, or its list is read."""

from datetime import timedelta
from typing import Any

from django.test import override_settings

from merchants.models import Merchant
from onpoint_pay.kit.clock import now
from payments.models import C2bReceipt, ProviderEvent, ProviderQuestion
from payments.services.questions import _token, put_questions
from payments.tests.base import NO_SUCH_TOKEN, events_of
from payments.tests.c2b import (
    PAYER,
    C2bTestCase,
    confirmation,
    line,
    news_of,
    next_code,
    not_found_result,
    status_result,
)
from tests.simulator_process import simulator, wait_for
from webhooks.tests.receiver import Receiver


class UnbelievedTestCase(C2bTestCase):
    """A merchant who wants every confirmation asked back, as all do in live mode."""

    def setUp(self) -> None:
        super().setUp()
        Merchant.objects.filter(id=self.merchant.id).update(confirm_policy="always")

    def tell(self, **told: Any) -> C2bReceipt:  # type: ignore[override]
        self.make_account("SHULE01")
        return self.confirm(next_code(), bill_ref="SHULE01", **told)

    def question(self, row: C2bReceipt) -> ProviderQuestion:
        return ProviderQuestion.objects.get(c2b_receipt=row)

    def answer(self, question: ProviderQuestion, body: bytes, *, word: str = "result") -> ProviderEvent:
        """The provider's answer at the question's own door, applied."""
        answer = self.bring(body, f"/api/v1/hooks/{_token(question.id)}/{word}/status/")
        self.assertEqual(answer.status_code, 200, answer.content)
        self.apply()
        return ProviderEvent.objects.latest("id")

    def assert_unbelieved(self, row: C2bReceipt, **fields: Any) -> C2bReceipt:
        found = self.assert_waiting(row, "suggested", verification="pending", **fields)
        self.assert_books(provider_float=row.amount, suspense=row.amount)
        self.assertEqual(news_of(row), ["c2b.received"])
        return found


class Asked(UnbelievedTestCase):
    def test_matched_in_mind_and_not_credited(self) -> None:
        row = self.assert_unbelieved(self.tell())
        self.assertIn("Waits", str(row.reason))
        self.assertEqual(len(row.suggestions), 1)
        question = self.question(row)
        self.assertEqual(
            (question.status, question.receipt, question.kind), ("asked", row.receipt, "transaction_status")
        )

    def test_confirmed_by_the_answer(self) -> None:
        row = self.tell()
        event = self.answer(self.question(row), status_result(row.receipt))
        self.assertEqual((event.door, event.status), ("result-status", "applied"))
        self.assert_credited(row, confirmed_by="transaction_status", evidence_id=event.id)
        found = self.fresh(row)
        self.assertEqual((found.verification, found.verified_by), ("verified", "transaction_status"))
        self.assertEqual((self.question(row).status, self.question(row).answer_id), ("answered", event.id))
        self.assertEqual(news_of(row), ["c2b.received", "c2b.matched"])
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_taken_back_after_it_had_found_its_owner(self) -> None:
        """The list proved it before the answer came; the answer says that the network has undone it since."""
        row = self.tell()
        question = self.question(row)
        self.pull(line(row.receipt, bill_ref="SHULE01"))
        payment = self.assert_credited(row)
        self.answer(question, status_result(row.receipt, status="Reversed"))
        event = ProviderEvent.objects.get(door="result-status")
        self.assertEqual((event.status, event.note), ("ignored", "the payment was taken back: booked"))
        (refund,) = payment.refunds.all()
        self.assertEqual((refund.status, refund.route, refund.amount), ("completed", "external", 100_00))
        self.assertEqual(events_of(payment).count("payment.reversed"), 1)
        # The fee was earned, so the balance lacks it.
        self.assert_books(provider_float=0, pending=0, owed=1_50, fee_income=1_50)

    def test_another_amount(self) -> None:
        row = self.tell()
        event = self.answer(self.question(row), status_result(row.receipt, amount=1))
        self.assert_denied(row, event)

    def test_another_shortcode(self) -> None:
        row = self.tell()
        self.assert_denied(row, self.answer(self.question(row), status_result(row.receipt, shortcode="999999")))

    def test_money_that_did_not_move(self) -> None:
        row = self.tell()
        self.assert_denied(row, self.answer(self.question(row), status_result(row.receipt, status="Declined")))

    def assert_denied(self, row: C2bReceipt, event: ProviderEvent) -> None:
        self.assertEqual(event.status, "quarantined")
        found = self.assert_waiting(row, "unmatched", verification="refuted")
        self.assertIn("says otherwise", str(found.reason))
        self.assert_books(provider_float=100_00, suspense=100_00)
        self.assertEqual(news_of(row), ["c2b.received", "c2b.unmatched"])

    def test_an_answer_about_another_receipt(self) -> None:
        row = self.tell()
        event = self.answer(self.question(row), status_result(next_code()))
        self.assertEqual(event.status, "quarantined")
        self.assert_unbelieved(row)

    def test_not_found_twice(self) -> None:
        row = self.tell()
        for asked in (1, 2):
            event = self.answer(self.question(row), not_found_result())
            self.assertEqual((event.status, event.note), ("ignored", "the provider knows no such transaction"))
            self.assertEqual(self.question(row).unknown_there, asked)
        self.assert_unbelieved(row)
        self.assertIsNone(self.question(row).next_ask)

    def test_found_after_all(self) -> None:
        row = self.tell()
        self.answer(self.question(row), not_found_result())
        self.answer(self.question(row), status_result(row.receipt))
        self.assert_credited(row)

    def test_a_notice_is_no_answer(self) -> None:
        row = self.tell()
        event = self.answer(self.question(row), status_result(row.receipt), word="timeout")
        self.assertEqual((event.door, event.status), ("timeout-status", "ignored"))
        self.assert_unbelieved(row)

    def test_an_answer_at_a_door_that_is_no_questions(self) -> None:
        row = self.tell()
        answer = self.bring(status_result(row.receipt), f"/api/v1/hooks/{NO_SUCH_TOKEN}/result/status/")
        self.assert_problem(answer, 404, "route_not_found")
        self.apply()
        self.assert_unbelieved(row)

    def test_the_answer_twice(self) -> None:
        row = self.tell()
        question, body = self.question(row), status_result(row.receipt)
        for _ in range(3):
            self.answer(question, body)
        self.assert_credited(row)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_no_account_for_it(self) -> None:
        row = self.confirm(bill_ref="NOBODY")
        self.assert_waiting(row, "unmatched", verification="pending")
        self.answer(self.question(row), status_result(row.receipt))
        self.assert_waiting(row, "unmatched", verification="verified")
        self.assertEqual(news_of(row), ["c2b.received", "c2b.unmatched"])


class Listed(UnbelievedTestCase):
    def test_the_list_proves_it(self) -> None:
        row = self.tell()
        self.assertEqual(self.pull(line(row.receipt, bill_ref="SHULE01")), 0)
        self.assert_credited(row, confirmed_by="pull")
        self.assertEqual(self.fresh(row).verified_by, "pull")

    def test_the_list_has_another_amount(self) -> None:
        row = self.tell()
        self.pull(line(row.receipt, amount=1_00, bill_ref="SHULE01"))
        self.assert_unbelieved(row)
        self.assertEqual(ProviderEvent.objects.get(door="pull").status, "quarantined")

    def test_the_list_knows_what_the_payer_typed(self) -> None:
        """A callback that nobody signed may have named another account than the payer did."""
        row, true = self.tell(), self.make_account("KODI77")
        self.pull(line(row.receipt, bill_ref="KODI77"))
        self.assert_credited(row, confirmed_by="pull")
        self.assertEqual(self.fresh(row).account_id, true.id)

    def test_the_list_outranks_a_denial(self) -> None:
        row = self.tell()
        self.answer(self.question(row), status_result(row.receipt, status="Declined"))
        self.pull(line(row.receipt, bill_ref="SHULE01"))
        self.assert_credited(row, confirmed_by="pull")


class Policies(C2bTestCase):
    def test_test_mode_waives_it(self) -> None:
        self.make_account("SHULE01")
        row = self.confirm(bill_ref="SHULE01")
        self.assertEqual((row.verification, row.verified_by), ("waived", None))
        self.assertFalse(ProviderQuestion.objects.exists())

    def test_live_mode_asks(self) -> None:
        from merchants.tests.accounts import make_account as connect

        shop = connect(self.merchant, mode="live", shortcode="700700")
        row = self.confirm(bill_ref="SHULE01", shop=shop)
        self.assertEqual((row.mode, row.verification), ("live", "pending"))
        self.assertEqual(ProviderQuestion.objects.get().provider_account_id, shop.id)


class AtTheSimulator(UnbelievedTestCase):
    """The question goes out by HTTP and the answer comes by callback."""

    def put(self, row: C2bReceipt) -> ProviderQuestion:
        with override_settings(BASE_URL="http://127.0.0.1:9"):
            self.assertEqual(put_questions(), 1)
        return self.question(row)

    def test_it_is_put_and_accepted(self) -> None:
        row = self.tell()
        question = self.put(row)
        self.assertEqual((question.status, question.tries), ("asked", 1))
        self.assertTrue(question.provider_ref)
        self.assertEqual(put_questions(), 0)

    def test_it_is_put_again_until_there_is_an_answer(self) -> None:
        row = self.tell()
        waits = []
        for _ in range(6):
            ProviderQuestion.objects.update(next_ask=now())
            before = now()
            question = self.put(row)
            waits.append((question.next_ask - before) / timedelta(minutes=1))  # type: ignore[operator]
        self.assertEqual(
            [wait >= least for wait, least in zip(waits, (1, 5, 15, 60, 360, 360), strict=True)], [True] * 6
        )
        self.answer(question, status_result(row.receipt))
        ProviderQuestion.objects.filter(next_ask__isnull=False).update(next_ask=now())
        self.assertEqual(put_questions(), 0)

    def test_it_is_given_up_after_three_days(self) -> None:
        row = self.tell()
        ProviderQuestion.objects.update(created_at=now() - timedelta(hours=73))
        question = self.put(row)
        self.assertEqual((question.status, question.next_ask), ("lost", None))
        self.answer(question, status_result(row.receipt))
        self.assert_credited(row)

    def test_the_whole_way(self) -> None:
        """A payer pays at the simulator, whose book then answers for the receipt."""
        self.make_account("SHULE01")
        order = {"shortcode": "600123", "amount": "100", "phone": PAYER, "bill_ref": "SHULE01"}
        paid = simulator().call("POST", "c2b", order)
        row = self.assert_unbelieved(self.confirm(paid["receipt"], bill_ref="SHULE01"))
        simulator().call("POST", "speed", {"result_seconds": 0})
        with Receiver() as us, override_settings(BASE_URL=us.url):
            self.assertEqual(put_questions(), 1)
            told = wait_for(lambda: us.received, seconds=8)[0]
        question = self.question(row)
        self.assertEqual(told.path, f"/api/v1/hooks/{_token(question.id)}/result/status/")
        self.answer(question, told.body)
        self.assert_credited(row, confirmed_by="transaction_status")


class NobodyMayAsk(UnbelievedTestCase):
    def test_without_an_api_user_the_list_alone_proves_it(self) -> None:
        type(self.shop).objects.filter(id=self.shop.id).update(initiator_name="nobody", version=99)
        row = self.tell()
        put_questions()
        question = self.question(row)
        self.assertIn(question.status, ("refused", "asked"))
        self.assert_unbelieved(row)
        self.pull(line(row.receipt, bill_ref="SHULE01"))
        self.assert_credited(row, confirmed_by="pull")


class Hearsay(C2bTestCase):
    def test_a_stranger_told_the_truth(self) -> None:
        """Money whose true confirmation was lost: the provider proves it, and only a person knows whose it is."""
        self.make_account("SHULE01")
        code = next_code()
        self.bring(confirmation(code, bill_ref="SHULE01"), "/api/v1/payments/mpesa/confirmation/")
        self.apply()
        question = ProviderQuestion.objects.get()
        self.bring(status_result(code), f"/api/v1/hooks/{_token(question.id)}/result/status/")
        self.apply()
        row = C2bReceipt.objects.get(receipt=code)
        self.assertEqual((row.source, row.verification, row.bill_ref), ("claim", "verified", ""))
        self.assert_waiting(row)
        self.assert_books(provider_float=100_00, suspense=100_00)
        self.pull(line(code, bill_ref="SHULE01"))
        self.assert_credited(row)

    def test_a_stranger_lied(self) -> None:
        code = next_code()
        self.bring(confirmation(code, bill_ref="SHULE01"), "/api/v1/payments/mpesa/confirmation/")
        self.apply()
        question = ProviderQuestion.objects.get()
        for body in (not_found_result(), not_found_result()):
            self.bring(body, f"/api/v1/hooks/{_token(question.id)}/result/status/")
            self.apply()
        self.assertFalse(C2bReceipt.objects.exists())
        self.assertIsNone(ProviderQuestion.objects.get().next_ask)

    def test_one_question_however_often_it_is_said(self) -> None:
        code = next_code()
        for number in range(3):
            self.bring(confirmation(code, bill_ref=f"X{number}"), "/api/v1/payments/mpesa/confirmation/")
            self.apply()
        self.assertEqual(ProviderQuestion.objects.count(), 1)
