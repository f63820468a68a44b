"""Fee arithmetic: what a rule of a plan takes from an amount, every part rounded half-even to one minor unit."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from onpoint_pay.kit.money import Money, MoneyError

BPS = 10_000
ANY_METHOD = "*"
_METHOD = re.compile(r"\*|[a-z][a-z0-9_]{0,31}")
_MEMBERS = {"method", "from", "to", "bps", "flat", "min", "max", "tax_bps"}


class FeePlanInvalid(ValueError):
    """A plan that cannot be taken, with the reason in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Hundredths of a percent plus a flat part, not below `least`, not above `most`, and the tax on the result.

    Amounts in minor units.
    """

    bps: int
    flat: int
    least: int = 0
    most: int | None = None
    tax_bps: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Terms for the amounts of one method (`*`: of any) from `start` up to, not including, `end`; minor units."""

    method: str
    start: int
    end: int | None
    terms: Terms

    def holds_for(self, method: str, amount: int) -> bool:
        return self.method == method and self.start <= amount and (self.end is None or amount < self.end)


def fee_for(amount: Money, *, bps: int, flat: int) -> Money:
    """The fee on `amount`: `bps` basis points plus `flat` minor units, never more than the amount itself."""
    return charge(amount, Terms(bps=bps, flat=flat))[0]


def charge(amount: Money, terms: Terms) -> tuple[Money, Money]:
    """Fee and the tax on it; together never more than the amount."""
    fee = max(_share(amount.minor, terms.bps) + terms.flat, terms.least)
    if terms.most is not None:
        fee = min(fee, terms.most)
    fee = min(fee, amount.minor)
    tax = min(_share(fee, terms.tax_bps), amount.minor - fee)
    return Money(fee, amount.currency), Money(tax, amount.currency)


def _share(minor: int, bps: int) -> int:
    return int((Decimal(minor) * bps / BPS).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def rule_for(rules: Iterable[Rule], *, method: str, amount: int) -> Rule | None:
    """The rule of the method for this amount in minor units, else the one of any method; None when neither speaks."""
    rules = tuple(rules)
    for wanted in (method, ANY_METHOD):
        for rule in rules:
            if rule.holds_for(wanted, amount):
                return rule
    return None


# --- plans as people write them ---------------------------------------------------------------------------------------


def parse_rules(document: Any) -> tuple[Rule, ...]:
    """The rules of `{"rules": [{"method", "from", "to", "bps", "flat", "min", "max", "tax_bps"}]}`.

    Amounts are decimal texts in major units. Raises FeePlanInvalid.
    """
    rows = document.get("rules") if isinstance(document, Mapping) else None
    if not isinstance(rows, list) or not rows:
        raise FeePlanInvalid("A plan is an object with a list of one or more `rules`.")
    rules = tuple(_parse_rule(row, number) for number, row in enumerate(rows, 1))
    _refuse_overlaps(rules)
    return rules


def _parse_rule(row: Any, number: int) -> Rule:
    if not isinstance(row, Mapping):
        raise FeePlanInvalid(f"Rule {number} is not an object.")
    if unknown := sorted(set(row) - _MEMBERS):
        raise FeePlanInvalid(f"Rule {number}: there is no member {unknown[0][:32]}; use {', '.join(sorted(_MEMBERS))}.")
    try:
        return _made_rule(row)
    except (MoneyError, FeePlanInvalid) as error:
        raise FeePlanInvalid(f"Rule {number}: {error}") from None


def _made_rule(row: Mapping[str, Any]) -> Rule:
    method = row.get("method", ANY_METHOD)
    if not isinstance(method, str) or not _METHOD.fullmatch(method):
        raise FeePlanInvalid("method is a payment method such as mpesa, or * for any.")
    terms = Terms(
        bps=_bps(row, "bps"),
        flat=_amount(row, "flat") or 0,
        least=_amount(row, "min") or 0,
        most=_amount(row, "max"),
        tax_bps=_bps(row, "tax_bps"),
    )
    start, end = _amount(row, "from") or 0, _amount(row, "to")
    if end is not None and end <= start:
        raise FeePlanInvalid("`to` is the first amount beyond the band: it must be larger than `from`.")
    if terms.most is not None and terms.most < terms.least:
        raise FeePlanInvalid("max is smaller than min.")
    return Rule(method=method, start=start, end=end, terms=terms)


def _bps(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= BPS:
        raise FeePlanInvalid(f"{name} is a whole number from 0 to 10000, in hundredths of a percent.")
    return value


def _amount(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    if value is None:
        return None
    try:
        return Money.parse(value).minor
    except MoneyError as error:
        raise FeePlanInvalid(f"{name}: {error}") from None


def _refuse_overlaps(rules: tuple[Rule, ...]) -> None:
    ordered = sorted(rules, key=lambda rule: (rule.method, rule.start))
    for earlier, later in zip(ordered, ordered[1:], strict=False):
        if earlier.method == later.method and (earlier.end is None or later.start < earlier.end):
            raise FeePlanInvalid(f"Two bands of {later.method} hold {Money(later.start).decimal_text()}.")
