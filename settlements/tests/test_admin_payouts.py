"""Operators and payouts: the second of two, never alone, never of what they asked for; and never without a fresh code."""

from typing import Any
from unittest import mock

from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from audit.models import AuditEvent
from merchants.models import Membership, Role
from merchants.tests.factories import make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import from_public, new_id, to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.operator import PROOF_LASTS
from settlements.models import Payout, PayoutBatch
from settlements.services.destinations import Target
from settlements.services.payout_batches import create_batch
from settlements.services.payouts import PayoutAsk
from settlements.tests.payouts import BANK, PayoutTestCase, make_batch, make_payout, person_of, public
from tests.operators import make_operator, signed_in, told
from webhooks.models import Event

PAYOUTS, BATCHES = "/operators/settlements/payout/", "/operators/settlements/payoutbatch/"
HOSTILE = "<script>alert(1)</script>"
HELD = 100_00


@override_settings(PAYOUT_APPROVAL_ABOVE=1, PAYOUT_FEE=0)
class PayoutCase(PayoutTestCase):
    """Somebody in finance has asked for KES 100, and nobody has agreed."""

    def setUp(self) -> None:
        super().setUp()
        self.risk = make_operator("risk")
        self.browser = signed_in(self.risk)
        self.waiting = self.payout(self.person(Role.FINANCE), reason=HOSTILE)

    def do(self, payout: Payout, verb: str, *, browser: Client | None = None, **said: Any) -> Any:
        return (browser or self.browser).post(f"{PAYOUTS}{payout.pk}/{verb}/", said)

    def assert_waits(self, payout: Payout) -> None:
        """Nothing has moved but what was held when it was asked for."""
        self.assert_payout(payout, "requires_approval", approved_by=None, version=1)
        self.assert_posted(payout, hold={("available", "D"): HELD, ("payout_hold", "C"): HELD})
        links = AuditEvent.objects.filter(object=public(payout), action__startswith="payout.").order_by("seq")
        wanted = ["payout.created", "payout.requires_approval"]
        self.assertEqual(list(links.values_list("action", flat=True)), wanted)
        events = Event.objects.filter(key__endswith=f":{payout.id}").order_by("id")
        self.assertEqual(list(events.values_list("type", flat=True)), wanted)


