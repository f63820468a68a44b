"""Fee arithmetic: a part in basis points and a flat part, each rounded half-even to one minor unit."""

from decimal import ROUND_HALF_EVEN, Decimal

from onpoint_pay.kit.money import Money

BPS = Decimal(10_000)


def fee_for(amount: Money, *, bps: int, flat: int) -> Money:
    """The fee on `amount`: `bps` basis points plus `flat` minor units, never more than the amount itself."""
    share = (Decimal(amount.minor) * bps / BPS).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    return Money(min(int(share) + flat, amount.minor), amount.currency)
