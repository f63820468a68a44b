"""Operators and payments: found, told as a story, asked for again; what they may not see, and who may not come."""

from typing import Any
from unittest import mock

from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from merchants.services import provider_accounts
from merchants.tests.factories import make_member, make_merchant, person_headers
from onpoint_pay.kit.ids import new_id, to_public
from payments.models import MoneyOp, Payment
from payments.services.resend_picked import MOST
from payments.tests.base import PaymentTestCase, events_of
from payments.tests.factories import StandInProvider, make_payment, next_phone, op_of, succeed
from tests.operators import make_operator, signed_in, told
from webhooks.models import Event

LIST = "/operators/payments/payment/"
LIMITS = {"prompt": "2/5m", "prompt_day": "3/1d"}
HOSTILE = "<script>alert(1)</script>"


def page_of(payment: Payment, rest: str = "change/") -> str:
    return f"{LIST}{payment.pk}/{rest}"


class OperatorCase(PaymentTestCase):
    """An operator who is signed in, and a provider that takes every prompt."""

    def setUp(self) -> None:
        super().setUp()
        cache.clear()
        self.operator = make_operator("operator")
        self.browser = signed_in(self.operator)
        self.provider = StandInProvider()
        patch = mock.patch.object(provider_accounts, "_provider", lambda code, mode: self.provider)
        self.enterContext(patch)

    def see(self, path: str, status: int = 200, *, browser: Client | None = None) -> str:
        answer = (browser or self.browser).get(path)
        self.assertEqual(answer.status_code, status, answer.content[-2000:])
        return str(answer.content.decode())

    def closed(self, **request: Any) -> Payment:
        """A payment that was called off by its payer."""
        return make_payment(self.merchant, status="cancelled", **request)

    def sends(self) -> int:
        return len(self.provider.charges)


class Looking(OperatorCase):
    def test_a_list_shows_masked_payers_and_stands_in_the_trail(self) -> None:
        phone = next_phone()
        payment = make_payment(self.merchant, phone=phone, reference="ORDER-1")
        page = self.see(LIST)
        self.assertIn(payment.reference, page)
        self.assertIn("ORDER-1", page)
        self.assertNotIn(phone, page)
        self.assertIn(f"{phone[:4]}****{phone[-4:]}", page)
        (link,) = told("operator.listed", stream=f"m{self.merchant.id}")
        self.assertEqual((link.actor, link.detail["what"]), (self.operator.public_id, "payment"))

    def test_a_story_with_all_that_belongs_to_it(self) -> None:
        payment = make_payment(self.merchant, phone=next_phone())
        succeed(payment, receipt="UKL7777771")
        page = self.see(page_of(payment))
        for words in ("Explanation", "Timeline", "Tries at the provider", "Postings", "provider_float", "pending"):
            self.assertIn(words, page)
        for words in (op_of(payment).client_ref, "UKL7777771", "Payment completed", "payment.completed"):
            self.assertIn(words, page)
        self.assertNotIn(payment.phone, page)
        links = AuditEvent.objects.filter(action="operator.viewed", object=to_public("pay", payment.id))
        self.assertEqual([link.actor for link in links], [self.operator.public_id])

    def test_what_merchants_wrote_is_text(self) -> None:
        payment = make_payment(self.merchant, description=HOSTILE, metadata={"note": HOSTILE})
        Payment.objects.filter(id=payment.id).update(payer_name=HOSTILE)
        for page in (self.see(LIST), self.see(page_of(payment))):
            self.assertNotIn(HOSTILE, page)
        self.assertIn("&lt;script&gt;alert(1)&lt;/script&gt;", self.see(page_of(payment)))

    def test_found_by_what_somebody_was_told(self) -> None:
        payment, other = make_payment(self.merchant, reference="ORDER-1"), make_payment(self.merchant)
        succeed(payment, receipt="UKL7777772")
        payment.refresh_from_db()
        names = (payment.reference, "ORDER-1", "ukl7777772", to_public("pay", payment.id), payment.provider_reference)
        for name in names:
            page = self.see(f"{LIST}?q={name}")
            self.assertIn(payment.reference, page, name)
            self.assertNotIn(other.reference, page, name)

    def test_nobody_is_found_by_a_phone(self) -> None:
        payment = make_payment(self.merchant, phone=next_phone())
        for text in (payment.phone, f"+{payment.phone}", f"0{payment.phone[3:]}"):
            self.assertNotIn(payment.reference, self.see(f"{LIST}?q={text}"))
        asked = [link.detail["asked"] for link in told("operator.listed")]
        self.assertNotIn(payment.phone, str(asked))
        for lookup in (
            f"phone={payment.phone}",
            "phone__startswith=2547",
            "merchant__email__startswith=s",
            "status__in=pending",
        ):
            self.assertIn(self.browser.get(f"{LIST}?{lookup}").status_code, (302, 400), lookup)

    def test_filters(self) -> None:
        stranger = make_merchant("Mama Mboga")
        mine, theirs = make_payment(self.merchant), self.closed()
        other = make_payment(stranger)
        wanted = {
            "?status=cancelled": [theirs],
            "?status=nonsense": [],
            f"?merchant={to_public('mer', stranger.id)}": [other],
            "?merchant=mer_nonsense": [],
            "?mode=live": [],
            "?payment_method=mpesa&age=1": [mine, theirs, other],
            "?age=nonsense": [],
        }
        for query, found in wanted.items():
            page = self.see(LIST + query)
            shown = [payment for payment in (mine, theirs, other) if payment.reference in page]
            self.assertEqual(shown, found, query)

    def test_fifty_rows_cost_as_much_as_one_and_are_not_counted(self) -> None:
        make_payment(self.merchant)
        self.see(LIST)
        few = self.statements(LIST)
        for merchant in [make_merchant() for _ in range(10)]:
            for _ in range(5):
                make_payment(merchant)
        many = self.statements(LIST)
        self.assertLessEqual(len(many), len(few))
        self.assertFalse([sql for sql in many if "COUNT(*)" in sql.upper() and "transactions" in sql])

    def statements(self, path: str) -> list[str]:
        with CaptureQueriesContext(connection) as found:
            self.see(path)
        return [each["sql"] for each in found]

    def test_nothing_is_changed_here(self) -> None:
        payment = make_payment(self.merchant)
        before = Payment.objects.filter(id=payment.id).values().get()
        for path in (page_of(payment), page_of(payment, "delete/"), f"{LIST}add/", page_of(payment, "history/")):
            answer = self.browser.post(path, {"status": "completed", "captured": "10000"})
            self.assertIn(answer.status_code, (403, 404), path)
        self.assertEqual(Payment.objects.filter(id=payment.id).values().get(), before)

    def test_unknown_ones_are_not_there(self) -> None:
        for name in (new_id(), to_public("pay", new_id()), to_public("ref", new_id()), "nonsense", "0"):
            self.see(f"{LIST}{name}/change/", 404)
            self.assertEqual(self.browser.post(f"{LIST}{name}/resend/").status_code, 404)

    def test_clear_text_is_for_those_with_the_right_and_a_reason(self) -> None:
        payment = make_payment(self.merchant, phone=next_phone())
        self.assertEqual(self.browser.post(page_of(payment, "unmask/"), {"reason": "fraud"}).status_code, 403)
        risk = signed_in(make_operator("risk"))
        answer = risk.post(page_of(payment, "unmask/"), {"reason": "payer", "ticket": "HELP-1"})
        self.assertContains(answer, payment.phone)
        (link,) = told("operator.unmasked")
        self.assertEqual((link.object, link.detail["reason"]), (to_public("pay", payment.id), "payer"))


