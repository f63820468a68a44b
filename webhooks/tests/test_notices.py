"""What owners are told of endpoints that fail for days, and the end of those that fail for too long."""

from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.test import TestCase, TransactionTestCase, override_settings

from audit.models import AuditEvent
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import to_public
from webhooks.models import Delivery, Endpoint, Event, Lane, Notice
from webhooks.schedule import GONE_LEVEL
from webhooks.serializers.recoveries import WebhookNoticeSerializer
from webhooks.services.notices import note_failing
from webhooks.tests.factories import drain, make_delivery, make_endpoint, publish
from webhooks.tests.receiver import Answer, Receiver

DAY = timedelta(days=1)


class Levels(TestCase):
    def setUp(self) -> None:
        self.merchant = make_merchant()
        self.endpoint = make_delivery(self.merchant).endpoint
        self.since = now() - 9 * DAY

    def note(self, days: float, **more: Any) -> int:
        wanted = {"failing_tries": 40, "failing_events": 5, "notified_level": 0} | more
        at = self.since + days * DAY
        return note_failing(self.endpoint.pk, failing_since=self.since, at=at, **wanted)

    def told(self) -> list[tuple[int, int]]:
        return list(Notice.objects.order_by("id").values_list("level", "days"))

    def status(self) -> str:
        self.endpoint.refresh_from_db()
        return self.endpoint.status

    def test_once_after_one_three_and_five_days(self) -> None:
        level, levels = 0, []
        for days in (0.9, 1, 1.5, 2.9, 3, 4.9, 5, 6):
            level = self.note(days, notified_level=level)
            levels.append(level)
        self.assertEqual(levels, [0, 1, 1, 1, 2, 2, 3, 3])
        self.assertEqual(self.told(), [(1, 1), (2, 3), (3, 5)])
        self.assertEqual(self.status(), "disabled")

    def test_while_nothing_is_due_no_table_is_asked(self) -> None:
        with self.assertNumQueries(0):
            self.assertEqual((self.note(0.5), self.note(2, notified_level=1)), (0, 1))
            self.assertEqual(self.note(8, notified_level=2, failing_tries=3), 2)

    def test_too_little_was_tried_to_disable(self) -> None:
        for more in ({"failing_tries": 19}, {"failing_events": 2}):
            self.assertEqual(self.note(6, notified_level=2, **more), 2)
        self.assertEqual((self.status(), self.told()), ("enabled", []))
        self.assertEqual(self.note(6, failing_tries=19), 2)
        self.assertEqual(self.told(), [(2, 3)])

    def test_disabling_holds_tells_and_audits(self) -> None:
        other, _ = make_endpoint(self.merchant, url="https://shop.example/other")
        self.note(5, notified_level=2)
        self.assertEqual(Delivery.objects.get(endpoint=self.endpoint).state, "held")
        (event,) = Event.objects.filter(type="webhook_endpoint.disabled")
        self.assertEqual(list(event.deliveries.values_list("endpoint", "state")), [(other.pk, "open")])
        link = AuditEvent.objects.filter(stream=f"m{self.merchant.pk}").latest("seq")
        self.assertEqual((link.action, link.actor), ("webhook_endpoint.disabled", "system"))
        self.assertEqual(link.detail, {"reason": "no success for 5 days"})

    def test_the_same_notice_is_written_once(self) -> None:
        for _ in range(2):
            self.assertEqual(self.note(1), 1)
        self.assertEqual(self.told(), [(1, 1)])
        with self.assertRaises(IntegrityError), transaction.atomic():
            Notice.objects.create(endpoint=self.endpoint, level=1, days=1, failing_since=self.since)
        self.since += timedelta(minutes=1)
        self.note(1)
        self.assertEqual(self.told(), [(1, 1), (1, 1)])

    @override_settings(SWEEP_SPEED=1000.0)
    def test_days_pass_faster_in_a_demonstration(self) -> None:
        self.assertEqual(self.note(0.0009), 0)
        self.assertEqual(self.note(0.0011), 1)

    def test_of_what_is_deleted_or_off_nothing_is_told(self) -> None:
        Endpoint.objects.update(status="paused")
        self.note(5, notified_level=2)
        Endpoint.objects.update(deleted_at=now())
        self.note(1)
        self.assertEqual(self.told(), [])


