"""Our own count of the money, kept beside the product's: what was asked for, what arrived, what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

PAYOUT_FEE = 5_00


@dataclass(slots=True, kw_only=True)
class OwnBooks:
    """Amounts in minor units. Fees are reckoned here anew; `bps`, `flat`, `most` and `tax_bps` are in force."""

    bps: int
    flat: int = 0
    most: int | None = None
    tax_bps: int = 0
    # By payment: amount, fee and tax.
    payments: dict[UUID, tuple[int, int, int]] = field(default_factory=dict)
    refunds: dict[UUID, int] = field(default_factory=dict)
    payouts: dict[UUID, int] = field(default_factory=dict)
    fee_back: set[UUID] = field(default_factory=set)
    float_minor: int = 0
    bank_minor: int = 0
    disputed: int = 0
    lost: int = 0
    dispute_fees: int = 0

    def payment(self, key: UUID, minor: int, *, is_free: bool = False) -> None:
        """A payment of this amount was made, under the fees of this moment."""
        if is_free:
            self.payments[key] = (minor, 0, 0)
            return
        fee = _cents(Decimal(minor) * self.bps / 10_000) + self.flat
        fee = min(fee, minor if self.most is None else min(self.most, minor))
        tax = min(_cents(Decimal(fee) * self.tax_bps / 10_000), minor - fee)
        self.payments[key] = (minor, fee, tax)

    def came(self, minor: int) -> None:
        self.float_minor += minor

    def left(self, minor: int, *, bank: bool = False) -> None:
        if bank:
            self.bank_minor -= minor
        else:
            self.float_minor -= minor

    def back(self, minor: int, *, bank: bool = False) -> None:
        self.left(-minor, bank=bank)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How something ended, in the words of its row: `is_surplus` of a payment, or of a refund's payment."""

    key: UUID
    status: str
    is_surplus: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """What of a payout has left, will not leave, and came back."""

    key: UUID
    left: int
    stayed: int
    back: int


def wanted(
    own: OwnBooks, *, payments: Iterable[Ended], refunds: Iterable[Ended], payouts: Iterable[Paid]
) -> dict[str, int]:
    """What there should be where, in minor units: `free` is pending, available and reserve less the debt."""
    sums = {"free": -own.disputed - own.lost - own.dispute_fees, "overpaid": 0, "refund_hold": 0, "payout_hold": 0}
    sums |= {"dispute_hold": own.disputed, "fee_income": 0, "tax_payable": 0}
    sums |= {"provider_float": own.float_minor, "bank": own.bank_minor}
    for payment in payments:
        minor, fee, tax = own.payments[payment.key]
        if payment.status == "completed":
            sums["overpaid" if payment.is_surplus else "free"] += minor if payment.is_surplus else minor - fee - tax
            sums["fee_income"] += 0 if payment.is_surplus else fee
            sums["tax_payable"] += 0 if payment.is_surplus else tax
    for refund in refunds:
        minor = own.refunds[refund.key]
        if refund.status not in ("failed", "cancelled"):
            sums["overpaid" if refund.is_surplus else "free"] -= minor
        if refund.status in ("requires_approval", "pending"):
            sums["refund_hold"] += minor
    for payout in payouts:
        minor, fee = own.payouts[payout.key], 0 if payout.key in own.fee_back else PAYOUT_FEE
        sums["free"] += payout.stayed + payout.back - minor - fee
        sums["payout_hold"] += minor - payout.left - payout.stayed
        sums["fee_income"] += fee
    return sums


def _cents(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_EVEN))
