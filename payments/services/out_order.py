"""What a try that sends money out was made for, as the shared flows of such tries see it: a refund or a payout."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from payments.models import MoneyOp, ProviderEvent
from providers.types import Failure, Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The word that ended a try: the try, what the provider said, where that is stored, and who told it."""

    op: MoneyOp
    outcome: Outcome
    event: ProviderEvent
    actor: str


class NextTry(Protocol):
    """One more try, and why the merchant waits meanwhile."""

    @property
    def note(self) -> str:
        """What is noted beside the word that made it necessary."""

    def take(self) -> None:
        """Store it, in the transaction that ended the try before."""


class Order(ABC):
    """An order to send money, locked with all its tries, oldest first."""

    ops: list[MoneyOp]
    noun: str

    def op(self, op_id: UUID) -> MoneyOp:
        return next(op for op in self.ops if op.id == op_id)

    @property
    @abstractmethod
    def reference(self) -> str:
        """Our name of the order."""

    @property
    @abstractmethod
    def phone(self) -> str | None:
        """Where money to a phone goes."""

    @abstractmethod
    def receipt_of(self, op: MoneyOp) -> str | None:
        """The network's name of the movement of this try, once it is known."""

    @abstractmethod
    def rivals(self, op: MoneyOp) -> list[MoneyOp]:
        """The other tries beside which this one must not be out."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether it was put on its way and has not ended."""

    @abstractmethod
    def why_no_room(self, op: MoneyOp, *, by_people: bool = False) -> str:
        """Why money of this try can no longer have been wanted; empty when it can. Stops what must not leave then.

        What two people have looked at (`by_people`) is refused only while the other money may still be stopped.
        """

    @abstractmethod
    def receipt_doubt(self, op: MoneyOp, receipt: str) -> str:
        """Why the receipt cannot be that of this try; empty when it can."""

    @abstractmethod
    def fill_receipt(self, op: MoneyOp, receipt: str) -> bool:
        """Keep a receipt that is told late; whether it was new."""

    @abstractmethod
    def complete(self, ending: Ending) -> None:
        """The money of this try has arrived."""

    @abstractmethod
    def fail(self, ending: Ending) -> None:
        """No money of this try left, and none will."""

    @abstractmethod
    def next_try(self, op: MoneyOp, *, failure: Failure, is_refusal: bool, at: datetime) -> NextTry | None:
        """What to do after a definite no to `op`; None when that was the end.

        `is_refusal`: it was refused at once, so the provider has never had it.
        """

    @abstractmethod
    def same_again(self, op: MoneyOp, at: datetime) -> NextTry:
        """The same once more: the provider has not taken anything."""

    @abstractmethod
    def wait_because(self, reason: str) -> None:
        """Why the merchant still waits; says nothing of an order that is closed."""
