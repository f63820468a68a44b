"""The wish to pay, decided inside the provider's own request: a payment that nobody could place is not taken."""

from dataclasses import dataclass
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction

from merchants.models import Merchant, ProviderAccount
from merchants.selectors.limits import Limits, limits_of_many
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.money import Money
from payments.matching import Candidate, Paid, decide
from payments.matching.types import Kind
from payments.models import Payment, ProviderEvent
from payments.selectors.c2b_candidates import Place, candidates_for, has_accounts, payment_named
from payments.services.c2b_confirmations import accounts_with, numbers_of
from payments.services.c2b_credit import CHANNEL
from payments.services.evidence import IGNORED, close_event, read_claim
from payments.services.limits import would_reach
from payments.states import CLOSED_UNPAID, PAID
from providers.errors import CallbackMalformed
from providers.registry import parser_for
from providers.types import CallbackReply, Receipt, ValidationRefusal

log = structlog.get_logger(__name__)
# The provider waits eight seconds for us and the network together. We answer within two: a handful of statements.
STATEMENT_MILLISECONDS = 250
SMALLEST = 100


def answer_validation(event_id: int, *, source_ip: str | None) -> CallbackReply:
    """The reply to a stored wish to pay, decided now; what cannot be decided gets the account's default.

    A wish without a token of ours is taken, unless it comes from an address that is known to be the provider's: a
    stranger must not learn which codes there are.
    """
    event = ProviderEvent.objects.select_related("provider_account__merchant").get(id=event_id)
    refusal, note = _decide(event, source_ip=source_ip)
    verdict = "accepted" if refusal is None else f"refused, {refusal.value}"
    close_event(event, IGNORED, f"{verdict}: {note}")
    return parser_for(event.provider).reply_to_validation(refusal)


def _decide(event: ProviderEvent, *, source_ip: str | None) -> tuple[ValidationRefusal | None, str]:
    try:
        wish = read_claim(event).received
    except CallbackMalformed as error:
        return None, f"cannot be read: {error}"
    assert wish is not None  # noqa: S101 - validations carry what is to be received
    account = _account_of(event, wish, source_ip=source_ip)
    return (None, "untrusted") if account is None else _in_time(account, wish)


def _account_of(event: ProviderEvent, wish: Receipt, *, source_ip: str | None) -> ProviderAccount | None:
    if event.token_ok:
        return event.provider_account
    if source_ip not in settings.CALLBACK_ADDRESSES:
        return None
    return next(iter(accounts_with(event.provider, wish.shortcode)), None)


def _in_time(account: ProviderAccount, wish: Receipt) -> tuple[ValidationRefusal | None, str]:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MILLISECONDS}")
            return decide_wish(account, wish)
    except Exception:
        # Whatever keeps us from deciding, the payer is waiting.
        log.exception("validation_undecided", account=account.public_id)
        default = None if account.accepts_when_silent else ValidationRefusal.OTHER
        return default, "could not be decided in time"


# --- the rules --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Where the money would go: to this merchant, for this amount if one is asked for."""

    merchant_id: UUID
    expected: Money | None
    # Such money is among what the limits count already.
    is_asked_for: bool = False


def decide_wish(account: ProviderAccount, wish: Receipt) -> tuple[ValidationRefusal | None, str]:
    """Why the payment shall not be taken, None when it shall; and the same in words.

    What would be matched or suggested is taken: being exact matters when money is credited, not when it comes.
    """
    if wish.shortcode not in numbers_of(account):
        return ValidationRefusal.SHORTCODE, "the shortcode is not this account's"
    if not SMALLEST <= wish.money.minor <= settings.MPESA_MAX_AMOUNT * 100:
        return ValidationRefusal.AMOUNT, "outside the limits"
    place = Place(provider=account.provider, mode=account.mode, shortcode=account.shortcode)
    goals = _goals(account, wish, place)
    if goals is None:
        return _unplaced(account, place)
    return _of_goals(goals, wish, mode=account.mode)


def _unplaced(account: ProviderAccount, place: Place) -> tuple[ValidationRefusal | None, str]:
    if account.merchant is not None and account.merchant.status == Merchant.Status.SUSPENDED:
        return ValidationRefusal.OTHER, "the merchant is suspended"
    if account.till is not None:
        return None, "tills have no account numbers"
    if not has_accounts(place, account.merchant_id):
        return None, "the shortcode has no accounts"
    return ValidationRefusal.ACCOUNT, "no open account or payment fits"


def _of_goals(goals: list[Goal], wish: Receipt, *, mode: str) -> tuple[ValidationRefusal | None, str]:
    merchants = Merchant.objects.in_bulk({goal.merchant_id for goal in goals})
    working = [goal for goal in goals if merchants[goal.merchant_id].status != Merchant.Status.SUSPENDED]
    if not working:
        return ValidationRefusal.OTHER, "the merchant is suspended"
    limits = limits_of_many({goal.merchant_id for goal in working}, mode)
    if all(wish.money.minor > limits[goal.merchant_id].largest for goal in working):
        return ValidationRefusal.AMOUNT, "more than the merchant takes at once"
    if all(_has_had_enough(goal, limits[goal.merchant_id], wish, mode=mode) for goal in working):
        return ValidationRefusal.AMOUNT, "more than the merchant takes in this time"
    if all(goal.expected not in (None, wish.money) for goal in working):
        return ValidationRefusal.AMOUNT, "another amount is asked for"
    return None, "an open account or payment fits"


def _has_had_enough(goal: Goal, limits: Limits, wish: Receipt, *, mode: str) -> bool:
    """Nobody waits for anybody here: of two wishes at once both may be granted, and what comes is taken."""
    if goal.is_asked_for:
        return False
    return would_reach(limits, goal.merchant_id, wish.money, mode=mode, phone=wish.phone, at=now()) is not None


def _goals(account: ProviderAccount, wish: Receipt, place: Place) -> list[Goal] | None:
    """Everything open that the payment could be for; None when there is nothing."""
    paid = Paid(
        receipt=wish.receipt,
        amount=wish.money,
        typed=wish.account_reference,
        phone=wish.phone,
        phone_hash=wish.phone_hash,
        phone_masked=wish.phone_masked,
        payer_name=wish.payer_name,
        at=wish.occurred_at,
        merchant=account.merchant_id,
    )
    named = payment_named(paid, place)
    if named is not None:
        # A prompt may still be answered when we have given it up; what a payer types by hand was closed for a reason.
        is_over = named.status in PAID or (named.channel == CHANNEL and named.status in CLOSED_UNPAID)
        return None if is_over else [_goal_of(named)]
    candidates, aliases = candidates_for(paid, place)
    decision = decide(paid, candidates, aliases)
    hits = {decision.candidate_id} | {each.candidate_id for each in decision.suggestions}
    return [_goal(each) for each in candidates if each.id in hits and each.is_open] or None


def _goal_of(payment: Payment) -> Goal:
    return Goal(merchant_id=payment.merchant_id, expected=Money(payment.amount, payment.currency), is_asked_for=True)


def _goal(candidate: Candidate) -> Goal:
    is_asked_for = candidate.kind is Kind.PAYMENT
    return Goal(merchant_id=candidate.merchant, expected=candidate.expected_amount, is_asked_for=is_asked_for)
