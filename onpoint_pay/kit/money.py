"""Money: an exact amount in minor units and its currency, read from and written as decimal text."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

MINOR_PER_UNIT = 100
LARGEST_MINOR = 2**63 - 1
_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,15})(?:\.([0-9]{1,2}))?")
_CURRENCY = re.compile(r"[A-Z]{3}")


class MoneyError(ValueError):
    """An amount that cannot be taken; `code` is the word of the public API."""

    code = "amount_invalid"


class NotWhole(MoneyError):
    """Cents where only whole units are possible."""

    code = "amount_not_whole"


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """`minor` counts hundredths of the currency's unit (cents of a shilling) and may be negative."""

    minor: int
    currency: str = "KES"

    def __post_init__(self) -> None:
        if isinstance(self.minor, bool) or not isinstance(self.minor, int):
            raise MoneyError("An amount is counted in whole minor units.")
        if abs(self.minor) > LARGEST_MINOR:
            raise MoneyError("The amount is too large to be kept.")
        if not _CURRENCY.fullmatch(self.currency):
            raise MoneyError("A currency is three upper-case letters.")

    @classmethod
    def parse(cls, value: str | int | Decimal, currency: str = "KES") -> Self:
        """Read zero or more units with at most two decimals, as they stand in a JSON document.

        Raises MoneyError for anything else: signs, exponents, blanks, separators, NaN, booleans and binary floats.
        """
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise MoneyError("An amount is a decimal number or its text.")
        if isinstance(value, int) and abs(value) > LARGEST_MINOR:
            raise MoneyError("The amount is too large to be kept.")
        read = _DECIMAL.fullmatch(str(value))
        if read is None:
            raise MoneyError("An amount has digits and at most two decimals, such as 100.00.")
        units, cents = read.groups(default="")
        return cls(int(units) * MINOR_PER_UNIT + int(cents.ljust(2, "0")), currency)

    @property
    def is_positive(self) -> bool:
        return self.minor > 0

    @property
    def is_negative(self) -> bool:
        return self.minor < 0

    @property
    def is_whole(self) -> bool:
        return self.minor % MINOR_PER_UNIT == 0

    def decimal_text(self) -> str:
        """The amount in units with exactly two decimals: "100.00"."""
        units, cents = divmod(abs(self.minor), MINOR_PER_UNIT)
        return f"{'-' if self.is_negative else ''}{units}.{cents:02d}"

    def whole_units(self) -> int:
        """The amount in units. Raises NotWhole when it has cents."""
        if not self.is_whole:
            raise NotWhole(f"{self.decimal_text()} has cents.")
        return self.minor // MINOR_PER_UNIT

    def __str__(self) -> str:
        return f"{self.currency} {self.decimal_text()}"

    def __bool__(self) -> bool:
        return self.minor != 0

    def __add__(self, other: Self) -> Self:
        return type(self)(self.minor + self._minor_of(other), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.minor - self._minor_of(other), self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.minor, self.currency)

    def __lt__(self, other: Self) -> bool:
        return self.minor < self._minor_of(other)

    def __le__(self, other: Self) -> bool:
        return self.minor <= self._minor_of(other)

    def __gt__(self, other: Self) -> bool:
        return self.minor > self._minor_of(other)

    def __ge__(self, other: Self) -> bool:
        return self.minor >= self._minor_of(other)

    def _minor_of(self, other: object) -> int:
        if not isinstance(other, Money):
            raise TypeError(f"Money and {type(other).__name__} do not mix.")
        if other.currency != self.currency:
            raise MoneyError(f"{self.currency} and {other.currency} do not mix.")
        return other.minor
