"""What a merchant allows itself, and what the operator allows it: payments, refunds, and how often it may call."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from audit.services import record
from merchants.models import Merchant, MerchantLimits
from merchants.selectors.limits import caps_of, card_of, row_of
from merchants.selectors.records import forget_merchant
from merchants.serializers.limits import limits_body
from merchants.services.step_up import require_recent
from onpoint_pay.kit.caller import MODES, Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Fault, Invalid, NotFound
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from onpoint_pay.kit.origin import origin
from onpoint_pay.kit.versions import version_conflict
from webhooks.services.outbox import publish_event

OWN, CAP = "own", "cap"


def change_refund_limit(caller: Caller, limit: Money | None) -> None:
    """Refunds of more than `limit` wait from now on; None lets all go that their asker might approve.

    Raises Problem step_up_required.
    """
    require_recent(caller, to="change a limit")
    with transaction.atomic():
        merchant = Merchant.objects.select_for_update().get(id=caller.merchant_id)
        before = merchant.refund_approval_above
        merchant.refund_approval_above = None if limit is None else limit.minor
        if merchant.refund_approval_above == before:
            return
        merchant.version += 1
        merchant.save(update_fields=["refund_approval_above", "version"])
        record(
            merchant_id=merchant.id,
            actor=caller.actor,
            action="merchant.refund_limit_changed",
            object_id=merchant.public_id,
            detail={"from": before, "to": merchant.refund_approval_above},
        )


# --- payments ---------------------------------------------------------------------------------------------------------


def change_limits(caller: Caller, changes: Mapping[str, int | None], *, version: int | None) -> MerchantLimits:
    """Set the merchant's own limits of the caller's mode, in minor units by kind; None gives one up.

    `version` is what the caller has read, None when it does not matter. Raises Problem step_up_required and
    version_conflict, and Invalid for more than the operator allows.
    """
    require_recent(caller, to="change a limit")
    with transaction.atomic():
        row = _locked(caller.merchant_id, caller.mode)
        if version not in (None, row.version):
            raise version_conflict()
        caps = caps_of(card_of(row))
        faults = [
            _too_large(kind, cap) for kind, cap in caps.items() if cap is not None and (changes.get(kind) or 0) > cap
        ]
        if faults:
            raise Invalid(faults)
        return _change(row, OWN, changes, actor=caller.actor)


def allow(
    merchant_id: UUID, mode: str, *, caps: Mapping[str, int | None], rates: Mapping[str, str | None], actor: str
) -> MerchantLimits:
    """The operator's word for one merchant in one mode: caps by kind, rates by policy; None: the installation's again.

    What the merchant allows itself stays, and counts as far as the cap lets it. Raises NotFound.
    """
    with transaction.atomic():
        row = _locked(merchant_id, mode)
        wanted = {policy: rate for policy, rate in (row.rates | dict(rates)).items() if rate is not None}
        return _change(row, CAP, caps, rates=wanted, actor=actor)


def _locked(merchant_id: UUID, mode: str) -> MerchantLimits:
    """Two changes of one merchant wait for each other, the first ones too."""
    if Merchant.objects.select_for_update(no_key=True).filter(id=merchant_id).first() is None:
        raise NotFound
    return row_of(merchant_id, mode)


def _change(
    row: MerchantLimits,
    side: str,
    changes: Mapping[str, int | None],
    *,
    rates: Mapping[str, str] | None = None,
    actor: str,
) -> MerchantLimits:
    before = limits_body(row)
    row.set_side(side, changes)
    row.rates = dict(row.rates if rates is None else rates)
    after = limits_body(row)
    changed = [name for name, value in after.items() if value != before[name]]
    if not changed:
        return row
    row.version += 1
    row.changed_by, row.changed_at = actor, now()
    row.save()
    _tell(row, previous={name: before[name] for name in changed}, actor=actor)
    merchant_id = row.merchant_id
    transaction.on_commit(lambda: forget_merchant(merchant_id), robust=True)
    return row


def _tell(row: MerchantLimits, *, previous: dict[str, Any], actor: str) -> None:
    """To the audit trail and to the merchant's webhooks of the mode."""
    asked, body = origin(), limits_body(row)
    record(
        merchant_id=row.merchant_id,
        actor=actor,
        action="merchant.limits_changed",
        object_id=to_public("mer", row.merchant_id),
        detail={"mode": row.mode, "from": previous, "to": {name: body[name] for name in previous}},
    )
    publish_event(
        merchant_id=row.merchant_id,
        mode=row.mode,
        type="merchant.limits_changed",
        object_id=row.merchant_id,
        body_object=body,
        previous=previous,
        request_id=asked.request_id if asked else None,
        # Apart from every other version and mode: an event of one object is published once.
        nth=2 * row.version + MODES.index(row.mode),
    )


def _too_large(kind: str, cap: int) -> Fault:
    most = cap if kind == "payments_per_payer_day" else Money(cap)
    return Fault(param=kind, code="amount_too_large", detail=f"At most {most} is allowed for this business.")
