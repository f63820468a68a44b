"""The pen that writes lines and what stands behind them; what is written with it is decided elsewhere."""

import random
from datetime import datetime, timedelta
from typing import Any

from faults.statements.book import Book, Paid, Sent, stamp, units
from onpoint_pay.kit.ids import ALPHABET


class Pen:
    """Draws payments and payouts, and writes lines with a running balance."""

    def __init__(self, book: Book, draw: random.Random) -> None:
        self.book, self.draw = book, draw
        self.codes = 0

    def code(self) -> str:
        """A receipt nobody has seen yet: neighbours differ in one letter, as they do at the provider."""
        self.codes += 1
        return f"UKT{self.codes:07d}"

    def reference(self) -> str:
        return "".join(self.draw.choices(ALPHABET, k=10))

    def phone(self) -> str:
        return f"2547{self.draw.randint(0, 99_999_999):08d}"

    def amount(self) -> int:
        # Prices repeat: many lines of one minute have the same amount.
        return self.draw.choice((50, 100, 100, 200, 250, 500, 999, self.draw.randint(10, 5000))) * 100

    def now(self) -> datetime:
        """The time of the next line: the first line stands an hour after midnight of the first day."""
        step = (self.book.end - self.book.start - timedelta(hours=2)).total_seconds() / max(self.book.plan.lines, 1)
        return self.book.start + timedelta(hours=1, seconds=int(len(self.book.rows) * step * 0.9))

    def paid(self, **more: Any) -> Paid:
        """A payment in the book, with a receipt unless it is said to have none; no line yet."""
        facts: dict[str, Any] = {
            "receipt": self.code() if "receipt" not in more else None,
            "amount": self.amount(),
            "at": self.now(),
            "phone": self.phone(),
            "account_reference": self.reference(),
        }
        payment = Paid(**(facts | more))
        self.book.payments.append(payment)
        return payment

    def sent(self) -> Sent:
        """A payout in the book; no line yet."""
        payout = Sent(receipt=self.code(), amount=self.amount(), at=self.now())
        self.book.payouts.append(payout)
        return payout

    def line_of(self, payment: Paid, *, code: str | None = None, amount: int | None = None, **more: Any) -> None:
        """The payment's own line, as it should stand there."""
        facts = {"ref": payment.account_reference, "phone": payment.phone} | more
        self.line(code or payment.receipt or "", payment.amount if amount is None else amount, **facts)

    def line(
        self,
        code: str,
        amount: int,
        *,
        reason: str = "Pay Bill Online",
        ref: str = "",
        phone: str = "",
        linked: str = "",
        status: str = "Completed",
    ) -> None:
        """One line, money out as a negative amount; a declined one moves nothing."""
        if status == "Completed":
            self.book.balance += amount
        at = stamp(self.now())
        came, went = (units(amount), "") if amount > 0 else ("", f"-{units(-amount)}")
        party = f"{phone} - AMINA OTIENO" if phone else ""
        cells = [code, at, at, reason, status, came, went, units(self.book.balance), "true", reason, party]
        self.book.rows.append(",".join([*cells, linked, ref]))

    def broken(self, kind: str, name: str) -> None:
        self.book.breaks.append((kind, name))

    def missed(self, name: str) -> None:
        self.book.misses.append(name)
