"""A payment in plain words, from its own evidence: as it is asked for, in either language."""

import re
from datetime import timedelta
from typing import Any

from django.http import HttpResponse

from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.ids import new_id, to_public
from payments.explanation.situations import CERTAINTIES
from payments.models import MoneyOp, Payment
from payments.services.sweep import sweep
from payments.tests.base import NO_SUCH_TOKEN, PaymentTestCase, make_due
from payments.tests.claims import success_body
from payments.tests.factories import fail, make_payment, next_phone, next_receipt, op_of, succeed
from payments.tests.test_explanation_words import ENGLISH, JARGON
from payments.tests.test_surplus import TwoAttempts
from providers.mpesa import words
from tests.simulator_process import simulator

STATES = ("initiated", "pending", "reconciling", "refused", "completed", "failed", "cancelled", "expired")
MEMBERS = {
    "object",
    "lang",
    "payment",
    "headline",
    "what_happened",
    "certainty",
    "whose_turn",
    "tell_customer",
    "do_next",
    "links",
}


class ExplanationTestCase(PaymentTestCase):
    def ask(self, payment: Payment, headers: dict[str, str] | None = None, **query: str) -> HttpResponse:
        path = f"payments/{to_public('pay', payment.id)}/explanation/"
        return self.client.get(f"/api/v1/{path}", query, headers=self.headers | (headers or {}))

    def explain(self, payment: Payment, **query: str) -> dict[str, Any]:
        answer = self.ask(payment, **query)
        self.assertEqual(answer.status_code, 200, answer.content)
        found: dict[str, Any] = answer.json()
        self.assertEqual(set(found), MEMBERS)
        self.assertEqual((found["object"], found["payment"]), ("explanation", to_public("pay", payment.id)))
        self.assertIn(found["certainty"], CERTAINTIES)
        for text in self.texts(found):
            self.assertTrue(text)
            self.assertNotIn("{", text)
            self.assertIsNone(JARGON.search(text), text)
        for step in found["do_next"]:
            self.assertLessEqual(set(re.findall(r"`(\w+)`", step)), set(found["links"]), step)
        return found

    def texts(self, found: dict[str, Any]) -> list[str]:
        return [found["headline"], found["what_happened"], found["tell_customer"], *found["do_next"]]


class EveryState(ExplanationTestCase):
    def test_in_both_languages(self) -> None:
        for status in STATES:
            with self.subTest(status=status):
                payment = make_payment(self.merchant, status=status)
                english, swahili = self.explain(payment, lang="en"), self.explain(payment, lang="sw")
                same = ("certainty", "whose_turn", "links", "payment")
                self.assertEqual([english[name] for name in same], [swahili[name] for name in same])
                self.assertEqual(len(english["do_next"]), len(swahili["do_next"]))
                for text in self.texts(swahili):
                    self.assertIsNone(ENGLISH.search(re.sub(r"`\w+`", "", text)), text)

    def test_links_lead_somewhere(self) -> None:
        """Each is answered, and what may be done may be done."""
        payment = make_payment(self.merchant, status="failed")
        links = self.explain(payment)["links"]
        self.assertEqual(set(links), {"payment", "timeline", "sync", "resend"})
        for name in ("payment", "timeline"):
            self.assertEqual(self.client.get(links[name], headers=self.headers).status_code, 200)
        body = {"phone": next_phone()}
        again = self.client.post(links["resend"], body, "application/json", headers=self.headers)
        self.assertEqual(again.status_code, 201)
        links = self.explain(payment)["links"]
        self.assertEqual(set(links), {"payment", "timeline", "sync", "cancel"})
        for name in ("sync", "cancel"):
            self.assertEqual(self.client.post(links[name], headers=self.headers).status_code, 200)
        self.assertNotIn("cancel", self.explain(payment)["links"])
        succeed(payment)
        self.assertEqual(set(self.explain(payment)["links"]), {"payment", "timeline", "refund"})

    def test_the_language(self) -> None:
        plain, swahili = make_payment(self.merchant), make_payment(self.merchant, language="sw")
        self.assertEqual((self.explain(plain)["lang"], self.explain(swahili)["lang"]), ("en", "sw"))
        for wanted, found in (("sw", "sw"), ("fr, sw-KE;q=0.8, en;q=0.5", "sw"), ("fr", "en"), ("", "en")):
            answer = self.ask(plain, {"Accept-Language": wanted})
            self.assertEqual(answer.json()["lang"], found, wanted)
        self.assertEqual(self.ask(swahili, {"Accept-Language": "sw"}, lang="en").json()["lang"], "en")
        self.assert_problem(self.ask(plain, lang="fr"), 400, "parameter_invalid")

    def test_what_is_not_there(self) -> None:
        for name in (to_public("pay", new_id()), "pay_x"):
            self.assert_problem(self.get(f"payments/{name}/explanation/", self.headers), 404, "payment_not_found")


