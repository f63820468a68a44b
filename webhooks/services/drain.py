"""The drain: takes lanes, sends what is due in them from threads, and writes results down in groups.

One loop, one database connection, no transaction open while anything is being sent.
"""

import contextlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import Error, InterfaceError, OperationalError, connection
from redis import RedisError

from onpoint_pay.kit.clock import now
from webhooks import bell
from webhooks.pace import Lane
from webhooks.services.lanes import START, SUSPECT_AFTER, Due, claim_lanes, fetch_due, renew
from webhooks.services.secrets import SecretCache
from webhooks.services.senders import THREADS, Flight, Senders
from webhooks.services.settle import Settled, settle
from webhooks.services.verdicts import broken, landed, refusal_of, set_aside, unsent

log = structlog.get_logger(__name__)
LOOK_SECONDS = 0.25
GROUP_SECONDS, GROUP_SIZE = 0.003, 256
LANES, LOOKS = 25, 8
# Tries handed to the threads at once: more would only make the newest wait behind them.
MOST_FLYING = 400
TURN_TRIES, TURN_SECONDS = 256, 2.0
ALIVE_EVERY = 1.0
PAUSE_SECONDS = 0.2
DATABASE_AWAY = (OperationalError, InterfaceError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one run came to, counted in tries; `open` ones will be tried again."""

    delivered: int = 0
    open: int = 0
    failed: int = 0
    held: int = 0


def drain(*, seconds: float, is_over: Callable[[], bool] = lambda: False) -> Counts:
    """Deliver for so long, waking for every bell, then finish what is under way and give every lane back.

    `is_over` ends it sooner. Any number may run at once, in any number of processes. Whatever dies in between, a lane
    is anybody's again when its lease ends, and its deliveries are sent again.
    """
    return _Drain(ends_at=time.monotonic() + seconds, is_over=is_over, until_idle=False).run()


def drain_until_idle(*, seconds: float = 20.0) -> Counts:
    """Deliver what is due now and return when nothing is, or when the time is over."""
    return _Drain(ends_at=time.monotonic() + seconds, is_over=lambda: False, until_idle=True).run()


class _Drain:
    """One run. The thread that made it owns the database connection; the pool's threads only send."""

    def __init__(self, *, ends_at: float, is_over: Callable[[], bool], until_idle: bool) -> None:
        self._name = f"{os.uname().nodename}:{os.getpid()}:{uuid4().hex[:6]}"
        self._ends_at, self._is_over, self._until_idle = ends_at, is_over, until_idle
        self._inbox: SimpleQueue[Flight | None] = SimpleQueue()
        self._senders = Senders(self._inbox)
        self._secrets = SecretCache()
        self._lanes: dict[UUID, Lane] = {}
        self._flights: dict[int, Flight] = {}
        self._unsettled: list[Settled] = []
        self._to_give_back: dict[UUID, Lane] = {}
        # Lanes in which a try has been waiting for its answer for a second.
        self._stuck: set[UUID] = set()
        self._after = START
        self._drains = 1
        self._others_wait = False
        self._was_away = False
        # The last look, made with nothing in hand, brought nothing.
        self._is_idle = False
        self._renew_at = self._alive_at = self._look_at = 0.0
        self._counts = Counts()

    def run(self) -> Counts:
        listener = threading.Thread(target=self._listen, name="webhooks-bell", daemon=True)
        if not self._until_idle:
            listener.start()
        try:
            while self._go_on():
                self._collect(self._wait())
                self._keep_alive()
                try:
                    if self._was_away:
                        self._write()
                    self._work()
                    self._write()
                    self._was_away = False
                except DATABASE_AWAY as error:
                    self._wait_for_database(error)
        finally:
            self._senders.close()
            bell.say_gone(self._name)
        return self._counts

    # --- the turn of the loop -------------------------------------------------------------------------------------

    def _is_ending(self) -> bool:
        return time.monotonic() >= self._ends_at or self._is_over()

    def _is_closing(self) -> bool:
        """Nothing more is begun. When the time is over, quick endpoints are served on until the last slow answer is in:
        in a worker with one process nobody else would."""
        moment = time.monotonic()
        if self._is_over() or moment >= self._ends_at + settings.WEBHOOK_DEADLINE_SECONDS:
            return True
        return moment >= self._ends_at and not any(flight.began < self._ends_at for flight in self._flights.values())

    def _go_on(self) -> bool:
        if self._flights or self._unsettled or self._to_give_back:
            return True
        if self._is_idle and self._until_idle:
            return False
        if self._is_closing():
            self._to_give_back |= self._lanes
            self._lanes.clear()
            return bool(self._to_give_back)
        return True

    def _listen(self) -> None:
        """In a thread of its own: turn strokes of the bell into turns of the loop."""
        while not self._is_ending():
            try:
                if bell.listen(1.0):
                    self._inbox.put(None)
            except RedisError:
                time.sleep(1.0)

    def _wait(self) -> list[Flight]:
        """Results, gathered for a moment so that they are written together; none when the bell or the time woke us."""
        found: list[Flight] = []
        with contextlib.suppress(Empty):
            first = self._inbox.get(timeout=self._patience())
            if first is None:
                self._look_at = 0.0
                return found
            found.append(first)
            deadline = time.monotonic() + GROUP_SECONDS
            while len(found) < GROUP_SIZE and len(found) < len(self._flights):
                more = self._inbox.get(timeout=max(deadline - time.monotonic(), 0.0))
                if more is None:
                    self._look_at = 0.0
                else:
                    found.append(more)
        return found

    def _patience(self) -> float:
        if self._unsettled or self._to_give_back or (self._until_idle and not self._flights):
            return 0.0
        if self._is_closing():
            return LOOK_SECONDS
        return max(min(self._look_at, self._renew_at) - time.monotonic(), 0.0)

    def _collect(self, flights: Iterable[Flight]) -> None:
        for flight in flights:
            del self._flights[flight.due.id]
            # A lane that was lost meanwhile is judged for the record alone.
            lane = self._lanes.get(flight.due.endpoint_id)
            is_ours = lane is not None and lane.token == flight.token
            settled = landed(flight, lane if is_ours else None, at=now(), worker=self._name)
            if lane is not None and is_ours:
                lane.flying -= 1
            self._unsettled.append(settled)

    def _keep_alive(self) -> None:
        moment = time.monotonic()
        if moment >= self._alive_at and not self._until_idle:
            bell.say_alive(self._name)
            self._drains = bell.drains_alive() or 1
            self._alive_at = moment + ALIVE_EVERY

    def _work(self) -> None:
        """Look for lanes when it is time, fill every lane that has room, and part with those that need nothing."""
        self._renew()
        self._stuck = {flight.due.endpoint_id for flight in self._flights.values() if flight.is_slow}
        if not self._is_closing():
            has_nothing = not self._lanes and not self._flights and not self._to_give_back
            if time.monotonic() >= self._look_at or (self._until_idle and has_nothing):
                self._look()
                self._is_idle = has_nothing and not self._lanes and not self._others_wait and self._after == START
            self._fill()
        self._give_back_idle()

    # --- lanes ----------------------------------------------------------------------------------------------------

    def _renew(self) -> None:
        moment = time.monotonic()
        if moment < self._renew_at:
            return
        self._renew_at = moment + settings.WEBHOOK_LEASE_SECONDS / 3
        if self._lanes:
            kept = renew(self._lanes.values())
            for key in [key for key in self._lanes if key not in kept]:
                log.warning("lane_lost", endpoint=str(key))
                self._forget(key)

    def _look(self) -> None:
        """Walk on from where the last look ended; several looks, while they find nothing and there is more to see."""
        began_at, self._others_wait = self._after, False
        for _ in range(LOOKS):
            # Lanes that only wait for a slow answer are no work.
            room = LANES - len(self._lanes.keys() - self._stuck)
            if room <= 0:
                self._others_wait = True
                break
            claim = claim_lanes(lanes=room, drains=self._drains, after=self._after)
            self._after = claim.after
            self._others_wait = self._others_wait or claim.waiting > len(claim.lanes)
            for lane in claim.lanes:
                self._take(lane)
            if claim.lanes or (claim.after == START and began_at == START):
                break
        self._look_at = time.monotonic() + LOOK_SECONDS

    def _take(self, lane: Lane) -> None:
        lane.taken_at = lane.tokens_at = time.monotonic()
        self._to_give_back.pop(lane.endpoint_id, None)
        self._lanes[lane.endpoint_id] = lane
        if lane.leases_lost >= SUSPECT_AFTER:
            log.error("webhook_set_aside", delivery=lane.head, endpoint=str(lane.endpoint_id))
            lane.leases_lost = 0
            set_aside(lane.head)

    def _forget(self, key: UUID) -> None:
        self._lanes.pop(key, None)
        self._to_give_back.pop(key, None)

    def _give_back_idle(self) -> None:
        """Lanes with nothing under way and nothing more due, whose turn is over, or which are to be left alone."""
        moment = time.monotonic()
        for key, lane in list(self._lanes.items()):
            if lane.flying == 0 and (not lane.is_behind or lane.is_resting or self._is_turn_over(lane, moment)):
                del self._lanes[key]
                lane.rest(at=now())
                self._to_give_back[key] = lane

    def _is_turn_over(self, lane: Lane, moment: float) -> bool:
        return self._others_wait and (lane.sent >= TURN_TRIES or moment - lane.taken_at > TURN_SECONDS)

    # --- sending --------------------------------------------------------------------------------------------------

    def _fill(self) -> None:
        rooms = self._rooms()
        if not rooms:
            return
        known = [*self._flights, *(done.id for done in self._unsettled)]
        found = fetch_due(rooms, self._lanes, flying=known)
        ready = [flight for flight in map(self._prepared, found) if flight is not None]
        brought, begun = Counter(due.endpoint_id for due in found), Counter(flight.due.endpoint_id for flight in ready)
        for key, room in rooms.items():
            self._lanes[key].is_behind = brought[key] >= room
            self._lanes[key].begin(begun[key])
        self._flights.update({flight.due.id: flight for flight in ready})
        slow = sum(each.is_slow for each in self._flights.values())
        self._senders.submit(ready, flying=len(self._flights), slow=slow)

    def _rooms(self) -> dict[UUID, int]:
        """Tries each lane may begin now. Lanes that hold threads for long share half of them, and lanes of one merchant
        alone never take more than a quarter of all, so that there is room for whoever comes next."""
        moment = time.monotonic()
        is_ending = moment >= self._ends_at
        most = MOST_FLYING if len({lane.merchant_id for lane in self._lanes.values()}) > 1 else MOST_FLYING // 4
        left = most - len(self._flights)
        slow_left = THREADS // 2 - sum(lane.flying for lane in self._lanes.values() if self._is_slow(lane))
        rooms: dict[UUID, int] = {}
        for key, lane in self._lanes.items():
            room = 0 if self._is_turn_over(lane, moment) else min(lane.room(moment), left)
            if self._is_slow(lane):
                room = 0 if is_ending else min(room, max(slow_left, 0))
                slow_left -= room
            if room > 0:
                rooms[key] = room
                left -= room
        return rooms

    def _is_slow(self, lane: Lane) -> bool:
        return lane.endpoint_id in self._stuck or lane.is_slow

    def _prepared(self, due: Due) -> Flight | None:
        lane = self._lanes[due.endpoint_id]
        lane.rate_limit = due.rate_limit
        refusal = refusal_of(due)
        if refusal is None:
            try:
                return Flight(due=due, token=lane.token, signing_secrets=self._secrets.open(due.secret_ids))
            except DATABASE_AWAY:
                raise
            except Exception as error:  # noqa: BLE001 - one delivery that cannot be prepared must not hold up the rest
                log.error("webhook_not_prepared", exc_info=error, delivery=due.id)
                refusal = ("failed", "internal")
        self._unsettled.append(unsent(due, lane.token, state=refusal[0], error=refusal[1]))
        return None

    # --- writing down ---------------------------------------------------------------------------------------------

    def _write(self) -> None:
        """Everything that has ended. A result is kept until it is written: one forgotten is a webhook sent twice."""
        if not self._unsettled and not self._to_give_back:
            return
        tries, later = self._unsettled[:GROUP_SIZE], {done.endpoint_id for done in self._unsettled[GROUP_SIZE:]}
        # A lane goes back with its last result: before that its deliveries would be sent again.
        back = [lane for key, lane in self._to_give_back.items() if key not in later]
        changed = {done.endpoint_id: self._lanes[done.endpoint_id] for done in tries if done.endpoint_id in self._lanes}
        try:
            settle(tries, changed=[lane for lane in changed.values() if lane.is_changed], given_back=back)
        except DATABASE_AWAY:
            raise
        except Error as error:
            log.error("webhooks_not_settled", exc_info=error, tries=len(tries))
            self._unsettled[: len(tries)] = self._one_by_one(tries)
            return
        del self._unsettled[: len(tries)]
        for lane in back:
            self._to_give_back.pop(lane.endpoint_id, None)
        for done in tries:
            self._counts = replace(self._counts, **{done.state: getattr(self._counts, done.state) + 1})

    def _one_by_one(self, tries: list[Settled]) -> list[Settled]:
        """One of a group cannot be stored: write the others, and of that one only that it failed."""
        left = []
        for done in tries:
            try:
                settle([done], changed=(), given_back=())
            except DATABASE_AWAY:
                left.append(done)
            except Error:
                left.append(broken(done))
        return left

    def _wait_for_database(self, error: Exception) -> None:
        """Keep what is known, look at nothing, and begin with a fresh connection."""
        log.warning("webhooks_database_away", error=type(error).__name__)
        if not connection.in_atomic_block:
            connection.close()
        self._was_away = True
        time.sleep(PAUSE_SECONDS)
