"""People and money without an owner: matching it, taking the match back, and what is learned from both."""

from typing import Any

from django.http import HttpResponse

from audit.models import AuditEvent
from merchants.models import Merchant
from merchants.tests.factories import key_headers, make_api_key
from onpoint_pay.kit.ids import to_public
from payments.models import C2bAccount, C2bAlias, C2bReceipt, Payment, ProviderEvent
from payments.tests.base import events_of, next_key, steps_of
from payments.tests.c2b import (
    PAYER,
    C2bTestCase,
    CommittingC2bTestCase,
    hashed,
    line,
    masked,
    news_of,
    next_code,
    paid_by_query,
)
from payments.tests.factories import op_of
from settlements.models import LedgerTransfer
from tests.simulator_process import simulator


class HandTestCase(C2bTestCase):
    def match(self, row: C2bReceipt, *, headers: dict[str, str] | None = None, **body: Any) -> HttpResponse:
        for name, prefix in (("account", "acc"), ("payment", "pay")):
            if name in body and not isinstance(body[name], str):
                body[name] = to_public(prefix, body[name].id)
        return self.post(f"c2b/receipts/{to_public('c2b', row.id)}/match/", body, headers or self.headers)

    def unmatch(self, row: C2bReceipt, **body: Any) -> HttpResponse:
        return self.post(f"c2b/receipts/{to_public('c2b', row.id)}/unmatch/", body, self.headers)

    def matched(self, row: C2bReceipt, **body: Any) -> dict[str, Any]:
        answer = self.match(row, **body)
        self.assertEqual(answer.status_code, 200, answer.content)
        found: dict[str, Any] = answer.json()
        return found

    def unmatched(self, row: C2bReceipt, **body: Any) -> dict[str, Any]:
        answer = self.unmatch(row, **body)
        self.assertEqual(answer.status_code, 200, answer.content)
        found: dict[str, Any] = answer.json()
        return found


