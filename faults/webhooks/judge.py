"""Comparing what was owed with what arrived: nothing may be missing, and whatever came twice needs its reason."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from faults.webhooks.facts import Delivery, Event, Facts, Try
from faults.webhooks.records import COMMITTED, UNDONE, Receipt
from faults.webhooks.stack import KILL, KILL_WORKER, RESTART, Incident

Pair = tuple[str, str]

KILLED = "sent, and its drain killed before the result was written"
RETRIED = "tried again after an answer that came too late or was no success"
AWAY = "result written late, the database having been away: the lane had another owner"
LATE = "result written after the lane had got another owner"
UNEXPLAINED = "no reason found"
# A killed process's connections end with it, which on two busy cores may take a moment.
END_SECONDS = 2.0
EDGE_SECONDS = 0.05
# A drain on two busy cores may take so long from an answer to its row.
WRITTEN_SECONDS = 2.5


@dataclass(slots=True, kw_only=True)
class Verdict:
    """`faults` is empty when every event reached everybody it is owed to and every repetition has its reason."""

    events: int
    owed: int
    requests: int
    states: Counter[str]
    repeated: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    # How many were sent again because of each blow, by the moment it fell.
    by_blow: Counter[float] = field(default_factory=Counter)
    lost: list[Pair] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def judge(facts: Facts, *, lease_seconds: float, is_over: bool = True) -> Verdict:
    """`is_over`: everything should have arrived; otherwise what is still open may be missing."""
    owed, arrived = owed_by(facts), arrivals(facts.record.receipts)
    verdict = Verdict(
        events=len(facts.events),
        owed=len(owed),
        requests=len(facts.record.receipts),
        states=Counter(delivery.state for delivery in facts.deliveries),
    )
    waiting = {(each.event, each.path) for each in facts.deliveries if each.state == "open"}
    verdict.lost = sorted(owed - arrived.keys() - (set() if is_over else waiting))
    verdict.faults += [f"lost: {event} at {path}" for event, path in verdict.lost]
    verdict.faults += [f"came to a stranger: {event} at {path}" for event, path in arrived.keys() - owed]
    verdict.faults += _faults_of_commits(facts)
    verdict.faults += _faults_of_rows(facts, owed, is_over=is_over)
    verdict.faults += faults_of_numbers(facts.events)
    verdict.faults += [f"not genuine: {each}" for each in facts.record.receipts if not each.is_genuine]
    for delivery in facts.deliveries:
        _explain(delivery, arrived.get((delivery.event, delivery.path), []), facts, verdict, lease=lease_seconds)
    return verdict


def owed_by(facts: Facts) -> set[Pair]:
    """Event and path of everybody who asked for its type, by the subscriptions alone. Endpoints are in test mode."""
    by_merchant = defaultdict(list)
    for target in facts.targets:
        by_merchant[target.merchant].append(target)
    return {
        (event.id, target.path)
        for event in facts.events
        for target in by_merchant[event.merchant]
        if event.mode == "test" and target.wants(event.type)
    }


def arrivals(receipts: Iterable[Receipt]) -> dict[Pair, list[Receipt]]:
    """In the order of their coming; what is not genuine has not arrived."""
    found: dict[Pair, list[Receipt]] = defaultdict(list)
    for receipt in receipts:
        if receipt.is_genuine:
            found[receipt.event, receipt.path].append(receipt)
    return found


def faults_of_numbers(events: Iterable[Event]) -> list[str]:
    """Numbers go from 1 to the number of events, for each merchant and mode."""
    numbers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in events:
        numbers[event.merchant, event.mode].append(event.sequence or 0)
    return [
        f"{len(given)} events of {merchant} in {mode} have {len(set(given))} numbers from {min(given)} to {max(given)}"
        for (merchant, mode), given in numbers.items()
        if sorted(given) != list(range(1, len(given) + 1))
    ]


def _faults_of_commits(facts: Facts) -> list[str]:
    """What the publisher was told is so, and change and event are there together."""
    told, keys = {event.id for event in facts.events}, {event.key for event in facts.events}
    return [
        *(
            f"committed and gone: {each.event}"
            for each in facts.book
            if each.word == COMMITTED and each.event not in told
        ),
        *(f"undone and there: {each.event}" for each in facts.book if each.word == UNDONE and each.event in told),
        *(f"a change without its event: {key}" for key in facts.changed - keys),
        *(f"an event without its change: {key}" for key in keys - facts.changed),
    ]


def _called(word: str, facts: Facts) -> set[str]:
    return {change.event for change in facts.book if change.word == word}


def _faults_of_rows(facts: Facts, owed: set[Pair], *, is_over: bool) -> list[str]:
    there = Counter((delivery.event, delivery.path) for delivery in facts.deliveries)
    good = ("delivered",) if is_over else ("delivered", "open")
    return [
        *(f"no delivery: {event} to {path}" for event, path in owed - there.keys()),
        *(f"a delivery nobody asked for: {event} to {path}" for event, path in there.keys() - owed),
        *(f"{each.state}: {each.event} to {each.path}" for each in facts.deliveries if each.state not in good),
    ]


# --- what came twice ----------------------------------------------------------------------------------------------


def _explain(delivery: Delivery, receipts: list[Receipt], facts: Facts, verdict: Verdict, *, lease: float) -> None:
    written, unwritten = _paired(delivery.attempts, receipts)
    successes = sum(row.is_success for row in delivery.attempts)
    if successes > len(receipts):
        verdict.faults.append(f"written {successes} times, came {len(receipts)}: {delivery.event} at {delivery.path}")
    if delivery.state == "delivered" and not successes:
        verdict.faults.append(f"delivered without a try on record: {delivery.event} at {delivery.path}")
    verdict.repeated += max(len(receipts) - 1, 0)
    for receipt in unwritten:
        blow = _blow_of(receipt, facts)
        if blow is None:
            ended = facts.record.ended.get(receipt.connection)
            verdict.faults.append(f"no try on record for {receipt}, connection ended {ended}: {delivery.attempts}")
        else:
            verdict.by_blow[blow.began] += 1
    for receipt in receipts[:-1]:
        verdict.reasons[_reason(receipt, written, facts.incidents, lease=lease)] += 1


def _paired(tries: list[Try], receipts: list[Receipt]) -> tuple[dict[Receipt, Try], list[Receipt]]:
    """Which try on record each receipt belongs to, and the receipts that belong to none."""
    written: dict[Receipt, Try] = {}
    for row in sorted(tries, key=lambda row: (not row.is_success, row.began)):
        # One clock tells both times, and a repetition begins a lease later than what it repeats.
        found = next((each for each in receipts if each not in written and each.at >= row.began), None)
        if found is not None:
            written[found] = row
    return written, [receipt for receipt in receipts if receipt not in written]


def _blow_of(receipt: Receipt, facts: Facts) -> Incident | None:
    """The blow that ended the process which had sent this and not yet written it down.

    Its connections ended with it. One that its sender had closed before tells less: then it is the next blow, if that
    came before the result was due to be written.
    """
    ended = facts.record.ended.get(receipt.connection)
    if ended is None:
        return None
    blows = [each for each in facts.incidents if each.kind in (KILL, KILL_WORKER)]
    with_it = [each for each in blows if each.began - EDGE_SECONDS <= ended <= each.ended + END_SECONDS]
    after = [each for each in blows if each.began >= ended][:1]
    return next((each for each in with_it[::-1] + after if _was_unwritten(receipt, each.began, facts.incidents)), None)


def _was_unwritten(receipt: Receipt, moment: float, incidents: list[Incident]) -> bool:
    """Results are written at once, unless the database is away."""
    away = any(each.kind == RESTART and each.began < moment and each.ended > receipt.at for each in incidents)
    return away or moment - receipt.at < WRITTEN_SECONDS


def _reason(receipt: Receipt, written: dict[Receipt, Try], incidents: list[Incident], *, lease: float) -> str:
    row = written.get(receipt)
    if row is None:
        return KILLED
    if not row.is_success:
        return RETRIED
    ended = row.began + row.seconds
    away = (each for each in incidents if each.kind == RESTART)
    return AWAY if any(each.began - 1.0 <= ended <= each.ended + lease for each in away) else LATE
