"""The judge of webhook faults: what is missing, strange or repeated without a reason must not pass."""

from typing import Any

import pytest

from faults.webhooks.facts import Delivery, Event, Facts, Try
from faults.webhooks.judge import AWAY, KILLED, LATE, RETRIED, Verdict, judge
from faults.webhooks.processes import Target
from faults.webhooks.records import COMMITTED, UNDONE, Change, Receipt, Record
from faults.webhooks.stack import KILL, RESTART, Incident

SHOP = Target(id="e1", merchant="m1", path="/shop", events=("payment.*",))
BOOKS = Target(id="e2", merchant="m1", path="/books", events=("refund.created",))
PAID = Event(id="evt_1", merchant="m1", mode="test", type="payment.completed", key="payment.completed:1", sequence=1)
SENT = Try(began=100.0, seconds=0.5, is_success=True, worker="w")


def receipt(at: float = 100.2, **more: Any) -> Receipt:
    fields = {"path": "/shop", "event": "evt_1", "attempt": 1, "is_genuine": True, "connection": 1}
    return Receipt(at=at, **(fields | more))


def delivery(*tries: Try, state: str = "delivered", path: str = "/shop") -> Delivery:
    return Delivery(event="evt_1", path=path, state=state, tries=len(tries), attempts=list(tries))


def change(word: str = COMMITTED, event: str = "evt_1") -> Change:
    return Change(word=word, at=100.0, event=event, merchant="m1", mode="test", type="payment.completed", object_id="1")


def verdict(**more: Any) -> Verdict:
    """Of one event that reached its one endpoint, but for what is told otherwise."""
    ended = more.pop("ended", {})
    receipts = more.pop("receipts", [receipt()])
    fields: dict[str, Any] = {
        "targets": [SHOP, BOOKS],
        "book": [change()],
        "record": Record(receipts=receipts, ended=ended),
        "incidents": [],
        "changed": {PAID.key},
        "events": [PAID],
        "deliveries": [delivery(SENT)],
    }
    return judge(Facts(**(fields | more)), lease_seconds=5.0)


def test_what_arrived_once_is_fine() -> None:
    found = verdict()
    assert (found.faults, found.owed, found.repeated, dict(found.reasons)) == ([], 1, 0, {})


@pytest.mark.parametrize(
    ("facts", "fault"),
    [
        ({"receipts": []}, "lost: evt_1 at /shop"),
        ({"receipts": [receipt(is_genuine=False)]}, "lost: evt_1 at /shop"),
        ({"receipts": [receipt(), receipt(path="/books")]}, "came to a stranger: evt_1 at /books"),
        ({"deliveries": []}, "no delivery: evt_1 to /shop"),
        ({"deliveries": [delivery(SENT), delivery(path="/books")]}, "a delivery nobody asked for: evt_1 to /books"),
        ({"deliveries": [delivery(SENT, state="failed")]}, "failed: evt_1 to /shop"),
        ({"deliveries": [delivery(SENT, SENT)]}, "written 2 times, came 1: evt_1 at /shop"),
        ({"deliveries": [delivery()]}, "delivered without a try on record: evt_1 at /shop"),
        ({"book": [change(), change(event="evt_2")]}, "committed and gone: evt_2"),
        ({"book": [change(UNDONE)]}, "undone and there: evt_1"),
        ({"changed": {PAID.key, "refund.created:2"}}, "a change without its event: refund.created:2"),
        ({"changed": set()}, "an event without its change: payment.completed:1"),
    ],
)
def test_what_is_wrong_is_said(facts: dict[str, Any], fault: str) -> None:
    assert fault in verdict(**facts).faults


@pytest.mark.parametrize("numbers", [[1, 3], [1, 1], [2, 3], [1, None]])
def test_numbers_have_no_holes(numbers: list[int | None]) -> None:
    first, second = numbers
    events = [
        Event(id=name, merchant="m1", mode="live", type="payment.completed", key=name, sequence=number)
        for name, number in (("evt_1", first), ("evt_2", second))
    ]
    found = verdict(events=events, changed={"evt_1", "evt_2"}, deliveries=[], receipts=[])
    assert [fault for fault in found.faults if fault.startswith("2 events of m1 in live have ")]


def test_a_repetition_without_a_row_needs_a_kill() -> None:
    twice = [receipt(95.0, connection=7), receipt()]
    assert "no try on record" in verdict(receipts=twice).faults[0]
    assert "no try on record" in verdict(receipts=twice, ended={7: 95.1}).faults[0]
    killed = Incident(kind=KILL, began=95.09, ended=95.1)
    found = verdict(receipts=twice, ended={7: 95.1}, incidents=[killed])
    assert (found.faults, found.repeated, dict(found.reasons)) == ([], 1, {KILLED: 1})
    assert found.by_blow == {95.09: 1}
    much_later = Incident(kind=KILL, began=99.0, ended=99.1)
    assert verdict(receipts=twice, ended={7: 99.0}, incidents=[much_later]).faults


@pytest.mark.parametrize(
    ("first_try", "incidents", "reason"),
    [
        (Try(began=94.9, seconds=3.0, is_success=False, worker="v"), [], RETRIED),
        (Try(began=94.9, seconds=0.5, is_success=True, worker="v"), [], LATE),
        (
            Try(began=94.9, seconds=0.5, is_success=True, worker="v"),
            [Incident(kind=RESTART, began=95.0, ended=96.0)],
            AWAY,
        ),
    ],
)
def test_a_repetition_with_a_row_is_told_by_it(first_try: Try, incidents: list[Incident], reason: str) -> None:
    found = verdict(receipts=[receipt(95.0), receipt()], deliveries=[delivery(first_try, SENT)], incidents=incidents)
    assert (found.faults, dict(found.reasons)) == ([], {reason: 1})
