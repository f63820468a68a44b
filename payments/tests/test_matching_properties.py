"""What holds for any payments and candidates whatever: drawn so that codes, amounts and payers collide often."""

import unittest
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from onpoint_pay.kit.money import Money
from payments.matching import SCORES, Candidate, Kind, LearnedAlias, Paid, Rule, decide, fold, payer_key, search_keys
from payments.matching.payers import phone_digest
from payments.matching.typed_codes import Closeness, code_keys, nearest

NOW = datetime(2026, 11, 14, 9, 0, tzinfo=UTC)
EVERYTHING = Decimal("0.00")
PHONES = ("254708374149", "254711222149", "254722000111")
NAMES = (None, "AMINA OTIENO", "BRIAN KAMAU", "AMINA")

codes = st.text("A1I5S0O-", min_size=2, max_size=5)
amounts = st.sampled_from([Money(100), Money(200)])
merchants = st.sampled_from([UUID(int=1), UUID(int=2)])


@st.composite
def payers(draw: st.DrawFn) -> dict[str, str | None]:
    phone = draw(st.sampled_from(PHONES))
    form = draw(st.sampled_from(["phone", "phone_hash", "phone_masked", "payer_name"]))
    shown = {"phone": phone, "phone_hash": phone_digest(phone), "phone_masked": f"2547 ***** {phone[-3:]}"}
    return {"payer_name": draw(st.sampled_from(NAMES))} | ({form: shown[form]} if form in shown else {})


@st.composite
def payments(draw: st.DrawFn) -> Paid:
    return Paid(
        receipt="UKE3M8T4ZC",
        amount=draw(amounts),
        typed=draw(codes | st.just("")),
        at=draw(st.none() | st.just(NOW)),
        merchant=draw(st.none() | merchants),
        **draw(payers()),
    )


@st.composite
def candidates(draw: st.DrawFn) -> list[Candidate]:
    count = draw(st.integers(1, 6))
    return [
        Candidate(
            id=UUID(int=100 + number),
            merchant=draw(merchants),
            kind=Kind.PAYMENT if (is_payment := draw(st.booleans())) else Kind.ACCOUNT,
            code=draw(codes),
            aliases=tuple(draw(st.lists(codes, max_size=1))),
            expected_amount=draw(amounts if is_payment else st.none() | amounts),
            phone=draw(st.none() | st.sampled_from(PHONES)),
            payer_name=draw(st.sampled_from(NAMES)),
            is_open=draw(st.integers(0, 4)) > 0,
            has_prompt=draw(st.booleans()),
            opened_at=NOW + draw(st.sampled_from([timedelta(hours=-1), timedelta(hours=1)])),
        )
        for number in range(count)
    ]


@st.composite
def cases(draw: st.DrawFn) -> tuple[Paid, list[Candidate], list[LearnedAlias]]:
    paid, offered = draw(payments()), draw(candidates())
    key = payer_key(paid)
    taught = draw(st.lists(st.sampled_from(offered), max_size=2, unique=True)) if key else []
    aliases = [LearnedAlias(folded=fold(paid.typed), payer_key=str(key), candidate_id=each.id) for each in taught]
    return paid, offered, aliases


class DecisionProperties(unittest.TestCase):
    @settings(max_examples=300, deadline=None)
    @given(cases(), st.randoms(use_true_random=False))
    def test_the_order_of_candidates_is_no_matter(self, case: tuple, random: object) -> None:
        paid, offered, aliases = case
        shuffled = list(offered)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        for bar in (Decimal("0.95"), EVERYTHING):
            self.assertEqual(
                decide(paid, offered, aliases, auto_min=bar), decide(paid, shuffled, aliases[::-1], auto_min=bar)
            )

    @settings(max_examples=300, deadline=None)
    @given(cases())
    def test_of_two_equal_candidates_none_is_applied(self, case: tuple) -> None:
        paid, offered, aliases = case
        chosen = decide(paid, offered, aliases, auto_min=EVERYTHING).candidate_id
        if chosen is None:
            return
        twin = replace(next(each for each in offered if each.id == chosen), id=UUID(int=999))
        taught = [replace(each, candidate_id=twin.id) for each in aliases if each.candidate_id == chosen]
        decision = decide(paid, [*offered, twin], [*aliases, *taught], auto_min=EVERYTHING)
        self.assertIsNone(decision.candidate_id, f"{paid} {offered}")

    @settings(max_examples=300, deadline=None)
    @given(cases())
    def test_what_is_applied_can_take_the_money(self, case: tuple) -> None:
        paid, offered, aliases = case
        decision = decide(paid, offered, aliases, auto_min=EVERYTHING)
        if decision.candidate_id is None:
            return
        taken = next(each for each in offered if each.id == decision.candidate_id)
        self.assertTrue(taken.is_open)
        self.assertIn(paid.merchant, (None, taken.merchant))
        self.assertEqual(decision.score, SCORES[decision.rule])
        if taken.kind is Kind.PAYMENT:
            self.assertEqual(taken.expected_amount, paid.amount)
            self.assertTrue(paid.at is None or taken.opened_at < paid.at)

    @settings(max_examples=300, deadline=None)
    @given(cases(), st.sampled_from([Decimal("0.95"), EVERYTHING]))
    def test_applied_or_suggested_never_both_and_always_with_words(self, case: tuple, bar: Decimal) -> None:
        paid, offered, aliases = case
        decision = decide(paid, offered, aliases, auto_min=bar)
        self.assertFalse(decision.candidate_id and decision.suggestions)
        self.assertEqual(decision.rule is Rule.NONE, not decision.candidate_id and not decision.suggestions)
        for told in (decision, *decision.suggestions):
            self.assertTrue(told.reason.endswith("."))
            self.assertTrue(told.reason_sw.endswith("."))
            self.assertNotIn("None", told.reason + told.reason_sw)
            self.assertFalse([phone for phone in PHONES if phone in told.reason])

    @settings(max_examples=500, deadline=None)
    @given(codes, codes)
    def test_keys_find_every_code_that_is_near(self, typed: str, code: str) -> None:
        if nearest(typed, (code,))[0] is not Closeness.APART:
            self.assertTrue(search_keys(typed) & code_keys(code), f"{typed} {code}")
