"""How merchants are settled: their profiles, the holidays, and who has anything to settle."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.conf import settings
from django.db import connection

from onpoint_pay.kit.clock import nairobi, now
from settlements.models import BusinessHoliday, SettlementProfile
from settlements.schedule import CARD, MOBILE, kenyan_holidays

# Nothing is settled that is older, or further off.
YEARS = 2
# Nobody else can have something due: what falls due lies in pending or in reserve.
SHOPS = """
SELECT DISTINCT merchant_id, mode, currency FROM ledger_account
WHERE kind IN ('pending', 'reserve') AND credits > debits AND (%(merchant)s::uuid IS NULL OR merchant_id = %(merchant)s)
ORDER BY merchant_id, mode, currency
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """One merchant's money of one mode and currency: what is settled together."""

    merchant_id: UUID
    mode: str
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A profile with the installation's settings filled in. Delays in business days, the minimum in minor units."""

    schedule: str
    weekday: int
    month_day: int
    delays: Mapping[str, int]
    reserve_bps: int
    reserve_days: int
    minimum: int
    destination_id: UUID | None
    destination_since: datetime | None
    hold_reason: str


def terms_of(merchant_id: UUID) -> Terms:
    """How this merchant is settled."""
    return terms_of_all([merchant_id])[merchant_id]


def terms_of_all(merchant_ids: Collection[UUID]) -> dict[UUID, Terms]:
    """How each of these merchants is settled."""
    profiles = SettlementProfile.objects.in_bulk(list(set(merchant_ids)))
    usual = SettlementProfile(schedule=settings.SETTLEMENT_SCHEDULE)
    return {key: _filled_in(profiles.get(key, usual)) for key in merchant_ids}


def _filled_in(profile: SettlementProfile) -> Terms:
    minimum = settings.SETTLEMENT_MINIMUM if profile.minimum is None else profile.minimum
    return Terms(
        schedule=profile.schedule,
        weekday=profile.weekday,
        month_day=profile.month_day,
        delays={method: profile.delays.get(method, settings.SETTLEMENT_DAYS[method]) for method in (MOBILE, CARD)},
        reserve_bps=profile.reserve_bps,
        reserve_days=profile.reserve_days,
        minimum=minimum,
        destination_id=profile.destination_id,
        destination_since=profile.destination_since,
        hold_reason=profile.hold_reason if profile.hold else "",
    )


def holidays() -> frozenset[date]:
    """Every holiday of these years: those of the calendar, and what was gazetted or called off."""
    year = nairobi(now()).year
    known = {day for each in range(year - YEARS, year + YEARS + 1) for day in kenyan_holidays(each)}
    told = dict(BusinessHoliday.objects.values_list("day", "is_off"))
    return frozenset(known | {day for day, is_off in told.items() if is_off}) - {
        day for day, is_off in told.items() if not is_off
    }


def shops(merchant_id: UUID | None = None) -> list[Shop]:
    """Everybody, or one merchant, with money that may fall due."""
    with connection.cursor() as cursor:
        cursor.execute(SHOPS, {"merchant": merchant_id})
        return [Shop(merchant_id=row[0], mode=row[1], currency=row[2]) for row in cursor.fetchall()]
