"""What a payment costs its merchant, and how an operator changes that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from audit.services import record
from merchants.models import Merchant
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now, rfc3339
from onpoint_pay.kit.db import broke
from onpoint_pay.kit.money import Money
from settlements.fees import FeePlanInvalid, Rule, Terms, charge, rule_for
from settlements.models import FeePlan, FeePlanVersion, FeeRule
from settlements.selectors.fee_plans import coming, forget_plans, in_force, plans, read_plans
from settlements.serializers.fees import fees_body


@dataclass(frozen=True, slots=True, kw_only=True)
class FrozenFee:
    """Fee and tax of one payment, and the version of the plan that said so; None when it was the merchant's own row."""

    fee: Money
    tax: Money
    version_id: UUID | None


def fee_of(merchant_id: UUID, *, method: str, amount: Money, at: datetime, own: Terms | None = None) -> FrozenFee:
    """What `amount` costs: by the merchant's plan, else by everybody's, else by the merchant's own fee.

    A plan without a rule for the method and amount says nothing. `own` is the merchant's own fee where the caller
    knows it. Asks the database for nothing that this process has known for a few seconds.
    """
    known = plans()
    for owner in (merchant_id, None):
        version = in_force(known.get((owner, amount.currency), ()), at)
        rule = rule_for(version.rules, method=method, amount=amount.minor) if version else None
        if version and rule:
            fee, tax = charge(amount, rule.terms)
            return FrozenFee(fee=fee, tax=tax, version_id=version.id)
    fee, tax = charge(amount, own or own_terms(merchant_id))
    return FrozenFee(fee=fee, tax=tax, version_id=None)


def own_terms(merchant_id: UUID) -> Terms:
    """The fee that stands on the merchant itself."""
    merchant = Merchant.objects.only("fee_bps", "fee_flat").get(id=merchant_id)
    return Terms(bps=merchant.fee_bps, flat=merchant.fee_flat)


def fees_shown(caller: Caller, *, currency: str = "KES") -> dict[str, Any]:
    """The fees of the caller's merchant as they are now and as they are known to change, for showing."""
    own = Terms(bps=caller.merchant.fee_bps, flat=caller.merchant.fee_flat)
    return shown(caller.merchant_id, own=own, currency=currency, livemode=caller.livemode)


def shown(merchant_id: UUID | None, *, own: Terms, currency: str, livemode: bool) -> dict[str, Any]:
    """The same for any merchant, or with None for those who have no plan of their own."""
    known, at = read_plans(), now()
    theirs, everybodys = known.get((merchant_id, currency), ()), known.get((None, currency), ())
    version = in_force(theirs, at) or in_force(everybodys, at)
    source = "platform_plan" if version else "merchant_fee"
    if merchant_id is not None and in_force(theirs, at):
        source = "merchant_plan"
    # Once a merchant has a plan of their own, everybody's is nothing to them.
    later = coming(theirs, at) or (None if in_force(theirs, at) else coming(everybodys, at))
    return fees_body(livemode=livemode, currency=currency, source=source, version=version, later=later, own=own)


def set_plan(
    rules: Sequence[Rule], *, merchant_id: UUID | None, currency: str, effective_from: datetime | None, actor: str
) -> FeePlanVersion:
    """A further version of a merchant's plan, or with None of everybody's. Without a date it holds as soon as may be.

    It may not begin before every process has heard of it, so that no payment is priced by what is over.
    Raises FeePlanInvalid.
    """
    earliest = now() + timedelta(seconds=settings.FEE_PLAN_CACHE_SECONDS)
    if effective_from is not None and effective_from < earliest:
        raise FeePlanInvalid(f"A plan is never dated back: it can begin at {rfc3339(earliest)} or later.")
    if not rules:
        raise FeePlanInvalid("A plan has one rule or more.")
    with transaction.atomic():
        version = _store(rules, merchant_id=merchant_id, currency=currency, at=effective_from or earliest, actor=actor)
        record(
            merchant_id=merchant_id,
            actor=actor,
            action="fee_plan.set",
            object_id=str(version.id),
            detail={"effective_from": rfc3339(version.effective_from), "rules": len(rules), "currency": currency},
        )
    forget_plans()
    return version


def _store(
    rules: Sequence[Rule], *, merchant_id: UUID | None, currency: str, at: datetime, actor: str
) -> FeePlanVersion:
    plan, _ = FeePlan.objects.get_or_create(merchant_id=merchant_id, currency=currency)  # type: ignore[misc]
    try:
        with transaction.atomic():
            version = FeePlanVersion.objects.create(plan=plan, effective_from=at, created_by=actor)
    except IntegrityError as error:
        if broke(error, "fee_plan_version_once"):
            raise FeePlanInvalid("Another version of this plan begins at that very moment.") from None
        raise
    FeeRule.objects.bulk_create([_row(version, rule) for rule in rules])
    return version


def _row(version: FeePlanVersion, rule: Rule) -> FeeRule:
    terms = rule.terms
    return FeeRule(
        version=version,
        method=rule.method,
        amount_from=rule.start,
        amount_to=rule.end,
        bps=terms.bps,
        flat=terms.flat,
        least=terms.least,
        most=terms.most,
        tax_bps=terms.tax_bps,
    )
