"""Settlements of card providers: the sum of their matched lines less charges, found at the bank, and posted once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from onpoint_pay.kit.clock import nairobi, now
from onpoint_pay.kit.entries import FileRefused
from onpoint_pay.kit.ids import new_id
from settlements.chart import Leg
from settlements.models import LedgerTransfer, ReconException, ReconLine, ReconMatch
from settlements.services.recon_batches import match_batches
from settlements.services.recon_charges import book_charges
from settlements.tests.base import balance, post
from settlements.tests.recon import bring
from settlements.tests.test_recon_import import ReconTestCase

CARDS, BANK = "paystack:1100456", "bank:main"
COLUMNS = "Transaction Date,Reference,Narrative,Debit,Credit\n"


class Batches(ReconTestCase):
    """Two card payments of KES 1,000 and 500, of which Paystack keeps 29 and 14.50."""

    def setUp(self) -> None:
        super().setUp()
        self.at = now() - timedelta(days=1)
        receivable = Leg(kind="provider_receivable", side="D", amount=1_500_00, sub=f"{CARDS}:00")
        post(self.merchant, [receivable, Leg(kind="pending", side="C", amount=1_500_00)])

    def cards(self, *rows: dict[str, Any], pages: int = 1, **place: Any) -> Any:
        body = orjson.dumps({"status": True, "data": list(rows), "meta": {"pageCount": pages}})
        return bring(body, **({"source": "paystack", "account": CARDS, "mode": "test"} | place))

    def paid(self, number: int, amount: int, fees: int, **more: Any) -> dict[str, Any]:
        row = {"id": number, "domain": "test", "status": "success", "reference": f"OPP-{number}", "amount": amount}
        return row | {"fees": fees, "paid_at": self.at.isoformat(), "currency": "KES"} | more

    def settled(self, net: int, number: int = 8804417, **more: Any) -> dict[str, Any]:
        row = {"id": number, "domain": "test", "status": "success", "currency": "KES", "effective_amount": net}
        return row | {"settlement_date": self.at.isoformat()} | more

    def bank(self, *rows: str) -> None:
        bring((COLUMNS + "".join(f"{row}\n" for row in rows)).encode(), source="bank_csv", account=BANK)

    def credit(self, amount: str, words: str = "PAYSTACK", ref: str = "FT1") -> str:
        return f"{nairobi(self.at):%d/%m/%Y},{ref},{words},,{amount}"

    def take_all(self, net: int = 1_456_50) -> None:
        self.cards(self.paid(1, 1_000_00, 29_00), self.paid(2, 500_00, 14_50), batch="8804417")
        self.cards(self.settled(net))

    def match_payments(self) -> None:
        """As the rules match them to payments, in the room above."""
        for line in ReconLine.objects.filter(kind="receipt", state="new"):
            facts = {"rule": "receipt", "object_type": "payment", "object_id": new_id(), "family": "statement"}
            ReconMatch.objects.create(line=line, state="confirmed", **facts)
        ReconLine.objects.filter(kind="receipt").update(state="matched")
        book_charges(account=CARDS, mode="test")

    def test_the_sum_of_its_lines_less_charges_is_matched_to_the_bank(self) -> None:
        self.take_all()
        self.match_payments()
        self.bank(self.credit("1456.50"))
        self.assertEqual((balance("provider_cost"), balance("provider_receivable")), (43_50, 1_456_50))
        self.assertEqual(match_batches("test"), 1)
        self.assertEqual(
            (balance("bank"), balance("provider_receivable"), balance("provider_cost")), (1_456_50, 0, 43_50)
        )
        states = set(ReconLine.objects.filter(kind__in=("settlement", "other")).values_list("state", flat=True))
        self.assertEqual(states, {"matched"})
        self.assertEqual(ReconMatch.objects.filter(rule="batch", object_type="bank_batch").count(), 2)
        posted = LedgerTransfer.objects.count()
        self.assertEqual((match_batches("test"), LedgerTransfer.objects.count()), (0, posted))
        self.assertFalse(ReconException.objects.exists())

    def test_it_waits_for_its_lines(self) -> None:
        self.take_all()
        self.bank(self.credit("1456.50"))
        self.assertEqual((match_batches("test"), balance("bank")), (0, 0))
        self.assertFalse(ReconException.objects.exists())
        self.match_payments()
        self.assertEqual(match_batches("test"), 1)

    def test_a_total_that_is_not_the_sum(self) -> None:
        self.take_all(net=1_400_00)
        self.match_payments()
        self.bank(self.credit("1400.00"))
        self.assertEqual((match_batches("test"), balance("bank")), (0, 0))
        found = ReconException.objects.get()
        self.assertEqual((found.kind, found.amount, found.severity), ("amount_differs", 56_50, "high"))
        self.assertEqual((found.detail["lines"], found.account, found.external_id), (4, CARDS, "8804417"))

    def test_of_two_credits_alike_the_one_that_names_it(self) -> None:
        self.take_all()
        self.match_payments()
        self.bank(self.credit("1456.50"), self.credit("1456.50", ref="FT2"))
        self.assertEqual((match_batches("test"), balance("bank")), (0, 0), "nothing is posted on a guess")
        self.bank(self.credit("1456.50", "PAYSTACK 8804417", "FT3"))
        self.assertEqual(match_batches("test"), 1)
        self.assertEqual(ReconLine.objects.get(external_id="FT3").state, "matched")
        self.assertEqual(set(ReconLine.objects.filter(external_id__in=("FT1", "FT2")).values_list("state")), {("new",)})

    def test_the_bank_never_got_it(self) -> None:
        self.at = datetime(2026, 11, 2, 9, tzinfo=UTC)
        self.take_all()
        self.match_payments()
        match_batches("test")
        self.assertEqual(ReconException.objects.get().kind, "missing_there")
        self.bank(self.credit("1456.50"))
        self.assertEqual(match_batches("test"), 1)
        self.assertEqual(ReconException.objects.get().status, "closed")

    def test_a_list_that_was_read_before_its_settlement_was_known(self) -> None:
        rows = (self.paid(1, 1_000_00, 29_00), self.paid(2, 500_00, 14_50))
        self.assertEqual(self.cards(*rows).lines_new, 4)
        self.assertEqual(self.cards(*rows, self.paid(3, 1_00, 0, status="failed"), batch="77").lines_new, 0)
        self.assertEqual(set(ReconLine.objects.values_list("batch", flat=True)), {"77"})

    def test_flutterwave_names_the_transactions_of_a_settlement(self) -> None:
        account, at = "flutterwave:2704115", self.at.isoformat()
        post(
            self.merchant,
            [
                Leg(kind="provider_receivable", side="D", amount=15_00, sub=f"{account}:00"),
                Leg(kind="pending", side="C", amount=15_00),
            ],
        )
        paid = {"id": "9104417", "tx_ref": "OPP-9", "amount": 15, "app_fee": 0.57, "merchant_fee": 0, "currency": "KES"}
        settled = {"id": 841748, "status": "completed", "currency": "KES", "net_amount": 14.43, "meta": [9104417]}
        rows = [paid | {"status": "successful", "created_at": at}], [settled | {"processed_date": at}]
        for data in rows:
            bring(orjson.dumps({"status": "success", "data": data}), source="flutterwave", account=account)
        self.match_payments()
        book_charges(account=account, mode="test")
        self.bank(self.credit("14.43", "FLUTTERWAVE"))
        self.assertEqual((match_batches("test"), balance("bank")), (1, 14_43))

    def test_refused(self) -> None:
        with self.assertRaisesMessage(FileRefused, "of live mode, not of test"):
            self.cards(self.paid(1, 1_00, 0, domain="live"))
        with self.assertRaisesMessage(FileRefused, "rows of both modes"):
            self.cards(self.paid(1, 1_00, 0, domain="live"), self.paid(2, 1_00, 0))
        today = nairobi(now()).date()
        with self.assertRaisesMessage(FileRefused, "has 3 pages"):
            self.cards(self.paid(1, 1_00, 0), pages=3, days=(today, today))
        self.assert_silent()
