"""Fee plans: whose holds, from when, what they take, and what the database refuses."""

import json
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from django.core.management import CommandError, call_command
from django.test import SimpleTestCase, override_settings

from audit.models import AuditEvent
from merchants.tests.base import ApiTestCase
from merchants.tests.factories import key_headers, make_api_key, make_merchant
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id
from onpoint_pay.kit.money import Money
from settlements.fees import FeePlanInvalid, Rule, Terms, charge, parse_rules, rule_for
from settlements.models import FeePlan, FeePlanVersion, FeeRule
from settlements.selectors.fee_plans import forget_plans
from settlements.services.fee_plans import FrozenFee, fee_of, set_plan
from settlements.tests.base import execute, refused_by


def terms(amount: int, **more: Any) -> tuple[int, int]:
    fee, tax = charge(Money(amount), Terms(**({"bps": 0, "flat": 0} | more)))
    return fee.minor, tax.minor


def rule(method: str = "*", start: int = 0, end: int | None = None, *, bps: int = 0, **more: Any) -> Rule:
    return Rule(method=method, start=start, end=end, terms=Terms(**({"bps": bps, "flat": 0} | more)))


class Arithmetic(SimpleTestCase):
    def test_each_part_goes_to_the_even_cent(self) -> None:
        self.assertEqual([terms(minor, bps=50)[0] for minor in (1_00, 3_00, 5_00, 7_00)], [0, 2, 2, 4])
        # 1.50 of fee; 16 % of it is 24 cents, 25 basis points of it 0.375.
        self.assertEqual(terms(100_00, bps=150, tax_bps=1600), (1_50, 24))
        self.assertEqual([terms(100_00, flat=flat, tax_bps=5000)[1] for flat in (1, 3, 5)], [0, 2, 2])

    def test_the_tax_is_on_the_rounded_fee(self) -> None:
        # 0.5 % of 1.50 is 0.75 cents, rounded 1; the tax of all of it is 1 and not 0.75.
        self.assertEqual(terms(1_50, bps=50, tax_bps=10_000), (1, 1))

    def test_not_below_the_least_and_not_above_the_most(self) -> None:
        self.assertEqual(terms(100_00, bps=100, least=5_00), (5_00, 0))
        self.assertEqual(terms(100_000_00, bps=100, most=200_00), (200_00, 0))
        self.assertEqual(terms(500_00, bps=100, least=1_00, most=9_00), (5_00, 0))

    def test_fee_and_tax_never_exceed_the_amount(self) -> None:
        self.assertEqual(terms(3_00, least=5_00, tax_bps=1600), (3_00, 0))
        self.assertEqual(terms(5_50, flat=5_00, tax_bps=1600), (5_00, 50))

    def test_the_band_of_the_method_before_the_one_of_any(self) -> None:
        rules = [rule(bps=1), rule("mpesa", 0, 100_00, bps=2), rule("mpesa", 100_00, 200_00, bps=3)]
        found = {
            (method, minor): rule_for(rules, method=method, amount=minor).terms.bps  # type: ignore[union-attr]
            for method, minor in (("mpesa", 0), ("mpesa", 99_99), ("mpesa", 100_00), ("mpesa", 200_00), ("card", 1))
        }
        self.assertEqual(list(found.values()), [2, 2, 3, 1, 1])
        self.assertIsNone(rule_for([rule("card")], method="mpesa", amount=1))


class Documents(SimpleTestCase):
    def test_a_plan_as_people_write_it(self) -> None:
        document = {
            "rules": [
                {"method": "mpesa", "to": "1000", "flat": "5"},
                {"method": "mpesa", "from": "1000.00", "bps": 150, "min": "10.00", "max": "200", "tax_bps": 1600},
            ]
        }
        self.assertEqual(
            parse_rules(document),
            (
                rule("mpesa", 0, 1000_00, flat=5_00),
                rule("mpesa", 1000_00, bps=150, least=10_00, most=200_00, tax_bps=1600),
            ),
        )

    def test_what_is_refused_and_why(self) -> None:
        wrong: dict[str, Any] = {
            "one or more `rules`": {"rules": []},
            "no member fee": {"rules": [{"fee": 1}]},
            "whole number from 0": {"rules": [{"bps": 1.5}]},
            "bps is a whole": {"rules": [{"bps": 10_001}]},
            "max is smaller": {"rules": [{"min": "2", "max": "1"}]},
            "`to` is the first": {"rules": [{"from": "5", "to": "5"}]},
            "flat:": {"rules": [{"flat": "-1"}]},
            "a payment method": {"rules": [{"method": "M Pesa"}]},
            "Two bands of * hold 50.00": {"rules": [{"to": "60"}, {"from": "50"}]},
        }
        for words, document in wrong.items():
            with self.subTest(words), self.assertRaises(FeePlanInvalid) as raised:
                parse_rules(document)
            self.assertIn(words, str(raised.exception))


