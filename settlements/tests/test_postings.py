"""The postings table, row by row: the exact entries of every fact, pure, and each posted to a book that stays whole."""

from uuid import UUID

from django.test import SimpleTestCase, TransactionTestCase

from merchants.tests.factories import make_merchant
from onpoint_pay.kit.money import Money
from settlements.chart import (
    Leg,
    capture_legs,
    card_settled_legs,
    dispute_fee_legs,
    dispute_lost_legs,
    dispute_open_legs,
    dispute_won_legs,
    divide,
    fee_back_legs,
    payout_charge_legs,
    payout_done_legs,
    payout_hold_legs,
    payout_return_legs,
    payout_undo_legs,
    refund_done_legs,
    refund_hold_legs,
    refund_undo_legs,
    release_legs,
    reserve_due_legs,
    split_hold,
    split_legs,
    suspense_legs,
    suspense_undo_legs,
    uncapture_legs,
)
from settlements.tests.base import balance, post

FACT = UUID(int=21)
FLOAT, CARDS = "daraja:174379", "paystack:main"
G, FEE, TAX = Money(100_00), Money(1_50), Money(24)

Line = tuple[str, str, str, int]


def lines(legs: list[Leg]) -> list[Line]:
    return [(leg.side, leg.kind, leg.sub, leg.amount) for leg in legs]


def capture(**more: object) -> list[Leg]:
    asked = {"payment_id": FACT, "gross": G, "fee": FEE, "tax": TAX, "float_name": FLOAT, "surplus": False}
    return capture_legs(**{**asked, **more})  # type: ignore[arg-type]


NET = [("C", "pending", "", 98_26), ("C", "fee_income", "05", 1_50), ("C", "tax_payable", "", 24)]


class Captures(SimpleTestCase):
    def test_payment_completed_on_mobile_money(self) -> None:
        self.assertEqual(lines(capture()), [("D", "provider_float", "daraja:174379:05", 100_00), *NET])

    def test_payment_completed_by_card(self) -> None:
        legs = capture(source="receivable", float_name=CARDS)
        self.assertEqual(lines(legs), [("D", "provider_receivable", "paystack:main:05", 100_00), *NET])

    def test_the_merchants_line_says_by_what_it_may_be_spread(self) -> None:
        self.assertEqual([leg.kind for leg in capture() if leg.spread_by == FACT], ["pending"])

    def test_owner_found_later(self) -> None:
        self.assertEqual(lines(capture(source="suspense")), [("D", "suspense", FLOAT, 100_00), *NET])

    def test_surplus_payment_completed(self) -> None:
        self.assertEqual(
            lines(capture(surplus=True)),
            [("D", "provider_float", "daraja:174379:05", 100_00), ("C", "overpaid", "", 100_00)],
        )

    def test_split_to_sub_accounts(self) -> None:
        legs = split_legs(capture(), {"wal_a": 1, "wal_b": 1, "wal_c": 1})
        self.assertEqual(
            lines(legs)[1:4],
            [("C", "pending", "wal_a", 32_76), ("C", "pending", "wal_b", 32_75), ("C", "pending", "wal_c", 32_75)],
        )
        self.assertEqual([lines(legs)[0], *lines(legs)[4:]], [lines(capture())[0], *NET[1:]])

    def test_largest_remainder_keeps_the_sum(self) -> None:
        for amount, shares, expected in (
            (100, {"a": 60, "b": 40}, {"a": 60, "b": 40}),
            (101, {"a": 60, "b": 40}, {"a": 61, "b": 40}),
            (103, {"a": 60, "b": 40}, {"a": 62, "b": 41}),
            (1, {"a": 1, "b": 2}, {"a": 0, "b": 1}),
            (2, {"a": 1, "b": 1, "c": 1}, {"a": 1, "b": 1, "c": 0}),
            (0, {"a": 1}, {"a": 0}),
        ):
            with self.subTest(amount=amount, shares=shares):
                self.assertEqual(divide(amount, shares), expected)

    def test_receipt_without_owner(self) -> None:
        self.assertEqual(
            lines(suspense_legs(receipt_id=FACT, amount=G, float_name=FLOAT)),
            [("D", "provider_float", "daraja:174379:05", 100_00), ("C", "suspense", FLOAT, 100_00)],
        )

    def test_receipt_that_was_booked_twice(self) -> None:
        self.assertEqual(
            lines(suspense_undo_legs(receipt_id=FACT, amount=G, float_name=FLOAT)),
            [("D", "suspense", FLOAT, 100_00), ("C", "provider_float", "daraja:174379:05", 100_00)],
        )

    def test_payment_given_to_the_wrong_owner(self) -> None:
        taken = {"pending": 90_00, "available": 8_26}
        self.assertEqual(
            lines(uncapture_legs(payment_id=FACT, fee=FEE, tax=TAX, taken=taken, float_name=FLOAT)),
            [
                ("D", "available", "", 8_26),
                ("D", "pending", "", 90_00),
                ("D", "fee_income", "05", 1_50),
                ("D", "tax_payable", "", 24),
                ("C", "suspense", FLOAT, 100_00),
            ],
        )