class Outsiders(OperatorCase):
    def test_nobody_else_comes_in(self) -> None:
        payment = self.closed()
        member = person_headers(make_member(self.merchant))
        for headers in ({}, self.headers, member):
            for path in (LIST, page_of(payment), page_of(payment, "resend/")):
                answer = Client().get(path, headers=headers)
                self.assertEqual(answer.status_code, 302, path)
                self.assertIn("/operators/login/", answer["Location"])
                self.assertEqual(Client().post(path, headers=headers).status_code, 302)
        self.assertEqual(self.sends(), 0)

    def test_those_who_only_look_send_nothing(self) -> None:
        payment = self.closed()
        for role in ("read_only", "compliance", "risk"):
            browser = signed_in(make_operator(role))
            self.assertNotIn("Resend prompt", self.see(page_of(payment), browser=browser))
            self.assertEqual(browser.get(page_of(payment, "resend/")).status_code, 403)
            self.assertEqual(browser.post(page_of(payment, "resend/")).status_code, 403)
            chosen = {"action": "resend_prompt", "_selected_action": [str(payment.pk)]}
            browser.post(LIST, chosen)
        self.assertEqual(self.sends(), 0)
        self.assert_state(payment, "cancelled", attempts=1)

    def test_a_form_of_another_site_does_nothing(self) -> None:
        payment = self.closed()
        browser = signed_in(self.operator, Client(enforce_csrf_checks=True))
        self.assertEqual(browser.post(page_of(payment, "resend/")).status_code, 403)
        self.assertEqual(self.sends(), 0)

    def test_a_link_alone_sends_nothing(self) -> None:
        payment = self.closed()
        self.assertIn("rings again", self.see(page_of(payment, "resend/")))
        self.assertEqual(self.sends(), 0)


