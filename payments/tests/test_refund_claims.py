"""What is told at the doors of refunds: what is believed, what is kept apart, and what is asked back first."""

from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from merchants.models import Merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from payments.models import MoneyOp, Payment, ProviderEvent, Refund
from payments.services.out_answers import CONTRADICTED, WAITS_FOR_ANSWER
from payments.services.out_sending import send_out
from payments.services.questions import put_questions
from payments.services.sweep import sweep
from payments.tests.base import NO_SUCH_TOKEN
from payments.tests.refund_base import CommittingRefundTestCase, questions_about, try_of
from payments.tests.results import DECLINED, LIMIT, NOBODY_KNOWS, result_body
from tests.simulator_process import simulator

PART, MINOR = 40, 40_00


class ClaimsTestCase(CommittingRefundTestCase):
    def line(self, refund: Refund) -> dict[str, Any]:
        (line,) = self.lines(refund)
        return line

    def told_by_hand(self, refund: Refund, **more: Any) -> ProviderEvent:
        """A success made by hand; the true one stays at the simulator."""
        values: dict[str, Any] = {
            "receipt": "UKLBYHAND1",
            "TransactionAmount": PART,
            "TransactionReceipt": "UKLBYHAND1",
        }
        return self.tell_result(refund, **(values | more))

    def stranger(self, line: dict[str, Any], body: bytes, *, kind: str = "b2c") -> int:
        door = f"/api/v1/hooks/{NO_SUCH_TOKEN}/result/{kind}/"
        status = self.bring(body, door).status_code
        self.apply()
        return status