@override_settings(WEBHOOK_ALLOW_PRIVATE=True)
class Settling(TransactionTestCase):
    def test_the_notice_commits_with_the_try_that_earned_it(self) -> None:
        merchant = make_merchant()
        with Receiver(lambda received: Answer(status=500)) as receiver:
            endpoint, _ = make_endpoint(merchant, url=receiver.url)
            publish(merchant)
            since = now() - 6 * DAY
            Lane.objects.update(failing_since=since, failing_tries=30, failing_events=4, failures_in_row=3)
            drain()
        endpoint.refresh_from_db()
        notice = Notice.objects.get()
        self.assertEqual((endpoint.status, notice.level, notice.failing_since), ("disabled", 3, since))
        self.assertEqual(Lane.objects.get().notified_level, 3)
        self.assertEqual(list(Delivery.objects.values_list("state", "tries")), [("held", 0)])

    def test_410_disables_at_once(self) -> None:
        merchant = make_merchant()
        with Receiver(lambda received: Answer(status=410 if received.path == "/gone" else 200)) as receiver:
            gone, _ = make_endpoint(merchant, url=f"{receiver.url}/gone", events=["payment.*"])
            make_endpoint(merchant, url=f"{receiver.url}/other", events=["webhook_endpoint.*"])
            publish(merchant)
            drain()
            drain()
            (told,) = receiver.of("/other")
        gone.refresh_from_db()
        notice = Notice.objects.get()
        self.assertEqual((gone.status, notice.level, notice.days), ("disabled", GONE_LEVEL, 0))
        self.assertIn(b"webhook_endpoint.disabled", told.body)
        self.assertEqual(Delivery.objects.get(endpoint=gone).state, "held")


class Api(ApiTestCase):
    def test_the_merchant_sees_its_own_newest_first(self) -> None:
        merchant = make_merchant(live_enabled=True)
        endpoint, _ = make_endpoint(merchant)
        live, _ = make_endpoint(merchant, mode="live")
        since = now() - 5 * DAY
        for level, days in ((1, 1), (2, 3), (3, 5), (GONE_LEVEL, 0)):
            Notice.objects.create(endpoint=endpoint, level=level, days=days, failing_since=since)
        Notice.objects.create(endpoint=live, level=1, days=1, failing_since=since)
        headers = key_headers(make_api_key(merchant))
        shown = self.get("webhook-notices/", headers).json()["data"]
        self.assertEqual(set(shown[0]), set(WebhookNoticeSerializer().fields))
        told = [(each["kind"], each["days"]) for each in shown]
        self.assertEqual(told, [("disabled", 0), ("disabled", 5), ("failing", 3), ("failing", 1)])
        self.assertEqual({each["endpoint"] for each in shown}, {to_public("whe", endpoint.pk)})
        self.assertIn("410", shown[0]["detail"])
        self.assertIn("for 1 day.", shown[3]["detail"])
        self.assertIsNone(shown[0]["mailed_at"])
        page = self.get("webhook-notices/?limit=3", headers).json()
        rest = self.get(f"webhook-notices/?limit=3&cursor={page['next_cursor']}", headers).json()
        self.assertEqual(page["data"] + rest["data"], shown)
        other, _ = make_endpoint(merchant)
        for key, count in ((endpoint.pk, 4), (other.pk, 0)):
            found = self.get(f"webhook-notices/?endpoint={to_public('whe', key)}", headers).json()["data"]
            self.assertEqual(len(found), count)
