"""Whose money came by itself: what the rules say, and what is kept of it for a person."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.money import Money
from payments.matching import Decision, Kind, Suggestion, decide
from payments.models import C2bAccount, C2bReceipt, Payment
from payments.selectors.c2b_candidates import PROMPT, candidates_for, paid_of, payment_named, place_of
from payments.services.c2b_suspense import BY_REFERENCE, Match
from payments.services.surplus import surplus_without_receipt
from payments.states import PAID

PREFIXES = {Kind.ACCOUNT: "acc", Kind.PAYMENT: "pay"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who takes the money, a payment or an account, and why; neither: what may be true, for a person to decide.

    `other_amount` is a payment that was named and asked for another amount.
    """

    payment: Payment | None = None
    account: C2bAccount | None = None
    match: Match | None = None
    rule: str | None = None
    score: Any = None
    reason: str = ""
    reason_sw: str = ""
    suggestions: list[dict[str, Any]] = field(default_factory=list)
    other_amount: Payment | None = None

    @property
    def is_prompt(self) -> bool:
        return self.payment is not None and self.payment.channel == PROMPT

    def as_suggestion(self) -> list[dict[str, Any]]:
        """The one who takes the money, told of while it may not be taken yet."""
        if self.match is None:
            return self.suggestions
        key = self.account.id if self.account else self.payment.id if self.payment else None
        assert key is not None  # noqa: S101 - a match has one of both
        shown = {
            "type": (Kind.ACCOUNT if self.account else Kind.PAYMENT).value,
            "id": to_public("acc" if self.account else "pay", key),
            "merchant": str((self.account or self.payment).merchant_id),  # type: ignore[union-attr]
            "score": f"{self.match.score:.2f}",
            "rule": self.match.rule,
            "reason": self.match.reason,
            "reason_sw": self.match.reason_sw,
        }
        return [shown]

    def refused(self, objection: str) -> "Owner":
        """Nobody's after all, for the reason the payment's own record gives."""
        return Owner(
            rule=self.match.rule if self.match else None,
            reason=f"It was not taken: {objection}.",
            reason_sw=f"Haikuchukuliwa: {objection}.",
            suggestions=self.as_suggestion(),
        )


def find_owner(row: C2bReceipt) -> Owner:
    """By a payment's own reference, else by the rules of matching. Reads only."""
    paid, place = paid_of(row), place_of(row)
    named = payment_named(paid, place)
    if named is not None:
        return _named(row, named)
    candidates, aliases = candidates_for(paid, place)
    decision = decide(paid, candidates, aliases)
    kinds = {candidate.id: candidate.kind for candidate in candidates}
    if decision.candidate_id is None:
        return _undecided(decision, kinds)
    if kinds[decision.candidate_id] is Kind.PAYMENT:
        payment = Payment.objects.get(id=decision.candidate_id)
        return Owner(payment=payment, match=_match(decision))
    account = C2bAccount.objects.get(id=decision.candidate_id)
    return Owner(account=account, match=_match(decision, account_id=account.id))


def suggestions_for(row: C2bReceipt, *, merchant_id: UUID) -> list[dict[str, Any]]:
    """Who may own the money by what is known now, for one merchant's eyes; nobody once it has an owner."""
    if row.payment_id is not None:
        return []
    return [each for each in find_owner(row).as_suggestion() if each["merchant"] == str(merchant_id)]


def _named(row: C2bReceipt, payment: Payment) -> Owner:
    if payment.status in PAID and payment.receipt is not None:
        payment = surplus_without_receipt(payment) or payment
    asked, came = (Money(minor, row.currency).decimal_text() for minor in (payment.amount, row.amount))
    if payment.status in PAID and payment.receipt is not None:
        return _against(
            payment,
            reason="The payment that was named is paid already.",
            reason_sw="Malipo yaliyotajwa yameshalipwa.",
        )
    if (payment.amount, payment.currency) != (row.amount, row.currency):
        return _against(
            payment,
            reason=f"The payment that was named asked for {asked}, but {came} came.",
            reason_sw=f"Malipo yaliyotajwa yaliomba {asked}, lakini {came} zimekuja.",
            other_amount=payment,
        )
    return Owner(payment=payment, match=BY_REFERENCE)


def _against(payment: Payment, *, reason: str, reason_sw: str, other_amount: Payment | None = None) -> Owner:
    return Owner(rule=BY_REFERENCE.rule, reason=reason, reason_sw=reason_sw, other_amount=other_amount)


def _match(decision: Decision, *, account_id: UUID | None = None) -> Match:
    return Match(
        rule=decision.rule.value,
        reason=decision.reason,
        reason_sw=decision.reason_sw,
        score=decision.score,
        account_id=account_id,
    )


def _undecided(decision: Decision, kinds: dict[UUID, Kind]) -> Owner:
    return Owner(
        rule=decision.rule.value if decision.suggestions else None,
        score=decision.score if decision.suggestions else None,
        reason=decision.reason,
        reason_sw=decision.reason_sw,
        suggestions=[_kept(each, kinds[each.candidate_id]) for each in decision.suggestions],
    )


def _kept(suggestion: Suggestion, kind: Kind) -> dict[str, Any]:
    """As it is stored and shown. `merchant` alone may see it."""
    return {
        "type": kind.value,
        "id": to_public(PREFIXES[kind], suggestion.candidate_id),
        "merchant": str(suggestion.merchant),
        "score": f"{suggestion.score:.2f}",
        "rule": suggestion.rule.value,
        "reason": suggestion.reason,
        "reason_sw": suggestion.reason_sw,
    }