@override_settings(FEE_PLAN_CACHE_SECONDS=0)
class Plans(ApiTestCase):
    def setUp(self) -> None:
        super().setUp()
        forget_plans()
        self.addCleanup(forget_plans)
        self.merchant = make_merchant(fee_bps=150, fee_flat=10)

    def set(self, *rules: Rule, merchant_id: UUID | None, at: datetime | None = None) -> FeePlanVersion:
        return set_plan(rules, merchant_id=merchant_id, currency="KES", effective_from=at, actor="tests")

    def price(self, minor: int = 100_00, *, at: datetime | None = None, method: str = "mpesa") -> FrozenFee:
        return fee_of(self.merchant.id, method=method, amount=Money(minor), at=at or now())

    def test_the_merchants_own_fee_where_there_is_no_plan(self) -> None:
        self.assertEqual(self.price(), FrozenFee(fee=Money(1_60), tax=Money(0), version_id=None))

    def test_the_merchants_plan_before_everybodys_before_the_own_fee(self) -> None:
        everybodys = self.set(rule("mpesa", bps=200), merchant_id=None)
        self.assertEqual(self.price(), FrozenFee(fee=Money(2_00), tax=Money(0), version_id=everybodys.id))
        theirs = self.set(rule("mpesa", 0, 500_00, bps=300, tax_bps=1000), merchant_id=self.merchant.id)
        self.assertEqual(self.price(), FrozenFee(fee=Money(3_00), tax=Money(30), version_id=theirs.id))
        # Beyond the bands of the one the next speaks.
        self.assertEqual(self.price(500_00).version_id, everybodys.id)
        self.assertEqual(self.price(method="card"), FrozenFee(fee=Money(1_60), tax=Money(0), version_id=None))
        other = fee_of(make_merchant().id, method="mpesa", amount=Money(100_00), at=now())
        self.assertEqual(other.version_id, everybodys.id)

    def test_a_version_holds_from_its_moment_on(self) -> None:
        first, start = self.set(rule(bps=100), merchant_id=self.merchant.id), now() + timedelta(days=1)
        second = self.set(rule(bps=200), merchant_id=self.merchant.id, at=start)
        self.assertEqual(self.price().version_id, first.id)
        self.assertEqual(self.price(at=start - timedelta(microseconds=1)).version_id, first.id)
        self.assertEqual(self.price(at=start), FrozenFee(fee=Money(2_00), tax=Money(0), version_id=second.id))

    def test_another_currency_has_a_plan_of_its_own(self) -> None:
        self.set(rule(bps=900), merchant_id=None)
        self.assertEqual(
            fee_of(self.merchant.id, method="mpesa", amount=Money(100_00, "USD"), at=now()).version_id, None
        )

    def test_setting_is_audited_and_never_dated_back(self) -> None:
        version = self.set(rule(), merchant_id=self.merchant.id)
        written = AuditEvent.objects.get(stream=f"m{self.merchant.id}", action="fee_plan.set")
        self.assertEqual((written.actor, written.object), ("tests", str(version.id)))
        with self.assertRaises(FeePlanInvalid), override_settings(FEE_PLAN_CACHE_SECONDS=5):
            self.set(rule(), merchant_id=self.merchant.id, at=now() + timedelta(seconds=1))
        with self.assertRaises(FeePlanInvalid):
            self.set(rule(), merchant_id=self.merchant.id, at=version.effective_from + timedelta(days=-1))
        self.assertEqual(FeePlanVersion.objects.count(), 1)

    def test_two_versions_of_one_moment_are_refused_in_words(self) -> None:
        at = now() + timedelta(hours=1)
        self.set(rule(bps=1), merchant_id=None, at=at)
        with self.assertRaisesMessage(FeePlanInvalid, "very moment"):
            self.set(rule(bps=2), merchant_id=None, at=at)
        self.assertEqual(FeeRule.objects.get().bps, 1)

    def test_what_the_database_refuses(self) -> None:
        plan = FeePlan.objects.create(merchant=self.merchant, currency="KES")
        version = self.set(rule("mpesa", 0, 100), merchant_id=None)
        insert = (
            "INSERT INTO fee_rule (version_id, method, amount_from, amount_to, bps, flat, least, tax_bps) "
            "VALUES (%s, %s, %s, %s, %s, 0, 0, 0)"
        )
        dated = "INSERT INTO fee_plan_version (id, plan_id, effective_from, created_by) VALUES (%s, %s, {}, '')"
        self.assertEqual(
            refused_by(dated.format("now() - interval '1 ms'"), new_id(), plan.id), "fee_plan_version_forward"
        )
        for band, name in {
            ("mpesa", 99, 200, 0): "fee_rule_overlap",
            ("mpesa", 50, None, 0): "fee_rule_overlap",
            ("mpesa", 200, 200, 0): "fee_rule_band",
            ("mpesa", 300, 400, 10_001): "fee_rule_terms",
            ("mpesa", 100, None, 0): "",
        }.items():
            with self.subTest(band):
                self.assertEqual(refused_by(insert, version.id, *band), name)
        self.assertIn("append-only", refused_by("UPDATE fee_plan_version SET created_by = 'x'"))
        self.assertIn("append-only", refused_by("DELETE FROM fee_rule"))

    def test_a_version_is_complete_once_it_is_committed(self) -> None:
        version = self.set(rule("mpesa", 0, 100), merchant_id=None)
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        execute("ALTER TABLE fee_plan_version DISABLE TRIGGER fee_plan_version_keep")
        # As though it had been made by an earlier transaction.
        execute("UPDATE fee_plan_version SET xid = '3'")
        execute("ALTER TABLE fee_plan_version ENABLE TRIGGER fee_plan_version_keep")
        self.assertEqual(
            refused_by(
                "INSERT INTO fee_rule (version_id, method, amount_from, bps, flat, least, tax_bps) "
                "VALUES (%s, 'card', 0, 0, 0, 0, 0)",
                version.id,
            ),
            "fee_rule_closed",
        )

    def test_known_plans_cost_no_statement(self) -> None:
        own = Terms(bps=150, flat=0)
        ask = {"method": "mpesa", "amount": Money(100_00), "at": now(), "own": own}
        with override_settings(FEE_PLAN_CACHE_SECONDS=60):
            fee_of(self.merchant.id, **ask)
            with self.assertNumQueries(0):
                for _ in range(10):
                    fee_of(self.merchant.id, **ask)

    # --- seen by the merchant and by the operator ----------------------------------------------------------------------

    def show(self, **more: Any) -> dict[str, Any]:
        answer = self.get("merchant/fees/", key_headers(make_api_key(self.merchant, scopes=["settlements:read"])))
        self.assertEqual(answer.status_code, 200)
        return answer.json()

    def test_a_merchant_sees_what_holds_and_what_comes(self) -> None:
        found = self.show()
        self.assertEqual((found["source"], found["next"]), ("merchant_fee", None))
        self.assertEqual((found["in_force"]["rules"][0]["bps"], found["in_force"]["rules"][0]["flat"]), (150, "0.10"))
        self.set(rule(bps=200), merchant_id=None)
        self.assertEqual(self.show()["source"], "platform_plan")
        theirs = self.set(rule("mpesa", 0, 100_00, bps=300, most=9_00), merchant_id=self.merchant.id)
        later = self.set(rule(bps=400), merchant_id=self.merchant.id, at=now() + timedelta(days=1))
        found = self.show()
        self.assertEqual((found["source"], found["in_force"]["id"]), ("merchant_plan", str(theirs.id)))
        self.assertEqual(
            found["in_force"]["rules"],
            [
                {"method": "mpesa", "from": "0.00", "to": "100.00", "bps": 300, "flat": "0.00", "min": "0.00"}
                | {"max": "9.00", "tax_bps": 0}
            ],
        )
        self.assertEqual(found["next"]["id"], str(later.id))

    def test_a_merchant_never_sees_anothers_plan(self) -> None:
        self.set(rule(bps=777), merchant_id=make_merchant().id)
        self.assertNotIn("777", json.dumps(self.show()))

    def test_without_the_scope_nothing_is_shown(self) -> None:
        headers = key_headers(make_api_key(self.merchant, scopes=["payments:read"]))
        self.assert_problem(self.get("merchant/fees/", headers), 403, "insufficient_scope")

    def command(self, *words: str) -> str:
        out = StringIO()
        call_command("fee_plan", *words, stdout=out)
        return out.getvalue()

    def test_the_command_sets_and_shows(self) -> None:
        with TemporaryDirectory() as folder:
            file = Path(folder) / "plan.json"
            file.write_text('{"rules": [{"method": "mpesa", "bps": 120}]}')
            later = (now() + timedelta(days=2)).isoformat()
            said = self.command("set", "--merchant", self.merchant.public_id, "--file", str(file), "--effective", later)
            self.assertIn("holds from", said)
            file.write_text("{")
            with self.assertRaises(CommandError):
                self.command("set", "--file", str(file))
        shown = json.loads(self.command("show", "--merchant", self.merchant.public_id))
        self.assertEqual((shown["source"], shown["next"]["rules"][0]["bps"]), ("merchant_fee", 120))
        with self.assertRaises(CommandError):
            self.command("set")
        with self.assertRaisesMessage(CommandError, "no merchant's id"):
            self.command("show", "--merchant", "mer_x")