class Matched(HandTestCase):
    def test_to_an_account(self) -> None:
        account = self.make_account("SHULE01")
        row = self.confirm(bill_ref="AMINA")
        shown = self.matched(row, account=account)
        self.assertEqual((shown["match"]["state"], shown["match"]["rule"]), ("matched", "by_hand"))
        payment = self.assert_credited(row, payment_method="mpesa_c2b")
        self.assertEqual(steps_of(payment), [("initiated", "pending"), ("pending", "completed")])
        self.assertEqual(news_of(row), ["c2b.received", "c2b.unmatched", "c2b.matched"])
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)
        evidence = ProviderEvent.objects.get(id=payment.evidence_id)
        self.assertEqual((evidence.door, evidence.status), ("operator", "applied"))

    def test_to_a_payment_by_hand(self) -> None:
        payment = self.start(payment_method="mpesa_c2b", amount=100)
        row = self.confirm(bill_ref="AMINA")
        self.matched(row, payment=payment)
        self.assert_credited(row, id=payment.id)
        self.assertEqual(events_of(payment), ["payment.created", "payment.pending", "payment.completed"])

    def test_to_the_payment_of_a_prompt_that_failed(self) -> None:
        """The payer had no luck with the prompt, and paid the paybill by hand."""
        payment = self.start(reference="ORDER-1")
        simulator().cancel(op_of(payment).provider_ref or "")
        self.bring_callbacks(payment)
        row = self.confirm(bill_ref="ORDER 1")
        self.matched(row, payment=payment)
        self.assert_credited(row, id=payment.id, late=True)
        self.assertEqual(set(payment.ops.values_list("kind", "status")), {("charge", "failed"), ("c2b", "succeeded")})

    def test_to_a_payment_whose_receipt_is_missed(self) -> None:
        payment = self.start()
        self.assertEqual(paid_by_query(payment), "applied")
        row = self.confirm(bill_ref="AMINA")
        self.matched(row, payment=payment)
        self.assert_credited(row, id=payment.id)
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_what_cannot_take_it(self) -> None:
        row = self.confirm(bill_ref="AMINA")
        closed = self.make_account("CLOSED1")
        C2bAccount.objects.filter(id=closed.id).update(is_open=False)
        elsewhere = self.make_account("OTHER77")
        C2bAccount.objects.filter(id=elsewhere.id).update(shortcode="600999")
        paid = self.start()
        self.call_back(paid, next_code())
        for body in (
            {"account": closed},
            {"account": elsewhere},
            {"payment": self.start(amount=50, payment_method="mpesa_c2b")},
            {"payment": self.start(amount=100)},
            {"payment": paid},
        ):
            with self.subTest(body=body):
                self.assert_problem(self.match(row, **body), 409, "state_conflict")
        self.assert_waiting(row)
        self.assert_books(provider_float=200_00, suspense=100_00, pending=98_50, fee_income=1_50)

    def test_what_is_not_there(self) -> None:
        row = self.confirm(bill_ref="AMINA")
        self.assert_problem(self.match(row, account="acc_01KAJ6N8B7E4T9V2M5Q8R1W3XZ"), 404, "resource_missing")
        self.assert_problem(self.match(row, payment="pay_01KAJ6N8B7E4T9V2M5Q8R1W3XZ"), 404, "payment_not_found")
        self.assert_problem(self.match(row), 400, "parameter_invalid")
        self.assert_problem(self.match(row, account="x", payment="y"), 400, "parameter_invalid")
        self.assert_waiting(row)

    def test_twice(self) -> None:
        account, other = self.make_account("SHULE01"), self.make_account("KODI77")
        row = self.confirm(bill_ref="AMINA")
        self.matched(row, account=account)
        self.assert_problem(self.match(row, account=other), 409, "state_conflict")
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_one_key_once(self) -> None:
        account = self.make_account("SHULE01")
        row = self.confirm(bill_ref="AMINA")
        headers = self.headers | {"Idempotency-Key": next_key()}
        first, again = (self.match(row, headers=headers, account=account) for _ in range(2))
        self.assertEqual((first.status_code, first.content), (200, again.content))

    def test_money_that_is_not_confirmed(self) -> None:
        Merchant.objects.filter(id=self.merchant.id).update(confirm_policy="always")
        account = self.make_account("SHULE01")
        row = self.confirm(bill_ref="AMINA")
        self.assert_problem(self.match(row, account=account), 409, "state_conflict")
        self.assert_waiting(row, "unmatched", verification="pending")
        self.pull(line(row.receipt))
        self.matched(row, account=account)
        self.assert_credited(row, confirmed_by="pull")

    def test_scopes(self) -> None:
        row = self.confirm(bill_ref="AMINA")
        reads = key_headers(make_api_key(self.merchant, scopes=["c2b:read"]))
        answer = self.match(row, headers=reads, account="acc_01KAJ6N8B7E4T9V2M5Q8R1W3XZ")
        self.assert_problem(answer, 403, "insufficient_scope")


class Suggested(HandTestCase):
    def suggestions(self, row: C2bReceipt) -> list[dict[str, Any]]:
        answer = self.get(f"c2b/receipts/{to_public('c2b', row.id)}/suggestions/", self.headers)
        self.assertEqual(answer.status_code, 200, answer.content)
        return list(answer.json()["data"])

    def test_by_what_is_known_now(self) -> None:
        row = self.confirm(bill_ref="SHULE01")
        self.assertEqual(self.suggestions(row), [])
        account = self.make_account("SHULE01")
        (found,) = self.suggestions(row)
        self.assertEqual(
            (found["type"], found["id"], found["score"]), ("account", to_public("acc", account.id), "1.00")
        )

    def test_the_payer_has_an_open_payment_of_this_amount(self) -> None:
        payment = self.start(amount=100, phone=PAYER)
        row = self.confirm(bill_ref="KITU", msisdn=hashed())
        self.assert_waiting(row, "suggested", rule="payer_and_amount")
        (found,) = self.suggestions(row)
        self.assertEqual((found["type"], found["id"]), ("payment", to_public("pay", payment.id)))

    def test_none_for_what_is_matched(self) -> None:
        self.make_account("SHULE01")
        self.assertEqual(self.suggestions(self.confirm(bill_ref="SHULE01")), [])


