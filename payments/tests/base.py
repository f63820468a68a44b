"""What the tests of payments share: a merchant with a key, payers at the simulator, and callbacks brought to the door."""

from itertools import count
from typing import Any
from urllib.parse import urlsplit

from django.db import connection
from django.http import HttpResponse
from django.test import TestCase, TransactionTestCase, override_settings
from psycopg2.extensions import TRANSACTION_STATUS_INTRANS

from audit.models import StateHistory
from merchants.models import Merchant
from merchants.services.provider_accounts import _provider
from merchants.tests.base import ApiCalls
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, Payment, ProviderEvent
from payments.services.callbacks import apply_callbacks
from payments.tests.factories import next_phone, op_of, payment_of
from settlements.models import LedgerEntry, LedgerTransfer
from tests.simulator_process import simulator
from webhooks.models import Event

# The discard port: callbacks that the simulator sends by itself reach nobody, the tests bring them.
NOBODY = "http://127.0.0.1:9"
INITIATE = "payments/initiate/"
NO_SUCH_TOKEN = "0" * 32
_keys = count(1)


def next_key() -> str:
    """An Idempotency-Key nobody has used yet."""
    return f"tests-key-{next(_keys):08d}"


class PaymentCalls(ApiCalls):
    """A merchant with 1.5 % fee and a test key, and calls as that merchant, at a simulator with an empty book."""

    merchant: Merchant
    headers: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()  # type: ignore[misc]
        cls.simulator = simulator()  # type: ignore[attr-defined]
        cls.enterClassContext(override_settings(SIMULATOR_URL=simulator().url, BASE_URL=NOBODY))  # type: ignore[attr-defined]
        _provider.cache_clear()
        cls.addClassCleanup(_provider.cache_clear)  # type: ignore[attr-defined]

    def setUp(self) -> None:
        super().setUp()
        simulator().reset()
        self.merchant = make_merchant("Duka Bora", fee_bps=150)
        self.headers = key_headers(make_api_key(self.merchant))

    # --- starting -----------------------------------------------------------------------------------------------------

    def body(self, **fields: Any) -> dict[str, Any]:
        """A good request; a field set to None is left out."""
        whole = {"amount": 100, "payment_method": "mpesa", "phone": next_phone()} | fields
        return {name: value for name, value in whole.items() if value is not None}

    def initiate(
        self, body: Any = None, *, key: str | None = None, scenario: str | None = None, **fields: Any
    ) -> HttpResponse:
        headers = dict(self.headers)
        if key is not None:
            headers["Idempotency-Key"] = key
        if scenario is not None:
            headers["OnPoint-Scenario"] = scenario
        return self.post(INITIATE, self.body(**fields) if body is None else body, headers)

    def start(self, *, scenario: str | None = None, **fields: Any) -> Payment:
        """A payment whose prompt is on the payer's phone."""
        answer = self.initiate(scenario=scenario, **fields)
        self.assertEqual(answer.status_code, 201, answer.content)  # type: ignore[attr-defined]
        return payment_of(answer.json()["id"])

    # --- what the provider says ---------------------------------------------------------------------------------------

    def door_of(self, payment: Payment) -> str:
        """The path of the callback address that was handed over with the payment's prompt."""
        prompts = simulator().prompts()
        (address,) = [
            line["callback_url"] for line in prompts if line["checkout_request_id"] == op_of(payment).provider_ref
        ]
        return urlsplit(address).path

    def bring(self, body: bytes, door: str) -> HttpResponse:
        """A callback at a door, stored and not yet applied."""
        return self.client.post(door, body, "application/json")

    def apply(self) -> int:
        """A worker's visit at the inbox; how many claims it looked at."""
        return apply_callbacks()

    def tell(self, payment: Payment, body: bytes) -> ProviderEvent:
        """A callback at the payment's own door, applied; the stored claim."""
        answer = self.bring(body, self.door_of(payment))
        self.assertEqual(answer.status_code, 200)  # type: ignore[attr-defined]
        self.assertEqual(answer.json(), {"ResultCode": 0, "ResultDesc": "Accepted"})  # type: ignore[attr-defined]
        self.apply()
        return ProviderEvent.objects.latest("id")

    def bring_callbacks(self, payment: Payment) -> list[ProviderEvent]:
        """Everything the simulator has to tell about the payment, brought and applied; the claims, oldest first."""
        seen = set(ProviderEvent.objects.values_list("id", flat=True))
        for callback in simulator().callbacks(op_of(payment).provider_ref or ""):
            self.bring(callback["body"].encode(), urlsplit(callback["url"]).path)
        self.apply()
        return list(ProviderEvent.objects.exclude(id__in=seen).order_by("id"))

    def pay(self, payment: Payment) -> dict[str, Any]:
        """The payer enters the PIN, and the provider tells us; the simulator's line of the prompt."""
        line = simulator().approve(op_of(payment).provider_ref or "")
        self.bring_callbacks(payment)
        return line

    # --- what became of it --------------------------------------------------------------------------------------------

    def again(self, payment: Payment) -> Payment:
        return Payment.objects.get(id=payment.id)

    def assert_state(self, payment: Payment, status: str, **fields: Any) -> Payment:
        found = self.again(payment)
        wanted = {"status": status} | fields
        self.assertEqual({name: getattr(found, name) for name in wanted}, wanted)  # type: ignore[attr-defined]
        return found

    def assert_one_capture(self, payment: Payment) -> None:
        """Booked once, told once."""
        found = LedgerTransfer.objects.filter(idem=f"pay:{payment.id}:capture")
        self.assertEqual([row.id for row in found], [self.again(payment).capture_transfer_id])  # type: ignore[attr-defined]
        self.assertEqual(events_of(payment).count("payment.completed"), 1)  # type: ignore[attr-defined]

    def assert_no_money(self, payment: Payment) -> None:
        """Nothing booked, nobody told that it is."""
        self.assertFalse(LedgerTransfer.objects.filter(idem__startswith=f"pay:{payment.id}:").exists())  # type: ignore[attr-defined]
        self.assertNotIn("payment.completed", events_of(payment))  # type: ignore[attr-defined]
        self.assertEqual(self.again(payment).captured, 0)  # type: ignore[attr-defined]


