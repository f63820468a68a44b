"""Claims: somebody names a receipt and says whose it is. Looked up here, then at the provider."""

from typing import Any

from django.db.models import Q

from merchants.models import ProviderAccount
from onpoint_pay.kit.caller import Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import new_id
from payments import schedule
from payments.matching.payers import PayerFit
from payments.models import C2bClaim, C2bReceipt, Payment
from payments.services.c2b_events import note_claim, tell_claim
from payments.services.c2b_hand import BY_CLAIM, Target, hand_over
from payments.services.c2b_suspense import CONFIRMED, MATCHED, PENDING, REFUTED, fit_of, received_as
from payments.services.evidence import lock_receipt
from payments.services.questions import ask_about_claim, ask_about_receipt
from providers.mpesa.sms import read_claim

JOB = "payments.close_stale_claims"
ACCEPTED, REFUSED = "accepted", "refused"
NOT_FOUND = "No such receipt was found for this shortcode."
# The provider's list reaches two days back: what it has not told of by then, it will not.
WAITS_SECONDS = 48 * 3600


def make_claim(caller: Caller, *, param: str, text: str, target: Target) -> C2bClaim:
    """Claim the receipt in `text` (`param`: receipt or sms) for the target; accepted, refused, or pending meanwhile.

    Raises Invalid when there is no receipt code in it, Problem receipt_already_used for one that has served already.
    """
    told = read_claim(text)
    if told is None:
        raise Invalid([Fault(param=param, code="parameter_invalid", detail="There is no receipt code in it.")])
    account = _account_of(target)
    claim = C2bClaim(
        id=new_id(),
        merchant_id=caller.merchant_id,
        mode=caller.mode,
        provider=account.provider,
        receipt=told.receipt,
        payment=target.payment,
        account=target.account,
        status=PENDING,
        created_by=caller.actor,
        created_at=now(),
        version=1,
    )
    return retry_unit(lambda: _open(claim, account))


def _account_of(target: Target) -> ProviderAccount:
    """The account whose shortcode the target's money comes to."""
    aim = target.account or target.payment
    assert aim is not None  # noqa: S101 - a target is one of both
    rows = ProviderAccount.objects.filter(provider=aim.provider, mode=aim.mode, shortcode=aim.shortcode)
    rows = rows.filter(Q(merchant_id=aim.merchant_id) | Q(merchant_id=None))
    found: ProviderAccount | None = rows.order_by("-is_active", "merchant_id").first()
    if found is None:
        raise Problem("state_conflict", "The shortcode is not set up for money that payers send by themselves.")
    return found


def _open(claim: C2bClaim, account: ProviderAccount) -> C2bClaim:
    lock_receipt(claim.provider, claim.mode, claim.receipt)
    waiting: C2bClaim | None = C2bClaim.objects.filter(
        merchant_id=claim.merchant_id, mode=claim.mode, provider=claim.provider, receipt=claim.receipt, status=PENDING
    ).first()
    if waiting is not None:
        if (waiting.account_id, waiting.payment_id) != (claim.account_id, claim.payment_id):
            raise Problem("state_conflict", "The receipt is being claimed for something else.")
        return waiting
    _refuse_used(claim)
    claim.save(force_insert=True)
    row = received_as(claim.provider, claim.mode, claim.receipt)
    if row is None or not _is_claimable(row, claim):
        # What is somebody else's looks like what nobody knows.
        ask_about_claim(claim, account)
    else:
        _decide(claim, row)
    if claim.status == PENDING:
        note_claim(claim)
    return claim


def _refuse_used(claim: C2bClaim) -> None:
    place: dict[str, Any] = {"provider": claim.provider, "mode": claim.mode, "receipt": claim.receipt}
    mine = Payment.objects.filter(merchant_id=claim.merchant_id, **place)
    served = C2bClaim.objects.filter(merchant_id=claim.merchant_id, status=ACCEPTED, **place)
    if mine.exists() or served.exists():
        raise Problem("receipt_already_used")


# --- deciding ---------------------------------------------------------------------------------------------------------


def _is_claimable(row: C2bReceipt, claim: C2bClaim) -> bool:
    """Unowned, on the target's shortcode, and the claimant's: on a shared shortcode the target's payer must agree."""
    target = claim.account or claim.payment
    if row.state == MATCHED or target is None or row.shortcode != target.shortcode:
        return False
    if row.merchant_id is not None:
        return row.merchant_id == claim.merchant_id
    return fit_of(row, target.phone) >= PayerFit.COMPATIBLE


def _decide(claim: C2bClaim, row: C2bReceipt) -> None:
    if row.verification == REFUTED:
        _close(claim, REFUSED, "M-Pesa denies this receipt.")
        return
    if row.verification not in CONFIRMED:
        ask_about_receipt(row)
        return
    target = Target(account=claim.account, payment=claim.payment)
    objection = hand_over(row, target, rule=BY_CLAIM, actor=claim.created_by)
    if objection:
        _close(claim, REFUSED, f"The money was not taken: {objection}.")
    else:
        _close(claim, ACCEPTED, None, row=row)


def _close(claim: C2bClaim, status: str, reason: str | None, *, row: C2bReceipt | None = None) -> None:
    claim.status, claim.reason, claim.c2b_receipt, claim.closed_at = status, reason, row, now()
    claim.version += 1
    claim.save()
    if status == ACCEPTED:
        tell_claim(claim)
    else:
        note_claim(claim)


# --- what waits -------------------------------------------------------------------------------------------------------


def settle_claims(provider: str, mode: str, receipt: str) -> None:
    """The receipt has come, or is believed: whoever claims it is answered, the first who asked first."""
    waiting = C2bClaim.objects.filter(provider=provider, mode=mode, receipt=receipt, status=PENDING)
    for claim in waiting.order_by("id"):
        retry_unit(lambda claim=claim: _settle(claim))  # type: ignore[misc]


def _settle(claim: C2bClaim) -> None:
    lock_receipt(claim.provider, claim.mode, claim.receipt)
    claim = C2bClaim.objects.select_related("account", "payment").get(id=claim.id)
    row = received_as(claim.provider, claim.mode, claim.receipt)
    if claim.status != PENDING or row is None:
        return
    if _is_targets(row, claim):
        _close(claim, ACCEPTED, None, row=row)
    elif _is_claimable(row, claim):
        _decide(claim, row)
    else:
        _close(claim, REFUSED, NOT_FOUND)


def _is_targets(row: C2bReceipt, claim: C2bClaim) -> bool:
    """The money has found its way to what it is claimed for."""
    if row.state != MATCHED or row.merchant_id != claim.merchant_id:
        return False
    return row.account_id == claim.account_id if claim.account_id else row.payment_id == claim.payment_id


def refuse_claim(claim: C2bClaim) -> None:
    """The provider knows of no such money. Must run in a transaction."""
    lock_receipt(claim.provider, claim.mode, claim.receipt)
    fresh = C2bClaim.objects.get(id=claim.id)
    if fresh.status == PENDING:
        _close(fresh, REFUSED, NOT_FOUND)


def close_stale_claims() -> int:
    """Refuse what has waited longer than the provider's list reaches back; returns how many."""
    old = C2bClaim.objects.filter(status=PENDING, created_at__lt=now() - schedule.scaled(WAITS_SECONDS))
    stale = list(old.order_by("created_at")[:100])
    for claim in stale:
        retry_unit(lambda claim=claim: refuse_claim(claim))  # type: ignore[misc]
    return len(stale)
