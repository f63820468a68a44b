"""Numbers of events: without gaps, in the order of commit, one merchant and mode at a time."""

import threading

from django.db import connection, transaction
from django.test import TransactionTestCase

from merchants.models import Merchant
from merchants.tests.factories import make_merchant
from webhooks.models import Event
from webhooks.services import numbering
from webhooks.services.numbering import number_events
from webhooks.tests.factories import publish


def numbers(merchant: Merchant, mode: str = "test") -> list[int | None]:
    return list(Event.objects.filter(merchant=merchant, mode=mode).order_by("id").values_list("sequence", flat=True))


class Numbering(TransactionTestCase):
    def setUp(self) -> None:
        self.merchant: Merchant = make_merchant()

    def test_grows_by_one_for_each_merchant_and_mode(self) -> None:
        other = make_merchant()
        for _ in range(3):
            publish(self.merchant)
            publish(other)
        publish(self.merchant, mode="live")
        self.assertEqual(number_events(), 7)
        publish(self.merchant)
        self.assertEqual((number_events(), number_events()), (1, 0))
        self.assertEqual((numbers(self.merchant), numbers(other)), ([1, 2, 3, 4], [1, 2, 3]))
        self.assertEqual(numbers(self.merchant, "live"), [1])

    def test_what_commits_late_has_a_later_number(self) -> None:
        begun, seen = threading.Event(), threading.Event()

        def late() -> None:
            with transaction.atomic():
                publish(self.merchant)
                begun.set()
                seen.wait(60)
            connection.close()

        slow = threading.Thread(target=late)
        slow.start()
        self.assertTrue(begun.wait(60))
        publish(self.merchant)
        self.assertEqual(number_events(), 1)
        seen.set()
        slow.join()
        self.assertEqual(number_events(), 1)
        self.assertEqual(numbers(self.merchant), [2, 1])

    def test_in_batches(self) -> None:
        self.addCleanup(setattr, numbering, "BATCH", numbering.BATCH)
        numbering.BATCH = 4
        for _ in range(10):
            publish(self.merchant)
        self.assertEqual(number_events(), 10)
        self.assertEqual(numbers(self.merchant), list(range(1, 11)))

    def test_many_at_once_leave_no_gap(self) -> None:
        for _ in range(40):
            publish(self.merchant)

        def run() -> None:
            number_events()
            connection.close()

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        number_events()
        self.assertEqual(numbers(self.merchant), list(range(1, 41)))

    def test_numbers_go_on_when_all_events_are_forgotten(self) -> None:
        publish(self.merchant)
        number_events()
        Event.objects.all().delete()
        publish(self.merchant)
        number_events()
        self.assertEqual(numbers(self.merchant), [2])
