"""Refunds from the asking to the end: by reversal, to the payer's phone, and from one way to the other."""

import re

from payments.models import ProviderEvent
from payments.serializers.refunds import RefundSerializer
from payments.services.out_sending import send_out
from payments.tests.refund_base import CommittingRefundTestCase, RefundTestCase, public, steps_of, try_of
from payments.tests.test_statements import Count
from webhooks.models import Event
from webhooks.services.numbering import number_events


class Journeys(CommittingRefundTestCase):
    def test_a_whole_payment_is_reversed(self) -> None:
        refund = self.sent(self.paid())
        op = try_of(refund)
        self.assertEqual((refund.route, op.kind, op.status), ("reversal", "reversal", "accepted"))
        self.bring_results(refund)
        done = self.assert_completed(refund, minor=100_00, route="reversal")
        (line,) = self.lines(refund)
        self.assertEqual((done.receipt, op.provider_ref), (line["receipt"], line["conversation_id"]))

    def test_a_part_goes_to_the_payers_phone(self) -> None:
        payment = self.paid()
        refund = self.sent(payment, amount=40)
        self.bring_results(refund)
        self.assert_completed(refund, minor=40_00, route="b2c")
        (line,) = self.lines(refund)
        self.assertEqual(
            (line["phone"], line["originator_conversation_id"]), (payment.phone, try_of(refund).client_ref)
        )
        self.assertEqual(steps_of(refund), [("requires_approval", "pending"), ("pending", "completed")])
        found = self.get(f"refunds/{public(refund)}/", self.headers).json()
        self.assertEqual(found["provider_receipt"], line["receipt"])
        self.assertEqual(ProviderEvent.objects.latest("id").status, "applied")

    def test_a_whole_payment_that_our_account_cannot_cover_waits(self) -> None:
        payment = self.paid()
        self.float_of("99")
        refund = self.sent(payment)
        self.bring_results(refund)
        self.assert_ops(refund, ("reversal", "failed"), ("reversal", "created"))
        self.assert_pending(refund, minor=100_00, reason="insufficient_float")
        self.float_of("100")
        self.later(refund, hours=1)
        self.assertEqual(send_out(), 1)
        self.bring_results(refund)
        self.assert_ops(refund, ("reversal", "failed"), ("reversal", "succeeded"))
        self.assert_completed(refund, minor=100_00, route="reversal")

    def test_part_by_part(self) -> None:
        payment = self.paid()
        for part in (40, 30, None):
            refund = self.sent(payment, **({"amount": part} if part else {}))
            self.bring_results(refund)
            self.assert_completed(refund, minor=(part or 30) * 100, route="b2c")
        self.assert_counters(payment, refunded=100_00)
        self.assertEqual(sum(line["cents"] for line in self.book() if line["status"] == "completed"), 100_00)

    def test_what_merchants_are_told(self) -> None:
        """The event carries the refund as the API shows it at that moment."""
        refund = self.sent(self.paid(), amount=40)
        self.bring_results(refund)
        shown = self.get(f"refunds/{public(refund)}/", self.headers).json()
        number_events()
        told = self.get("events/", self.headers).json()["data"]
        created, completed = [event["data"] for event in reversed(told) if event["type"].startswith("refund.")]
        self.assertEqual((completed["object"], completed["previous"]), (shown, {"status": "pending"}))
        self.assertEqual((created["object"]["status"], created["previous"]), ("pending", None))
        self.assertEqual(set(shown), set(RefundSerializer().fields))
        self.assertEqual(Event.objects.filter(type__startswith="refund.").count(), 2)


class Locks(RefundTestCase):
    """The claim, the tries, the payment, the refund: everybody takes them in this order."""

    def locked(self, count: Count) -> list[str]:
        found = [re.search(r'FROM "(\w+)".* FOR UPDATE', sql, re.DOTALL) for sql in count.statements]
        return [match[1] for match in found if match]

    def test_a_result(self) -> None:
        refund = self.sent(self.paid(), amount=40)
        with Count() as count:
            self.bring_results(refund)
        self.assertEqual(self.locked(count), ["provider_event", "money_op", "transactions", "refunds"])

    def test_an_answer_to_the_sending(self) -> None:
        self.refund(self.paid(), amount=40)
        with Count() as count:
            send_out()
        taken, looked_in_vain = ["money_op"], ["money_op"]
        self.assertEqual(self.locked(count), [*taken, "money_op", "transactions", "refunds", *looked_in_vain])

    def test_asking(self) -> None:
        payment = self.paid()
        with Count() as count:
            self.refund(payment, amount=40)
        self.assertEqual(self.locked(count), ["transactions"])
