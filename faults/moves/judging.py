"""The product's books beside our own count of what happened."""

from django.db.models import F, Sum

from faults.moves.own_books import Ended, Paid, wanted
from faults.moves.world import World
from onpoint_pay.kit.caller import TEST
from payments.models import Payment, Refund
from settlements.models import LedgerAccount, Payout

# What the merchant has, wherever it stands.
FREE = ("pending", "available", "reserve", "owed")
GROWS_BY_DEBIT = ("provider_float", "bank")


def differences(world: World) -> list[str]:
    """Where the books hold another amount than what happened comes to; in words, minor units."""
    due, books = _wanted(world), _booked()
    unlike = [name for name in due if books[name] != due[name]]
    return [f"{name}: the books say {books[name]}, what happened {due[name]}" for name in unlike]


def _wanted(world: World) -> dict[str, int]:
    payments = Payment.objects.values_list("id", "status", "surplus")
    refunds = Refund.objects.values_list("id", "status", "payment__surplus")
    payouts = Payout.objects.values_list("id", "paid", "released", "given_back")
    return wanted(
        world.own,
        payments=[Ended(key=key, status=status, is_surplus=surplus) for key, status, surplus in payments],
        refunds=[Ended(key=key, status=status, is_surplus=surplus) for key, status, surplus in refunds],
        payouts=[Paid(key=key, left=left, stayed=stayed, back=back) for key, left, stayed, back in payouts],
    )


def _booked() -> dict[str, int]:
    """By kind on the side of the merchants, but cash; `free` as in our own count."""
    rows = LedgerAccount.objects.filter(mode=TEST).values_list("kind").annotate(net=Sum(F("credits") - F("debits")))
    sums: dict[str, int] = {"free": 0}
    for kind, net in rows:
        name = "free" if kind in FREE else kind
        sums[name] = sums.get(name, 0) + (-net if kind in GROWS_BY_DEBIT else net)
    return _Zeros(sums)


class _Zeros(dict[str, int]):
    def __missing__(self, key: str) -> int:
        return 0
