"""What the tests of refunds share: paid payments at the simulator, its book of transfers, and its results brought here."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Sum
from django.http import HttpResponse

from audit.models import StateHistory
from merchants.services.provider_accounts import provider_for
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import from_public, to_public
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment, ProviderEvent, ProviderQuestion, Refund
from payments.services.out_sending import send_out
from payments.services.proof import prove
from payments.services.questions import put_questions
from payments.services.sweep import sweep
from payments.tests.base import NOBODY, CommittingPaymentTestCase, PaymentCalls, PaymentTestCase
from payments.tests.planting import unguarded
from payments.tests.results import result_body
from providers.types import RefundRequest
from settlements.models import LedgerAccount, LedgerEntry, LedgerTransfer
from tests.simulator_process import simulator
from webhooks.models import Event

REFUND = "payments/refund/"
HOLD, UNDO, DONE, REHOLD = "hold", "undo", "done", "rehold"


class RefundCalls(PaymentCalls):
    """Asking for refunds of payments that were really paid at the simulator, and playing its answers."""

    def setUp(self) -> None:
        super().setUp()
        # Without a fee the balance of one payment covers its own refund.
        self.merchant.fee_bps = 0
        self.merchant.save(update_fields=["fee_bps"])

    def paid(self, **fields: Any) -> Payment:
        """A payment of KES 100 unless told otherwise, paid at the simulator and completed here."""
        payment = self.start(**fields)
        self.pay(payment)
        return self.assert_state(payment, "completed")

    def ask(self, payment: Payment, *, key: str | None = None, **fields: Any) -> HttpResponse:
        headers = self.headers | ({"Idempotency-Key": key} if key else {})
        body = {"reference": payment.reference, "reason": "Returned goods"} | fields
        return self.post(REFUND, body, headers)

    def refund(self, payment: Payment, **fields: Any) -> Refund:
        """A refund that was taken, and is not sent yet."""
        answer = self.ask(payment, **fields)
        self.assertEqual(answer.status_code, 201, answer.content)  # type: ignore[attr-defined]
        return refund_of(answer.json()["id"])

    def sent(self, payment: Payment, **fields: Any) -> Refund:
        """A refund that was handed over, whatever the answer was."""
        refund = self.refund(payment, **fields)
        self.assertEqual(send_out(), 1)  # type: ignore[attr-defined]
        return self.again_refund(refund)

    # --- the simulator ------------------------------------------------------------------------------------------------

    def faults(self, *kinds: str, seed: int = 7) -> None:
        simulator().call("POST", "faults", {"seed": seed, "rate": 1.0, "kinds": list(kinds)})

    def calm(self) -> None:
        simulator().call("DELETE", "faults")

    def quirks(self, *names: str) -> None:
        simulator().call("POST", "quirks", {"quirks": list(names)})
        self.addCleanup(lambda: simulator().call("POST", "quirks", {"quirks": []}))  # type: ignore[attr-defined]

    def float_of(self, amount: str) -> None:
        """What the shortcode's paying account holds."""
        body = {"shortcode": "174379", "account": "Utility", "amount": amount}
        simulator().call("POST", "balances", body)

    def book(self, **filters: str) -> list[dict[str, Any]]:
        """What left, or was tried, by the provider's own book: reversals and transfers to phones, oldest first."""
        found = simulator().call("GET", "transfers", limit="1000", **filters)["transfers"]
        return [line for line in found if line["kind"] in ("reversal", "b2c")]

    def results(self, conversation_id: str) -> list[dict[str, Any]]:
        """Results and notices of one request, as they are or will be sent."""
        return list(simulator().call("GET", "results", originator_conversation_id=conversation_id)["results"])

    def bring_results(self, refund: Refund, *, kind: str | None = None) -> list[ProviderEvent]:
        """What the simulator has to tell of the refund's tries brought to our doors and applied, as it was sent."""
        return self.bring_all([told for line in self.lines(refund) for told in self.told(line, kind)])

    def lines(self, refund: Refund) -> list[dict[str, Any]]:
        """The book's lines of one refund."""
        refs = set(MoneyOp.objects.filter(refund=refund).values_list("client_ref", flat=True))
        receipt = refund.payment.receipt
        return [
            line
            for line in self.book()
            if line["originator_conversation_id"] in refs
            or (line["kind"] == "reversal" and line["original"] == receipt)
        ]

    def told(self, line: dict[str, Any], kind: str | None = None) -> list[dict[str, Any]]:
        found = self.results(line["originator_conversation_id"])
        return [message for message in found if kind in (None, message["kind"]) and "/hooks/" in message["url"]]

    def bring_all(self, messages: list[dict[str, Any]]) -> list[ProviderEvent]:
        seen = set(ProviderEvent.objects.values_list("id", flat=True))
        for message in messages:
            answer = self.bring(message["body"].encode(), urlsplit(message["url"]).path)
            self.assertEqual(answer.status_code, 200, answer.content)  # type: ignore[attr-defined]
        self.apply()
        return list(ProviderEvent.objects.exclude(id__in=seen).order_by("id"))

    def ask_provider(self) -> list[ProviderEvent]:
        """The sweeper's visit, its questions put, and their answers brought; what came in."""
        MoneyOp.objects.exclude(next_check=None).exclude(status="created").update(next_check=now())
        sweep()
        return self.bring_answers()

    def bring_answers(self) -> list[ProviderEvent]:
        before = {line["number"] for line in simulator().call("GET", "transfers", limit="1000")["transfers"]}
        put_questions()
        found = simulator().call("GET", "transfers", limit="1000", kind="status")["transfers"]
        new = [line for line in found if line["number"] not in before and line["status"] != "refused"]
        return self.bring_all([told for line in new for told in self.told(line, "result")])

    def later(self, refund: Refund, **age: Any) -> None:
        """The refund and its tries were made this long ago, and what waits is due."""
        then = now() - timedelta(**age)
        Refund.objects.filter(id=refund.id).update(created_at=then)
        MoneyOp.objects.filter(refund=refund, sent_at__isnull=False).update(sent_at=then)
        MoneyOp.objects.filter(refund=refund).exclude(next_check=None).update(next_check=now(), created_at=then)

    def undo_by_hand(self, receipt: str, *, amount: str = "100.00") -> None:
        """Somebody reverses a payment at the provider, past us."""
        provider = provider_for("daraja", "test")
        urls = {"result_url": f"{NOBODY}/result", "timeout_url": f"{NOBODY}/timeout"}
        provider.refund(
            RefundRequest(reference="BY-HAND", receipt=receipt, amount=Money.parse(amount), reason="by hand", **urls)
        )

    def tell_result(
        self, refund: Refund, *, code: str | int = 0, op: MoneyOp | None = None, **more: Any
    ) -> ProviderEvent:
        """A result made by hand, at the address that was handed over with a try; applied."""
        op = op or try_of(refund)
        (line,) = [line for line in self.lines(refund) if line["kind"] == op.kind]
        body = result_body(line["originator_conversation_id"], line["conversation_id"], code=code, **more)
        (event,) = self.bring_all([{"body": body.decode(), "url": line["result_url"]}])
        return event

    @staticmethod
    @contextmanager
    def unguarded() -> Iterator[None]:
        """Tries may be put into any state, as no code of ours could."""
        with unguarded("money_op"):
            yield

    # --- what became of it --------------------------------------------------------------------------------------------

    def again_refund(self, refund: Refund) -> Refund:
        return Refund.objects.select_related("payment").get(id=refund.id)

    def assert_refund(self, refund: Refund, status: str, **fields: Any) -> Refund:
        found = self.again_refund(refund)
        wanted = {"status": status} | fields
        self.assertEqual({name: getattr(found, name) for name in wanted}, wanted)  # type: ignore[attr-defined]
        return found

    def assert_counters(self, payment: Payment, *, held: int = 0, refunded: int = 0) -> None:
        found = self.again(payment)
        self.assertEqual((found.refund_held, found.refunded), (held, refunded))  # type: ignore[attr-defined]

    def assert_ops(self, refund: Refund, *expected: tuple[str, str]) -> None:
        found = MoneyOp.objects.filter(refund=refund).order_by("id").values_list("kind", "status")
        self.assertEqual(list(found), list(expected))  # type: ignore[attr-defined]

    def assert_posted(self, refund: Refund, **steps: dict[tuple[str, str], int]) -> None:
        """Exactly these transfers, by step, each with exactly these entries: account kind and side, amount."""
        found: dict[str, dict[tuple[str, str], int]] = {}
        rows = LedgerEntry.objects.filter(transfer__idem__startswith=f"ref:{refund.id}:")
        for row in rows.select_related("account", "transfer"):
            step = row.transfer.idem.rpartition(":")[2]
            found.setdefault(step, {})[row.account.kind, row.side] = row.amount
        self.assertEqual(found, steps)  # type: ignore[attr-defined]

    def assert_told(self, refund: Refund, *names: str) -> None:
        """Exactly these webhook events of the refund, oldest first."""
        rows = Event.objects.filter(key__endswith=f":{refund.id}").order_by("id")
        self.assertEqual(list(rows.values_list("type", flat=True)), [f"refund.{name}" for name in names])  # type: ignore[attr-defined]

    def assert_completed(self, refund: Refund, *, minor: int, **fields: Any) -> Refund:
        """Paid once: here in state, counters, books and events, there in the provider's book."""
        found = self.assert_refund(refund, "completed", pending_reason=None, failure=None, **fields)
        self.assert_told(refund, "created", "completed")
        self.assert_posted(
            refund,
            hold={("pending", "D"): minor, ("refund_hold", "C"): minor},
            done={("refund_hold", "D"): minor, ("provider_float", "C"): minor},
        )
        self.assert_paid_once(refund, minor=minor)
        self.assert_clean()
        return found

    def assert_paid_once(self, refund: Refund, *, minor: int) -> None:
        """The provider's own book has one movement of this amount for the refund, under the receipt we know, if any."""
        (line,) = [line for line in self.lines(refund) if line["status"] == "completed"]
        self.assertEqual(line["cents"], minor)  # type: ignore[attr-defined]
        self.assertIn(self.again_refund(refund).receipt, (None, line["receipt"]))  # type: ignore[attr-defined]

    def assert_failed(self, refund: Refund, *, minor: int, code: str) -> Refund:
        """Nothing left, the hold is undone."""
        found = self.assert_refund(refund, "failed", pending_reason=None, receipt=None)
        self.assertEqual((found.failure or {})["code"], code)  # type: ignore[attr-defined]
        self.assert_told(refund, "created", "failed")
        self.assert_posted(
            refund,
            hold={("pending", "D"): minor, ("refund_hold", "C"): minor},
            undo={("refund_hold", "D"): minor, ("pending", "C"): minor},
        )
        self.assert_nothing_left(refund)
        self.assert_clean()
        return found

    def assert_pending(self, refund: Refund, *, minor: int, reason: str) -> Refund:
        """Held, told of once, nothing booked."""
        found = self.assert_refund(refund, "pending", pending_reason=reason, failure=None, receipt=None)
        self.assert_told(refund, "created")
        self.assert_posted(refund, hold={("pending", "D"): minor, ("refund_hold", "C"): minor})
        self.assert_clean()
        return found

    def assert_untouched(self, payment: Payment) -> None:
        """Nothing held, nothing stored, nobody told."""
        self.assert_counters(payment)
        self.assertFalse(Refund.objects.exists())
        self.assertFalse(MoneyOp.objects.filter(refund__isnull=False).exists())
        self.assertFalse(LedgerTransfer.objects.filter(idem__startswith="ref:").exists())
        self.assertFalse(Event.objects.filter(type__startswith="refund.").exists())

    def assert_nothing_left(self, refund: Refund) -> None:
        self.assertEqual([line for line in self.lines(refund) if line["status"] == "completed"], [])  # type: ignore[attr-defined]

    def assert_clean(self) -> None:
        self.assertEqual([finding.invariant.name for finding in prove() if finding.rows], [])  # type: ignore[attr-defined]