class PaymentTestCase(PaymentCalls, TestCase):
    """Everything rolled back after each test. Constraints that wait for the commit are asked at its end."""

    def _fixture_teardown(self) -> None:
        try:
            if connection.connection.info.transaction_status == TRANSACTION_STATUS_INTRANS:
                with connection.cursor() as cursor:
                    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        finally:
            super()._fixture_teardown()  # type: ignore[misc]


class CommittingPaymentTestCase(PaymentCalls, TransactionTestCase):
    """Real commits, for threads and for what happens after them."""


def events_of(payment: Payment) -> list[str]:
    """Types of the payment's webhook events, oldest first."""
    rows = Event.objects.filter(key__contains=f":{payment.id}").order_by("id")
    return list(rows.values_list("type", flat=True))


def entries_of(payment: Payment) -> dict[tuple[str, str], int]:
    """Amounts of the capture's entries by account kind and side."""
    rows = LedgerEntry.objects.filter(transfer_id=payment.capture_transfer_id).select_related("account")
    return {(row.account.kind, row.side): row.amount for row in rows}


def steps_of(payment: Payment) -> list[tuple[str, str]]:
    """Every state the payment went through."""
    rows = StateHistory.objects.filter(entity="payment", entity_id=payment.id).order_by("id")
    return list(rows.values_list("from_state", "to_state"))


def make_due(*, op: MoneyOp | None = None) -> None:
    """The next look at open operations is now."""
    rows = MoneyOp.objects.all() if op is None else MoneyOp.objects.filter(id=op.id)
    rows.filter(next_check__isnull=False).update(next_check=now())