class Deciding(PayoutCase):
    def test_an_operator_agrees_with_what_the_merchant_asked(self) -> None:
        self.assertEqual(self.do(self.waiting, "approve").status_code, 302)
        self.assert_payout(self.waiting, "pending", approved_by=self.risk.public_id, pending_reason="queued")
        self.assert_told(self.waiting, "created", "requires_approval", "approved")
        (link,) = told("payout.approved")
        self.assertEqual((link.actor, link.stream), (self.risk.public_id, f"m{self.merchant.id}"))
        self.assertEqual(self.do(self.waiting, "approve").status_code, 409)

    def test_an_operator_refuses(self) -> None:
        self.assertEqual(self.do(self.waiting, "refuse", reason="destination_in_doubt").status_code, 302)
        self.assert_payout(self.waiting, "cancelled", released=HELD)
        self.assert_balances(available=10_000_00, payout_hold=0)
        (link,) = told("payout.cancelled")
        self.assertEqual(link.actor, self.risk.public_id)

    def test_a_reason_of_ones_own_is_none(self) -> None:
        self.assertEqual(self.do(self.waiting, "refuse", reason=HOSTILE).status_code, 200)
        self.assert_waits(self.waiting)

    def test_nobody_agrees_with_themselves(self) -> None:
        """Somebody of the merchant's team who has a platform role as well."""
        both = make_operator("risk", user=self.people[Role.FINANCE])
        answer = self.do(self.waiting, "approve", browser=signed_in(both))
        self.assertEqual(answer.status_code, 403)
        self.assert_waits(self.waiting)

    def test_two_of_the_platform_do_not_make_a_merchant(self) -> None:
        """The one who asked has a platform role: then another operator would be the platform alone."""
        make_operator("operator", user=self.people[Role.FINANCE])
        answer = self.do(self.waiting, "approve")
        self.assertContains(answer, "never moved by the platform alone", status_code=403)
        self.assert_waits(self.waiting)

    def test_what_nobody_of_the_merchant_asked_for(self) -> None:
        payout = Payout.objects.get(id=from_public("pyt", make_payout(self.merchant, "test", waits=True)))
        self.assertEqual(self.do(payout, "approve").status_code, 403)
        self.assert_waits(payout)

    def test_who_asked_has_left_the_merchant(self) -> None:
        Membership.objects.filter(user=self.people[Role.FINANCE]).delete()
        self.assertEqual(self.do(self.waiting, "approve").status_code, 403)
        self.assert_waits(self.waiting)

    def test_a_code_of_earlier_is_not_enough(self) -> None:
        with mock.patch("onpoint_pay.kit.operator.now", lambda: now() + PROOF_LASTS):
            answer = self.do(self.waiting, "approve")
        self.assertEqual(answer.status_code, 302)
        self.assertIn("/operators/prove/", answer["Location"])
        self.assert_waits(self.waiting)

    def test_without_the_right(self) -> None:
        for role in ("operator", "compliance", "read_only"):
            browser = signed_in(make_operator(role))
            page = browser.get(f"{PAYOUTS}{self.waiting.pk}/change/")
            self.assertEqual(page.status_code, 200)
            self.assertNotIn(b"/approve/", page.content)
            for verb in ("approve", "refuse"):
                self.assertEqual(
                    self.do(self.waiting, verb, browser=browser, reason="merchant_in_doubt").status_code, 403
                )
        for verb in ("approve", "refuse"):
            self.assertEqual(self.do(self.waiting, verb, browser=Client()).status_code, 302)
        self.assert_waits(self.waiting)

    def test_a_link_and_a_forged_form_do_nothing(self) -> None:
        self.assertEqual(self.browser.get(f"{PAYOUTS}{self.waiting.pk}/approve/").status_code, 200)
        forger = signed_in(self.risk, Client(enforce_csrf_checks=True))
        self.assertEqual(self.do(self.waiting, "approve", browser=forger).status_code, 403)
        self.assert_waits(self.waiting)

    def test_a_batch_is_decided_whole(self) -> None:
        caller = person_of(self.merchant, self.people[Role.FINANCE], Role.FINANCE)
        details = {name: text for name, text in BANK.items() if name != "type"}
        ask = PayoutAsk(amount=Money(HELD), target=Target(type="bank", details=details), reason="Rent")
        batch_id = create_batch(caller, {"items[0]": ask}, description=HOSTILE, request_id="req_tests").id
        self.assertNotContains(self.browser.get(f"{BATCHES}{batch_id}/change/"), HOSTILE)
        part = Payout.objects.get(batch_id=batch_id)
        self.assertEqual(self.do(part, "approve").status_code, 409)
        path = f"{BATCHES}{batch_id}/approve/"
        self.assertEqual(self.browser.post(path).status_code, 302)
        self.assertEqual(PayoutBatch.objects.get(id=batch_id).approved_by, self.risk.public_id)
        self.assertEqual(self.again_payout(part).status, "pending")
        self.assertEqual(self.browser.post(path).status_code, 409)

    def test_a_batch_of_strangers_waits(self) -> None:
        batch_id = from_public("bat", make_batch(self.merchant, "test"))
        answer = self.browser.post(f"{BATCHES}{batch_id}/approve/")
        self.assertEqual(answer.status_code, 403)
        self.assertEqual(PayoutBatch.objects.get(id=batch_id).status, "requires_approval")
        answer = self.browser.post(f"{BATCHES}{batch_id}/refuse/", {"reason": "not_confirmed"})
        self.assertEqual(answer.status_code, 302)
        self.assertEqual(PayoutBatch.objects.get(id=batch_id).status, "cancelled")


class Looking(PayoutCase):
    def test_the_destination_is_starred_and_words_are_text(self) -> None:
        page = self.browser.get(f"{PAYOUTS}{self.waiting.pk}/change/").content.decode()
        self.assertNotIn(HOSTILE, page)
        self.assertNotIn("254712000001", page)
        for words in ("requires_approval", "above_limit", self.owner_name[:4], "payout_hold", self.waiting.reference):
            self.assertIn(words, page)
        self.assertNotIn(self.waiting.destination_sealed, page)
        self.assertEqual(len(told("operator.viewed", stream=f"m{self.merchant.id}")), 1)

    def test_nothing_is_changed_here(self) -> None:
        before = Payout.objects.filter(pk=self.waiting.pk).values().get()
        for rest in ("change/", "delete/"):
            answer = self.browser.post(f"{PAYOUTS}{self.waiting.pk}/{rest}", {"status": "completed"})
            self.assertIn(answer.status_code, (403, 404))
        self.assertEqual(Payout.objects.filter(pk=self.waiting.pk).values().get(), before)

    def test_unknown_ones(self) -> None:
        for name in (new_id(), to_public("pyt", new_id()), to_public("pay", new_id()), "nonsense"):
            for rest in ("change", "approve", "refuse"):
                self.assertEqual(self.browser.get(f"{PAYOUTS}{name}/{rest}/").status_code, 404)

    def test_fifty_rows_cost_as_much_as_one(self) -> None:
        few = self.statements()
        for _ in range(10):
            merchant = make_merchant()
            for _ in range(5):
                make_payout(merchant, "test")
        # Rows of one merchant are told of in that merchant's chain as well.
        self.assertLessEqual(self.statements(), few)

    def statements(self) -> int:
        self.browser.get(PAYOUTS)
        with CaptureQueriesContext(connection) as found:
            self.assertEqual(self.browser.get(PAYOUTS).status_code, 200)
        return len(found)
