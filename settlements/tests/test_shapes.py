"""What the API answers about money has exactly the members that the OpenAPI document tells of."""

from typing import Any

from rest_framework.serializers import Serializer

from merchants.models import Role
from settlements.serializers.books import (
    BalanceSerializer,
    LedgerAccountSerializer,
    LedgerEntrySerializer,
    LedgerLineSerializer,
    LedgerTransferSerializer,
    VerificationSerializer,
)
from settlements.serializers.exports import ExportSerializer
from settlements.serializers.fees import FeeRuleSerializer, FeesSerializer
from settlements.serializers.payout_batches import PayoutBatchSerializer
from settlements.serializers.payouts import DestinationSerializer, PayoutSerializer
from settlements.serializers.recon import ReconExceptionSerializer
from settlements.serializers.settlements import (
    SettlementLineSerializer,
    SettlementSerializer,
    SettlementStatementSerializer,
    StatementItemSerializer,
)
from settlements.serializers.statements import BucketsSerializer, MovementSerializer, StatementSerializer
from settlements.services.batches import run_settlement
from settlements.tests.payouts import BANK, PHONE, CommittingPayoutTestCase, keyed
from settlements.tests.recon import make_exception
from settlements.tests.settlements import MONDAY, pay_on


class Shapes(CommittingPayoutTestCase):
    def told(self, path: str) -> dict[str, Any]:
        answer = self.get(path, self.person(Role.OWNER))
        self.assertEqual(answer.status_code, 200, answer.content)
        found: dict[str, Any] = answer.json()
        return found

    def assert_shape(self, shown: dict[str, Any], described: Serializer[Any]) -> None:
        needed = {name for name, field in described.fields.items() if field.required or name == "object"}
        self.assertLessEqual(needed, set(shown))
        self.assertLessEqual(set(shown), set(described.fields))

    def test_payouts(self) -> None:
        for where in (PHONE, BANK):
            self.assert_shape(self.ask(destination=where).json(), PayoutSerializer())
        row = self.told("payouts/")["data"][0]
        self.assert_shape(row, PayoutSerializer())
        self.destination()
        self.assert_shape(self.told("payout-destinations/")["data"][0], DestinationSerializer())
        batch = {"description": "Rent", "items": [{"amount": 100, "destination": BANK, "reason": "Rent"}]}
        made = self.post("payout-batches/", batch, keyed(self.headers)).json()
        self.assert_shape(made, PayoutBatchSerializer())

    def test_settlements_and_statements(self) -> None:
        pay_on(self.merchant, 100_00, fee=1_50, day=MONDAY)
        run_settlement(day=MONDAY)
        shown = self.told("settlements/")["data"][0]
        self.assert_shape(shown, SettlementSerializer())
        self.assert_shape(self.told(f"settlements/{shown['id']}/items/")["data"][0], SettlementLineSerializer())
        own = self.told(f"settlements/{shown['id']}/statement/")
        self.assert_shape(own, SettlementStatementSerializer())
        self.assert_shape(own["items"][0], StatementItemSerializer())
        day = self.told("settlements/statement/?date=2026-06-08")
        self.assert_shape(day, StatementSerializer())
        self.assert_shape(day["opening"], BucketsSerializer())
        self.assert_shape(day["movements"][0], MovementSerializer())

    def test_the_books(self) -> None:
        self.assert_shape(self.told("balance/"), BalanceSerializer())
        self.assert_shape(self.told("ledger/accounts/")["data"][0], LedgerAccountSerializer())
        entry = self.told("ledger/entries/")["data"][0]
        self.assert_shape(entry, LedgerEntrySerializer())
        transfer = self.told(f"ledger/transfers/{entry['transfer']}/")
        self.assert_shape(transfer, LedgerTransferSerializer())
        self.assert_shape(transfer["lines"][0], LedgerLineSerializer())
        self.assert_shape(self.told("ledger/verify/"), VerificationSerializer())
        make_exception(self.merchant)
        self.assert_shape(self.told("reconciliation/exceptions/")["data"][0], ReconExceptionSerializer())

    def test_fees_and_exports(self) -> None:
        fees = self.told("merchant/fees/")
        self.assert_shape(fees, FeesSerializer())
        self.assert_shape(fees["in_force"]["rules"][0], FeeRuleSerializer())
        asked = self.post("exports/", {"type": "payouts", "format": "csv"}, self.headers).json()
        self.assert_shape(asked, ExportSerializer())
