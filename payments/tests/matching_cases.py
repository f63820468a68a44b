"""What the tests of matching share: money that came, candidates, and what may become of them."""

import unittest
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from onpoint_pay.kit.money import Money
from payments.matching import Candidate, Decision, Kind, Paid, Rule

NOW = datetime(2026, 11, 14, 9, 0, tzinfo=UTC)
MERCHANT, OTHER_MERCHANT = uuid4(), uuid4()
PHONE, OTHER_PHONE = "254708374149", "254711222333"
PRICE = Money(50_000)
EVERYTHING = Decimal("0.60")


def paid(typed: str = "", amount: int = 50_000, **fields: Any) -> Paid:
    return Paid(
        **({"receipt": "UKE3M8T4ZC", "amount": Money(amount), "typed": typed, "at": NOW, "merchant": MERCHANT} | fields)
    )


def account(code: str, **fields: Any) -> Candidate:
    return Candidate(**({"id": uuid4(), "merchant": MERCHANT, "kind": Kind.ACCOUNT, "code": code} | fields))


def payment(code: str, amount: int = 50_000, **fields: Any) -> Candidate:
    given = {"kind": Kind.PAYMENT, "expected_amount": Money(amount), "opened_at": NOW - timedelta(hours=1)}
    return account(code, **(given | fields))


class MatchingTestCase(unittest.TestCase):
    def assert_applied(self, decision: Decision, candidate: Candidate, rule: Rule, score: str) -> None:
        self.assertEqual((decision.candidate_id, decision.rule, decision.score), (candidate.id, rule, Decimal(score)))
        self.assertEqual(decision.suggestions, ())

    def assert_suggested(self, decision: Decision, *candidates: Candidate, rule: Rule, score: str = "0.70") -> None:
        self.assertIsNone(decision.candidate_id)
        self.assertEqual([each.candidate_id for each in decision.suggestions], [each.id for each in candidates])
        self.assertEqual((decision.rule, decision.score), (rule, Decimal(score)))

    def assert_unmatched(self, decision: Decision) -> None:
        self.assertEqual((decision.candidate_id, decision.suggestions), (None, ()))
        self.assertEqual((decision.rule, decision.score), (Rule.NONE, Decimal(0)))
        self.assertEqual(decision.reason, "Nothing open fits what was typed, the payer or the amount.")
        self.assertEqual(decision.reason_sw, "Hakuna kilicho wazi kinacholingana na kilichoandikwa, mlipaji au kiasi.")