class Releases(SimpleTestCase):
    def test_release(self) -> None:
        self.assertEqual(
            lines(release_legs({"pending": 100_00}, debt=0, reserve_bps=0)),
            [("D", "pending", "", 100_00), ("C", "available", "", 100_00)],
        )

    def test_release_pays_the_debt_first_then_keeps_the_reserve(self) -> None:
        self.assertEqual(
            lines(release_legs({"pending:00": 40_00, "pending:15": 60_00}, debt=30_00, reserve_bps=1_000)),
            [
                ("D", "pending", "00", 40_00),
                ("D", "pending", "15", 60_00),
                ("C", "owed", "", 30_00),
                ("C", "reserve", "", 10_00),
                ("C", "available", "", 60_00),
            ],
        )

    def test_release_smaller_than_the_debt(self) -> None:
        self.assertEqual(
            lines(release_legs({"pending": 100_00}, debt=500_00, reserve_bps=1_000)),
            [("D", "pending", "", 100_00), ("C", "owed", "", 100_00)],
        )

    def test_release_whose_reserve_meets_the_debt(self) -> None:
        self.assertEqual(
            lines(release_legs({"pending": 100_00}, debt=95_00, reserve_bps=1_000)),
            [("D", "pending", "", 100_00), ("C", "owed", "", 95_00), ("C", "reserve", "", 5_00)],
        )

    def test_reserve_is_rounded_half_even(self) -> None:
        for whole, reserve in ((5, 0), (15, 2), (25, 2), (26, 3)):
            with self.subTest(whole=whole):
                kept = {leg.kind: leg.amount for leg in release_legs({"pending": whole}, debt=0, reserve_bps=1_000)}
                self.assertEqual(kept.get("reserve", 0), reserve)

    def test_reserve_comes_due(self) -> None:
        self.assertEqual(
            lines(reserve_due_legs(Money(10_00))), [("D", "reserve", "", 10_00), ("C", "available", "", 10_00)]
        )

    def test_card_provider_settles_to_the_bank(self) -> None:
        legs = card_settled_legs(settlement_id=FACT, gross=G, charge=Money(2_90), float_name=CARDS, bank="equity:1")
        self.assertEqual(
            lines(legs),
            [
                ("D", "bank", "equity:1", 97_10),
                ("D", "provider_cost", "", 2_90),
                ("C", "provider_receivable", "paystack:main:05", 100_00),
            ],
        )