class Doubts(ClaimsTestCase):
    def test_another_amount(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        event = self.told_by_hand(refund, TransactionAmount=PART + 1)
        self.assertEqual((event.status, event.note), ("quarantined", "amount differs: asked 40.00, told 41.00 KES"))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")
        self.assertLessEqual(try_of(refund).next_check, now())  # type: ignore[operator]
        self.ask_provider()
        self.assert_completed(refund, minor=MINOR)

    def test_no_amount(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        event = self.tell_result(refund, TransactionReceipt="UKLBYHAND1")
        self.assertEqual((event.status, event.note), ("quarantined", "success without an amount"))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")

    def test_another_receiver(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        event = self.told_by_hand(refund, ReceiverPartyPublicName="254712999999 - SOMEBODY ELSE")
        self.assertEqual((event.status, event.note), ("quarantined", "the money went to another number than asked"))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")

    def test_a_receipt_of_another_refund(self) -> None:
        first, second = self.sent(self.paid(), amount=PART), self.sent(self.paid(), amount=PART)
        self.bring_results(first)
        receipt = self.again_refund(first).receipt or ""
        event = self.told_by_hand(second, TransactionReceipt=receipt)
        self.assertEqual((event.status, event.note), ("quarantined", "the receipt belongs to another refund"))
        self.assert_pending(second, minor=MINOR, reason="awaiting_provider")

    def test_the_receipt_of_the_payment(self) -> None:
        payment = self.paid()
        refund = self.sent(payment, amount=PART)
        event = self.told_by_hand(refund, TransactionReceipt=payment.receipt)
        self.assertEqual((event.status, event.note), ("quarantined", "the receipt is that of a payment"))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")

    def test_a_token_of_another_refund(self) -> None:
        first, second = self.sent(self.paid(), amount=PART), self.sent(self.paid(), amount=PART)
        (message,) = self.told(self.line(first))
        door = urlsplit(self.line(second)["result_url"]).path
        self.bring(message["body"].encode(), door)
        self.apply()
        event = ProviderEvent.objects.latest("id")
        self.assertEqual(event.status, "quarantined")
        self.assertIn("another operation", event.note)
        for refund in (first, second):
            self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")

    def test_a_name_of_another_refund_while_ours_is_not_known(self) -> None:
        self.faults("send_reset")
        first, second = self.sent(self.paid(), amount=PART), self.sent(self.paid(), amount=PART)
        self.calm()
        (message,) = self.told(self.line(first))
        self.bring(message["body"].encode(), urlsplit(self.line(second)["result_url"]).path)
        self.apply()
        self.assertEqual(ProviderEvent.objects.latest("id").status, "quarantined")
        self.assert_pending(second, minor=MINOR, reason="reconciling")

    def test_a_strangers_word_only_makes_us_ask(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        line = self.line(refund)
        body = result_body(line["originator_conversation_id"], line["conversation_id"], TransactionAmount=PART)
        self.assertEqual(self.stranger(line, body), 404)
        event = ProviderEvent.objects.latest("id")
        self.assertEqual((event.status, event.token_ok), ("quarantined", False))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")
        self.assertLessEqual(try_of(refund).next_check, now())  # type: ignore[operator]
        self.bring_results(refund)
        self.assert_completed(refund, minor=MINOR)

    def test_a_body_nobody_can_read(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        door = urlsplit(self.line(refund)["result_url"]).path
        for body in (b"", b"{", b"[]", b'{"Result": 1}', b'{"Result": {"ResultCode": 0}}', b"\x00\xff"):
            with self.subTest(body=body):
                self.assertEqual(self.bring(body, door).status_code, 200)
                self.apply()
                self.assertEqual(ProviderEvent.objects.latest("id").status, "quarantined")
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")

    def test_doors_nobody_has(self) -> None:
        for path in ("result/collect", "result/c2b", "timeout/x", "result/b2c/more"):
            answer = self.bring(b"{}", f"/api/v1/hooks/{NO_SUCH_TOKEN}/{path}/")
            self.assertEqual(answer.status_code, 404)
        self.assertFalse(ProviderEvent.objects.filter(door__startswith="result").exists())

    def test_the_token_of_one_door_opens_no_other(self) -> None:
        """A try of the phone's way has nothing to hear at the door of reversals."""
        refund = self.sent(self.paid(), amount=PART)
        (message,) = self.told(self.line(refund))
        door = urlsplit(message["url"]).path.replace("/b2c/", "/reversal/")
        self.assertEqual(self.bring(message["body"].encode(), door).status_code, 404)
        self.apply()
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")

    def test_a_failure_after_the_success(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        self.bring_results(refund)
        event = self.tell_result(refund, code=DECLINED)
        self.assertEqual((event.status, event.note), ("duplicate", "contradicts a success, which stays"))
        self.assert_completed(refund, minor=MINOR)

    def test_a_second_success_with_another_receipt(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        self.bring_results(refund)
        event = self.told_by_hand(refund, code="00")
        self.assertEqual((event.status, event.note), ("quarantined", "another receipt than the one on record"))
        self.assert_completed(refund, minor=MINOR)

    def test_a_code_nobody_has_documented(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        event = self.tell_result(refund, code=777)
        self.assertEqual((event.status, event.note), ("ignored", "no decision in it"))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")
        self.assertLessEqual(try_of(refund).next_check, now())  # type: ignore[operator]

    def test_a_definite_no(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        self.tell_result(refund, code=LIMIT)
        found = self.assert_refund(refund, "failed")
        self.assertEqual((found.failure or {})["code"], "limit_customer")
        self.assertNotIn("PIN", str(found.failure))
        self.assert_told(refund, "created", "failed")

    def test_a_result_before_the_answer_to_the_sending(self) -> None:
        self.faults("result_early")
        payment = self.paid()
        refund = self.refund(payment, amount=PART)
        told: list[ProviderEvent] = []
        from payments.services import out_sending

        accept = out_sending.accept

        def slow_accept(*arguments: Any) -> None:
            told.extend(self.bring_results(refund))
            accept(*arguments)

        with mock.patch.object(out_sending, "accept", slow_accept):
            send_out()
        self.calm()
        self.assertEqual([event.status for event in told], ["applied"])
        self.assert_ops(refund, ("b2c", "succeeded"))
        self.assertEqual(try_of(refund).provider_ref, self.line(refund)["conversation_id"])
        self.assert_completed(refund, minor=MINOR)


class Shapes(ClaimsTestCase):
    def test_every_shape_of_a_result(self) -> None:
        for quirk in ("text_codes", "reference_list", "legacy_keys"):
            for fields in ({"amount": PART}, {}):
                with self.subTest(quirk=quirk, **fields):
                    self.quirks(quirk)
                    refund = self.sent(self.paid(), **fields)
                    self.bring_results(refund)
                    self.assert_completed(refund, minor=MINOR if fields else 100_00)

    def test_a_reversal_may_come_without_any_parameters(self) -> None:
        self.quirks("no_parameters")
        refund = self.sent(self.paid())
        self.bring_results(refund)
        self.assert_completed(refund, minor=100_00)


class AskedBack(ClaimsTestCase):
    """Merchants who want every success asked back, as all do in live mode."""

    def setUp(self) -> None:
        super().setUp()
        Merchant.objects.filter(id=self.merchant.id).update(confirm_policy="always")

    def paid(self, **fields: Any) -> Payment:
        Merchant.objects.filter(id=self.merchant.id).update(confirm_policy="never")
        payment = super().paid(**fields)
        Merchant.objects.filter(id=self.merchant.id).update(confirm_policy="always")
        return payment

    def test_a_success_is_booked_when_the_provider_says_it_again(self) -> None:
        for fields in ({"amount": PART}, {}):
            with self.subTest(**fields):
                refund = self.sent(self.paid(), **fields)
                minor = MINOR if fields else 100_00
                (claim,) = self.bring_results(refund)
                self.assertEqual((claim.status, claim.note), ("new", WAITS_FOR_ANSWER))
                self.assert_pending(refund, minor=minor, reason="awaiting_provider")
                (answer,) = self.bring_answers()
                self.assertEqual((answer.door, answer.status), ("result-status", "applied"))
                self.assert_completed(refund, minor=minor)
                ProviderEvent.objects.filter(id=claim.id).update(next_try=now())
                self.apply()
                claim.refresh_from_db()
                self.assertEqual(claim.status, "duplicate")
                self.assertEqual(self.again_refund(refund).receipt, self.line(refund)["receipt"])

    def test_a_forged_success_is_not_booked(self) -> None:
        """The address leaked and nothing left: asked, the provider knows nothing of it."""
        payment = self.paid()
        self.float_of("0")
        refund = self.sent(payment, amount=PART)
        claim = self.told_by_hand(refund)
        self.assertEqual(claim.status, "new")
        (answer,) = self.bring_answers()
        for event in (claim, answer):
            event.refresh_from_db()
            self.assertEqual((event.status, event.note), ("quarantined", CONTRADICTED))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")
        self.assertEqual(send_out(), 0)

    def test_a_failure_needs_no_second_word(self) -> None:
        payment = self.paid()
        self.float_of("0")
        refund = self.sent(payment, amount=PART)
        self.bring_results(refund)
        self.assert_pending(refund, minor=MINOR, reason="insufficient_float")

    def test_a_claim_that_waits_is_looked_at_ever_later(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        simulator().call("POST", "faults", {"seed": 7, "rate": 1.0, "kinds": ["status_lost"]})
        (claim,) = self.bring_results(refund)
        waits = []
        for _ in range(8):
            ProviderEvent.objects.filter(id=claim.id).update(next_try=now())
            self.apply()
            self.bring_answers()
            claim.refresh_from_db()
            waits.append(round((claim.next_try - now()).total_seconds(), -1))
        self.assertEqual((waits, claim.status), ([30, 60, 120, 300, 900, 3600, 3600, 3600], "new"))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")
        self.assertEqual(len(questions_about(refund)), 1)


class Answers(ClaimsTestCase):
    """Answers to our own questions."""

    def asked(self, refund: Refund) -> str:
        """The address of the open question about the refund."""
        (question,) = questions_about(refund)
        sent = simulator().call("GET", "transfers", limit="1000", kind="status")["transfers"]
        (line,) = [line for line in sent if line["original"] in (question.original_reference, question.receipt)]
        return urlsplit(line["result_url"]).path

    def ask_only(self, refund: Refund) -> str:
        simulator().call("POST", "faults", {"seed": 7, "rate": 1.0, "kinds": ["status_lost"]})
        MoneyOp.objects.filter(refund=refund).update(next_check=now())
        sweep()
        put_questions()
        self.calm()
        return self.asked(refund)

    def answer(self, door: str, **parameters: Any) -> ProviderEvent:
        body = result_body("qst", "AG_20261121_0000000000000000000f", **parameters)
        self.assertEqual(self.bring(body, door).status_code, 200)
        self.apply()
        return ProviderEvent.objects.latest("id")

    def test_nobody_there_knows_it(self) -> None:
        """Said in the story of the payment, for the person who has to decide."""
        payment = self.paid()
        self.faults("send_reset", "result_lost")
        refund = self.sent(payment, amount=PART)
        self.calm()
        event = self.answer(self.ask_only(refund), code=25, text=NOBODY_KNOWS)
        self.assertEqual(event.status, "ignored")
        self.assertIn("frees no money", event.note)
        self.assert_pending(refund, minor=MINOR, reason="reconciling")
        self.assertEqual(try_of(refund).answered_checks, 1)
        story = self.get(f"payments/{to_public('pay', payment.id)}/timeline/", self.headers).json()["data"]
        self.assertIn(event.note, [moment["detail"] for moment in story])

    def test_still_on_its_way(self) -> None:
        self.faults("send_reset", "result_lost")
        refund = self.sent(self.paid(), amount=PART)
        self.calm()
        self.answer(self.ask_only(refund), TransactionStatus="Pending", Amount=PART)
        self.assert_ops(refund, ("b2c", "accepted"))
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")

    def test_declined(self) -> None:
        self.faults("send_reset", "result_lost")
        refund = self.sent(self.paid(), amount=PART)
        self.calm()
        self.answer(self.ask_only(refund), TransactionStatus="Declined", Amount=PART)
        self.assert_refund(refund, "failed")
        self.assert_told(refund, "created", "failed")

    def test_about_another_transaction(self) -> None:
        self.faults("result_lost")
        refund = self.sent(self.paid(), amount=PART)
        self.calm()
        door = self.ask_only(refund)
        event = self.answer(
            door, TransactionStatus="Completed", Amount=PART, ConversationID="AG_20261121_somebodyelses"
        )
        self.assertEqual(event.status, "quarantined")
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")

    def test_of_another_amount(self) -> None:
        self.faults("send_reset", "result_lost")
        refund = self.sent(self.paid(), amount=PART)
        self.calm()
        event = self.answer(self.ask_only(refund), TransactionStatus="Completed", Amount=PART + 5)
        self.assertEqual(event.status, "quarantined")
        self.assert_pending(refund, minor=MINOR, reason="reconciling")

    def test_at_an_address_nobody_has(self) -> None:
        refund = self.sent(self.paid(), amount=PART)
        body = result_body("qst", "AG_20261121_0", TransactionStatus="Completed", Amount=PART)
        self.assertEqual(self.bring(body, f"/api/v1/hooks/{NO_SUCH_TOKEN}/result/status/").status_code, 404)
        self.apply()
        self.assertEqual(ProviderEvent.objects.latest("id").status, "quarantined")
        self.assert_pending(refund, minor=MINOR, reason="awaiting_provider")
