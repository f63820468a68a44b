"""Which way the money of a refund goes back, and what each way can carry."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.money import Money
from payments.models import MoneyOp, Payment
from payments.states import OP_FAILED, OP_REJECTED

REVERSAL, B2C = "reversal", "b2c"
# Daraja: what one transfer to a phone may be, in minor units.
SMALLEST_TO_PHONE, LARGEST_TO_PHONE = 10_00, 250_000_00
AMOUNT, DESTINATION = "amount", "destination.phone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The way, and the payer's number where it is known."""

    name: str
    phone: str | None


def choose_route(payment: Payment, amount: Money, *, destination: str | None) -> Route:
    """Undo the payment itself when all of it goes back and nothing of it has moved; otherwise send to the payer.

    `destination` is the payer's number as the merchant knows it. Raises Invalid and Problem parameter_missing.
    """
    phone = _payers_phone(payment, destination)
    if _is_untouched(payment, amount) and payment.receipt and not _was_refused(payment):
        return Route(name=REVERSAL, phone=phone)
    check_amount_to_phone(amount)
    if phone is None:
        raise Problem("parameter_missing", "The payer's number is not known; name it.", param=DESTINATION)
    return Route(name=B2C, phone=phone)


def can_go_to_phone(*, phone: str | None, amount: Money) -> bool:
    """Whether a refund whose reversal was refused may be sent to the payer instead."""
    return phone is not None and _amount_fault(amount) is None


def check_amount_to_phone(amount: Money) -> None:
    """Raises Invalid for what M-Pesa does not send to a phone."""
    fault = _amount_fault(amount)
    if fault is not None:
        raise Invalid([fault])


def _amount_fault(amount: Money) -> Fault | None:
    told: tuple[str, str] | None = None
    if not amount.is_whole:
        told = "amount_not_whole", f"M-Pesa sends whole shillings; {amount.decimal_text()} has cents."
    elif amount.minor < SMALLEST_TO_PHONE:
        smallest = Money(SMALLEST_TO_PHONE).decimal_text()
        told = "amount_too_small", f"M-Pesa sends {smallest} or more to a phone; only a whole payment may be less."
    elif amount.minor > LARGEST_TO_PHONE:
        told = "amount_too_large", f"M-Pesa sends at most {Money(LARGEST_TO_PHONE).decimal_text()} to a phone at once."
    return Fault(param=AMOUNT, code=told[0], detail=told[1]) if told else None


def _is_untouched(payment: Payment, amount: Money) -> bool:
    return amount.minor == payment.captured and not (payment.refund_held or payment.refunded)


def _was_refused(payment: Payment) -> bool:
    """M-Pesa would not undo this payment before."""
    tries: Any = MoneyOp.objects.filter(refund__payment_id=payment.id, kind=REVERSAL)
    return bool(tries.filter(status__in=(OP_REJECTED, OP_FAILED)).exists())


def _payers_phone(payment: Payment, destination: str | None) -> str | None:
    """Money goes back to whoever paid, and to nobody else. Raises Invalid."""
    if destination is None or destination == payment.phone:
        return payment.phone
    is_payers = payment.phone is None and payment.phone_hash in (None, sha256(destination.encode()).hexdigest())
    if not is_payers:
        raise Invalid(
            [Fault(param=DESTINATION, code="parameter_invalid", detail="A refund goes to the number that paid.")]
        )
    return destination
