"""How a merchant is settled: set by operators, every change audited."""

from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction

from audit.services import record
from onpoint_pay.kit.clock import now
from settlements.models import BusinessHoliday, PayoutDestination, SettlementProfile
from settlements.schedule import CARD, MOBILE, kenyan_holidays
from settlements.states import SCHEDULES

FIELDS = (
    *("schedule", "weekday", "month_day", "delays", "reserve_bps", "reserve_days"),
    *("minimum", "destination_id", "hold", "hold_reason"),
)


class ProfileInvalid(ValueError):
    """A profile that cannot be taken, with the reason in words."""


def set_profile(merchant_id: UUID, *, actor: str, **changes: Any) -> SettlementProfile:
    """Change some of FIELDS; amounts in minor units, delays in business days. Raises ProfileInvalid."""
    with transaction.atomic():
        SettlementProfile.objects.get_or_create(merchant_id=merchant_id)
        profile = SettlementProfile.objects.select_for_update().get(merchant_id=merchant_id)
        before = {name: getattr(profile, name) for name in changes}
        if changes.get("destination_id", profile.destination_id) != profile.destination_id:
            profile.destination_since = now()
        for name, value in changes.items():
            setattr(profile, name, value)
        if not profile.hold:
            profile.hold_reason = ""
        _check(profile)
        profile.version += 1
        profile.save(update_fields=[*FIELDS, "destination_since", "version"])
        detail = {
            "version": profile.version,
            "from": {name: _plain(value) for name, value in before.items()},
            "to": {name: _plain(getattr(profile, name)) for name in changes},
        }
        record(merchant_id=merchant_id, actor=actor, action="settlement_profile.set", detail=detail)
    return profile


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def _check(profile: SettlementProfile) -> None:
    faults = {
        f"The schedule is one of {', '.join(SCHEDULES)}.": profile.schedule not in SCHEDULES,
        "The weekday is 0 (Monday) to 6, the day of the month 1 to 28.": not (
            0 <= profile.weekday <= 6 and 1 <= profile.month_day <= 28
        ),
        "Delays are whole business days from 0 to 90 for mobile and card.": any(
            method not in (MOBILE, CARD) or not isinstance(days, int) or not 0 <= days <= 90
            for method, days in profile.delays.items()
        ),
        "The reserve is 0 to 10000 hundredths of a percent, for 1 to 730 days.": not (
            0 <= profile.reserve_bps <= 10_000 and 0 <= profile.reserve_days <= 730
        )
        or bool(profile.reserve_bps and not profile.reserve_days),
        "The minimum is not negative.": profile.minimum is not None and profile.minimum < 0,
        "A hold needs a reason.": profile.hold and not profile.hold_reason,
        "The destination is none of the merchant's.": profile.destination_id is not None
        and not PayoutDestination.objects.filter(id=profile.destination_id, merchant_id=profile.merchant_id).exists(),
    }
    for words, is_so in faults.items():
        if is_so:
            raise ProfileInvalid(words)


def set_holiday(day: date, *, name: str | None, actor: str) -> None:
    """Gazette a day, rename it, or with None make it a business day again."""
    with transaction.atomic():
        known = kenyan_holidays(day.year).get(day)
        if name is not None:
            BusinessHoliday.objects.update_or_create(day=day, defaults={"name": name, "is_off": True})
        elif known is not None:
            BusinessHoliday.objects.update_or_create(day=day, defaults={"name": known, "is_off": False})
        else:
            BusinessHoliday.objects.filter(day=day).delete()
        record(
            merchant_id=None,
            actor=actor,
            action="holiday.set" if name else "holiday.removed",
            object_id=str(day),
            detail={"name": name},
        )
