"""Money that a statement should tell of and does not stays in pending: the rest of its day is settled without it."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.test import override_settings

from onpoint_pay.kit.clock import NAIROBI
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from payments.services.proof import prove
from settlements.chart import capture_legs
from settlements.models import ReconException, SettlementLine
from settlements.selectors.settlement_terms import Shop, terms_of
from settlements.services.batches import open_batch
from settlements.services.ledger import post_transfer
from settlements.services.recon_exceptions import close_exception, propose_resolution
from settlements.tests.base import balance
from settlements.tests.recon import make_exception
from settlements.tests.settlements import MONDAY, NOON, TUESDAY, lines_of, move_to, parts
from settlements.tests.test_settlement_batches import SettlementCase


def nothing_broken() -> str:
    """These captures have no payments: their rooms lie above."""
    return ""


@override_settings(SETTLEMENT_PROOF=f"{__name__}.nothing_broken")
class Frozen(SettlementCase):
    def paid(self, gross: int, *, day: date = MONDAY) -> UUID:
        """A captured payment under the name that captures have; its id."""
        key = new_id()
        legs = capture_legs(
            payment_id=key, gross=Money(gross), fee=Money(0), tax=Money(0), float_name="daraja:174379", surplus=False
        )
        with transaction.atomic():
            transfer = post_transfer(
                legs,
                idem=f"pay:{key}:capture",
                kind="capture",
                merchant_id=self.merchant.id,
                currency="KES",
                mode="test",
            )
        move_to(transfer, datetime.combine(day, NOON, NAIROBI))
        return key

    def assert_clean(self) -> None:
        found = [finding.invariant.name for finding in prove() if finding.rows]
        self.assertEqual(found, ["I06"])

    def missing(self, key: UUID, amount: int) -> ReconException:
        return make_exception(
            kind="missing_there", object_type="payment", object_id=key, amount=amount, float_effect=amount
        )

    def agree(self, row: ReconException) -> None:
        propose_resolution(row.id, actor="usr_amina", resolution="It stands in the portal.")
        close_exception(row.id, actor="usr_baraka")

    def test_it_is_in_no_batch_until_two_people_have_agreed(self) -> None:
        _, lost = self.paid(100_00), self.paid(40_00)
        found = self.missing(lost, 40_00)
        row = self.settled()
        self.assertEqual(parts(row), ("closed", 100_00, 0, 0, 100_00))
        self.assertEqual(lines_of(row), [("capture", 100_00)])
        self.assertEqual((balance("available", self.merchant), balance("pending", self.merchant)), (100_00, 40_00))
        self.assertIsNone(self.settle(TUESDAY))
        self.agree(found)
        self.assertEqual(parts(self.settled(TUESDAY)), ("closed", 40_00, 0, 0, 40_00))
        self.assertEqual(balance("pending", self.merchant), 0)
        self.assert_clean()

    def test_found_missing_while_its_batch_is_open(self) -> None:
        self.paid(100_00)
        lost = self.paid(40_00)
        shop = Shop(merchant_id=self.merchant.id, mode="test", currency="KES")
        opened = open_batch(shop, day=MONDAY, terms=terms_of(self.merchant.id))
        self.assertEqual(parts(opened)[:2], ("open", 140_00))  # type: ignore[arg-type]
        self.missing(lost, 40_00)
        self.assertEqual(parts(self.settled()), ("closed", 100_00, 0, 0, 100_00))
        self.assertEqual(SettlementLine.objects.count(), 1)
        self.assert_clean()

    def test_nothing_else_was_in_the_batch(self) -> None:
        lost = self.paid(40_00)
        shop = Shop(merchant_id=self.merchant.id, mode="test", currency="KES")
        open_batch(shop, day=MONDAY, terms=terms_of(self.merchant.id))
        found = self.missing(lost, 40_00)
        row = self.settled()
        self.assertEqual((row.status, row.hold_reason[:27]), ("failed", "What was in it is frozen: t"))
        self.assertEqual((balance("available", self.merchant), SettlementLine.objects.count()), (0, 0))
        self.agree(found)
        self.assertEqual(parts(self.settled(TUESDAY)), ("closed", 40_00, 0, 0, 40_00))
        self.assert_clean()
