"""Operators and the inbox of callbacks, refunds, and money in doubt that two people close."""

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import DoubtDecision, MoneyOp, ProviderEvent, Refund
from payments.tests.base import CommittingPaymentTestCase
from payments.tests.doubt_base import DoubtCalls
from payments.tests.factories import make_payment, op_of, succeed
from payments.tests.payout_base import HELD, part_of
from settlements.models import LedgerTransfer
from tests.operators import make_operator, signed_in, told

PAGES = ("providerevent", "moneyop", "doubtdecision", "refund")
CALLBACKS, DOUBTS, DECISIONS, REFUNDS = (f"/operators/payments/{name}/" for name in PAGES)
HOSTILE = "<script>alert(1)</script>"
BODY = b'{"Body": {"stkCallback": {"ResultCode": 0, "MSISDN": 254712345678, "FirstName": "Wanjiku"}}}'


class OperatorCase(DoubtCalls, CommittingPaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.amina, self.juma = make_operator("operator"), make_operator("operator")
        self.browser, self.other = signed_in(self.amina), signed_in(self.juma)

    def see(self, path: str, status: int = 200, *, browser: Client | None = None) -> str:
        answer = (browser or self.browser).get(path)
        self.assertEqual(answer.status_code, status, answer.content[-2000:])
        return str(answer.content.decode())

    def do(self, path: str, *, browser: Client | None = None, **said: Any) -> int:
        return int((browser or self.browser).post(path, said).status_code)


class Callbacks(OperatorCase):
    def claim(self, **facts: Any) -> ProviderEvent:
        usual = {"provider": "daraja", "door": "collect", "mode": "test", "dedupe": str(new_id()), "body": BODY}
        return ProviderEvent.objects.create(**(usual | {"status": "quarantined", "note": HOSTILE} | facts))

    def test_the_inbox_by_state_without_people(self) -> None:
        payment = make_payment(self.merchant)
        refused = self.claim(op=op_of(payment))
        waiting = self.claim(status="orphan", note="")
        page = self.see(f"{CALLBACKS}{refused.pk}/change/")
        self.assertIn("ResultCode", page)
        for hidden in ("Wanjiku", "254712345678", HOSTILE):
            self.assertNotIn(hidden, page)
        self.assertIn(to_public("pay", payment.pk), page)
        for query, found in {"?state=refused": refused, "?state=without_owner": waiting}.items():
            page = self.see(CALLBACKS + query)
            shown = [row for row in (refused, waiting) if f"{CALLBACKS}{row.pk}/change/" in page]
            self.assertEqual(shown, [found], query)
        self.assertEqual(len(told("operator.viewed", stream=f"m{self.merchant.id}")), 1)
        self.see(f"{CALLBACKS}999999999/change/", 404)
        self.see(f"{CALLBACKS}nonsense/change/", 404)

    def test_looked_at_once_more_with_the_trust_it_had(self) -> None:
        row, booked = self.claim(), LedgerTransfer.objects.count()
        self.assertEqual(self.do(f"{CALLBACKS}{row.pk}/replay/"), 302)
        row.refresh_from_db()
        self.assertNotEqual(row.status, "applied")
        (link,) = told("callback.replayed")
        self.assertEqual((link.actor, link.object), (self.amina.public_id, str(row.pk)))
        self.assertEqual(LedgerTransfer.objects.count(), booked)

    def test_an_applied_one_is_left_alone(self) -> None:
        row = self.claim(status="applied")
        self.assertEqual(self.do(f"{CALLBACKS}{row.pk}/replay/"), 409)
        answer = self.browser.post(CALLBACKS, {"action": "replay", "_selected_action": [str(row.pk)]}, follow=True)
        self.assertIn("is applied: nothing to do", " ".join(map(str, answer.context["messages"])))
        self.assertFalse(told("callback.replayed"))

    def test_an_answer_of_our_own_question_is_no_callback(self) -> None:
        row = self.claim(door="query", status="ignored")
        self.assertEqual(self.do(f"{CALLBACKS}{row.pk}/replay/"), 409)
        row.refresh_from_db()
        self.assertEqual(row.status, "ignored")

    def test_those_who_only_look(self) -> None:
        row = self.claim()
        for role in ("read_only", "risk", "compliance"):
            self.assertEqual(self.do(f"{CALLBACKS}{row.pk}/replay/", browser=signed_in(make_operator(role))), 403)
        self.assertEqual(self.do(f"{CALLBACKS}{row.pk}/replay/", browser=Client()), 302)
        self.assertFalse(told("callback.replayed"))

    def test_fifty_rows_cost_as_much_as_one(self) -> None:
        payments = [make_payment(self.merchant) for _ in range(5)]
        self.claim(op=op_of(payments[0]))
        few = self.statements(CALLBACKS)
        for number in range(50):
            self.claim(op=op_of(payments[number % 5]))
        self.assertLessEqual(self.statements(CALLBACKS), few)

    def statements(self, path: str) -> int:
        self.see(path)
        with CaptureQueriesContext(connection) as found:
            self.see(path)
        return len(found)


class Doubts(OperatorCase):
    def test_two_people_say_how_it_ended(self) -> None:
        payout = self.doubted()
        op = part_of(payout)
        page = f"{DOUBTS}{op.pk}/"
        for text in (self.see(DOUBTS), self.see(f"{page}change/")):
            self.assertIn(op.client_ref, text)
            self.assertIn("unknown", text)
        self.assertEqual(self.do(f"{page}propose/", outcome="failed"), 400)
        said = {"outcome": "failed", "note": f"Looked in the portal {HOSTILE}"}
        self.assertEqual(self.do(f"{page}propose/", **said), 302)
        self.assertEqual(self.do(f"{page}propose/", **said), 409)
        row = DoubtDecision.objects.get(op=op)
        own = f"{DECISIONS}{row.pk}/"
        self.assertEqual(self.do(f"{own}confirm/"), 403)
        self.assert_payout(payout, "pending", paid=0, released=0)
        self.assert_posted(payout, hold=HELD)
        for path in (f"{page}change/", f"{own}change/", DECISIONS):
            self.assertNotIn(HOSTILE, self.see(path))
        self.assertIn(self.amina.public_id, self.see(DOUBTS))
        self.assertEqual(self.do(f"{own}confirm/", browser=self.other), 302)
        self.assertEqual(self.again_payout(payout).status, "failed")
        row.refresh_from_db()
        self.assertEqual((row.proposed_by, row.decided_by), (self.amina.public_id, self.juma.public_id))
        self.assertNotIn(op.client_ref, self.see(DOUBTS))
        self.see(f"{page}change/")
        self.assertEqual(self.do(f"{own}confirm/", browser=self.other), 409)

    def test_rejected_and_said_otherwise(self) -> None:
        """Who has read the first proposal cannot confirm the second by it."""
        payout = self.doubted()
        op = part_of(payout)
        self.do(f"{DOUBTS}{op.pk}/propose/", outcome="succeeded", receipt="UKL5555551")
        first = DoubtDecision.objects.get(op=op)
        self.assertEqual(self.do(f"{DECISIONS}{first.pk}/reject/"), 302)
        self.do(f"{DOUBTS}{op.pk}/propose/", outcome="failed", note="Not in the portal")
        self.assertEqual(self.do(f"{DECISIONS}{first.pk}/confirm/", browser=self.other), 409)
        self.assert_payout(payout, "pending", paid=0, released=0)
        self.assert_posted(payout, hold=HELD)

    def test_those_who_only_look(self) -> None:
        payout = self.doubted()
        page = f"{DOUBTS}{part_of(payout).pk}/"
        for role in ("read_only", "risk", "compliance"):
            browser = signed_in(make_operator(role))
            self.assertEqual(self.do(f"{page}propose/", browser=browser, outcome="failed", note="x"), 403)
        self.assertEqual(self.do(f"{page}propose/", browser=Client(), outcome="failed", note="x"), 302)
        self.assertFalse(DoubtDecision.objects.exists())

    def test_tries_that_bring_money_in_are_not_here(self) -> None:
        payment = make_payment(self.merchant)
        self.see(f"{DOUBTS}{op_of(payment).pk}/change/", 404)
        self.assertFalse(MoneyOp.objects.filter(kind="charge", decisions__isnull=False).exists())


class Refunds(OperatorCase):
    def test_seen_with_what_it_waits_for_and_nothing_to_press(self) -> None:
        payment = make_payment(self.merchant)
        succeed(payment)
        payment.refresh_from_db()
        row = Refund.objects.create(
            id=new_id(),
            payment=payment,
            merchant=self.merchant,
            mode="test",
            reference="REF20261121AAAAAA",
            amount=10_00,
            currency="KES",
            status="requires_approval",
            route="reversal",
            reason=HOSTILE,
            phone=payment.phone,
            held_from={},
            requested_by="usr_theirs",
            created_at=now(),
            version=1,
        )
        for page in (self.see(REFUNDS), self.see(f"{REFUNDS}{row.pk}/change/")):
            self.assertIn("requires_approval", page)
            for hidden in (HOSTILE, payment.phone, "/approve/"):
                self.assertNotIn(hidden, page)
        for rest in ("approve/", "change/", "delete/"):
            self.assertIn(self.do(f"{REFUNDS}{row.pk}/{rest}", status="pending"), (302, 403, 404))
        self.assertEqual(Refund.objects.get(pk=row.pk).status, "requires_approval")
