"""Matching by who paid: what people taught, numbers and names; and the bars a merchant sets."""

import unittest
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from payments.matching import Candidate, Decision, Kind, LearnedAlias, Paid, Rule, decide, fold, payer_key, recognises
from payments.matching.payers import phone_digest
from payments.tests.matching_cases import (
    EVERYTHING,
    MERCHANT,
    NOW,
    OTHER_PHONE,
    PHONE,
    PRICE,
    MatchingTestCase,
    account,
    paid,
    payment,
)


class LearnedTests(MatchingTestCase):
    def setUp(self) -> None:
        self.house = account("12345678")
        self.alias = LearnedAlias(folded=fold("mama njeri"), payer_key=phone_digest(PHONE), candidate_id=self.house.id)

    def decide(self, given: Paid, *others: Candidate, aliases: tuple[LearnedAlias, ...] = ()) -> Decision:
        return decide(given, [self.house, *others], [self.alias, *aliases])

    def test_the_same_text_of_the_same_payer(self) -> None:
        for who in ({"phone": PHONE}, {"phone_hash": phone_digest(PHONE).upper()}):
            decision = self.decide(paid("Mama Njeri", 700, **who))
            self.assert_applied(decision, self.house, Rule.LEARNED, "0.95")
            self.assertEqual(decision.reason, "A person matched “Mama Njeri” of this payer to 12345678 before.")
            self.assertEqual(decision.reason_sw, "Mtu aliwahi kuoanisha “Mama Njeri” ya mlipaji huyu na 12345678.")

    def test_not_of_another_or_unknown_payer(self) -> None:
        for who in ({"phone": OTHER_PHONE}, {}, {"phone_masked": "2547 ***** 149"}):
            self.assert_unmatched(self.decide(paid("mama njeri", **who)))

    def test_not_other_text_and_not_no_text(self) -> None:
        self.assert_unmatched(self.decide(paid("mama njeru", phone=PHONE)))
        self.alias = replace(self.alias, folded="")
        self.assert_unmatched(self.decide(paid(" - ", phone=PHONE)))

    def test_a_code_comes_first(self) -> None:
        named = account("MAMA-NJERI")
        decision = self.decide(paid("mama njeri", phone=PHONE), named)
        self.assert_applied(decision, named, Rule.FOLDED, "0.97")

    def test_it_may_lead_away_from_a_closed_code(self) -> None:
        closed = account("MAMA-NJERI", is_open=False)
        decision = self.decide(paid("MAMA-NJERI", phone=PHONE), closed)
        self.assert_applied(decision, self.house, Rule.LEARNED, "0.95")

    def test_it_comes_before_slips_and_payers(self) -> None:
        near, theirs = account("MAMA-NJERU", phone=PHONE), payment("ORDER-1", phone=PHONE)
        decision = self.decide(paid("mama njeri", phone=PHONE), near, theirs)
        self.assert_applied(decision, self.house, Rule.LEARNED, "0.95")

    def test_a_closed_account_has_no_aliases(self) -> None:
        self.house = replace(self.house, is_open=False)
        decision = self.decide(paid("mama njeri", phone=PHONE))
        self.assert_suggested(decision, self.house, rule=Rule.LEARNED)

    def test_two_lessons(self) -> None:
        other = account("87654321")
        second = replace(self.alias, candidate_id=other.id)
        decision = self.decide(paid("mama njeri", phone=PHONE), other, aliases=(second,))
        self.assertIsNone(decision.candidate_id)
        self.assertEqual(len(decision.suggestions), 2)

    def test_a_payment_taught_still_asks_for_its_amount(self) -> None:
        self.house = payment("ORDER-1", id=self.house.id)
        self.assert_suggested(self.decide(paid("mama njeri", 700, phone=PHONE)), self.house, rule=Rule.LEARNED)


