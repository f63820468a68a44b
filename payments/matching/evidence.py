"""What speaks for and against each candidate, before any rule looks at it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from payments.matching.payers import PayerFit, is_same_name
from payments.matching.typed_codes import Closeness, fold, nearest
from payments.matching.types import Candidate, Kind, LearnedAlias, Paid, fit, payer_key
from payments.matching.words import Doubt

# The provider's clock and ours differ; money older than that was not meant for the payment.
CLOCK_SKEW = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One candidate, weighed; `code` is that of its spellings which is nearest to what was typed.

    `obstacle`: why it cannot take this money, however sure it is that it was meant.
    """

    candidate: Candidate
    code: str
    closeness: Closeness
    payer: PayerFit
    is_same_name: bool
    is_amount: bool
    is_learned: bool
    obstacle: Doubt | None

    @property
    def is_open(self) -> bool:
        return self.candidate.is_open

    @property
    def is_payment(self) -> bool:
        return self.candidate.kind is Kind.PAYMENT

    @property
    def is_near(self) -> bool:
        return self.is_open and self.closeness is Closeness.ONE_EDIT

    @property
    def known(self) -> PayerFit:
        """The payer by number, or by name where the number cannot be told. Two people may have one name."""
        is_by_name = self.is_same_name and self.payer is PayerFit.UNKNOWN
        return PayerFit.COMPATIBLE if is_by_name else self.payer

    @property
    def is_confirmed(self) -> bool:
        """Amount or payer speak for it, apart from what was typed."""
        return self.is_amount or self.known >= PayerFit.COMPATIBLE

    @property
    def is_by_payer(self) -> bool:
        return self.is_open and self.is_payment and self.is_amount and self.payer is PayerFit.SAME

    @property
    def is_by_name(self) -> bool:
        return self.is_open and self.is_amount and self.is_same_name


def weigh(paid: Paid, candidates: Iterable[Candidate], aliases: Iterable[LearnedAlias]) -> list[Evidence]:
    """Everything in the merchant's reach: best known payer first, then the amount, then by id so that no order matters.

    Text without letters and digits is nobody's alias.
    """
    key, folded = payer_key(paid), fold(paid.typed)
    learned = {alias.candidate_id for alias in aliases if folded and (alias.folded, alias.payer_key) == (folded, key)}
    in_reach = {each for each in candidates if paid.merchant in (None, each.merchant)}
    weighed = [_evidence(paid, candidate, is_learned=candidate.id in learned) for candidate in in_reach]
    return sorted(weighed, key=lambda each: (-each.known, not each.is_amount, each.candidate.id))


def _evidence(paid: Paid, candidate: Candidate, *, is_learned: bool) -> Evidence:
    nearness, code = nearest(paid.typed, (candidate.code, *candidate.aliases))
    return Evidence(
        candidate=candidate,
        code=code,
        closeness=nearness,
        payer=fit(paid, candidate.phone),
        is_same_name=is_same_name(paid.payer_name, candidate.payer_name),
        is_amount=candidate.expected_amount == paid.amount,
        is_learned=is_learned,
        obstacle=_obstacle(paid, candidate),
    )


def _obstacle(paid: Paid, candidate: Candidate) -> Doubt | None:
    if not candidate.is_open:
        return Doubt.CLOSED
    if candidate.kind is Kind.ACCOUNT:
        return None
    if paid.at and candidate.opened_at and paid.at < candidate.opened_at - CLOCK_SKEW:
        return Doubt.EARLY
    return None if candidate.expected_amount == paid.amount else Doubt.AMOUNT