class Refunds(SimpleTestCase):
    def test_refund_asked(self) -> None:
        taken = split_hold(100_00, {"available": 30_00, "pending": 90_00})
        assert taken is not None
        self.assertEqual(
            lines(refund_hold_legs(taken)),
            [("D", "available", "", 30_00), ("D", "pending", "", 70_00), ("C", "refund_hold", "", 100_00)],
        )

    def test_refund_asked_of_several_rows_of_pending(self) -> None:
        rows = {"pending:15": 50, "pending:03": 20, "pending": 10, "available": 5, "reserve": 900}
        self.assertEqual(split_hold(70, rows), {"available": 5, "pending": 10, "pending:03": 20, "pending:15": 35})
        self.assertIsNone(split_hold(86, rows))

    def test_refund_confirmed(self) -> None:
        self.assertEqual(
            lines(refund_done_legs(payment_id=FACT, amount=G, float_name=FLOAT)),
            [("D", "refund_hold", "", 100_00), ("C", "provider_float", "daraja:174379:05", 100_00)],
        )

    def test_refund_confirmed_of_a_card_payment(self) -> None:
        self.assertEqual(
            lines(refund_done_legs(payment_id=FACT, amount=G, float_name=CARDS, source="receivable")),
            [("D", "refund_hold", "", 100_00), ("C", "provider_receivable", "paystack:main:05", 100_00)],
        )

    def test_refund_failed(self) -> None:
        self.assertEqual(
            lines(refund_undo_legs({"pending:03": 70_00, "available": 30_00})),
            [("D", "refund_hold", "", 100_00), ("C", "available", "", 30_00), ("C", "pending", "03", 70_00)],
        )

    def test_fee_given_back_on_refund(self) -> None:
        self.assertEqual(
            lines(fee_back_legs(payment_id=FACT, fee=FEE, tax=TAX)),
            [("D", "fee_income", "05", 1_50), ("D", "tax_payable", "", 24), ("C", "available", "", 1_74)],
        )

    def test_refund_of_a_surplus_payment_asked(self) -> None:
        self.assertEqual(
            lines(refund_hold_legs({"overpaid": 100_00})),
            [("D", "overpaid", "", 100_00), ("C", "refund_hold", "", 100_00)],
        )


class Payouts(SimpleTestCase):
    FEE = Money(15_00)

    def test_payout_created(self) -> None:
        self.assertEqual(
            lines(payout_hold_legs(payout_id=FACT, amount=G, fee=self.FEE)),
            [("D", "available", "", 115_00), ("C", "payout_hold", "", 100_00), ("C", "fee_income", "05", 15_00)],
        )
        self.assertEqual(len(payout_hold_legs(payout_id=FACT, amount=G, fee=Money(0))), 2)

    def test_payout_confirmed_from_the_float(self) -> None:
        self.assertEqual(
            lines(payout_done_legs(payout_id=FACT, amount=G, name=FLOAT)),
            [("D", "payout_hold", "", 100_00), ("C", "provider_float", "daraja:174379:05", 100_00)],
        )

    def test_payout_confirmed_from_the_bank(self) -> None:
        self.assertEqual(
            lines(payout_done_legs(payout_id=FACT, amount=G, name="equity:1", source="bank")),
            [("D", "payout_hold", "", 100_00), ("C", "bank", "equity:1", 100_00)],
        )

    def test_providers_payout_charge(self) -> None:
        self.assertEqual(
            lines(payout_charge_legs(payout_id=FACT, charge=Money(9_00), float_name=FLOAT)),
            [("D", "provider_cost", "", 9_00), ("C", "provider_float", "daraja:174379:05", 9_00)],
        )

    def test_payout_failed_before_leaving(self) -> None:
        self.assertEqual(
            lines(payout_undo_legs(payout_id=FACT, amount=G, fee=self.FEE)),
            [("D", "payout_hold", "", 100_00), ("D", "fee_income", "05", 15_00), ("C", "available", "", 115_00)],
        )

    def test_payout_returned_later(self) -> None:
        for source, name, kind, sub in (
            ("float", FLOAT, "provider_float", "daraja:174379:05"),
            ("bank", "equity:1", "bank", "equity:1"),
        ):
            with self.subTest(source=source):
                legs = payout_return_legs(payout_id=FACT, amount=G, name=name, source=source)  # type: ignore[arg-type]
                self.assertEqual(lines(legs), [("D", kind, sub, 100_00), ("C", "available", "", 100_00)])


