"""Money that came, what it may be for, and what was decided."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from onpoint_pay.kit.money import Money
from payments.matching.payers import PayerFit, payer_fit, phone_digest
from payments.matching.words import Rule


class Kind(StrEnum):
    """An account takes any amount from anybody; a payment is one sum that was asked for."""

    ACCOUNT = "account"
    PAYMENT = "payment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """Money that came. `typed` is the payer's text, untouched; `merchant` None: several share the shortcode.

    The number comes as canonical digits, as SHA-256 of them in hex, or with stars; the surest one given is used.
    """

    receipt: str
    amount: Money
    typed: str = ""
    phone: str | None = field(default=None, repr=False)
    phone_hash: str | None = field(default=None, repr=False)
    phone_masked: str | None = field(default=None, repr=False)
    payer_name: str | None = field(default=None, repr=False)
    at: datetime | None = None
    merchant: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An account or payment the money may be for. `has_prompt`: a request to pay it is out on the payer's phone.

    `expected_amount` is a must of a payment and a hint of an account. `code` is what payers are told to type, `aliases`
    are other names of it. `phone` is canonical. Raises ValueError for a payment without an amount.
    """

    id: UUID
    merchant: UUID
    kind: Kind
    code: str
    aliases: tuple[str, ...] = ()
    expected_amount: Money | None = None
    phone: str | None = field(default=None, repr=False)
    payer_name: str | None = field(default=None, repr=False)
    is_open: bool = True
    has_prompt: bool = False
    opened_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.kind is Kind.PAYMENT and self.expected_amount is None:
            raise ValueError("A payment asks for an amount.")


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedAlias:
    """A person once matched this text of this payer to this candidate. See `fold` and `payer_key`."""

    folded: str
    payer_key: str
    candidate_id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One candidate for a person to look at, and why. `merchant` alone may see it."""

    candidate_id: UUID
    merchant: UUID
    rule: Rule
    score: Decimal
    reason: str
    reason_sw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`candidate_id` is set only when the money is to be applied; else there may be suggestions, best first.

    Without a candidate, rule, score and reason are those of the best suggestion; NONE and zero when there is none.
    """

    candidate_id: UUID | None
    rule: Rule
    score: Decimal
    reason: str
    reason_sw: str
    suggestions: tuple[Suggestion, ...] = ()


def fit(paid: Paid, phone: str | None) -> PayerFit:
    """How the payer's number stands to a canonical one on file."""
    return payer_fit(phone, phone=paid.phone, phone_hash=paid.phone_hash, phone_masked=paid.phone_masked)


def recognises(paid: Paid, phone: str | None) -> bool | None:
    """Whether the money came from this number; None when it cannot be told, as with stars that leave it possible."""
    return {PayerFit.SAME: True, PayerFit.DIFFERENT: False}.get(fit(paid, phone))


def payer_key(paid: Paid) -> str | None:
    """The payer's name in learned aliases, one for the clear and the hashed number; None when neither is known."""
    if paid.phone:
        return phone_digest(paid.phone)
    return paid.phone_hash.lower() if paid.phone_hash else None
