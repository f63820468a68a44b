"""How merchants are settled: their profiles, the holidays, and who has anything to settle."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.conf import settings
from django.db import connection

from settlements.models import BusinessHoliday, SettlementProfile
from settlements.schedule import CARD, MOBILE

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
    hold_reason: str


def terms_of(merchant_id: UUID) -> Terms:
    """How this merchant is settled."""
    found = SettlementProfile.objects.filter(merchant_id=merchant_id).first()
    profile = found or SettlementProfile(schedule=settings.SETTLEMENT_SCHEDULE)
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
        hold_reason=profile.hold_reason if profile.hold else "",
    )


def holidays() -> frozenset[date]:
    return frozenset(BusinessHoliday.objects.values_list("day", flat=True))


def shops(merchant_id: UUID | None = None) -> list[Shop]:
    """Everybody, or one merchant, with money that may fall due."""
    with connection.cursor() as cursor:
        cursor.execute(SHOPS, {"merchant": merchant_id})
        return [Shop(merchant_id=row[0], mode=row[1], currency=row[2]) for row in cursor.fetchall()]