class Waiting(ExplanationTestCase):
    def test_the_customer_is_asked(self) -> None:
        payment = self.start()
        found = self.explain(payment)
        self.assertEqual((found["whose_turn"], found["certainty"]), ("customer", "unknown"))
        clock = f"{nairobi(op_of(payment).next_check):%H:%M}"  # type: ignore[arg-type]
        self.assertIn(f"We do not know yet; we ask again at {clock}.", found["what_happened"])
        self.assertIn("KES 100.00", found["tell_customer"])

    def test_the_time_to_answer_is_over(self) -> None:
        payment = self.start()
        Payment.objects.filter(id=payment.id).update(expires_at=now() - timedelta(seconds=1))
        make_due()
        sweep()
        found = self.explain(payment)
        self.assertEqual((found["whose_turn"], found["certainty"]), ("provider", "unknown"))
        self.assertIn("M-Pesa last answered at", found["what_happened"])
        self.assertNotIn("resend", found["links"])

    def test_nobody_answers_our_questions(self) -> None:
        payment = self.start()
        MoneyOp.objects.filter(payment=payment).update(checks=3)
        self.assertIn("We have asked 3 times without an answer.", self.explain(payment)["what_happened"])

    def test_the_hand_over_is_unclear(self) -> None:
        found = self.explain(make_payment(self.merchant, status="reconciling"))
        self.assertEqual((found["whose_turn"], found["certainty"]), ("onpoint_pay", "unknown"))
        self.assertIn("not known yet whether", found["headline"])

    def test_a_claim_that_was_not_believed(self) -> None:
        payment = self.start()
        self.bring(success_body(op_of(payment).provider_ref or ""), f"/api/v1/hooks/{NO_SUCH_TOKEN}/collect/")
        self.apply()
        found = self.explain(payment)
        self.assertEqual(found["certainty"], "unknown")
        self.assertIn("could not be believed", found["what_happened"])

    def test_called_off(self) -> None:
        payment = self.start()
        self.post(f"payments/{to_public('pay', payment.id)}/cancel/", {}, self.headers)
        found = self.explain(payment)
        self.assertEqual((found["whose_turn"], found["certainty"]), ("provider", "unknown"))
        self.assertIn("do not enter your PIN", found["tell_customer"])
        fail(payment)
        found = self.explain(payment)
        self.assertEqual((found["whose_turn"], found["certainty"]), ("nobody", "certain"))
        self.assertIn("You called the payment off", found["headline"])

    def test_a_payer_who_pays_by_hand(self) -> None:
        answer = self.initiate(payment_method="mpesa_c2b", phone=None)
        payment = Payment.objects.get(reference=answer.json()["reference"])
        found = self.explain(payment)
        self.assertEqual((found["whose_turn"], found["certainty"]), ("customer", "unknown"))
        self.assertNotIn("resend", found["links"])
        self.post(f"payments/{to_public('pay', payment.id)}/cancel/", {}, self.headers)
        found = self.explain(payment)
        self.assertEqual((found["whose_turn"], found["do_next"]), ("nobody", ["There is nothing left to do."]))


class Ended(ExplanationTestCase):
    def test_each_reason_has_its_words(self) -> None:
        told = set()
        for failure in (words.PAYER_BALANCE, words.WRONG_PIN, words.UNREACHABLE, words.CANCELLED, words.SHORTCODE):
            payment = make_payment(self.merchant)
            fail(payment, failure)
            found = self.explain(payment)
            self.assertEqual(found["certainty"], str(failure.certainty))
            told.add(found["what_happened"])
        self.assertEqual(len(told), 5)

    def test_in_silence(self) -> None:
        payment = self.start()
        long_ago = now() - timedelta(hours=2)
        MoneyOp.objects.filter(payment=payment).update(sent_at=long_ago, created_at=long_ago, answered_checks=5)
        make_due()
        sweep()
        found = self.explain(payment)
        self.assertEqual((found["certainty"], found["whose_turn"]), ("likely", "merchant"))
        self.assertNotIn("resend", found["links"])
        self.assertIn("sync", found["links"])

    def test_a_second_attempt_says_so(self) -> None:
        payment = make_payment(self.merchant, status="failed")
        self.post(f"payments/{to_public('pay', payment.id)}/resend/", {}, self.headers)
        self.assertIn("This is attempt 2.", self.explain(payment)["what_happened"])


