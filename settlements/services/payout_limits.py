"""How much a merchant may pay out, and when a second person must agree."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from audit.services import record
from merchants.models import ApiKey
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.clock import NAIROBI, nairobi, now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import PublicIdInvalid, from_public, to_public
from onpoint_pay.kit.money import Money
from settlements.models import Payout, PayoutPolicy
from settlements.services.destinations import Target

ABOVE_LIMIT, NEW_DESTINATION = "above_limit", "new_destination"
# A key may have been made with a key: its maker is looked for no deeper than this.
DEEPEST = 5
SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """In minor units; None stands for no limit."""

    approval_above: int | None
    largest: int | None
    per_day: int | None


NO_LIMITS = Limits(approval_above=None, largest=None, per_day=None)


def limits_of(merchant_id: UUID) -> Limits:
    """The merchant's own limits, and the installation's where it has none."""
    policy = PayoutPolicy.objects.filter(merchant_id=merchant_id).first() or PayoutPolicy()
    return Limits(
        approval_above=_first(policy.approval_above, settings.PAYOUT_APPROVAL_ABOVE),
        largest=_first(policy.largest, settings.PAYOUT_LARGEST),
        per_day=_first(policy.per_day, settings.PAYOUT_PER_DAY),
    )


def _first(own: int | None, otherwise: int) -> int | None:
    """0 in the installation's setting means that there is none."""
    return own if own is not None else (otherwise or None)


def set_limits(merchant_id: UUID, changes: dict[str, int | None], *, actor: str) -> Limits:
    """Change what stands for one merchant: `approval_above`, `largest`, `per_day`; None gives a limit up."""
    with transaction.atomic():
        defaults: dict[str, Any] = {**changes, "changed_by": actor, "changed_at": now()}
        PayoutPolicy.objects.update_or_create(merchant_id=merchant_id, defaults=defaults)
        detail = {name: value for name, value in changes.items()}
        name = to_public("mer", merchant_id)
        record(merchant_id=merchant_id, actor=actor, action="payout_limits.changed", object_id=name, detail=detail)
    return limits_of(merchant_id)


def check_size(amount: Money, limits: Limits) -> None:
    """Raises Problem limit_exceeded."""
    if limits.largest is not None and amount.minor > limits.largest:
        most = Money(limits.largest, amount.currency)
        raise Problem("limit_exceeded", f"A payout may be {most} at most.", param="amount")


def check_day(caller: Caller, limits: Limits, *, currency: str) -> None:
    """Whether the payouts of this day in Nairobi, those of the open transaction included, stay within the limit.

    Call it after the hold: whoever holds the merchant's account has waited for everybody before.
    Raises Problem limit_exceeded.
    """
    if limits.per_day is None:
        return
    midnight = datetime.combine(nairobi(now()).date(), time.min, NAIROBI)
    rows = Payout.objects.scoped(caller.merchant_id, caller.mode).filter(created_at__gte=midnight, currency=currency)
    asked = rows.exclude(status__in=("failed", "cancelled")).aggregate(whole=Sum("amount"))["whole"] or 0
    if asked > limits.per_day:
        most = Money(limits.per_day, currency)
        raise Problem("limit_exceeded", f"The payouts of one day may be {most} at most.", param="amount")


def reasons_to_ask(target: Target, amount: Money, limits: Limits, *, mode: str) -> list[str]:
    """Why a second person must agree; empty when nobody need."""
    reasons = []
    if limits.approval_above is not None and amount.minor > limits.approval_above:
        reasons.append(ABOVE_LIMIT)
    if mode == LIVE and is_young(target):
        reasons.append(NEW_DESTINATION)
    return reasons


def is_young(target: Target) -> bool:
    """Whether the merchant has not kept this destination for long enough, or does not keep it at all."""
    return target.row is None or target.row.usable_from > now()


def makers_of(caller: Caller, *targets: Target) -> list[str]:
    """Everybody who has had a hand in asking, none of whom may approve: the caller, whoever made the caller's key, and
    whoever brought a destination that is young."""
    makers = [caller.actor, *makers_of_key(caller.actor)]
    makers += [target.row.created_by for target in targets if target.row is not None and is_young(target)]
    return sorted(set(makers))


def makers_of_key(actor: str) -> list[str]:
    """Whom a key acts for: the person who made it, by way of other keys too. Empty for people themselves."""
    makers: list[str] = []
    while len(makers) < DEEPEST:
        try:
            key_id = from_public("key", actor)
        except PublicIdInvalid:
            break
        made_by = ApiKey.objects.filter(id=key_id).values_list("created_by", flat=True).first()
        if made_by is None:
            break
        makers.append(made_by)
        actor = made_by
    return makers
