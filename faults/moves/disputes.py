"""Chargebacks, as postings: cards, and with them the flow of a dispute, are not sold here yet."""

from uuid import UUID

from faults.moves.world import World
from onpoint_pay.kit.money import Money
from settlements.chart import dispute_fee_legs, dispute_lost_legs, dispute_open_legs, dispute_won_legs, split_hold

CARDS = "paystack:1"
DISPUTE_FEE = 15_00


def open_dispute(world: World, a: int, b: int) -> None:
    """A card payer objects, and the card provider takes its fee; what the merchant lacks is owed."""
    payment = world.paid(a)
    world.post(dispute_open_legs(_taken(world, payment.amount)))
    world.post(dispute_fee_legs(_taken(world, DISPUTE_FEE), payment_id=payment.id, float_name=CARDS))
    world.disputes.append((payment.id, payment.amount))
    world.own.disputed += payment.amount
    world.own.dispute_fees += DISPUTE_FEE


def _taken(world: World, minor: int) -> dict[str, int]:
    taken = split_hold(minor, world.balances("available"), may_owe=True, order=("available",))
    assert taken is not None
    return taken


def close_dispute(world: World, a: int, b: int) -> None:
    dispute: tuple[UUID, int] = world.pick(world.disputes, a)
    payment_id, minor = dispute
    if b % 2:
        debt = world.balances("owed").get("owed", 0)
        world.post(dispute_won_legs(amount=Money(minor), debt=debt))
    else:
        world.post(dispute_lost_legs(payment_id=payment_id, amount=Money(minor), float_name=CARDS))
        world.own.lost += minor
    world.own.disputed -= minor
    world.disputes.remove(dispute)
