"""The settlement a payment shows, wherever it is shown."""

import json
from typing import Any

from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext

from merchants.models import Merchant
from merchants.tests.base import ApiCalls
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.ids import to_public
from payments.models import Payment
from payments.services.events import announce
from payments.tests.factories import make_payment
from settlements.models import Settlement, SettlementLine
from settlements.tests.settlements import MONDAY
from webhooks.models import Event


class Settled(ApiCalls, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.merchant = make_merchant("Duka Bora")
        self.headers = key_headers(make_api_key(self.merchant))
        self.settlement = Settlement.objects.create(
            merchant=self.merchant, mode="test", currency="KES", day=MONDAY, status="open"
        )
        self.name = to_public("stl", self.settlement.id)

    def settled(self, merchant: Merchant | None = None) -> Payment:
        payment = make_payment(merchant or self.merchant, status="completed")
        SettlementLine.objects.create(
            settlement=self.settlement, transfer_id=payment.capture_transfer_id, kind="capture", amount=payment.amount
        )
        return payment

    def test_by_every_way_to_one_payment(self) -> None:
        payment = self.settled()
        shown = to_public("pay", payment.id)
        answers = [
            self.get(f"payments/{shown}/", self.headers),
            self.get(f"payments/status/{payment.provider_reference}/", self.headers),
            self.post("payments/status/", {"reference": payment.reference}, self.headers),
            self.post("payments/status/", {"reference": payment.receipt}, self.headers),
            self.post(f"payments/{shown}/sync/", {}, self.headers),
        ]
        self.assertEqual([answer.json()["settlement"] for answer in answers], [self.name] * 5)

    def test_null_until_it_is_settled(self) -> None:
        for status in ("completed", "pending"):
            name = to_public("pay", make_payment(self.merchant, status=status).id)
            self.assertIsNone(self.get(f"payments/{name}/", self.headers).json()["settlement"])

    def test_one_statement_for_a_whole_page(self) -> None:
        counts = []
        self.get("payments/", self.headers)
        for number in (1, 4):
            for _ in range(number):
                self.settled()
            with CaptureQueriesContext(
                connection,
            ) as seen:
                data: list[dict[str, Any]] = self.get("payments/", self.headers).json()["data"]
            self.assertEqual({row["settlement"] for row in data}, {self.name})
            counts.append(len(seen))
        self.assertEqual(counts[0], counts[1])

    def test_an_event_of_later_tells_it_too(self) -> None:
        payment = Payment.objects.get(id=self.settled().id)
        payment.status = "reversed"
        announce(payment, previous={"status": "completed"}, evidence_id=None, actor="system")
        told = json.loads(Event.objects.get(type="payment.reversed").body)
        self.assertEqual(told["data"]["object"]["settlement"], self.name)
