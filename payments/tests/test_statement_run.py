"""Reading the providers' lists: what nobody told us is found there, once, and nothing is skipped by a failure."""

from datetime import timedelta

from django.core.cache import cache

from merchants.models import ProviderAccount
from merchants.services.platform_accounts import platform_account
from onpoint_pay.kit.caller import TEST
from onpoint_pay.kit.clock import now
from payments.models import C2bReceipt, ProviderEvent
from payments.services.statement_run import read_statements
from payments.services.status import ask
from payments.tests.base import PaymentTestCase
from payments.tests.factories import op_of
from settlements.models import LedgerTransfer, ReconException, ReconFile, ReconLine, ReconMatch
from settlements.services.recon_import import original_bytes
from tests.simulator_process import simulator


class StatementRunTest(PaymentTestCase):
    def setUp(self) -> None:
        super().setUp()
        cache.clear()
        self.account = platform_account("daraja", TEST)
        self.account.pull_registered_at = now()
        self.account.pulled_until = now() - timedelta(hours=1)
        self.account.save()

    def pulled_until(self) -> ProviderAccount:
        return ProviderAccount.objects.get(id=self.account.id)

    def read_again(self) -> int:
        cache.clear()
        ProviderAccount.objects.update(pulled_until=now() - timedelta(hours=1))
        return read_statements()

    def test_money_nobody_told_us_of_is_booked_once(self) -> None:
        answer = simulator().call(
            "POST", "c2b", {"shortcode": "174379", "amount": "250", "phone": "254712345678", "bill_ref": "NOBODY"}
        )
        self.assertEqual(C2bReceipt.objects.count(), 0)
        self.assertEqual(read_statements(), 1)
        receipt = C2bReceipt.objects.get()
        self.assertEqual((receipt.receipt, receipt.amount, receipt.source), (answer["receipt"], 25_000, "pull"))
        self.assertEqual((receipt.state, receipt.verification), ("unmatched", "verified"))
        self.assertEqual(self.read_again(), 0)
        self.assertEqual(LedgerTransfer.objects.count(), 1)

    def test_the_list_is_kept_as_a_source_of_reconciliation(self) -> None:
        body = {"shortcode": "174379", "amount": "250", "phone": "254712345678", "bill_ref": "NOBODY"}
        receipts = []
        for new in (1, 1):
            receipts.append(simulator().call("POST", "c2b", body)["receipt"])
            self.assertEqual(self.read_again(), new)
        lines = ReconLine.objects.order_by("id")
        self.assertEqual([(line.external_id, line.family, line.state) for line in lines], [
            (receipt, "list", "matched") for receipt in receipts
        ])  # fmt: skip
        self.assertEqual(self.read_again(), 0)
        self.assertEqual((ReconLine.objects.count(), ReconFile.objects.count()), (2, 2))
        kept = b"".join(original_bytes(ReconFile.objects.latest("id").id))
        self.assertIn(receipts[1].encode(), kept)
        self.assertFalse(ReconException.objects.exists())
        self.assertEqual(set(ReconMatch.objects.values_list("object_type", "rule")), {("c2b_receipt", "receipt")})

    def test_a_payment_found_out_by_asking_gets_its_receipt(self) -> None:
        payment = self.start(scenario="callback.lost=1")
        line = simulator().approve(op_of(payment).provider_ref or "")
        ask(op_of(payment))
        self.assert_state(payment, "completed", receipt=None)
        read_statements()
        self.assert_state(payment, "completed", receipt=line["receipt"], confirmed_by="query")
        self.assert_one_capture(payment)
        self.assertEqual(self.read_again(), 0)

    def test_an_open_payment_is_completed_by_the_list_alone(self) -> None:
        payment = self.start(scenario="callback.lost=1; query.fail=1000")
        line = simulator().approve(op_of(payment).provider_ref or "")
        read_statements()
        self.assert_state(payment, "completed", receipt=line["receipt"], confirmed_by="pull")
        self.assert_one_capture(payment)

    def test_a_list_that_cannot_be_read_is_read_from_the_same_place_again(self) -> None:
        before = self.pulled_until().pulled_until
        simulator().call("POST", "faults", {"seed": 1, "rate": 1.0, "kinds": ["pull_500"]})
        self.assertEqual(read_statements(), 0)
        self.assertEqual(self.pulled_until().pulled_until, before)
        self.assertFalse(ProviderEvent.objects.filter(door="pull").exists())

    def test_nothing_is_read_before_it_is_due_or_without_registration(self) -> None:
        ProviderAccount.objects.update(pulled_until=now())
        pulls = simulator().summary()["pulls"]
        self.assertEqual(read_statements(), 0)
        ProviderAccount.objects.update(pulled_until=None, pull_registered_at=None)
        self.assertEqual(read_statements(), 0)
        self.assertEqual(simulator().summary()["pulls"], pulls)