class Disputes(SimpleTestCase):
    def test_dispute_opened(self) -> None:
        taken = split_hold(100_00, {"available": 30_00, "pending": 500_00}, may_owe=True, order=("available",))
        assert taken is not None
        self.assertEqual(
            lines(dispute_open_legs(taken)),
            [("D", "available", "", 30_00), ("D", "owed", "", 70_00), ("C", "dispute_hold", "", 100_00)],
        )

    def test_dispute_lost(self) -> None:
        self.assertEqual(
            lines(dispute_lost_legs(payment_id=FACT, amount=G, float_name=CARDS)),
            [("D", "dispute_hold", "", 100_00), ("C", "provider_receivable", "paystack:main:05", 100_00)],
        )

    def test_dispute_won(self) -> None:
        for debt, expected in (
            (70_00, [("C", "owed", "", 70_00), ("C", "available", "", 30_00)]),
            (0, [("C", "available", "", 100_00)]),
            (900_00, [("C", "owed", "", 100_00)]),
        ):
            with self.subTest(debt=debt):
                legs = dispute_won_legs(amount=G, debt=debt)
                self.assertEqual(lines(legs), [("D", "dispute_hold", "", 100_00), *expected])

    def test_dispute_fee(self) -> None:
        self.assertEqual(
            lines(dispute_fee_legs({"available": 5_00, "owed": 15_00}, payment_id=FACT, float_name=CARDS)),
            [
                ("D", "available", "", 5_00),
                ("D", "owed", "", 15_00),
                ("C", "provider_receivable", "paystack:main:05", 20_00),
            ],
        )


class OneLife(TransactionTestCase):
    """All facts of a card payment and its payout after each other, in the true book."""

    def test_money_comes_is_released_paid_out_returned_and_disputed(self) -> None:
        merchant = make_merchant()
        for legs in (
            capture(source="receivable", float_name=CARDS),
            release_legs({"pending": 98_26}, debt=0, reserve_bps=1_000),
            reserve_due_legs(Money(9_83)),
            card_settled_legs(settlement_id=FACT, gross=G, charge=Money(2_90), float_name=CARDS, bank="equity:1"),
            payout_hold_legs(payout_id=FACT, amount=Money(80_00), fee=Money(5_00)),
            payout_undo_legs(payout_id=FACT, amount=Money(80_00), fee=Money(5_00)),
            payout_hold_legs(payout_id=FACT, amount=Money(80_00), fee=Money(5_00)),
            payout_done_legs(payout_id=FACT, amount=Money(80_00), name="equity:1", source="bank"),
            dispute_open_legs({"available": 13_26, "owed": 86_74}),
            dispute_fee_legs({"owed": 20_00}, payment_id=FACT, float_name=CARDS),
            payout_return_legs(payout_id=FACT, amount=Money(80_00), name="equity:1", source="bank"),
            dispute_won_legs(amount=G, debt=106_74),
        ):
            post(merchant, legs)
        kinds = ("pending", "reserve", "available", "payout_hold", "dispute_hold", "owed")
        self.assertEqual(
            {kind: balance(kind, merchant) for kind in kinds},
            {"pending": 0, "reserve": 0, "available": 80_00, "payout_hold": 0, "dispute_hold": 0, "owed": 6_74},
        )
        platform = ("bank", "provider_receivable", "provider_cost", "fee_income", "tax_payable")
        self.assertEqual(
            {kind: balance(kind) for kind in platform},
            {
                "bank": 97_10,
                "provider_receivable": -20_00,
                "provider_cost": 2_90,
                "fee_income": 6_50,
                "tax_payable": 24,
            },
        )
