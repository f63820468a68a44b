"""Money that came by itself: stored once, booked at once, and given to whomever it belongs as soon as it may be."""

from dataclasses import dataclass
from typing import Any

from merchants.models import Merchant, ProviderAccount
from onpoint_pay.kit.caller import LIVE
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.ids import new_id
from payments.models import C2bReceipt, Payment, ProviderEvent
from payments.serializers.payments import payment_body
from payments.services.c2b_credit import give_to_account, give_to_payment
from payments.services.c2b_events import note_receipt, publish_receipt, tell_receipt
from payments.services.c2b_owner import Owner, find_owner
from payments.services.c2b_suspense import (
    BY_RECEIPT,
    CONFIRMED,
    MATCHED,
    PENDING,
    REFUTED,
    SUGGESTED,
    UNMATCHED,
    VERIFIED,
    WAIVED,
    attach,
    hold,
    objection,
    received_as,
)
from payments.services.evidence import APPLIED, DUPLICATE, QUARANTINED, lock_receipt
from payments.services.questions import ask_about_receipt
from providers.types import Receipt
from webhooks.services.outbox import publish_event

WAITS_EN = "Waits for the provider to confirm that the money came."
WAITS_SW = "Inasubiri mtoa huduma athibitishe kuwa pesa zimekuja."


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One receipt as somebody told of it. `source` is a word of the receipt, `how` one of a payment's `confirmed_by`.

    `is_proof`: it is the provider's own list, or its answer to a question of ours.
    """

    received: Receipt
    account: ProviderAccount
    evidence: ProviderEvent
    source: str
    how: str
    is_proof: bool = False


# --- arrival ----------------------------------------------------------------------------------------------------------


def take_in(arrival: Arrival) -> tuple[str, str]:
    """Store and book a receipt that is told of for the first time; the status and note its claim ends in.

    Must run in a transaction that holds the claim. What is known already changes nothing, but proves it.
    """
    told, account = arrival.received, arrival.account
    lock_receipt(account.provider, account.mode, told.receipt)
    known = received_as(account.provider, account.mode, told.receipt)
    if known is not None:
        return _told_again(known, arrival)
    row = _new_row(arrival)
    paid = Payment.objects.filter(provider=row.provider, mode=row.mode, receipt=row.receipt).first()
    if paid is not None:
        return _of_paid(row, paid, how=arrival.how)
    row.save(force_insert=True)
    owner = find_owner(row)
    if not _confirms_prompt(row, owner, arrival):
        publish_receipt(row, "received")
        _place(row, owner, evidence=arrival.evidence, how=arrival.how)
        note_receipt(row, "received")
    if row.verification == PENDING:
        ask_about_receipt(row)
    return APPLIED, row.reason or ""


def _confirms_prompt(row: C2bReceipt, owner: Owner, arrival: Arrival) -> bool:
    """The money of a prompt, told of by the other door first: booked as the prompt's, it is no news of its own."""
    is_believed = owner.is_prompt and row.verification in CONFIRMED
    return is_believed and not _give(row, owner, evidence=arrival.evidence, how=arrival.how)


def _told_again(known: C2bReceipt, arrival: Arrival) -> tuple[str, str]:
    told = arrival.received
    if (known.amount, known.currency) != (told.money.minor, told.money.currency):
        return QUARANTINED, "another amount under a receipt that is known"
    has_learned = _learn(known, told, is_proof=arrival.is_proof)
    if arrival.is_proof:
        confirm(known, evidence=arrival.evidence, how=arrival.how)
    elif has_learned and known.state != MATCHED and known.verification in CONFIRMED:
        settle(known, evidence=arrival.evidence, how=arrival.how)
    return DUPLICATE, ""


def _learn(known: C2bReceipt, told: Receipt, *, is_proof: bool) -> bool:
    """What the first word did not say: a list has no names, an answer no text. Whether there was any.

    The list knows what the payer typed better than a callback that nobody has signed.
    """
    knows_better = is_proof and known.state != MATCHED and bool(told.account_reference)
    gained = {
        "bill_ref": told.account_reference if knows_better else known.bill_ref or told.account_reference,
        "phone": known.phone or told.phone,
        "phone_hash": known.phone_hash or told.phone_hash,
        "payer_name": known.payer_name or told.payer_name,
        "occurred_at": known.occurred_at or told.occurred_at,
        "float_after": known.float_after if told.float_after is None else told.float_after.minor,
    }
    news = {name: value for name, value in gained.items() if value != getattr(known, name)}
    for name, value in news.items():
        setattr(known, name, value)
    if news:
        known.save(update_fields=list(news))
    return bool(news)


def _new_row(arrival: Arrival) -> C2bReceipt:
    told, account = arrival.received, arrival.account
    needs_word = not arrival.is_proof and must_verify(account)
    facts: dict[str, Any] = {"verification": PENDING if needs_word else WAIVED, "verified_by": None}
    if arrival.is_proof:
        facts = {"verification": VERIFIED, "verified_by": arrival.how}
    return C2bReceipt(
        id=new_id(),
        provider=account.provider,
        mode=account.mode,
        provider_account=account,
        merchant_id=account.merchant_id,
        receipt=told.receipt,
        # Money of a till arrives on its store's account.
        shortcode=account.shortcode,
        amount=told.money.minor,
        currency=told.money.currency,
        bill_ref=told.account_reference,
        phone=told.phone,
        phone_hash=told.phone_hash,
        phone_masked=told.phone_masked,
        payer_name=told.payer_name,
        occurred_at=told.occurred_at,
        received_at=now(),
        source=arrival.source,
        evidence=arrival.evidence,
        float_after=None if told.float_after is None else told.float_after.minor,
        state=UNMATCHED,
        suggestions=[],
        version=1,
        **facts,
    )


