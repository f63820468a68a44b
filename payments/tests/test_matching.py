"""Matching by what was typed: every rule, what comes first, every doubt, and the words it is told in."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from onpoint_pay.kit.money import Money
from payments.matching import Rule, decide
from payments.matching.payers import phone_digest
from payments.tests.matching_cases import (
    EVERYTHING,
    MERCHANT,
    NOW,
    OTHER_MERCHANT,
    OTHER_PHONE,
    PHONE,
    PRICE,
    MatchingTestCase,
    account,
    paid,
    payment,
)


class ExactTests(MatchingTestCase):
    def test_an_account_takes_any_amount_from_anybody(self) -> None:
        house = account("12345678", expected_amount=PRICE, phone=OTHER_PHONE)
        decision = decide(paid("12345678", 700, phone=PHONE), [house, account("87654321")])
        self.assert_applied(decision, house, Rule.EXACT, "1.00")
        self.assertEqual(decision.reason, "The payer typed 12345678 exactly.")
        self.assertEqual(decision.reason_sw, "Mlipaji aliandika 12345678 sawasawa.")

    def test_a_payment_of_this_amount(self) -> None:
        order = payment("ORDER-1")
        self.assert_applied(decide(paid(" ORDER-1 "), [order]), order, Rule.EXACT, "1.00")

    def test_from_another_number_too(self) -> None:
        order = payment("ORDER-1", phone=OTHER_PHONE)
        self.assert_applied(decide(paid("ORDER-1", phone=PHONE), [order]), order, Rule.EXACT, "1.00")

    def test_an_alias(self) -> None:
        house = account("12345678", aliases=("HSE-4B",))
        decision = decide(paid("HSE-4B"), [house])
        self.assert_applied(decision, house, Rule.EXACT, "1.00")
        self.assertEqual(decision.reason, "The payer typed HSE-4B exactly.")

    def test_another_amount_is_not_applied_to_a_payment(self) -> None:
        order = payment("ORDER-1")
        for amount in (49_900, 50_001, 100_000):
            decision = decide(paid("ORDER-1", amount, phone=PHONE), [order], auto_min=EVERYTHING)
            self.assert_suggested(decision, order, rule=Rule.EXACT)
        decision = decide(paid("ORDER-1", 30_000), [order])
        self.assertEqual(
            decision.reason, "The payer typed ORDER-1 exactly. It asked for KES 500.00, but KES 300.00 came."
        )
        self.assertEqual(
            decision.reason_sw, "Mlipaji aliandika ORDER-1 sawasawa. Iliomba KES 500.00, lakini KES 300.00 zimekuja."
        )

    def test_another_currency_is_another_amount(self) -> None:
        order = payment("ORDER-1", expected_amount=Money(50_000, "USD"))
        self.assert_suggested(decide(paid("ORDER-1"), [order]), order, rule=Rule.EXACT)

    def test_exact_wins_over_folded(self) -> None:
        lower, upper = account("abc-1"), account("ABC1")
        self.assert_applied(decide(paid("ABC1"), [lower, upper]), upper, Rule.EXACT, "1.00")
        self.assert_applied(decide(paid("abc-1"), [lower, upper]), lower, Rule.EXACT, "1.00")

    def test_a_closed_account_takes_nothing_nor_its_neighbours(self) -> None:
        closed, neighbour = account("ORDER-1", is_open=False), payment("ORDER-2", phone=PHONE)
        decision = decide(paid("ORDER-1", phone=PHONE), [neighbour, closed], auto_min=EVERYTHING)
        self.assert_suggested(decision, closed, neighbour, rule=Rule.EXACT)
        self.assertEqual(decision.reason, "The payer typed ORDER-1 exactly. It is no longer open.")
        self.assertEqual(decision.reason_sw, "Mlipaji aliandika ORDER-1 sawasawa. Haiko wazi tena.")

    def test_what_is_closed_gives_way_to_what_is_open(self) -> None:
        closed, again = payment("ORDER-1", is_open=False), payment("ORDER-1")
        self.assert_applied(decide(paid("ORDER-1"), [closed, again]), again, Rule.EXACT, "1.00")

    def test_money_older_than_the_payment_was_for_an_earlier_one(self) -> None:
        order = payment("ORDER-1", opened_at=NOW + timedelta(minutes=6))
        decision = decide(paid("ORDER-1"), [order], auto_min=EVERYTHING)
        self.assert_suggested(decision, order, rule=Rule.EXACT)
        self.assertTrue(decision.reason.endswith("The money came before it was asked for."))
        self.assertTrue(decision.reason_sw.endswith("Pesa zilikuja kabla ya kuombwa."))

    def test_clocks_may_differ_and_may_be_silent(self) -> None:
        order = payment("ORDER-1", opened_at=NOW + timedelta(minutes=4))
        self.assert_applied(decide(paid("ORDER-1"), [order]), order, Rule.EXACT, "1.00")
        order = payment("ORDER-1", opened_at=NOW + timedelta(days=4))
        self.assert_applied(decide(paid("ORDER-1", at=None), [order]), order, Rule.EXACT, "1.00")

    def test_an_account_may_be_younger_than_the_money(self) -> None:
        house = account("12345678", opened_at=NOW + timedelta(days=4))
        self.assert_applied(decide(paid("12345678"), [house]), house, Rule.EXACT, "1.00")


class SameCodeTests(MatchingTestCase):
    """Several that have what was typed: a person decides, but for accounts and their prompts."""

    def test_two_payments(self) -> None:
        for other in (payment("RENT"), payment("RENT", 70_000), payment("RENT", phone=OTHER_PHONE)):
            theirs = payment("RENT", phone=PHONE)
            decision = decide(paid("RENT", phone=PHONE), [other, theirs], auto_min=EVERYTHING)
            self.assert_suggested(decision, theirs, other, rule=Rule.EXACT)
            self.assertTrue(decision.reason.endswith("2 fit, so a person decides."))
            self.assertTrue(decision.reason_sw.endswith("Zinazolingana ni 2, hivyo mtu ataamua."))

    def test_two_accounts(self) -> None:
        first, second = sorted((account("HSE4"), account("X1", aliases=("HSE4",))), key=lambda each: each.id)
        self.assert_suggested(
            decide(paid("HSE4"), [second, first], auto_min=EVERYTHING), first, second, rule=Rule.EXACT
        )

    def test_a_prompt_for_the_amount_beats_the_account(self) -> None:
        house, prompt = account("HSE4"), payment("HSE4", has_prompt=True, phone=PHONE)
        for who in ({}, {"phone": PHONE}, {"phone_masked": "2547 ***** 149"}, {"phone_hash": phone_digest(PHONE)}):
            with self.subTest(who=who):
                self.assert_applied(decide(paid("HSE4", **who), [house, prompt]), prompt, Rule.EXACT, "1.00")

    def test_a_prompt_to_another_phone_does_not(self) -> None:
        house, prompt = account("HSE4", expected_amount=PRICE), payment("HSE4", has_prompt=True, phone=OTHER_PHONE)
        for who in ({"phone": PHONE}, {"phone_masked": "2547 ***** 149"}, {"phone_hash": phone_digest(PHONE)}):
            with self.subTest(who=who):
                decision = decide(paid("HSE4", **who), [prompt, house], auto_min=EVERYTHING)
                self.assert_suggested(decision, house, prompt, rule=Rule.EXACT)

    def test_nor_does_a_payment_without_a_prompt(self) -> None:
        house, order = account("HSE4"), payment("HSE4")
        self.assert_suggested(decide(paid("HSE4"), [house, order]), order, house, rule=Rule.EXACT)

    def test_nor_do_two_prompts(self) -> None:
        house, prompts = account("HSE4"), [payment("HSE4", has_prompt=True) for _ in range(2)]
        decision = decide(paid("HSE4"), [house, *prompts], auto_min=EVERYTHING)
        self.assertIsNone(decision.candidate_id)
        self.assertEqual(len(decision.suggestions), 3)

    def test_the_account_takes_what_its_prompt_did_not_ask_for(self) -> None:
        house, prompt = account("HSE4"), payment("HSE4", has_prompt=True, phone=PHONE)
        self.assert_applied(decide(paid("HSE4", 20_000, phone=PHONE), [prompt, house]), house, Rule.EXACT, "1.00")

    def test_two_merchants(self) -> None:
        ours, theirs = account("HSE4"), payment("HSE4", merchant=OTHER_MERCHANT, phone=PHONE, has_prompt=True)
        closed = replace(theirs, is_open=False)
        for other in (theirs, closed):
            decision = decide(paid("HSE4", merchant=None, phone=PHONE), [ours, other], auto_min=EVERYTHING)
            self.assertIsNone(decision.candidate_id)
            self.assertEqual({each.merchant for each in decision.suggestions}, {MERCHANT, OTHER_MERCHANT})
            self.assertNotIn("HSE4", decision.reason + decision.reason_sw)
            self.assertIn("more than one merchant", decision.reason)
            self.assertIn("wafanyabiashara kadhaa", decision.reason_sw)

    def test_another_merchant_is_out_of_reach(self) -> None:
        ours, theirs = account("HSE4"), account("HSE4", merchant=OTHER_MERCHANT)
        self.assert_applied(decide(paid("HSE4"), [theirs, ours]), ours, Rule.EXACT, "1.00")
        self.assert_unmatched(decide(paid("HSE4"), [theirs]))


class FoldedTests(MatchingTestCase):
    def test_case_spaces_dashes_and_look_alikes(self) -> None:
        order = payment("INV-20418")
        for typed in ("inv-20418", "INV 20418", "INV20418", "1NV-2O4I8", "inv 2o4l8.", "#INV-20418"):
            with self.subTest(typed=typed):
                self.assert_applied(decide(paid(typed), [order]), order, Rule.FOLDED, "0.97")

    def test_words(self) -> None:
        decision = decide(paid("inv\x00 2o418 "), [payment("INV-20418")])
        self.assertEqual(
            decision.reason,
            "The payer typed “inv 2o418”: INV-20418, apart from case, spaces, punctuation or look-alike letters.",
        )
        self.assertEqual(
            decision.reason_sw,
            "Mlipaji aliandika “inv 2o418”: ni INV-20418, "
            "ila herufi kubwa au ndogo, nafasi, alama au herufi zinazofanana.",
        )

    def test_two_that_fold_to_it(self) -> None:
        first, second = payment("ORDER-5", phone=PHONE), payment("ORDER-S")
        decision = decide(paid("order 5", phone=PHONE), [second, first], auto_min=EVERYTHING)
        self.assert_suggested(decision, first, second, rule=Rule.FOLDED)

    def test_a_closed_one_counts_when_nothing_else_is_named(self) -> None:
        closed = account("ORDER-5", is_open=False)
        self.assert_suggested(decide(paid("order5"), [closed], auto_min=EVERYTHING), closed, rule=Rule.FOLDED)

    def test_text_of_a_closed_code_is_not_folded_to_an_open_one(self) -> None:
        closed, open_one = payment("ORDER-5", is_open=False), payment("ORDER-S")
        decision = decide(paid("ORDER-5"), [open_one, closed], auto_min=EVERYTHING)
        self.assert_suggested(decision, closed, open_one, rule=Rule.EXACT)


class SlipThatSpellsAnotherTests(MatchingTestCase):
    """A slip may be, letter for letter, somebody else's code: the payer tells."""

    def setUp(self) -> None:
        self.typed, self.theirs = payment("INV-20418", phone=OTHER_PHONE), payment("INV-20419", phone=PHONE)

    def test_the_payer_is_known_from_a_neighbour(self) -> None:
        for who in ({"phone": PHONE}, {"phone_hash": phone_digest(PHONE)}, {"phone_masked": "2547 ***** 149"}):
            with self.subTest(who=who):
                decision = decide(paid("INV-20418", **who), [self.typed, self.theirs], auto_min=Decimal("0.95"))
                self.assertIsNone(decision.candidate_id)
                self.assertEqual({each.candidate_id for each in decision.suggestions}, {self.typed.id, self.theirs.id})
                self.assertIn("But the payer is known from another code", decision.reason)
                self.assertIn("mlipaji anajulikana kwa nambari nyingine", decision.reason_sw)

    def test_by_name_where_there_is_no_number(self) -> None:
        typed, theirs = payment("INV-20418"), payment("INV-20419", payer_name="Amina Otieno")
        decision = decide(paid("INV-20418", payer_name="OTIENO AMINA"), [typed, theirs])
        self.assertIsNone(decision.candidate_id)

    def test_accounts_too(self) -> None:
        typed, theirs = account("A110", phone=OTHER_PHONE), account("A101", phone=PHONE)
        self.assertIsNone(decide(paid("A110", phone=PHONE), [typed, theirs]).candidate_id)

    def test_a_known_payer_of_the_typed_one_is_enough(self) -> None:
        both = [replace(self.typed, phone=PHONE), self.theirs]
        self.assert_applied(decide(paid("INV-20418", phone=PHONE), both), both[0], Rule.EXACT, "1.00")

    def test_a_stranger_pays_what_was_typed(self) -> None:
        unknown = [payment("INV-20418"), payment("INV-20419")]
        for who in ({}, {"phone": PHONE}, {"payer_name": "AMINA OTIENO"}):
            with self.subTest(who=who):
                self.assert_applied(decide(paid("INV-20418", **who), unknown), unknown[0], Rule.EXACT, "1.00")

    def test_a_neighbour_of_another_amount_is_no_rival(self) -> None:
        theirs = payment("INV-20419", 70_000, phone=PHONE)
        decision = decide(paid("INV-20418", phone=PHONE), [self.typed, theirs])
        self.assert_applied(decision, self.typed, Rule.EXACT, "1.00")

    def test_a_payment_asked_of_another_gives_way_to_a_neighbour_of_the_same_amount(self) -> None:
        decision = decide(paid("INV-20418", phone=PHONE), [self.typed, payment("INV-20419")])
        self.assertIsNone(decision.candidate_id)
        account_of_another = account("A110", phone=OTHER_PHONE)
        decision = decide(paid("A110", phone=PHONE), [account_of_another, account("A101")])
        self.assert_applied(decision, account_of_another, Rule.EXACT, "1.00")


