"""The fault matrix, many at once: whoever comes first, never more goes back than came in, and each once."""

from collections import Counter
from urllib.parse import urlsplit

from merchants.models import Merchant, Role
from merchants.tests.factories import key_headers, make_api_key, make_member, person_headers
from merchants.tests.threads import at_once
from payments.models import ProviderEvent, Refund
from payments.services.callbacks import process_callback
from payments.services.out_sending import send_out
from payments.tests.refund_base import (
    REFUND,
    CommittingRefundTestCase,
    balance,
    public,
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

    def test_F20_fifty_asks_at_once_by_keys_and_people(self) -> None:
        """The API's keys and the dashboard's people share one payment; those who may only ask wait for others."""
        payment = self.paid(amount=1000)
        callers = [
            self.headers,
            key_headers(make_api_key(self.merchant)),
            *[person_headers(make_member(self.merchant, role)) for role in (Role.OWNER, Role.FINANCE, Role.SUPPORT)],
        ]
        body = {"reference": payment.reference, "reason": "Returned"}
        answers = at_once(
            50, lambda n: self.post(REFUND, body | {"amount": 30 if n % 2 else 50}, callers[n % len(callers)])
        )
        self.assertLessEqual({answer.status_code for answer in answers}, {201, 409, 429})
        taken = [answer.json() for answer in answers if answer.status_code == 201]
        held = sum(int(refund["amount"].split(".")[0]) for refund in taken) * 100
        self.assertLessEqual(held, 1000_00)
        self.assertGreater(held, 1000_00 - 50_00)
        self.assert_counters(payment, held=held)
        self.assertEqual(balance("refund_hold"), held)
        statuses = Counter(refund["status"] for refund in taken)
        self.assertEqual(Event.objects.filter(type="refund.created").count(), statuses["pending"])
        self.assertEqual(Event.objects.filter(type="refund.requires_approval").count(), statuses["requires_approval"])
        self.assert_clean()

    def test_F20_approved_and_cancelled_at_once(self) -> None:
        """Whoever comes first: it is sent once, or the money is free again, and never both."""
        Merchant.objects.filter(id=self.merchant.id).update(refund_approval_above=0)
        people = [person_headers(make_member(self.merchant, Role.FINANCE)) for _ in range(4)]
        for _ in range(4):
            payment = self.paid()
            refund = self.refund(payment)
            path = f"refunds/{public(refund)}"
            doors = [f"{path}/{word}/" for word in ("approve", "cancel", "approve", "cancel")]
            answers = at_once(4, lambda n, doors=doors: self.post(doors[n], {}, people[n]))
            self.assertEqual(sorted(answer.status_code for answer in answers), [200, 409, 409, 409])
            (status,) = [answer.json()["status"] for answer in answers if answer.status_code == 200]
            self.assert_refund(refund, status)
            self.assert_counters(payment, held=100_00 if status == "pending" else 0)
            self.assertEqual(send_out(), 1 if status == "pending" else 0)
            self.assert_clean()

    def test_F20_several_senders_send_each_once(self) -> None:
        payment = self.paid(amount=1000)
        for _ in range(12):
            self.refund(payment, amount=50)
        self.assertEqual(sum(at_once(4, lambda _: send_out())), 12)
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

    def test_F20_one_receipt_told_of_two_refunds_at_once(self) -> None:
        """A network's code is one movement of money: the first has it, the other is kept for a person."""
        for number in range(6):
            refunds = [self.sent(self.paid(), amount=PART) for _ in range(2)]
            claims = []
            for refund in refunds:
                (line,) = self.lines(refund)
                (message,) = self.told(line)
                told = result_body(
                    line["originator_conversation_id"],
                    line["conversation_id"],
                    receipt=f"UKLTWICE{number:02d}",
                    TransactionAmount=PART,
                )
                self.bring(told, urlsplit(message["url"]).path)
                claims.append(ProviderEvent.objects.latest("id").id)
            verdicts = at_once(2, lambda n, claims=claims: process_callback(ProviderEvent.objects.get(id=claims[n])))
            self.assertEqual(sorted(verdicts), ["applied", "quarantined"])
            self.assertEqual(Refund.objects.filter(receipt=f"UKLTWICE{number:02d}").count(), 1)
            self.assert_clean()