def must_verify(account: ProviderAccount) -> bool:
    """Whether a confirmation is asked back before its money is anybody's; by default in live mode: nobody signs it."""
    policy = Merchant.ConfirmPolicy.DEFAULT
    if account.merchant is not None:
        policy = Merchant.ConfirmPolicy(account.merchant.confirm_policy)
    return policy == "always" or (policy == "default" and account.mode == LIVE)


def _of_paid(row: C2bReceipt, owner: Payment, *, how: str) -> tuple[str, str]:
    """The other door told of it before: the money is booked, only the row is missing."""
    doubt = objection(row, owner)
    if doubt:
        return QUARANTINED, doubt
    row.save(force_insert=True)
    attach(row, owner, BY_RECEIPT, source=owner.confirmed_by or how)
    return APPLIED, ""


# --- whose it is ------------------------------------------------------------------------------------------------------


def settle(row: C2bReceipt, *, evidence: ProviderEvent, how: str) -> None:
    """Look anew whose a receipt's money is, and give it to them; else it stays in suspense, and it is said why.

    The caller holds `lock_receipt`; `evidence` is a waiting event that no state has used. What a person took from its
    owner is given to nobody by rule.
    """
    if row.decided_by is None:
        _place(row, find_owner(row), evidence=evidence, how=how)


def _place(row: C2bReceipt, owner: Owner, *, evidence: ProviderEvent, how: str) -> None:
    """One transfer in one transaction, so that its locks come in the order of the accounts: money that has an owner is
    captured where it lies, in the float or in suspense, and everything else is held."""
    is_believed = row.verification in CONFIRMED
    objection = _give(row, owner, evidence=evidence, how=how) if is_believed and owner.match else None
    if objection == "":
        return
    if row.suspense_transfer_id is None:
        hold(row)
    if not is_believed:
        _wait(row, owner)
    else:
        keep(row, owner.refused(objection) if objection else owner)


def _give(row: C2bReceipt, owner: Owner, *, evidence: ProviderEvent, how: str) -> str:
    """The objection, empty when the money has its owner."""
    assert owner.match is not None  # noqa: S101 - only what is sure is given
    if owner.payment is not None:
        return give_to_payment(row, owner.payment, owner.match, evidence=evidence.id, source=how)
    assert owner.account is not None  # noqa: S101 - a match has one of both
    return give_to_account(row, owner.account, owner.match, evidence=evidence.id, source=how)


def keep(row: C2bReceipt, owner: Owner) -> None:
    """Nobody takes it by itself: say what may be true, once, and leave it to a person."""
    state = SUGGESTED if owner.suggestions else UNMATCHED
    if row.version > 1 and (row.state, row.suggestions, row.reason) == (state, owner.suggestions, owner.reason):
        return
    _describe(row, owner, state)
    tell_receipt(row, state)
    if owner.other_amount is not None:
        _tell_mismatch(row, owner.other_amount)


def _wait(row: C2bReceipt, owner: Owner) -> None:
    """Not believed yet: whom it seems to be for is kept in mind, and nobody is told that it is theirs."""
    suggestions = owner.as_suggestion()
    seen = Owner(
        rule=owner.match.rule if owner.match else owner.rule,
        score=owner.match.score if owner.match else owner.score,
        reason=WAITS_EN,
        reason_sw=WAITS_SW,
        suggestions=suggestions,
    )
    _describe(row, seen, SUGGESTED if suggestions else UNMATCHED)


def _describe(row: C2bReceipt, owner: Owner, state: str) -> None:
    row.state, row.suggestions, row.account = state, owner.suggestions, None
    row.rule, row.score, row.reason, row.reason_sw = owner.rule, owner.score, owner.reason, owner.reason_sw
    row.version += 1
    row.save()


def _tell_mismatch(row: C2bReceipt, payment: Payment) -> None:
    publish_event(
        merchant_id=payment.merchant_id,
        mode=payment.mode,
        type="payment.amount_mismatch",
        object_id=row.id,
        body_object=payment_body(payment),
        previous=None,
        request_id=payment.request_id,
        inline_endpoint_id=payment.callback_endpoint,
    )


# --- believed, or not -------------------------------------------------------------------------------------------------


def confirm(row: C2bReceipt, *, evidence: ProviderEvent, how: str) -> bool:
    """The provider's own word proves the receipt; whoever waits for its money gets it. Whether that is news.

    The caller holds `lock_receipt`.
    """
    is_news = row.verification in (PENDING, REFUTED)
    if row.verification != VERIFIED:
        row.verification, row.verified_by = VERIFIED, how
        row.save(update_fields=["verification", "verified_by"])
    if row.state != MATCHED:
        settle(row, evidence=evidence, how=how)
    return is_news


def refute(row: C2bReceipt, *, reason: str, reason_sw: str) -> None:
    """The provider denies what a callback said: the money stays in suspense, for a person. Holds `lock_receipt`."""
    if row.verification != PENDING or row.state == MATCHED:
        return
    row.verification, row.state, row.account, row.suggestions = REFUTED, UNMATCHED, None, []
    row.rule, row.score, row.reason, row.reason_sw = None, None, reason, reason_sw
    row.version += 1
    row.save()
    tell_receipt(row, UNMATCHED)