class PayerTests(MatchingTestCase):
    def test_the_only_open_payment_of_the_amount(self) -> None:
        theirs = payment("ORDER-1", phone=PHONE)
        others = [payment("ORDER-22", phone=OTHER_PHONE), payment("ORDER-33", 70_000, phone=PHONE),
                  payment("ORDER-44", phone=PHONE, is_open=False), account("12345678", phone=PHONE)]  # fmt: skip
        for typed in ("", "amina", "0708374149"):
            for who in ({"phone": PHONE}, {"phone_hash": phone_digest(PHONE)}):
                decision = decide(paid(typed, **who), [*others, theirs])
                self.assert_suggested(decision, theirs, rule=Rule.PAYER_AND_AMOUNT, score="0.88")
                self.assertEqual(decision.reason, "The payer's number was asked for KES 500.00 by ORDER-1.")
                self.assertEqual(decision.reason_sw, "Nambari ya mlipaji iliombwa KES 500.00 kwa ORDER-1.")

    def test_applied_where_the_bar_is_lower(self) -> None:
        theirs = payment("ORDER-1", phone=PHONE)
        decision = decide(paid(phone=PHONE), [theirs], auto_min=Decimal("0.88"))
        self.assert_applied(decision, theirs, Rule.PAYER_AND_AMOUNT, "0.88")

    def test_stars_are_not_enough(self) -> None:
        self.assert_unmatched(decide(paid(phone_masked="2547 ***** 149"), [payment("ORDER-1", phone=PHONE)]))

    def test_two_of_the_amount(self) -> None:
        both = sorted((payment("ORDER-1", phone=PHONE), payment("ORDER-22", phone=PHONE)), key=lambda each: each.id)
        decision = decide(paid(phone=PHONE), both[::-1], auto_min=EVERYTHING)
        self.assert_suggested(decision, *both, rule=Rule.PAYER_AND_AMOUNT)

    def test_an_account_of_the_amount_is_not_asked_of_anybody(self) -> None:
        self.assert_unmatched(decide(paid(phone=PHONE), [account("12345678", phone=PHONE, expected_amount=PRICE)]))

    def test_typed_text_that_points_elsewhere(self) -> None:
        theirs, near = payment("ORDER-1", phone=PHONE), account("12345678")
        decision = decide(paid("12345679", phone=PHONE), [theirs, near], auto_min=EVERYTHING)
        self.assert_suggested(decision, near, theirs, rule=Rule.ONE_EDIT)
        self.assertEqual(
            decision.suggestions[1].reason,
            "The payer's number was asked for KES 500.00 by ORDER-1. But what was typed points elsewhere.",
        )
        self.assertTrue(decision.suggestions[1].reason_sw.endswith("Lakini kilichoandikwa kinaelekeza kwingine."))

    def test_one_of_several_neighbours(self) -> None:
        theirs, near = payment("ORDER-11", phone=PHONE), payment("ORDER-12")
        decision = decide(paid("ORDER-13", phone=PHONE), [near, theirs])
        self.assertEqual((decision.rule, decision.score), (Rule.PAYER_AND_AMOUNT, Decimal("0.88")))
        self.assertEqual([each.candidate_id for each in decision.suggestions], [theirs.id, near.id])

    def test_money_that_came_first(self) -> None:
        theirs = payment("ORDER-1", phone=PHONE, opened_at=NOW + timedelta(hours=1))
        decision = decide(paid(phone=PHONE), [theirs], auto_min=EVERYTHING)
        self.assert_suggested(decision, theirs, rule=Rule.PAYER_AND_AMOUNT)


