"""The catalogue and the body of an event."""

import json
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.test import SimpleTestCase

from onpoint_pay.kit.ids import to_public
from webhooks.events import EMITTED, PATTERNS, TYPES, EventTypeUnknown, event_body, event_key

EVENT, MERCHANT = UUID(int=7), UUID(int=8)
AT = datetime(2026, 11, 21, 8, 15, 30, 120_000, tzinfo=UTC)


def body(type: str = "payment.completed", mode: str = "live") -> str:
    return event_body(
        EVENT,
        type,
        merchant_id=MERCHANT,
        mode=mode,
        at=AT,
        object={"id": "pay_1", "note": "Wanjikũ"},
        previous={"status": "pending"},
        request_id="req_1",
        idempotency_key=None,
    )


class EventBody(SimpleTestCase):
    def test_is_the_published_shape(self) -> None:
        self.assertEqual(
            json.loads(body()),
            {
                "id": to_public("evt", EVENT),
                "object": "event",
                "type": "payment.completed",
                "timestamp": "2026-11-21T08:15:30.120Z",
                "livemode": True,
                "api_version": settings.API_VERSION,
                "merchant": to_public("mer", MERCHANT),
                "request": {"id": "req_1", "idempotency_key": None},
                "data": {"object": {"id": "pay_1", "note": "Wanjikũ"}, "previous": {"status": "pending"}},
            },
        )

    def test_tells_test_mode(self) -> None:
        self.assertIs(json.loads(body(mode="test"))["livemode"], False)

    def test_refuses_a_type_that_is_not_published(self) -> None:
        for type in ("payment.compleated", "provider.outage_started", "*", ""):
            with self.assertRaises(EventTypeUnknown):
                body(type)


class Catalogue(SimpleTestCase):
    def test_subscriptions_cover_types_and_nouns(self) -> None:
        self.assertLessEqual(set(EMITTED), TYPES)
        self.assertLessEqual({"*", "payment.*", "refund.*", "refund.completed", "test.ping"}, PATTERNS)
        self.assertFalse({"payments.*", "payment", "payment.**", ""} & PATTERNS)

    def test_key_names_type_and_object(self) -> None:
        self.assertEqual(
            event_key("payment.created", UUID(int=1)), "payment.created:00000000-0000-0000-0000-000000000001"
        )