class RefundTestCase(RefundCalls, PaymentTestCase):
    """Everything rolled back after each test."""

    def assert_clean(self) -> None:
        """Proofs need a snapshot of their own: asked in tests that commit."""


class CommittingRefundTestCase(RefundCalls, CommittingPaymentTestCase):
    """Real commits: for proofs, threads and what happens after them."""


def refund_of(public_id: str) -> Refund:
    return Refund.objects.select_related("payment").get(id=from_public("ref", public_id))


def public(refund: Refund) -> str:
    return to_public("ref", refund.id)


def try_of(refund: Refund) -> MoneyOp:
    return MoneyOp.objects.filter(refund=refund).latest("id")


def questions_about(refund: Refund) -> list[ProviderQuestion]:
    return list(ProviderQuestion.objects.filter(op__refund=refund).order_by("created_at"))


def steps_of(refund: Refund) -> list[tuple[str, str]]:
    """Every state the refund went through."""
    rows = StateHistory.objects.filter(entity="refund", entity_id=refund.id).order_by("id")
    return list(rows.values_list("from_state", "to_state"))


def balance(kind: str) -> int:
    """All accounts of a kind in test mode together, on the side they grow on; minor units."""
    rows = LedgerAccount.objects.filter(kind=kind, mode="test")
    sums = rows.aggregate(d=Sum("debits"), c=Sum("credits"))
    grown = (sums["c"] or 0) - (sums["d"] or 0)
    return grown if not rows or rows[0].normal == "C" else -grown
