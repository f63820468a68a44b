"""Settlement: batches opened, released and paid out; terms, fees and the rows of pending changed meanwhile."""

from faults.moves.payments import pay
from faults.moves.payouts import TO_BANK, TO_PHONE
from faults.moves.world import AMOUNTS, NothingThere, World
from onpoint_pay.kit.caller import TEST
from settlements.fees import Rule, Terms
from settlements.models import Payout, PayoutDestination, Settlement
from settlements.selectors.settlement_terms import Shop, terms_of
from settlements.services import batches, settlement_payouts
from settlements.services.destinations import add_destination
from settlements.services.fee_plans import set_plan
from settlements.services.profiles import set_profile
from settlements.services.settlement_release import release
from settlements.services.striping import start_striping, stop_striping
from settlements.states import SETTLEMENT_OPEN


def _shop(world: World) -> Shop:
    return Shop(merchant_id=world.merchant.id, mode=TEST, currency="KES")


def earn(world: World) -> None:
    """A large payment that has been released: without money of its own a shop can pay nothing out."""
    pay(world, 0, AMOUNTS.index("70000.00"))
    open_batch(world, 0, 1)


def open_batch(world: World, a: int, b: int) -> None:
    """One more day is over."""
    terms = terms_of(world.merchant.id)
    row = batches.open_batch(_shop(world), day=world.next_day(), terms=terms)
    if row is None:
        raise NothingThere
    if b % 2:
        # Mostly nothing comes between; else what was refunded out of it meanwhile is not released.
        release(row)


def close_batch(world: World, a: int, b: int) -> None:
    """What an open batch holds is released; what was refunded out of it meanwhile is not."""
    rows = Settlement.objects.select_for_update().filter(status=SETTLEMENT_OPEN).order_by("day")
    release(world.pick(rows, a))


def pay_batches(world: World, a: int, b: int) -> None:
    """What became of earlier payouts is noted, and what may be used is paid out."""
    settlement_payouts.follow_payouts()
    settlement_payouts._pay(_shop(world))  # noqa: SLF001 - pay_closed() would only log what goes wrong
    made = Payout.objects.exclude(id__in=world.own.payouts)
    world.own.payouts.update(made.values_list("id", "amount"))


def change_terms(world: World, a: int, b: int) -> None:
    """A reserve is kept back, or not, and comes back after days; it is paid out to a bank, a phone, or not."""
    target = (None, TO_BANK, TO_PHONE)[a % 3]
    kept = None
    if target is not None:
        kept = PayoutDestination.objects.filter(merchant=world.merchant, type=target.type).first()
        kept = kept or add_destination(world.people[0], type=target.type, details=dict(target.details), label="Main")
    share, days = (0, 500, 1_000)[b % 3], 1 + b % 4
    set_profile(
        world.merchant.id,
        actor="sequence",
        reserve_bps=share,
        reserve_days=days,
        minimum=(0, 100_00)[b % 2],
        destination_id=kept.id if kept else None,
    )


def change_fees(world: World, a: int, b: int) -> None:
    """Another plan holds from now on; payments that were made before keep what was said then."""
    bps, flat, most, tax = (0, 150, 333)[a % 3], (0, 7)[b % 2], (None, 20_00)[a % 2], (0, 1_600)[b % 2]
    terms = Terms(bps=bps, flat=flat, most=most, tax_bps=tax)
    set_plan(
        [Rule(method="*", start=0, end=None, terms=terms)],
        merchant_id=world.merchant.id,
        currency="KES",
        effective_from=None,
        actor="sequence",
    )
    world.own.bps, world.own.flat, world.own.most, world.own.tax_bps = bps, flat, most, tax


def spread(world: World, a: int, b: int) -> None:
    """Pending money is kept in sixteen rows from now on, or in one again."""
    switch = start_striping if a % 2 else stop_striping
    switch(world.merchant.id, mode=TEST, actor="sequence")
