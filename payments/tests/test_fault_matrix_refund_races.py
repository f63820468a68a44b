"""The fault matrix, many at once: whoever comes first, never more goes back than came in, and each once."""

from collections import Counter
from urllib.parse import urlsplit

from merchants.tests.threads import at_once
from payments.models import ProviderEvent, Refund
from payments.services.callbacks import process_callback
from payments.services.refund_sending import send_refunds
from payments.tests.refund_base import (
    CommittingRefundTestCase,
    balance,
    try_of,
)
from payments.tests.results import LIMIT, result_body
from webhooks.models import Event

PART, MINOR = 40, 40_00


class F20Asks(CommittingRefundTestCase):
    def test_F20_fifty_asks_at_once(self) -> None:
        """Whoever comes first: together never more than came in."""
        payment = self.paid(amount=1000)
        answers = at_once(50, lambda number: self.ask(payment, amount=30 if number % 2 else 50))
        statuses = Counter(answer.status_code for answer in answers)
        self.assertLessEqual(set(statuses), {201, 409, 429})
        taken = sum(int(answer.json()["amount"].split(".")[0]) for answer in answers if answer.status_code == 201)
        self.assertLessEqual(taken, 1000)
        self.assertGreater(taken, 1000 - 50)
        self.assert_counters(payment, held=taken * 100)
        self.assertEqual(balance("refund_hold"), taken * 100)
        self.assertEqual(Refund.objects.count(), statuses[201])
        self.assertEqual(Event.objects.filter(type="refund.created").count(), statuses[201])
        self.assert_clean()

    def test_F20_several_senders_send_each_once(self) -> None:
        payment = self.paid(amount=1000)
        for _ in range(12):
            self.refund(payment, amount=50)
        self.assertEqual(sum(at_once(4, lambda _: send_refunds())), 12)
        self.assertEqual(len(self.book(kind="b2c")), 12)
        for refund in Refund.objects.select_related("payment"):
            self.bring_results(refund)
        self.assert_counters(payment, refunded=600_00)
        self.assertEqual({refund.status for refund in Refund.objects.all()}, {"completed"})
        self.assert_clean()

    def test_F20_one_result_sixteen_times(self) -> None:
        payment = self.paid()
        refund = self.sent(payment, amount=PART)
        (line,) = self.lines(refund)
        (message,) = self.told(line)
        self.bring(message["body"].encode(), urlsplit(message["url"]).path)
        event = ProviderEvent.objects.latest("id")
        at_once(16, lambda _: process_callback(ProviderEvent.objects.get(id=event.id)))
        self.assert_completed(refund, minor=MINOR)
        self.assert_counters(payment, refunded=MINOR)

    def test_F20_success_and_failure_at_once(self) -> None:
        """The success stands, whether it came first or late."""
        for _ in range(4):
            payment = self.paid()
            refund = self.sent(payment, amount=PART)
            (line,) = self.lines(refund)
            (message,) = self.told(line)
            door = urlsplit(message["url"]).path
            failure = result_body(line["originator_conversation_id"], line["conversation_id"], code=LIMIT)
            self.bring(message["body"].encode(), door)
            self.bring(failure, door)
            claims = list(ProviderEvent.objects.filter(op=try_of(refund)).order_by("id"))
            at_once(2, lambda n, claims=claims: process_callback(ProviderEvent.objects.get(id=claims[n].id)))
            self.assert_refund(refund, "completed", failure=None)
            self.assert_counters(payment, refunded=MINOR)
            self.assert_ops(refund, ("b2c", "succeeded"))
            self.assert_clean()