class TakenBack(HandTestCase):
    def test_the_payment_is_reversed_and_the_money_waits(self) -> None:
        self.make_account("SHULE01")
        row = self.confirm(bill_ref="SHULE01")
        payment = self.assert_credited(row)
        shown = self.unmatched(row, reason="wrong child")
        self.assertEqual((shown["match"]["state"], shown["match"]["payment"]), ("unmatched", None))
        found = self.assert_state(payment, "reversed", receipt=None, captured=100_00)
        self.assertEqual(events_of(found), ["payment.completed", "payment.reversed"])
        self.assertEqual(steps_of(found)[-1], ("completed", "reversed"))
        self.assertEqual(news_of(row), ["c2b.received", "c2b.matched", "c2b.unmatched"])
        self.assert_waiting(row)
        self.assert_books(provider_float=100_00, suspense=100_00)
        transfer = LedgerTransfer.objects.get(idem=f"pay:{payment.id}:unmatch")
        self.assertEqual(transfer.reverses_id, found.capture_transfer_id)
        self.assertTrue(AuditEvent.objects.filter(action="c2b.unmatched").exists())

    def test_its_story_is_told(self) -> None:
        self.make_account("SHULE01")
        row = self.confirm(bill_ref="SHULE01")
        payment = self.assert_credited(row)
        self.unmatched(row, reason="wrong child")
        story = self.get(f"payments/{to_public('pay', payment.id)}/timeline/", self.headers).json()["data"]
        told = [(line["kind"], line["title"]) for line in story]
        for wanted in (
            ("operation.sending", "The payer may pay by hand"),
            ("provider.confirm", "Callback received and applied"),
            ("payment.completed", "Payment completed"),
            ("person.decided", "A person decided"),
            ("payment.reversed", "Payment reversed"),
            ("webhook.event", "Event payment.reversed"),
        ):
            self.assertIn(wanted, told)
        self.assertEqual([kind for kind, _ in told].count("ledger.posted"), 2)

    def test_and_matched_to_the_right_one(self) -> None:
        self.make_account("SHULE01")
        right = self.make_account("KODI77")
        row = self.confirm(bill_ref="SHULE01")
        wrong = self.assert_credited(row)
        self.unmatched(row)
        self.matched(row, account=right)
        payment = self.assert_credited(row)
        self.assertNotEqual(payment.id, wrong.id)
        self.assertEqual(payment.provider_details["account_code"], "KODI77")
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_nothing_takes_it_by_rule_again(self) -> None:
        self.make_account("SHULE01")
        row = self.confirm(bill_ref="SHULE01")
        self.unmatched(row)
        self.pull(line(row.receipt, bill_ref="SHULE01"))
        self.tell_confirmation(row.receipt, bill_ref="SHULE01")
        self.assert_waiting(row, verification="verified")

    def test_money_that_was_refunded(self) -> None:
        self.make_account("SHULE01")
        row = self.confirm(bill_ref="SHULE01")
        payment = self.assert_credited(row)
        for field in ("refund_held", "refunded"):
            Payment.objects.filter(id=payment.id).update(refund_held=0, refunded=0)
            Payment.objects.filter(id=payment.id).update(**{field: 10_00})
            with self.subTest(field=field):
                self.assert_problem(self.unmatch(row), 409, "state_conflict")
        self.assert_state(payment, "completed")

    def test_money_of_a_prompt(self) -> None:
        payment, code = self.start(), next_code()
        row = self.confirm(code, bill_ref=payment.account_reference)
        self.assert_problem(self.unmatch(row), 409, "state_conflict")
        self.assert_state(payment, "completed", receipt=code)

    def test_what_is_not_matched(self) -> None:
        self.assert_problem(self.unmatch(self.confirm(bill_ref="AMINA")), 409, "state_conflict")

    def test_a_payment_by_hand(self) -> None:
        payment = self.start(payment_method="mpesa_c2b", amount=100)
        row = self.confirm(bill_ref=payment.account_reference)
        self.assert_credited(row, id=payment.id)
        self.unmatched(row)
        self.assert_state(payment, "reversed", receipt=None)
        self.assert_waiting(row)
        self.assert_books(provider_float=100_00, suspense=100_00)


