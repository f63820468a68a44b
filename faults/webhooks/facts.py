"""Everything a verdict is based on: what was owed, what arrived, and what the tables say."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from faults.webhooks.processes import Publisher, Receiver, Target
from faults.webhooks.publisher import ACTION
from faults.webhooks.records import Change, Record
from faults.webhooks.stack import Incident, Stack
from onpoint_pay.kit.ids import to_public

EVENTS = """
SELECT id::text, merchant_id::text, mode, type, key, sequence FROM webhooks_event WHERE merchant_id = ANY(%s::uuid[])
"""
CHANGES = "SELECT object FROM audit_event WHERE action = %s AND stream = ANY(%s)"
DELIVERIES = """
SELECT id, event_id::text, endpoint_id::text, state, tries FROM webhooks_delivery WHERE merchant_id = ANY(%s::uuid[])
"""
TRIES = """
SELECT a.delivery_id, extract(epoch FROM a.started_at)::float8, a.total_ms / 1000.0::float8,
  coalesce(a.status BETWEEN 200 AND 299, false), a.worker
FROM webhooks_attempt a JOIN webhooks_delivery d ON d.id = a.delivery_id WHERE d.merchant_id = ANY(%s::uuid[])
ORDER BY a.started_at
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A row of the table of events; `id` is the public one."""

    id: str
    merchant: str
    mode: str
    type: str
    key: str
    sequence: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A row of the table of attempts: when it began, how many seconds it took, and whether it was a success."""

    began: float
    seconds: float
    is_success: bool
    worker: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    event: str
    path: str
    state: str
    tries: int
    attempts: list[Try]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    targets: list[Target]
    book: list[Change]
    record: Record
    incidents: list[Incident]
    # Keys of the events that the changes in the database ask for.
    changed: set[str]
    events: list[Event]
    deliveries: list[Delivery]


def gather(stack: Stack, *, targets: Sequence[Target], publishers: Sequence[Publisher], receiver: Receiver) -> Facts:
    merchants = sorted({target.merchant for target in targets})
    streams = [f"m{merchant}" for merchant in merchants]
    return Facts(
        targets=list(targets),
        book=[change for publisher in publishers for change in publisher.book() if change.merchant in merchants],
        record=receiver.record(),
        incidents=list(stack.incidents),
        changed={row[0] for row in stack.rows(CHANGES, ACTION, streams)},
        events=[_event(*row) for row in stack.rows(EVENTS, merchants)],
        deliveries=_deliveries(stack, merchants, {target.id: target.path for target in targets}),
    )


def _event(id: str, merchant: str, mode: str, type: str, key: str, sequence: int | None) -> Event:
    return Event(id=to_public("evt", UUID(id)), merchant=merchant, mode=mode, type=type, key=key, sequence=sequence)


def _deliveries(stack: Stack, merchants: list[str], paths: dict[str, str]) -> list[Delivery]:
    tries: dict[int, list[Try]] = {}
    for delivery_id, began, seconds, is_success, worker in stack.rows(TRIES, merchants):
        row = Try(began=began, seconds=float(seconds), is_success=is_success, worker=worker)
        tries.setdefault(delivery_id, []).append(row)
    return [
        Delivery(
            event=to_public("evt", UUID(event)),
            path=paths[endpoint],
            state=state,
            tries=count,
            attempts=tries.get(key, []),
        )
        for key, event, endpoint, state, count in stack.rows(DELIVERIES, merchants)
    ]