class Paid(ExplanationTestCase, TwoAttempts):
    def test_by_callback(self) -> None:
        payment = self.start()
        line = self.pay(payment)
        found = self.explain(payment)
        self.assertEqual((found["certainty"], found["whose_turn"]), ("certain", "nobody"))
        self.assertEqual(found["headline"], "KES 100.00 was received.")
        self.assertIn(f"The receipt is {line['receipt']}.", found["what_happened"])
        self.assertIn("told us by itself", found["what_happened"])

    def test_told_more_than_once(self) -> None:
        payment = self.start(phone="254700000041")
        self.pay(payment)
        succeed(payment, receipt=self.again(payment).receipt)
        self.assertIn("told us more than once; the money is booked once", self.explain(payment)["what_happened"])

    def test_found_by_asking_without_a_receipt(self) -> None:
        payment = self.start()
        simulator().approve(op_of(payment).provider_ref or "")
        make_due()
        sweep()
        told = self.explain(payment)["what_happened"]
        self.assertIn("We found out by asking M-Pesa", told)
        self.assertIn("The receipt number is not known yet.", told)

    def test_late(self) -> None:
        payment = make_payment(self.merchant, status="failed")
        succeed(payment)
        found = self.explain(payment)
        self.assertEqual((found["certainty"], found["whose_turn"]), ("certain", "merchant"))
        self.assertIn("late", found["headline"])
        self.assertIn("refund", found["links"])

    def test_after_it_was_called_off(self) -> None:
        payment = make_payment(self.merchant)
        self.post(f"payments/{to_public('pay', payment.id)}/cancel/", {}, self.headers)
        succeed(payment)
        found = self.explain(payment)
        self.assertEqual(found["whose_turn"], "merchant")
        self.assertIn("after you had called the payment off", found["headline"])
        self.assertIn("You called it off", found["what_happened"])

    def test_twice(self) -> None:
        payment, older, newer = self.two_attempts()
        self.told(older, receipt=next_receipt())
        self.assertIn("may still be on the phone", self.explain(payment)["what_happened"])
        self.told(newer, receipt=next_receipt())
        surplus = self.surplus_of(payment)
        found, extra = self.explain(payment), self.explain(surplus)
        self.assertIn("also paid KES 100.00 too much", found["what_happened"])
        self.assertEqual(found["links"]["surplus"], extra["links"]["payment"])
        self.assertEqual(extra["links"]["original"], found["links"]["payment"])
        self.assertEqual((extra["whose_turn"], extra["certainty"]), ("merchant", "certain"))
        self.assertIn("one too many", extra["headline"])
        self.assertEqual(extra["do_next"], ["Give the money back with `refund`."])

    def test_on_its_way_back_and_back(self) -> None:
        payment = make_payment(self.merchant, status="completed")
        Payment.objects.filter(id=payment.id).update(refund_held=40_00)
        self.assertIn("KES 40.00 of it is on its way back", self.explain(payment)["what_happened"])
        Payment.objects.filter(id=payment.id).update(refund_held=0, refunded=40_00)
        self.assertIn("KES 40.00 of it has been given back", self.explain(payment)["what_happened"])
        Payment.objects.filter(id=payment.id).update(refunded=100_00)
        found = self.explain(payment)
        self.assertIn("All of it has been given back", found["what_happened"])
        self.assertNotIn("refund", found["links"])

    def test_it_shows_no_phones_and_no_names_of_the_trade(self) -> None:
        payment = self.start()
        self.pay(payment)
        for lang in ("en", "sw"):
            text = self.ask(payment, lang=lang).content.decode()
            self.assertNotIn(str(payment.phone), text)
            self.assertNotIn(op_of(payment).provider_ref, text)
