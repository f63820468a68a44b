"""The words themselves: every state and reason has them, in two languages, plain, and without a promise too many."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product
from string import Formatter

from django.test import SimpleTestCase

from payments.explanation import notes, reasons, situations, steps, words
from payments.explanation.reasons import REASONS, TURNS, reason_of
from payments.explanation.situations import CERTAINTIES, Facts, Situation, situation_of
from payments.explanation.words import LANGUAGES, Words, clock_words
from payments.selectors.explanation import NETWORKS
from payments.states import COMPLETED, FINAL, PAYMENT_STATES, PENDING, PENDING_REASONS
from providers.registry import _PROVIDERS
from providers.types import FailureCode

CODES = [str(code) for code in FailureCode]
# Words of the provider's interface and of our own insides, which say nothing to a shopkeeper.
JARGON = re.compile(
    r"\b(STK|Daraja|callback|API|HTTP|ResultCode|DS timeout|shortcode|C2B|B2C|checkout|null|timeout|query|token|"
    r"reconcil\w*|idempoten\w*|merchant|payer|ledger|suspense|surplus|prompt)\b",
    re.IGNORECASE,
)
# Common English words that are no Swahili ones. PIN, paybill, till and webhook are what people in Kenya say.
ENGLISH = re.compile(
    r"\b(the|and|is|was|are|not|you|your|customer|payment|request|money|phone|we|it|to|of|has|have|with|again|yet|"
    r"received|known|balance|wrong|out|time|send|new|this|that|for|no|by|on|at)\b",
    re.IGNORECASE,
)
PLACES = {
    "network",
    "amount",
    "n",
    "when",
    "times",
    "receipt",
    "refunded",
    "held",
    "surplus",
    "clock",
    "day",
    "month",
    "year",
}


def texts() -> Iterator[tuple[str, Words]]:
    """Every text of every module, by where it stands."""
    for module in (notes, reasons, situations, steps, words):
        for name, value in vars(module).items():
            yield from ((f"{module.__name__}.{name}{place}", found) for place, found in within(value))


def within(value: object) -> Iterator[tuple[str, Words]]:
    if isinstance(value, Words):
        yield "", value
    elif isinstance(value, (Situation, reasons.Reason)):
        for name in value.__slots__:
            yield from ((f".{name}{place}", found) for place, found in within(getattr(value, name)))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from ((f"[{key}]{place}", found) for place, found in within(inner))
    elif isinstance(value, tuple):
        for number, inner in enumerate(value):
            yield from ((f"[{number}]{place}", found) for place, found in within(inner))


def named(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def all_facts() -> Iterator[Facts]:
    """Every state with every reason it can have, and every turn the story can take."""
    flags = list(product((True, False), repeat=5))
    for is_prompt, is_in_time, is_called_off, is_late, is_surplus in flags:
        more = {
            "is_prompt": is_prompt,
            "is_in_time": is_in_time,
            "is_called_off": is_called_off,
            "is_late": is_late,
            "is_surplus": is_surplus,
        }
        for status in PAYMENT_STATES:
            for reason in PENDING_REASONS if status == PENDING else [None]:
                yield Facts(status=status, pending_reason=reason, **more)
    for status, code, certainty in product(PAYMENT_STATES, [*CODES, None, "a_new_code"], ["certain", "likely", None]):
        for is_silent in (True, False):
            yield Facts(status=status, failure_code=code, certainty=certainty, is_silent=is_silent)


class Texts(SimpleTestCase):
    def test_there_are_many(self) -> None:
        self.assertGreater(len(list(texts())), 150)

    def test_none_is_empty_and_both_languages_differ(self) -> None:
        for place, found in texts():
            with self.subTest(place):
                self.assertTrue(found.en.strip())
                self.assertTrue(found.sw.strip())
                self.assertNotEqual(found.en, found.sw)

    def test_both_languages_name_the_same(self) -> None:
        for place, found in texts():
            with self.subTest(place):
                self.assertEqual(named(found.en), named(found.sw))
                self.assertLessEqual(named(found.en), PLACES)
                self.assertEqual(re.findall(r"`\w+`", found.en), re.findall(r"`\w+`", found.sw))

    def test_swahili_is_swahili(self) -> None:
        for place, found in texts():
            with self.subTest(place):
                plain = re.sub(r"`\w+`|\{\w+\}", "", found.sw)
                self.assertIsNone(ENGLISH.search(plain), plain)

    def test_nobody_needs_to_know_the_trade(self) -> None:
        for place, found in texts():
            for text in (found.en, found.sw):
                with self.subTest(place):
                    self.assertIsNone(JARGON.search(re.sub(r"\{\w+\}", "", text)), text)

    def test_sentences_end(self) -> None:
        for place, found in texts():
            if ".words." in place:
                continue
            with self.subTest(place):
                self.assertRegex(found.en, r"[.]$")
                self.assertRegex(found.sw, r"[.]$")


class Situations(SimpleTestCase):
    def test_every_state_and_reason_has_one(self) -> None:
        for facts in all_facts():
            found = situation_of(facts)
            with self.subTest(facts=facts):
                self.assertIn(found.whose_turn, TURNS)
                self.assertIn(found.certainty, CERTAINTIES)
                self.assertTrue(found.do_next)
                for lang, (_, text) in product(LANGUAGES, within(found)):
                    values = dict.fromkeys(PLACES, "1")
                    self.assertTrue(text.say(lang, **values))

    def test_what_is_open_is_unknown_and_nobody_is_told_to_pay_again(self) -> None:
        for facts in all_facts():
            if facts.status not in FINAL:
                found = situation_of(facts)
                self.assertEqual(found.certainty, "unknown", facts)
                self.assertFalse([step for step in found.do_next if "resend" in steps.links_in(step)], facts)

    def test_money_is_only_said_to_be_here_when_it_is(self) -> None:
        for facts in all_facts():
            text = situation_of(facts).headline.en
            if facts.status != COMPLETED:
                self.assertNotRegex(text, r"received|paid \{amount\}|paid twice", facts)

    def test_an_end_in_silence_is_never_certain(self) -> None:
        for facts in all_facts():
            if facts.is_silent and facts.status in ("failed", "cancelled", "expired"):
                found = situation_of(facts)
                self.assertEqual(found.certainty, "likely")
                self.assertNotIn("no money moved.", found.headline.en.replace("not certain that no money moved.", ""))

    def test_each_failure_code_has_its_own_words(self) -> None:
        self.assertEqual(set(REASONS), set(CODES))
        told = {reason.what_happened.en for reason in REASONS.values()}
        self.assertEqual(len(told), len(CODES))
        self.assertIs(reason_of("a_new_code"), REASONS["unknown_failure"])
        self.assertIs(reason_of(None), REASONS["unknown_failure"])

    def test_every_provider_has_a_name_that_payers_know(self) -> None:
        self.assertEqual(set(NETWORKS), set(_PROVIDERS))


class Clock(SimpleTestCase):
    """A clock in Nairobi, three hours ahead."""

    NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)

    def say(self, moment: datetime, lang: str = "en") -> str:
        return clock_words(moment, now=self.NOW, lang=lang)

    def test_today_and_the_days_beside_it(self) -> None:
        moment = datetime(2026, 11, 21, 7, 42, tzinfo=UTC)
        self.assertEqual((self.say(moment), self.say(moment, "sw")), ("at 10:42", "saa 10:42"))
        self.assertEqual(self.say(moment - timedelta(days=1)), "yesterday at 10:42")
        self.assertEqual(self.say(moment - timedelta(days=1), "sw"), "jana saa 10:42")
        self.assertEqual(self.say(moment + timedelta(days=1)), "tomorrow at 10:42")
        self.assertEqual(self.say(moment + timedelta(days=1), "sw"), "kesho saa 10:42")

    def test_a_day_ends_in_nairobi(self) -> None:
        self.assertEqual(self.say(datetime(2026, 11, 21, 20, 59, tzinfo=UTC)), "at 23:59")
        self.assertEqual(self.say(datetime(2026, 11, 21, 21, 0, tzinfo=UTC)), "tomorrow at 00:00")

    def test_every_month(self) -> None:
        for month in range(1, 13):
            moment = datetime(2025, month, 5, 6, 30, tzinfo=UTC)
            self.assertRegex(self.say(moment), r"^on 5 [A-Z][a-z]+ 2025 at 09:30$")
            self.assertRegex(self.say(moment, "sw"), r"^tarehe 5 [A-Z][a-z]+ 2025 saa 09:30$")
