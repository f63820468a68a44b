"""The rows behind the webhook figures: backlogs made by one statement, and the proof that nothing was lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from bench.database import Database
from bench.hooks.stack import Came
from onpoint_pay.kit.ids import to_public

# Events in turn to each merchant, each with one delivery to that merchant's one endpoint, spread over the last hour.
BACKLOG = """
WITH shops AS MATERIALIZED (
  SELECT id, merchant_id, row_number() OVER (ORDER BY merchant_id) - 1 AS place
  FROM webhooks_endpoint WHERE merchant_id = ANY(%(merchants)s::uuid[])),
made AS MATERIALIZED (
  SELECT uuidv7() AS id, n, n %% cardinality(%(merchants)s::uuid[]) AS place, now() - random() * interval '1 hour' AS at
  FROM generate_series(0, %(count)s - 1) AS n),
events AS (
  INSERT INTO webhooks_event (id, merchant_id, mode, type, key, api_version, body, created_at)
  SELECT made.id, shops.merchant_id, 'test', 'payment.completed', 'payment.completed:' || made.id, 'bench', %(body)s,
    made.at FROM made JOIN shops USING (place))
INSERT INTO webhooks_delivery (event_id, endpoint_id, merchant_id, mode, state, created_at, next_attempt_at, expires_at)
SELECT made.id, shops.id, shops.merchant_id, 'test', 'open', made.at, {due}, now() + interval '76 hours'
FROM made JOIN shops USING (place) ORDER BY made.n
"""
DUE, NOT_DUE = "made.at", "now() + interval '1 day'"
EVENTS = "SELECT event_id FROM webhooks_delivery WHERE id > %s AND merchant_id = ANY(%s::uuid[])"
TRIES = """
SELECT d.event_id, d.state, d.merchant_id, (SELECT count(*) FROM webhooks_attempt a WHERE a.delivery_id = d.id)
FROM webhooks_delivery d WHERE d.id > %s
"""
# The state every lane has when nothing was ever sent there.
FORGET_LANES = """
UPDATE webhooks_lane SET send_window = 4, last_ms = NULL, breaker = 'closed', open_until = NULL, times_tripped = 0,
  failures_in_row = 0, failing_since = NULL, failing_tries = 0, failing_events = 0, last_success_at = NULL,
  notified_level = 0, leases_lost = 0
WHERE lease_token IS NULL AND endpoint_id IN (
  SELECT id FROM webhooks_endpoint WHERE merchant_id = ANY(%s::uuid[]))
"""
OPEN = "SELECT count(*) FROM webhooks_delivery WHERE state = 'open' AND id > %s AND NOT merchant_id = ANY(%s::uuid[])"
GIVE_UP = "UPDATE webhooks_delivery SET state = 'failed' WHERE state = 'open' AND merchant_id = ANY(%s::uuid[])"
TAKEN = "SELECT count(*) FROM webhooks_lane WHERE lease_token IS NOT NULL AND lease_until > now()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One delivery as the database has it: its event's public id, its state, and how many tries are on record."""

    event: str
    merchant: str
    state: str
    tries: int


@dataclass(frozen=True, slots=True)
class Rows:
    """What the database knows of the deliveries made since `mark`."""

    database: Database
    mark: int

    @classmethod
    def from_now(cls, database: Database) -> "Rows":
        return cls(database, database.rows("SELECT coalesce(max(id), 0) FROM webhooks_delivery")[0][0])

    def open(self, *, but: Sequence[str] = ()) -> int:
        """Deliveries still to be made, those to the merchants `but` left out."""
        found: int = self.database.rows(OPEN, [self.mark, list(but)])[0][0]
        return found

    def open_ids(self) -> list[int]:
        return [row[0] for row in self.database.rows("SELECT id FROM webhooks_delivery WHERE id > %s", [self.mark])]

    def events_of(self, merchants: Sequence[str]) -> set[str]:
        """Public ids of the events that go to these merchants."""
        found = self.database.rows(EVENTS, [self.mark, list(merchants)])
        return {to_public("evt", UUID(str(row[0]))) for row in found}

    def faults(self, name: str, came: Came, *, count: int, bad: Sequence[str] = ()) -> list[str]:
        """What `compare` finds; there are to be `count` deliveries."""
        rows = self.database.rows(TRIES, [self.mark])
        made = [
            Delivered(event=to_public("evt", UUID(str(event))), state=state, merchant=str(merchant), tries=tries)
            for event, state, merchant, tries in rows
        ]
        return compare(name, made, came.times, count=count, bad=bad)


def compare(
    name: str, made: Sequence[Delivered], times: Mapping[str, int], *, count: int, bad: Sequence[str] = ()
) -> list[str]:
    """Every event is delivered and came once, and as many tries are on record as came; of `bad` merchants' events only
    the latter holds. `times` says how often each event came."""
    known, failing = {each.event for each in made}, set(bad)
    good = [each for each in made if each.merchant not in failing]
    found = {
        "deliveries too few or too many": abs(len(made) - count),
        "deliveries with other tries than came": sum(each.tries != times.get(each.event, 0) for each in made),
        "deliveries not made": sum(each.state != "delivered" for each in good),
        "events that came more than once": sum(times.get(each.event, 0) > 1 for each in good),
        "events that came and were never made": len(times.keys() - known),
    }
    return [f"{name}: {number} of {count} {what}" for what, number in found.items() if number]
