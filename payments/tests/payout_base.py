"""What the tests of sending payouts share: payouts really sent to the simulator, and its results brought here."""

from datetime import timedelta
from typing import Any

from merchants.tests.factories import key_headers, make_api_key
from onpoint_pay.kit.clock import now
from payments.models import MoneyOp, ProviderEvent, ProviderQuestion
from payments.services.out_sending import send_out
from payments.services.payout_start import start_payouts
from payments.services.sweep import sweep
from payments.tests.base import CommittingPaymentTestCase, PaymentTestCase
from payments.tests.factories import next_phone
from payments.tests.refund_base import RefundCalls
from payments.tests.results import result_body
from settlements.models import Payout
from settlements.tests.payouts import PayoutCalls, give

KES_100, MINOR = 100, 100_00
HELD = {("available", "D"): MINOR, ("payout_hold", "C"): MINOR}
DONE = {("payout_hold", "D"): MINOR, ("provider_float", "C"): MINOR}
UNDONE = {("payout_hold", "D"): MINOR, ("available", "C"): MINOR}


class SentPayoutCalls(PayoutCalls, RefundCalls):
    """A merchant with KES 10,000 to use at a simulator whose paying account is full."""

    def setUp(self) -> None:
        RefundCalls.setUp(self)
        self.headers = key_headers(make_api_key(self.merchant))
        give(self.merchant, 10_000_00)

    def to_phone(self, **fields: Any) -> Payout:
        """A payout that waits for its sender."""
        return self.payout(**({"destination": {"type": "mpesa_phone", "phone": next_phone()}} | fields))

    def sent_payout(self, **fields: Any) -> Payout:
        """A payout that was handed over, whatever the answer was."""
        payout = self.to_phone(**fields)
        self.assertEqual(start_payouts(), 1)  # type: ignore[attr-defined]
        tries = MoneyOp.objects.filter(payout=payout).count()
        self.assertEqual(send_out(), tries)  # type: ignore[attr-defined]
        return self.again_payout(payout)

    # --- the simulator ------------------------------------------------------------------------------------------------

    def lines_of(self, payout: Payout) -> list[dict[str, Any]]:
        """The book's lines of one payout."""
        refs = set(MoneyOp.objects.filter(payout=payout).values_list("client_ref", flat=True))
        return [line for line in self.book() if line["originator_conversation_id"] in refs]

    def bring_payout(self, payout: Payout, *, kind: str | None = None, part: int | None = None) -> list[ProviderEvent]:
        """What the simulator has to tell of the payout's tries brought to our doors and applied."""
        lines = self.lines_of(payout)
        if part is not None:
            refs = set(MoneyOp.objects.filter(payout=payout, part=part).values_list("client_ref", flat=True))
            lines = [line for line in lines if line["originator_conversation_id"] in refs]
        return self.bring_all([told for line in lines for told in self.told(line, kind)])

    def tell_of(self, op: MoneyOp, *, code: str | int = 0, **more: Any) -> ProviderEvent:
        """A result made by hand, at the address that was handed over with a try; applied."""
        (line,) = [line for line in self.book() if line["originator_conversation_id"] == op.client_ref]
        body = result_body(line["originator_conversation_id"], line["conversation_id"], code=code, **more)
        (event,) = self.bring_all([{"body": body.decode(), "url": line["result_url"]}])
        return event

    def long_after(self, payout: Payout, **age: Any) -> None:
        """The payout and its tries were made this long ago, and what waits is due."""
        then = now() - timedelta(**age)
        Payout.objects.filter(id=payout.id).update(created_at=then)
        MoneyOp.objects.filter(payout=payout, sent_at__isnull=False).update(sent_at=then)
        MoneyOp.objects.filter(payout=payout).exclude(next_check=None).update(next_check=now(), created_at=then)

    # --- what became of it --------------------------------------------------------------------------------------------

    def assert_tries(self, payout: Payout, *expected: tuple[int, str]) -> None:
        """Part and state of each try, in the order they were made."""
        found = MoneyOp.objects.filter(payout=payout).order_by("id").values_list("part", "status")
        self.assertEqual(list(found), list(expected))  # type: ignore[attr-defined]

    def assert_one_sending(self, payout: Payout, *, tries: int = 1) -> None:
        """Whatever happens, nobody sends it again."""
        for _ in range(2):
            MoneyOp.objects.exclude(next_check=None).update(next_check=now())
            sweep()
            self.assertEqual((start_payouts(), send_out()), (0, 0))  # type: ignore[attr-defined]
        self.assertEqual(len(self.lines_of(payout)), tries)  # type: ignore[attr-defined]
        self.assertEqual(MoneyOp.objects.filter(payout=payout).count(), tries)  # type: ignore[attr-defined]

    def assert_open(self, payout: Payout, *, reason: str) -> None:
        """Held, told of once, nothing booked."""
        self.assert_payout(payout, "pending", pending_reason=reason, failure=None, receipt=None, paid=0, released=0)
        self.assert_posted(payout, hold=HELD)
        self.assert_told(payout, "created")
        self.assert_clean()

    def assert_paid(self, payout: Payout) -> Payout:
        """Paid once: here in state, books and events, there in the provider's book."""
        found = self.assert_payout(payout, "completed", pending_reason=None, failure=None, paid=MINOR, released=0)
        self.assert_posted(payout, hold=HELD, done=DONE)
        self.assert_told(payout, "created", "completed")
        (line,) = [line for line in self.lines_of(payout) if line["status"] == "completed"]
        self.assertEqual((line["cents"], found.receipt), (MINOR, line["receipt"]))  # type: ignore[attr-defined]
        self.assert_clean()
        return found

    def assert_not_paid(self, payout: Payout, *, code: str) -> None:
        """Nothing left, and the money is the merchant's again."""
        found = self.assert_payout(payout, "failed", pending_reason=None, receipt=None, paid=0, released=MINOR)
        self.assertEqual((found.failure or {})["code"], code)  # type: ignore[attr-defined]
        self.assert_posted(payout, hold=HELD, undo=UNDONE)
        self.assert_told(payout, "created", "failed")
        self.assertEqual([line for line in self.lines_of(payout) if line["status"] == "completed"], [])  # type: ignore[attr-defined]
        self.assert_balances(available=10_000_00, payout_hold=0)
        self.assert_clean()


class SentPayoutTestCase(SentPayoutCalls, PaymentTestCase):
    """Everything rolled back after each test."""

    def assert_clean(self) -> None:
        """Proofs need a snapshot of their own: asked in tests that commit."""


class CommittingSentPayoutTestCase(SentPayoutCalls, CommittingPaymentTestCase):
    """Real commits: for proofs, threads and what happens after them."""


def part_of(payout: Payout, part: int = 1) -> MoneyOp:
    """The newest try of one part."""
    return MoneyOp.objects.filter(payout=payout, part=part).latest("id")


def questions_of(payout: Payout) -> list[ProviderQuestion]:
    return list(ProviderQuestion.objects.filter(op__payout=payout).order_by("created_at"))