class Learned(HandTestCase):
    def test_the_same_text_of_the_same_payer(self) -> None:
        account = self.make_account("SHULE01")
        self.matched(self.confirm(bill_ref="Mama Amina"), account=account)
        again = self.confirm(bill_ref="MAMA AMINA", msisdn=hashed())
        self.assert_credited(again)
        self.assertEqual(self.fresh(again).rule, "learned")

    def test_of_another_payer(self) -> None:
        account = self.make_account("SHULE01")
        self.matched(self.confirm(bill_ref="Mama Amina"), account=account)
        self.assert_waiting(self.confirm(bill_ref="Mama Amina", msisdn="254700111222"))

    def test_nothing_is_learned_when_nobody_wants_it(self) -> None:
        account = self.make_account("SHULE01")
        self.matched(self.confirm(bill_ref="Mama Amina"), account=account, learn=False)
        self.assertFalse(C2bAlias.objects.exists())

    def test_nothing_is_learned_of_a_payer_with_stars(self) -> None:
        account = self.make_account("SHULE01")
        self.matched(self.confirm(bill_ref="Mama Amina", msisdn=masked()), account=account)
        self.assertFalse(C2bAlias.objects.exists())

    def test_a_person_who_changes_their_mind(self) -> None:
        first, second = self.make_account("SHULE01"), self.make_account("KODI77")
        row = self.confirm(bill_ref="Mama Amina")
        self.matched(row, account=first)
        self.unmatched(row)
        self.assertFalse(C2bAlias.objects.exists())
        self.matched(row, account=second)
        self.assert_credited(self.confirm(bill_ref="Mama Amina"))
        self.assertEqual(C2bAlias.objects.get().account_id, second.id)


class Books(CommittingC2bTestCase):
    def test_match_take_back_match_and_every_proof_holds(self) -> None:
        self.make_account("SHULE01")
        right = self.make_account("KODI77")
        row = self.confirm(bill_ref="SHULE01")
        path = f"c2b/receipts/{to_public('c2b', row.id)}"
        self.assertEqual(self.post(f"{path}/unmatch/", {}, self.headers).status_code, 200)
        self.assert_clean()
        body = {"account": to_public("acc", right.id)}
        self.assertEqual(self.post(f"{path}/match/", body, self.headers).status_code, 200)
        self.assert_clean()
        self.assert_books(provider_float=100_00, pending=98_50, fee_income=1_50)

    def test_a_merchant_without_the_money(self) -> None:
        from django.db import transaction

        from settlements.chart import Leg
        from settlements.services.ledger import post_transfer

        self.make_account("SHULE01")
        row = self.confirm(bill_ref="SHULE01")
        legs = [Leg(kind="pending", side="D", amount=90_00), Leg(kind="bank", side="C", amount=90_00)]
        with transaction.atomic():
            post_transfer(legs, idem="paid:out", kind="x", merchant_id=self.merchant.id, currency="KES", mode="test")
        answer = self.post(f"c2b/receipts/{to_public('c2b', row.id)}/unmatch/", {}, self.headers)
        self.assert_problem(answer, 402, "insufficient_balance")
        self.assert_credited(row)
        self.assert_clean()
