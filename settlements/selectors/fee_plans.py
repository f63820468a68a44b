"""Which fees hold for whom and when. Every process remembers all plans for a few seconds."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from settlements.fees import Rule, Terms

# A version never changes: what may change is only that there are more of them.
ALL = """
SELECT p.merchant_id, p.currency, v.id, v.effective_from, json_agg(json_build_array(
    r.method, r.amount_from, r.amount_to, r.bps, r.flat, r.least, r.most, r.tax_bps) ORDER BY r.method, r.amount_from)
FROM fee_plan p JOIN fee_plan_version v ON v.plan_id = p.id JOIN fee_rule r ON r.version_id = v.id
GROUP BY p.id, v.id ORDER BY v.effective_from
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a plan: from when, and its rules."""

    id: UUID
    effective_from: datetime
    rules: tuple[Rule, ...]


# merchant (None: everybody else's) and currency: the versions, oldest first
Plans = Mapping[tuple[UUID | None, str], tuple[Version, ...]]


@dataclass(slots=True)
class _Known:
    plans: Plans | None = None
    until: float = 0.0


_known = _Known()


def plans() -> Plans:
    """All plans, as this process has known them for FEE_PLAN_CACHE_SECONDS at most."""
    held = _known.plans
    if held is not None and time.monotonic() < _known.until:
        return held
    found = read_plans()
    _known.plans, _known.until = found, time.monotonic() + settings.FEE_PLAN_CACHE_SECONDS
    return found


def forget_plans() -> None:
    """The next question goes to the database."""
    _known.plans = None


def read_plans() -> Plans:
    found: dict[tuple[UUID | None, str], tuple[Version, ...]] = {}
    with connection.cursor() as cursor:
        cursor.execute(ALL)
        for merchant, currency, key, effective_from, rows in cursor.fetchall():
            version = Version(id=key, effective_from=effective_from, rules=_rules(rows))
            found[merchant, currency] = (*found.get((merchant, currency), ()), version)
    return found


def _rules(rows: Iterable[list[Any]]) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            method=method,
            start=start,
            end=end,
            terms=Terms(bps=bps, flat=flat, least=least, most=most, tax_bps=tax_bps),
        )
        for method, start, end, bps, flat, least, most, tax_bps in rows
    )


def in_force(versions: Iterable[Version], at: datetime) -> Version | None:
    """The last one that has begun. `versions` are in order."""
    begun = [version for version in versions if version.effective_from <= at]
    return begun[-1] if begun else None


def coming(versions: Iterable[Version], at: datetime) -> Version | None:
    """The first one that has not begun."""
    return next((version for version in versions if version.effective_from > at), None)