class OneEditTests(MatchingTestCase):
    def test_the_amount_agrees(self) -> None:
        order = payment("INV-20418")
        for typed in ("INV-20419", "INV-2418", "INV-204188", "INV-24018", "inv 2o4i9"):
            with self.subTest(typed=typed):
                decision = decide(paid(typed), [order])
                self.assert_suggested(decision, order, rule=Rule.ONE_EDIT, score="0.90")
                self.assert_applied(
                    decide(paid(typed), [order], auto_min=Decimal("0.90")), order, Rule.ONE_EDIT, "0.90"
                )
                self.assertTrue(decision.reason.endswith("one slip away from INV-20418. The amount agrees."))
                self.assertTrue(decision.reason_sw.endswith("kosa moja tu kutoka INV-20418. Kiasi kinalingana."))

    def test_the_payer_agrees(self) -> None:
        house = account("12345678", phone=PHONE, payer_name="Amina Otieno")
        for who in ({"phone": PHONE}, {"phone_masked": "2547 ***** 149"}, {"payer_name": "OTIENO AMINA"}):
            with self.subTest(who=who):
                decision = decide(paid("12345679", **who), [house])
                self.assert_suggested(decision, house, rule=Rule.ONE_EDIT, score="0.90")
                self.assertTrue(decision.reason.endswith("The payer agrees."))
                self.assertTrue(decision.reason_sw.endswith("Mlipaji analingana."))

    def test_neither_agrees(self) -> None:
        house = account("12345678", phone=OTHER_PHONE, payer_name="Amina Otieno")
        decision = decide(paid("12345679", phone=PHONE, payer_name="OTIENO AMINA"), [house], auto_min=EVERYTHING)
        self.assert_suggested(decision, house, rule=Rule.ONE_EDIT)
        self.assertTrue(decision.reason.endswith("Neither amount nor payer confirms it."))
        self.assertTrue(decision.reason_sw.endswith("Kiasi na mlipaji havithibitishi hivyo."))

    def test_a_payment_of_another_amount(self) -> None:
        order = payment("INV-20418", 70_000, phone=PHONE)
        decision = decide(paid("INV-20419", phone=PHONE), [order], auto_min=EVERYTHING)
        self.assert_suggested(decision, order, rule=Rule.ONE_EDIT)

    def test_two_codes_one_slip_away(self) -> None:
        first, second = payment("INV-20418"), payment("INV-20417", 70_000)
        decision = decide(paid("INV-20419"), [second, first], auto_min=EVERYTHING)
        self.assert_suggested(decision, first, second, rule=Rule.ONE_EDIT)
        self.assertTrue(decision.suggestions[0].reason.endswith("2 fit, so a person decides."))

    def test_a_closed_one_is_nobodys_neighbour(self) -> None:
        self.assert_unmatched(decide(paid("INV-20419"), [payment("INV-20418", is_open=False)]))
