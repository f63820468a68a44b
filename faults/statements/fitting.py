"""What fits, and what only looks as though it did not: none of it may be called a break."""

from datetime import timedelta

from faults.statements.book import Paid
from faults.statements.pen import Pen


class Fitting:
    """Each method writes one case of a clean day."""

    def __init__(self, pen: Pen) -> None:
        self.pen, self.draw = pen, pen.draw
        self.recent: list[Paid] = []

    def write(self) -> None:
        chance = self.draw.random()
        near = (
            self.twins,
            self.nameless,
            self.nameless_twins,
            self.by_payer,
            self.declined,
            self.told_twice,
            self.at_the_edge,
            self.out_of_time,
        )
        if chance < 0.04:
            self.draw.choice(near)()
        elif chance < 0.07:
            self.refunded()
        elif chance < 0.10:
            self.paid_out()
        else:
            self.plain(charge=chance > 0.90)

    def plain(self, *, charge: bool = False) -> Paid:
        payment = self.pen.paid()
        self.pen.line_of(payment)
        if charge:
            self._charge(payment.receipt or "", "Pay Bill Charge")
        self.recent = [*self.recent[-9:], payment]
        return payment

    def refunded(self) -> Paid:
        """Given back: by B2C under a receipt of its own, or by a reversal that names what it undoes."""
        payment = self.pen.paid(refund=self.draw.choice(("b2c", "reversal")))
        self.pen.line_of(payment)
        code = self.pen.code()
        is_told = payment.refund == "b2c" or self.draw.random() < 0.5
        payment.refund_receipt = code if is_told else None
        if payment.refund == "b2c":
            self.pen.line(code, -payment.amount, reason="Business Payment to Customer", phone=payment.phone)
            self._charge(code, "Business Payment Charge")
        else:
            self.pen.line(code, -payment.amount, reason="Pay Bill Reversal", linked=payment.receipt or "")
        return payment

    def paid_out(self) -> str:
        payout = self.pen.sent()
        self.pen.line(payout.receipt, -payout.amount, reason="Business Payment to Customer", phone=self.pen.phone())
        if self.draw.random() < 0.5:
            self._charge(payout.receipt, "Business Payment Charge")
        return payout.receipt

    # --- near misses --------------------------------------------------------------------------------------------------

    def twins(self) -> None:
        """Two payers, the same amount, the same minute."""
        first = self.pen.paid()
        second = self.pen.paid(amount=first.amount)
        for payment in (second, first):
            self.pen.line_of(payment)
        self.pen.missed("the same amount in the same minute")

    def nameless(self) -> Paid:
        """Found paid by asking: its receipt is learned from the statement."""
        payment = self.pen.paid(receipt=None)
        self.pen.line_of(payment, code=self.pen.code())
        self.pen.missed("a payment without a receipt, by its reference")
        return payment

    def nameless_twins(self) -> None:
        first = self.pen.paid(receipt=None)
        second = self.pen.paid(receipt=None, amount=first.amount, phone=first.phone)
        for payment in (second, first):
            self.pen.line_of(payment, code=self.pen.code())
        self.pen.missed("two payments of one payer without receipts, by their references")

    def by_payer(self) -> None:
        """The line shows no reference: a person is asked whether payer, amount and minutes are proof enough."""
        payment = self.pen.paid(receipt=None)
        self.pen.line_of(payment, code=self.pen.code(), ref="")
        self.pen.book.proposals += 1
        self.pen.missed("a payment without receipt and reference, proposed by its payer")

    def declined(self) -> None:
        payment = self.pen.paid(receipt=None, status="failed")
        self.pen.line_of(payment, code=self.pen.code(), status="Declined")
        self.pen.missed("a declined line of a failed payment")

    def told_twice(self) -> None:
        """The portal writes one movement twice, with the same balance: still one."""
        self.plain()
        self.pen.book.rows.append(self.pen.book.rows[-1])
        self.pen.missed("one movement written twice")

    def at_the_edge(self) -> None:
        """Two minutes from either end of the period: it may stand in the neighbouring statement."""
        book, near = self.pen.book, timedelta(minutes=2)
        book.elsewhere += self.pen.paid(at=self.draw.choice((book.start + near, book.end - near))).amount
        self.pen.missed("a payment at the edge of the period")

    def out_of_time(self) -> None:
        book, far = self.pen.book, timedelta(hours=self.draw.randint(1, 40))
        book.elsewhere += self.pen.paid(at=self.draw.choice((book.start - far, book.end + far))).amount
        self.pen.missed("a payment of another period")

    def _charge(self, code: str, reason: str) -> None:
        self.pen.line(code, -self.draw.randint(1, 30) * 100, reason=reason)
