"""How far a business is verified, as its documents say, and who hears of a change."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from audit.services import record
from merchants.models import KycDocument, KycNotice, Merchant
from merchants.selectors.kyc import KycFacts, kyc_of
from merchants.selectors.records import forget_merchant
from merchants.serializers.kyc import document_body, kyc_body
from merchants.services.kyc_mail import tell_owners
from merchants.services.live_mode import is_verified
from merchants.states import APPROVED, EXPIRED, IN_REVIEW, REJECTED
from onpoint_pay.kit.caller import LIVE, MODES
from onpoint_pay.kit.errors import NotFound
from webhooks.services.outbox import publish_event


def locked_merchant(merchant_id: UUID) -> Merchant:
    """Two changes of one business's documents wait for each other. Raises NotFound."""
    merchant = Merchant.objects.select_for_update(no_key=True).filter(id=merchant_id).first()
    if merchant is None:
        raise NotFound
    return merchant


def standing_by(facts: KycFacts) -> Merchant.Kyc:
    """Verified when all that is required is approved.

    A verified business stays so until something that everybody shows is rejected or ends, and nothing of its type
    holds or waits: a paper sent in time, or one more that a reviewer asks for, does not close live mode.
    """
    approved, waiting = facts.types(APPROVED), facts.types(IN_REVIEW)
    if set(facts.required) <= approved:
        return Merchant.Kyc.VERIFIED
    is_lost = set(facts.base) & facts.types(REJECTED, EXPIRED) - approved - waiting
    if is_verified(facts.merchant) and not is_lost:
        return Merchant.Kyc.VERIFIED
    if waiting:
        return Merchant.Kyc.PENDING
    is_refused = set(facts.required) & facts.types(REJECTED) - approved
    return Merchant.Kyc.REJECTED if is_refused else Merchant.Kyc.UNVERIFIED


def settle_standing(merchant: Merchant, *, actor: str) -> None:
    """Bring the locked row to what its documents say; verified, live mode is open from its next request on."""
    before = Merchant.Kyc(merchant.kyc_status)
    after = standing_by(kyc_of(merchant.id))
    merchant.version += 1
    merchant.kyc_status = after
    if before != after:
        # The first time alone: what the operator switches off afterwards stays off.
        is_first = not KycNotice.objects.filter(merchant=merchant, kind=KycNotice.Kind.VERIFIED).exists()
        merchant.live_enabled = merchant.live_enabled or (after == Merchant.Kyc.VERIFIED and is_first)
        detail = {"from": before.value, "to": after.value}
        tell_audit(merchant.id, "kyc.status_changed", actor=actor, object_id=merchant.public_id, detail=detail)
    merchant.save(update_fields=["version", "kyc_status", "live_enabled"])
    if before != after and after == Merchant.Kyc.VERIFIED:
        publish_kyc(merchant, "kyc.approved", previous={"status": before.value})
        tell_owners(merchant, KycNotice.Kind.VERIFIED)
    merchant_id = merchant.id
    transaction.on_commit(lambda: forget_merchant(merchant_id), robust=True)


# --- who hears of it --------------------------------------------------------------------------------------------------


def tell_audit(
    merchant_id: UUID, action: str, *, actor: str, object_id: str, detail: dict[str, Any] | None = None
) -> None:
    record(merchant_id=merchant_id, actor=actor, action=action, object_id=object_id, detail=detail)


def publish_kyc(merchant: Merchant, type: str, *, previous: Mapping[str, Any] | None) -> None:
    """The business's standing, to the webhooks of both modes; its version tells one change from the next."""
    facts = kyc_of(merchant.id)
    for mode in MODES:
        publish_event(
            merchant_id=merchant.id,
            mode=mode,
            type=type,
            object_id=merchant.id,
            body_object=kyc_body(facts, livemode=mode == LIVE),
            previous=previous,
            request_id=None,
            nth=_nth(merchant.version, mode),
        )


def publish_expiring(document: KycDocument, *, days: int) -> None:
    for mode in MODES:
        publish_event(
            merchant_id=document.merchant_id,
            mode=mode,
            type="kyc.expiring",
            object_id=document.id,
            body_object=document_body(document, livemode=mode == LIVE),
            previous=None,
            request_id=None,
            nth=_nth(days, mode),
        )


def _nth(number: int, mode: str) -> int:
    """Apart from every other number and mode; the same news of one object is published once."""
    return 2 * number + MODES.index(mode) + 2
