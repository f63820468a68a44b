"""What a merchant may take: its own limits and those it cannot pass, made one."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from merchants.models import KINDS, MerchantLimits
from onpoint_pay.kit.caller import LimitsCard

LARGEST = "largest"
COUNT = "payments_per_payer_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What holds, in minor units: one payment may be `largest`; `sums` are the other kinds that there are."""

    largest: int
    sums: Mapping[str, int]


def limits_of(card: LimitsCard) -> Limits:
    """What holds for a merchant in one mode: the smaller of what it and what the operator allows."""
    caps = caps_of(card)
    found = {kind: _smaller(card.own.get(kind), caps[kind]) for kind in KINDS}
    largest = found.pop(LARGEST)
    assert largest is not None  # noqa: S101 - the method has one
    return Limits(largest=largest, sums={kind: size for kind, size in found.items() if size is not None})


def caps_of(card: LimitsCard) -> dict[str, int | None]:
    """What the merchant cannot allow itself more than: its own cap, or else the installation's.

    One payment is never more than the method takes, whatever the operator has set.
    """
    method = int(settings.MPESA_MAX_AMOUNT) * 100
    caps = {kind: card.cap.get(kind) or settings.PAYMENT_CAPS.get(kind) or None for kind in KINDS}
    return caps | {LARGEST: _smaller(caps[LARGEST], method)}


def card_of(row: MerchantLimits) -> LimitsCard:
    return LimitsCard(mode=row.mode, own=row.own, cap=row.cap, rates=row.rates)


def row_of(merchant_id: UUID, mode: str) -> MerchantLimits:
    """The row, or one that is not stored where nothing was ever set."""
    found: MerchantLimits | None = MerchantLimits.objects.scoped(merchant_id, mode).first()
    return found or MerchantLimits(merchant_id=merchant_id, mode=mode)


def limits_of_many(merchants: Iterable[UUID], mode: str) -> dict[UUID, Limits]:
    """What holds for each, as the database has it."""
    rows = MerchantLimits.objects.filter(merchant_id__in=set(merchants), mode=mode)
    cards = {row.merchant_id: card_of(row) for row in rows}
    return {each: limits_of(cards.get(each) or LimitsCard(mode=mode)) for each in merchants}


def _smaller(one: int | None, other: int | None) -> int | None:
    known = [size for size in (one, other) if size is not None]
    return min(known, default=None)
