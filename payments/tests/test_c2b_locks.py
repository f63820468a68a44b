"""Locks of money that comes by itself: always in one order, and a crowd at one merchant books each receipt once."""

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext

from merchants.tests.threads import at_once
from onpoint_pay.kit.ids import to_public
from payments.models import C2bReceipt, ProviderEvent
from payments.services.callbacks import process_callback
from payments.tests.c2b import C2bTestCase, CommittingC2bTestCase, confirmation, next_code
from payments.tests.claims import success_body
from payments.tests.factories import op_of

# What is held until the commit, in the order in which everybody takes it.
HELD = (
    ("claim", r'FROM "provider_event".*FOR UPDATE'),
    ("receipt", r"pg_advisory_xact_lock"),
    ("operation", r'FROM "money_op".*FOR UPDATE'),
    ("payment", r'FROM "transactions".*FOR UPDATE'),
    ("ledger", r"SELECT ledger_post"),
    ("audit", r"INSERT INTO audit_event"),
)
ORDER = [name for name, _ in HELD]


def taken(context: CaptureQueriesContext) -> list[str]:
    """What these statements lock, each at its first time."""
    found: list[str] = []
    for query in context.captured_queries:
        for name, pattern in HELD:
            if re.search(pattern, query["sql"], re.DOTALL) and name not in found:
                found.append(name)
    return found


class Order(C2bTestCase):
    def assert_in_order(self, context: CaptureQueriesContext, *, is_new_claim: bool = False) -> None:
        """`is_new_claim`: the evidence was made in this transaction, so that nobody can wait for it."""
        found = [name for name in taken(context) if not (is_new_claim and name == "claim")]
        self.assertEqual(found, sorted(found, key=ORDER.index))
        self.assertLessEqual({"receipt", "ledger", "audit"}, set(found))

    def booked(self, **told: str) -> CaptureQueriesContext:
        self.bring(confirmation(next_code(), **told), self.hook("confirm"))
        with CaptureQueriesContext(connection) as context:
            self.apply()
        return context

    def test_a_confirmation(self) -> None:
        self.make_account("SHULE01")
        prompt, by_hand = self.start(), self.start(payment_method="mpesa_c2b")
        for typed in ("SHULE01", "NOBODY", prompt.account_reference, by_hand.account_reference):
            with self.subTest(typed=typed):
                context = self.booked(bill_ref=typed)
                self.assert_in_order(context)
                posted = [query for query in context.captured_queries if "SELECT ledger_post" in query["sql"]]
                self.assertEqual(len(posted), 1)

    def test_a_result_whose_money_lies_in_suspense(self) -> None:
        payment, code = self.start(), next_code()
        self.confirm(code, bill_ref="NOBODY")
        self.bring(success_body(op_of(payment).provider_ref or "", receipt=code), self.door_of(payment))
        with CaptureQueriesContext(connection) as context:
            self.apply()
        self.assert_state(payment, "completed", receipt=code)
        self.assert_in_order(context)

    def test_people(self) -> None:
        account = to_public("acc", self.make_account("SHULE01").id)
        row = self.confirm(bill_ref="NOBODY")
        path = f"c2b/receipts/{to_public('c2b', row.id)}"
        for step, body in (("match", {"account": account}), ("unmatch", {})):
            with self.subTest(step=step), CaptureQueriesContext(connection) as context:
                self.assertEqual(self.post(f"{path}/{step}/", body, self.headers).status_code, 200)
            self.assert_in_order(context, is_new_claim=True)
        with CaptureQueriesContext(connection) as context:
            body = {"receipt": row.receipt, "account": account}
            self.assertEqual(self.post("c2b/claims/", body, self.headers).json()["status"], "accepted")
        self.assert_in_order(context, is_new_claim=True)


class Crowd(CommittingC2bTestCase):
    def test_prompts_accounts_and_strangers_money_at_once(self) -> None:
        """Confirmations of every kind and results of prompts, all at one merchant and one shortcode."""
        self.make_account("SHULE01")
        for number in range(16):
            payment, code = self.start(), f"UKCROWD{number:03d}"
            self.bring(success_body(op_of(payment).provider_ref or "", receipt=code), self.door_of(payment))
            for typed, receipt in ((payment.account_reference, code), ("SHULE01", next_code()), ("?", next_code())):
                self.bring(confirmation(receipt, bill_ref=typed), self.hook("confirm"))
        claims = list(ProviderEvent.objects.filter(status="new").order_by("id").values_list("id", flat=True))
        self.assertEqual(len(claims), 64)
        for first in range(0, 64, 16):
            batch = claims[first : first + 16]
            verdicts = at_once(
                16, lambda number, batch=batch: process_callback(ProviderEvent.objects.get(id=batch[number]))
            )
            self.assertLessEqual(set(verdicts), {"applied", "duplicate"})
        states = C2bReceipt.objects.values_list("state", flat=True)
        self.assertEqual((len(states), list(states).count("matched")), (48, 32))
        self.assert_books(provider_float=4_800_00, suspense=1_600_00, pending=3_152_00, fee_income=48_00)
        self.assert_clean()
