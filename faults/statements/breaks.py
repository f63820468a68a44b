"""The breaks, each in several shapes; beside most of them stands something that a hasty look would take for a match."""

from faults.statements.fitting import Fitting
from faults.statements.pen import Pen
from onpoint_pay.kit.ids import ALPHABET


class Breaks:
    """Each method plants one break of the kind it is called after."""

    def __init__(self, pen: Pen, fitting: Fitting) -> None:
        self.pen, self.fitting, self.draw = pen, fitting, pen.draw

    def missing_here(self) -> None:
        """Money nobody here knows of: of a stranger, of a payer who has just paid, under a mistyped reference, sent."""
        code, shape = self.pen.code(), self.draw.randrange(4)
        if shape == 0:
            self.pen.line(code, self.pen.amount(), ref=f"NOBODY{self.pen.codes % 1000}", phone=self.pen.phone())
        elif shape == 1:
            known = self.fitting.plain()
            self.pen.line(code, known.amount, phone=known.phone)
        elif shape == 2:
            known = self.fitting.plain()
            self.pen.line(code, known.amount, ref=self._mistyped(known.account_reference), phone=known.phone)
        else:
            self.pen.line(code, -self.pen.amount(), reason="Business Payment to Customer", phone=self.pen.phone())
        self.pen.broken("missing_here", code)

    def missing_there(self) -> None:
        """Ours, and not on the statement: alone, beside a line of the same payer and amount, or a payout."""
        shape = self.draw.randrange(3)
        if shape == 0:
            self.pen.broken("missing_there", self.pen.paid().receipt or "")
        elif shape == 1:
            known = self.fitting.plain()
            lost = self.pen.paid(amount=known.amount, phone=known.phone)
            self.pen.broken("missing_there", lost.receipt or "")
        else:
            self.pen.broken("missing_there", self.pen.sent().receipt)

    def amount_differs(self) -> None:
        """By a shilling, by a digit, or under the reference of a payment whose receipt nobody knows."""
        other = self.draw.choice((100, -100, 1000, 90_000))
        if self.draw.random() < 0.3:
            payment, code = self.pen.paid(receipt=None), self.pen.code()
            self.pen.line_of(payment, code=code, amount=payment.amount + abs(other))
            self.pen.broken("amount_differs", code)
            # The payment itself is paid here, and in this amount nowhere there; its line says why.
            return
        payment = self.pen.paid()
        self.pen.line_of(payment, amount=max(payment.amount + other, 100))
        self.pen.broken("amount_differs", payment.receipt or "")

    def duplicate_there(self) -> None:
        payment = self.fitting.plain()
        amount = payment.amount if self.draw.random() < 0.7 else payment.amount + 100
        self.pen.line_of(payment, amount=amount)
        self.pen.broken("duplicate_there", payment.receipt or "")

    def state_differs(self) -> None:
        """Open here and paid there; or paid here, and taken back there past us."""
        if self.draw.random() < 0.6:
            self._unpaid("pending", "state_differs")
            return
        payment, code = self.pen.paid(), self.pen.code()
        self.pen.line_of(payment)
        self.pen.line(code, -payment.amount, reason="Pay Bill Reversal", linked=payment.receipt or "")
        self.pen.broken("state_differs", code)

    def late_success(self) -> None:
        self._unpaid(self.draw.choice(("failed", "cancelled", "expired")), "late_success")

    def _unpaid(self, status: str, kind: str) -> None:
        payment, code = self.pen.paid(receipt=None, status=status), self.pen.code()
        self.pen.line_of(payment, code=code)
        self.pen.broken(kind, code)

    def overpaid(self) -> None:
        """A second time for one payment: with its receipt known, or learned from the first line."""
        known = self.fitting.plain() if self.draw.random() < 0.7 else self.fitting.nameless()
        code = self.pen.code()
        self.pen.line_of(known, code=code)
        self.pen.broken("overpaid", code)

    def unknown_charge(self) -> None:
        code = self.pen.code()
        self.pen.line(code, -self.draw.randint(1, 30) * 100, reason="Organization Account Charge")
        self.pen.broken("unknown_charge", code)

    def returned_payout(self) -> None:
        """A payout, or a refund that was sent as one, comes back whole."""
        if self.draw.random() < 0.5:
            linked = self.fitting.paid_out()
            amount = self.pen.book.payouts[-1].amount
        else:
            payment = self.pen.paid(refund="b2c", refund_receipt=self.pen.code())
            linked, amount = payment.refund_receipt or "", payment.amount
            self.pen.line_of(payment)
            self.pen.line(linked, -amount, reason="Business Payment to Customer", phone=payment.phone)
        code = self.pen.code()
        self.pen.line(code, amount, reason="Reversal of Business Payment", linked=linked)
        self.pen.broken("returned_payout", code)

    def mode_differs(self) -> None:
        """The other mode's, by its receipt or by its reference."""
        if self.draw.random() < 0.5:
            payment = self.pen.paid(mode="live")
            self.pen.line_of(payment, ref="")
            self.pen.broken("mode_differs", payment.receipt or "")
            return
        payment, code = self.pen.paid(mode="live", receipt=None), self.pen.code()
        self.pen.line_of(payment, code=code)
        self.pen.broken("mode_differs", code)

    def unparsable(self) -> None:
        """Its amount, its time or its columns are spoilt; its receipt can be read."""
        payment = self.fitting.plain()
        row, amount = self.pen.book.rows[-1], f"{payment.amount // 100}.00"
        shape = self.draw.randrange(3)
        if shape == 0:
            row = row.replace(f",{amount},", f",{amount[:-2]}OO,", 1)
        elif shape == 1:
            row = row.replace(row.split(",")[1], "yesterday", 1)
        else:
            row = f'{payment.receipt},"' + row.partition(",")[2]
        self.pen.book.rows[-1] = row
        self.pen.broken("unparsable", payment.receipt or "")

    def balance_gap(self) -> None:
        """A movement that the file leaves out; the line after it shows it."""
        self.pen.book.balance += self.pen.amount()
        self.pen.broken("balance_gap", self.fitting.plain().receipt or "")

    def _mistyped(self, reference: str) -> str:
        place = self.draw.randrange(len(reference))
        letter = self.draw.choice([letter for letter in ALPHABET if letter != reference[place]])
        return reference[:place] + letter + reference[place + 1 :]