class Resending(OperatorCase):
    def resend(self, payment: Payment) -> Any:
        return self.browser.post(page_of(payment, "resend/"), follow=True)

    def pick(self, *payments: Payment, **more: Any) -> list[str]:
        """The bulk action; what the page says of each."""
        chosen = {"action": "resend_prompt", "_selected_action": [str(each.pk) for each in payments], **more}
        answer = self.browser.post(LIST, chosen, follow=True)
        self.assertEqual(answer.status_code, 200)
        return [str(message) for message in answer.context["messages"]]

    def test_the_button(self) -> None:
        payment = self.closed()
        answer = self.resend(payment)
        self.assertContains(answer, "A new prompt is on its way.")
        self.assert_state(payment, "pending", attempts=2)
        self.assertEqual((self.sends(), self.provider.charges[0].phone), (1, payment.phone))
        self.assertEqual(events_of(payment).count("payment.prompt_resent"), 1)
        (link,) = told("payment.prompt_resent", object=to_public("pay", payment.id))
        self.assertEqual((link.actor, link.stream), (self.operator.public_id, f"m{self.merchant.id}"))
        (asked,) = told("operator.prompts_resent")
        self.assertEqual(asked.detail["outcomes"], {"sent": 1})

    def test_while_the_last_prompt_may_be_paid(self) -> None:
        payment = make_payment(self.merchant)
        answer = self.resend(payment)
        self.assertEqual(answer.status_code, 409)
        self.assert_untouched(payment, "pending")

    def test_a_paid_one_has_no_button(self) -> None:
        payment = make_payment(self.merchant, status="completed")
        self.assertNotIn("/resend/", self.see(page_of(payment)))
        self.assertEqual(self.resend(payment).status_code, 409)
        self.assert_untouched(payment, "completed")

    def test_of_three_picked_one_is_throttled(self) -> None:
        phone = next_phone()
        with override_settings(RATE_LIMITS=LIMITS, PROMPT_LIMITS_IN_TEST_MODE=True):
            first, second = self.closed(), self.closed()
            worn = self.closed(phone=phone)
            make_payment(self.merchant, phone=phone)
            said = self.pick(first, second, worn)
        by_name = {text.partition(":")[0]: text for text in said}
        self.assertEqual(set(by_name), {first.reference, second.reference, worn.reference})
        self.assertIn("on its way", by_name[first.reference])
        self.assertIn("on its way", by_name[second.reference])
        self.assertIn("asked often enough", by_name[worn.reference])
        for sent in (first, second):
            self.assert_state(sent, "pending", attempts=2)
        self.assert_untouched(worn, "cancelled", sends=2)
        (asked,) = told("operator.prompts_resent")
        self.assertEqual(asked.detail["outcomes"], {"sent": 2, "prompt_throttled": 1})
        self.assertEqual(len(asked.detail["asked"]), 3)

    def test_a_paid_one_among_them_is_told_and_stops_nobody(self) -> None:
        paid, closed = make_payment(self.merchant, status="completed"), self.closed()
        said = " ".join(self.pick(paid, closed))
        self.assertIn(f"{paid.reference}: The payment is paid already.", said)
        self.assert_state(closed, "pending", attempts=2)
        self.assert_untouched(paid, "completed", sends=1)

    def test_too_many_at_a_time_send_nothing(self) -> None:
        payments = [self.closed() for _ in range(MOST + 1)]
        (said,) = self.pick(*payments)
        self.assertIn(f"At most {MOST}", said)
        self.assertEqual(self.sends(), 0)
        self.assertFalse(Event.objects.filter(type="payment.prompt_resent").exists())

    def test_all_pages_at_once_are_too_many_as_well(self) -> None:
        payments = [self.closed() for _ in range(MOST + 1)]
        self.pick(payments[0], select_across="1")
        self.assertEqual(self.sends(), 0)

    def test_a_suspended_merchant_asks_nobody(self) -> None:
        payment = self.closed()
        self.merchant.status = "suspended"
        self.merchant.save(update_fields=["status"])
        self.assertEqual(self.resend(payment).status_code, 403)
        self.assert_untouched(payment, "cancelled")

    def test_live_mode_is_closed_to_who_is_not_verified(self) -> None:
        self.provider.is_test = False
        merchant = make_merchant(live_enabled=True)
        payment = make_payment(merchant, mode="live", status="cancelled")
        merchant.kyc_status = "unverified"
        merchant.save(update_fields=["kyc_status"])
        self.assertEqual(self.resend(payment).status_code, 403)
        self.assert_untouched(payment, "cancelled")

    def assert_untouched(self, payment: Payment, status: str, *, sends: int = 0) -> None:
        self.assert_state(payment, status, attempts=payment.attempts, version=payment.version)
        self.assertEqual(MoneyOp.objects.filter(payment_id=payment.id).count(), 1)
        self.assertNotIn("payment.prompt_resent", events_of(payment))
        self.assertEqual(self.sends(), sends)
