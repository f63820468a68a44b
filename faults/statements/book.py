"""The made book: the payments and payouts that we say moved, the statement's rows, and the breaks planted among them."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from onpoint_pay.kit.clock import nairobi

KINDS = (
    "missing_here",
    "missing_there",
    "amount_differs",
    "duplicate_there",
    "state_differs",
    "late_success",
    "overpaid",
    "unknown_charge",
    "returned_payout",
    "mode_differs",
    "unparsable",
    "balance_gap",
)
COLUMNS = (
    "Receipt No.,Completion Time,Initiation Time,Details,Transaction Status,Paid In,Withdrawn,Balance,"
    "Balance Confirmed,Reason Type,Other Party Info,Linked Transaction ID,A/C No."
)
OPENING = 1_000_000_000_00
DAYS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many lines the statement has, about, how many breaks are planted among them, and the seed of both."""

    lines: int
    breaks: int
    seed: int = 1


@dataclass(slots=True, kw_only=True)
class Paid:
    """One payment of the book. Amounts in minor units. `status` is its state, `mode` the book it is in.

    `refund` is how it was given back, if it was: `b2c` or `reversal`.
    """

    receipt: str | None
    amount: int
    at: datetime
    phone: str
    status: str = "completed"
    mode: str = "test"
    id: UUID = field(default_factory=uuid4)
    account_reference: str = ""
    refund: str = ""
    refund_receipt: str | None = None


@dataclass(slots=True, kw_only=True)
class Sent:
    """One payout of the book that reached its receiver."""

    receipt: str
    amount: int
    at: datetime
    id: UUID = field(default_factory=uuid4)


@dataclass(slots=True)
class Book:
    """What the run is judged by."""

    plan: Plan
    start: datetime
    shortcode: str
    rows: list[str] = field(default_factory=list)
    payments: list[Paid] = field(default_factory=list)
    payouts: list[Sent] = field(default_factory=list)
    breaks: list[tuple[str, str]] = field(default_factory=list)
    # What looks like a break, or like something else, and is none: by name.
    misses: list[str] = field(default_factory=list)
    proposals: int = 0
    # Money of ours that another statement tells of, in minor units.
    elsewhere: int = 0
    balance: int = OPENING

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=DAYS)

    def file(self) -> bytes:
        """The statement, in the words of M-Pesa's portal."""
        head = (
            f"Organization Name:,ONPOINT DEMO,Short Code:,{self.shortcode}",
            f"Time Period:,From {stamp(self.start)} To {stamp(self.end - timedelta(seconds=1))}",
            f"Opening Balance:,{units(OPENING)},Closing Balance:,{units(self.balance)}",
            COLUMNS,
        )
        return "\n".join([*head, *self.rows]).encode() + b"\n"


def stamp(moment: datetime) -> str:
    return f"{nairobi(moment):%d-%m-%Y %H:%M:%S}"


def units(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"
