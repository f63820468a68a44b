"""Keeping back what a merchant is paid out, and letting it go again: money falls due and stays in the balance."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from audit.services import record
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.operator import OperatorCard
from settlements.models import SettlementProfile
from settlements.services.profiles import set_profile

# Merchants read it. What is suspected stands in the platform's own chain only.
TOLD = "The platform is looking into something before it pays out."


def hold_payouts_of(merchant_id: UUID, card: OperatorCard, *, why: Mapping[str, Any]) -> None:
    """Pay nothing out to the merchant by itself until somebody lets it go."""
    _set(merchant_id, card, "settlements.held", why, hold=True, hold_reason=TOLD)


def release_payouts_of(merchant_id: UUID, card: OperatorCard, *, why: Mapping[str, Any]) -> None:
    _set(merchant_id, card, "settlements.let_go", why, hold=False)


def is_held(merchant_id: UUID) -> bool:
    return SettlementProfile.objects.filter(merchant_id=merchant_id, hold=True).exists()


def _set(merchant_id: UUID, card: OperatorCard, action: str, why: Mapping[str, Any], **changes: Any) -> None:
    with transaction.atomic():
        set_profile(merchant_id, actor=card.actor, **changes)
        name = to_public("mer", merchant_id)
        record(merchant_id=None, actor=card.actor, action=action, object_id=name, detail={**why, **card.told})