class NameTests(MatchingTestCase):
    def test_the_only_one_of_name_and_amount(self) -> None:
        for theirs in (
            payment("ORDER-1", payer_name="Otieno Amina"),
            account("12345678", payer_name="Amina Otieno", expected_amount=PRICE),
        ):
            others = [
                payment("ORDER-22", payer_name="Amina Kamau"),
                payment("ORDER-33", 70_000, payer_name="Amina Otieno"),
            ]
            decision = decide(paid("shop", payer_name="AMINA WAIRIMU OTIENO"), [*others, theirs])
            self.assert_suggested(decision, theirs, rule=Rule.NAME_AND_AMOUNT, score="0.80")
            self.assertTrue(decision.reason.startswith("The payer's name and the amount KES 500.00 are those of "))
            self.assertTrue(decision.reason_sw.startswith("Jina la mlipaji na kiasi KES 500.00 ni vya "))

    def test_one_word_is_not_enough(self) -> None:
        self.assert_unmatched(decide(paid(payer_name="AMINA"), [payment("ORDER-1", payer_name="AMINA")]))

    def test_two_of_the_name(self) -> None:
        both = [payment(code, payer_name="Amina Otieno") for code in ("ORDER-1", "ORDER-22")]
        decision = decide(paid(payer_name="AMINA OTIENO"), both, auto_min=EVERYTHING)
        self.assertIsNone(decision.candidate_id)
        self.assertEqual(len(decision.suggestions), 2)

    def test_another_number_of_the_same_name(self) -> None:
        theirs = payment("ORDER-1", payer_name="Amina Otieno", phone=OTHER_PHONE)
        decision = decide(paid(payer_name="AMINA OTIENO", phone=PHONE), [theirs], auto_min=EVERYTHING)
        self.assert_suggested(decision, theirs, rule=Rule.NAME_AND_AMOUNT)
        self.assertTrue(decision.reason.endswith("But the payer's number is another one."))
        self.assertTrue(decision.reason_sw.endswith("Lakini nambari ya mlipaji ni nyingine."))

    def test_the_number_comes_first(self) -> None:
        theirs, namesake = payment("ORDER-1", phone=PHONE), payment("ORDER-22", payer_name="Amina Otieno")
        decision = decide(paid(payer_name="AMINA OTIENO", phone=PHONE), [namesake, theirs])
        self.assert_suggested(decision, theirs, namesake, rule=Rule.PAYER_AND_AMOUNT, score="0.88")


class ThresholdTests(MatchingTestCase):
    def test_the_default_bar(self) -> None:
        house = account("12345678")
        self.assertEqual(decide(paid("1234 5678"), [house]).candidate_id, house.id)
        decision = decide(paid("1234 5678"), [house], auto_min=Decimal("0.98"))
        self.assert_suggested(decision, house, rule=Rule.FOLDED, score="0.97")

    def test_below_suggest_min_nothing_is_said(self) -> None:
        near = payment("INV-20418")
        self.assert_unmatched(decide(paid("INV-20419"), [near], suggest_min=Decimal("0.91")))
        self.assert_unmatched(decide(paid("INV-20418", 1), [near], suggest_min=Decimal("0.71")))

    def test_nothing_to_choose_from(self) -> None:
        self.assert_unmatched(decide(paid("12345678", phone=PHONE, payer_name="AMINA OTIENO"), []))
        self.assert_unmatched(decide(paid(), [account("12345678"), payment("ORDER-1")]))

    def test_a_person_is_not_drowned(self) -> None:
        many = [payment(f"INV-204{number}", phone=PHONE) for number in range(10, 50)]
        self.assertEqual(len(decide(paid(phone=PHONE), many).suggestions), 10)


class RecognisesTests(unittest.TestCase):
    def test_true_false_and_unknown(self) -> None:
        self.assertIs(recognises(paid(phone=PHONE), PHONE), True)
        self.assertIs(recognises(paid(phone_hash=phone_digest(PHONE)), PHONE), True)
        self.assertIs(recognises(paid(phone=PHONE), OTHER_PHONE), False)
        self.assertIs(recognises(paid(phone_hash=phone_digest(PHONE)), OTHER_PHONE), False)
        self.assertIs(recognises(paid(phone_masked="2547 ***** 149"), OTHER_PHONE), False)
        self.assertIsNone(recognises(paid(phone_masked="2547 ***** 149"), PHONE))
        self.assertIsNone(recognises(paid(), PHONE))
        self.assertIsNone(recognises(paid(phone=PHONE), None))

    def test_one_key_for_the_clear_and_the_hashed_number(self) -> None:
        self.assertEqual(payer_key(paid(phone=PHONE)), payer_key(paid(phone_hash=phone_digest(PHONE).upper())))
        self.assertIsNone(payer_key(paid(phone_masked="2547 ***** 149")))

    def test_numbers_and_names_are_not_printed(self) -> None:
        shown = repr(paid(phone=PHONE, payer_name="AMINA OTIENO")) + repr(account("1", phone=PHONE, payer_name="AMINA"))
        self.assertNotIn(PHONE, shown)
        self.assertNotIn("AMINA", shown)


class CandidateTests(unittest.TestCase):
    def test_a_payment_asks_for_an_amount(self) -> None:
        with self.assertRaises(ValueError):
            Candidate(id=UUID(int=1), merchant=MERCHANT, kind=Kind.PAYMENT, code="ORDER-1")
