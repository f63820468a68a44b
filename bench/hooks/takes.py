"""One measurement of how webhooks are delivered or of a control, with its CPU and the proof of what it did."""

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

from bench.figures import Take, share, spend
from bench.hooks.rows import BACKLOG, DUE, FORGET_LANES, GIVE_UP, NOT_DUE, TAKEN, Rows
from bench.hooks.stack import CONTROLS, DEADLINE_SECONDS, FAILING, HANGING, OK, Came, HookStack
from onpoint_pay.local.errors import LocalError
from webhooks.bell import FAILURES_KEY as BELLS_LOST
from webhooks.bell import KEY as BELL

LANES = 50
# For each second a measurement is to last.
DRAINED, TASKS, OPEN, BELLS = 4000, 300, 125_000, 30
FEW_OPEN, OPEN_IN_LANE = 5000, 100
SLOW_RATE, FAST_RATE, CROWD_RATE = 100, 800, 200
WARM_UP_SECONDS = 1.0
# Long enough for what a hanging endpoint does to the others: its first try ends, and the next ones hang as well.
CROWD_TIMES = 2.5
FIRST_SECONDS = 5.0
CLAIMED_LANES, ROOM, CLAIMS = 25, 32, 20
PATIENCE_SECONDS = 30.0
LOOK_SECONDS = 0.05


class Takes:
    """Takes measurements on a running stack."""

    def __init__(self, stack: HookStack, *, seconds: float, processors: int) -> None:
        self._stack, self._seconds, self._processors = stack, seconds, processors
        self._lanes_made = 0
        self._work: dict[str, Callable[[str], Take]] = {
            "drain": self._drain,
            "adapter": self._control,
            "post": self._control,
            "tasks": self._tasks,
            "receipt-100": lambda name: self._receipts(name, rate=SLOW_RATE),
            "receipt-800": lambda name: self._receipts(name, rate=FAST_RATE),
            "floor-100": lambda name: self._floor(name, rate=SLOW_RATE),
            "floor-800": lambda name: self._floor(name, rate=FAST_RATE),
            "bell": self._bell,
            "50": lambda name: self._crowd(name, shops=range(LANES), bad=()),
            "50-one-hangs": lambda name: self._crowd(name, shops=[*range(1, LANES), OK], bad=(OK,)),
            "200": lambda name: self._crowd(name, shops=range(OK + HANGING + FAILING), bad=self._bad, without_bad=True),
            "200-many-fail": lambda name: self._crowd(name, shops=range(OK + HANGING + FAILING), bad=self._bad),
            "claim-few": lambda name: self._claim(name, count=FEW_OPEN),
            "claim": lambda name: self._claim(name, count=max(round(OPEN * self._seconds), FEW_OPEN)),
        }

    def take(self, name: str, *, number: int) -> Take:
        self._stack.take()
        taken = self._work[name](name)
        taken.round = number
        return taken

    # --- how many a second ----------------------------------------------------------------------------------------

    def _drain(self, name: str) -> Take:
        """A backlog that is there all at once, and the time until the last of it has come."""
        count, shops = self._count(DRAINED), self._stack.merchants[:LANES]
        rows = Rows.from_now(self._stack.database)
        self._stack.database.execute("BEGIN")
        self._make_backlog(shops, count, due=DUE)
        # References are checked when a transaction ends otherwise, and that is not the drains' work.
        self._stack.database.execute("SET CONSTRAINTS ALL IMMEDIATE")

        def work() -> None:
            self._stack.database.execute("COMMIT")
            self._stack.valkey.lpush(BELL, b"1", b"1")
            self._wait_for(count, rows)

        return self._note_delivered(name, rows, count, work)

    def _tasks(self, name: str) -> Take:
        """The same with a message per delivery, all of them waiting when the workers begin to read."""
        count, shops = self._count(TASKS), self._stack.merchants[:LANES]
        rows = Rows.from_now(self._stack.database)
        # Due tomorrow, so that no drain takes them.
        self._make_backlog(shops, count, due=NOT_DUE)
        queue = f"bench-{time.time_ns()}"
        self._stack.inside.order(do="enqueue", deliveries=rows.open_ids(), queue=queue)

        def work() -> None:
            if self._stack.inside.order(do="let_read", queue=queue) != 1:
                raise LocalError("The tasks' worker does not answer.")
            self._wait_for(count, rows)

        return self._note_delivered(name, rows, count, work)

    def _note_delivered(self, name: str, rows: Rows, count: int, work: Callable[[], None]) -> Take:
        taken = self._spend(name, work)
        came = self._stack.take()
        taken.done, taken.per_second = count, len(came.times) / max(came.seconds, 1e-9)
        taken.faults += rows.faults(name, came, count=count)
        return taken

    def _control(self, name: str) -> Take:
        seconds = self._seconds / 2
        order = {"urls": self._stack.ok_urls(LANES), "body": self._stack.body}
        helpers = [self._stack.helpers[control] for control in CONTROLS]

        def work() -> int:
            for helper in helpers:
                helper.tell(do=name, seconds=seconds, **order)
            return sum(helper.answer() for helper in helpers)

        sent: list[int] = []
        taken = self._spend(name, lambda: sent.append(work()))
        came = self._stack.take()
        taken.done, taken.per_second = sent[0], sent[0] / max(came.seconds, 1e-9)
        if len(came.times) != sent[0] or came.times.total() != sent[0]:
            taken.faults.append(f"{name}: {sent[0]} sent, {came.times.total()} came")
        return taken

    # --- how soon -------------------------------------------------------------------------------------------------

    def _receipts(self, name: str, *, rate: int) -> Take:
        """Events committed one by one at a steady rate; each from its commit to its arrival."""
        shops = self._stack.merchants[:LANES]
        rows = Rows.from_now(self._stack.database)
        commits: list[tuple[str, float]] = []
        taken = self._spend(name, lambda: self._publish(commits, shops, rate=rate, rows=rows))
        came = self._stack.take()
        counted = [each for each in commits if each[1] - commits[0][1] >= WARM_UP_SECONDS]
        self._note_receipts(taken, counted, came)
        taken.done, taken.asked = len(commits), rate
        taken.faults += rows.faults(name, came, count=len(commits))
        return taken

    def _publish(self, commits: list[tuple[str, float]], shops: list[str], *, rate: int, rows: Rows) -> None:
        seconds = WARM_UP_SECONDS + self._seconds
        commits += self._stack.inside.order(do="publish", merchants=shops, rate=rate, seconds=seconds)
        self._wait_for(len(commits), rows)

    def _floor(self, name: str, *, rate: int) -> Take:
        commits: list[tuple[str, float]] = []
        order = {"url": self._stack.url("ok/0"), "rate": rate, "seconds": self._seconds / 2}
        taken = self._spend(name, lambda: commits.extend(self._stack.inside.order(do="publish_and_send", **order)))
        came = self._stack.take()
        self._note_receipts(taken, commits, came)
        taken.done, taken.asked = len(commits), rate
        if len(came.times) != len(commits):
            taken.faults.append(f"{name}: {len(commits)} sent, {len(came.times)} came")
        return taken

    def _note_receipts(self, taken: Take, commits: list[tuple[str, float]], came: Came) -> None:
        waits = [1000 * (came.first_at[event] - at) for event, at in commits if event in came.first_at]
        lasted = commits[-1][1] - commits[0][1] if commits else 0.0
        taken.per_second = (len(commits) - 1) / max(lasted, 1e-9)
        taken.values |= {"p50_ms": share(waits, 0.5), "p99_ms": share(waits, 0.99), "worst_ms": share(waits, 1.0)}

    def _bell(self, name: str) -> Take:
        shops, times = self._stack.merchants[:LANES], self._count(BELLS)
        rows = Rows.from_now(self._stack.database)
        found: dict[str, list[float]] = {}

        def work() -> None:
            found.update(self._stack.inside.order(do="bell_cost", merchants=shops, times=times))
            self._wait_for(2 * times, rows)

        taken = self._spend(name, work)
        taken.done = 2 * times
        taken.values = {kind: median(took) for kind, took in found.items()}
        taken.faults += rows.faults(name, self._stack.take(), count=2 * times)
        return taken

    # --- beside others that fail ----------------------------------------------------------------------------------

    @property
    def _bad(self) -> range:
        return range(OK, OK + HANGING + FAILING)

    def _crowd(self, name: str, *, shops: Sequence[int], bad: Sequence[int], without_bad: bool = False) -> Take:
        """Events to each shop in turn, at the same moments with the bad ones and without. The first second goes to the
        good ones alone and does not count; from then on everything does, and the bad ones are news to the drains."""
        all_shops, names = [self._stack.merchants[place] for place in shops], self._stack.merchants
        bad_shops = [names[place] for place in bad]
        good: list[str | None] = [None if shop in bad_shops else shop for shop in all_shops]
        self._stack.database.execute(FORGET_LANES, [names])
        rows = Rows.from_now(self._stack.database)
        warm: list[tuple[str, float]] = []
        commits: list[tuple[str, float]] = []

        def work() -> None:
            order = {"do": "publish", "rate": CROWD_RATE}
            warm.extend(self._stack.inside.order(**order, merchants=good, seconds=WARM_UP_SECONDS))
            chosen = good if without_bad else all_shops
            lasts = CROWD_TIMES * self._seconds
            commits.extend(self._stack.inside.order(**order, merchants=chosen, seconds=lasts))
            self._wait_until(lambda: rows.open(but=bad_shops) == 0)

        taken = self._spend(name, work)
        self._end_bad(bad_shops)
        came = self._stack.take()
        bad_events = rows.events_of(bad_shops)
        self._note_crowd(taken, [each for each in commits if each[0] not in bad_events], came)
        taken.done = len(warm) + len(commits)
        taken.faults += rows.faults(name, came, count=len(warm) + len(commits), bad=bad_shops)
        return taken

    def _note_crowd(self, taken: Take, commits: list[tuple[str, float]], came: Came) -> None:
        self._note_receipts(taken, commits, came)
        began = commits[0][1]
        for label, part in (
            ("first", [each for each in commits if each[1] - began < FIRST_SECONDS]),
            ("later", [each for each in commits if each[1] - began >= FIRST_SECONDS]),
        ):
            waits = [1000 * (came.first_at[event] - at) for event, at in part if event in came.first_at]
            taken.values[f"{label}_p99_ms"] = share(waits, 0.99)

    def _end_bad(self, shops: list[str]) -> None:
        """No more tries for these, and those under way over: then what was tried can be compared with what came."""
        self._stack.database.execute(GIVE_UP, [shops])
        self._wait_until(lambda: self._stack.database.rows(TAKEN)[0][0] == 0, seconds=DEADLINE_SECONDS + 10)
        self._stack.database.execute(GIVE_UP, [shops])

    # --- in a long queue ------------------------------------------------------------------------------------------

    def _claim(self, name: str, *, count: int) -> Take:
        """No drain lives: the statements alone, walking on through all that is waiting."""
        self._make_lanes(count // OPEN_IN_LANE)
        found = self._stack.inside.order(do="claim", times=CLAIMS, lanes=CLAIMED_LANES, room=ROOM)
        waiting = self._stack.database.rows("SELECT count(*) FROM webhooks_delivery WHERE state = 'open'")[0][0]
        both = [claim + fetch for claim, fetch in zip(found["claim"], found["fetch"], strict=True)]
        taken = Take(name=name, done=CLAIMS)
        taken.values = {"open": waiting, "ms": median(both), "worst_ms": max(both)}
        taken.values |= {f"{part}_ms": median(found[part]) for part in ("claim", "fetch", "behind")}
        due = CLAIMED_LANES * ROOM
        if any(each != due for each in found["fetched"]):
            taken.faults.append(f"{name}: fetched {min(found['fetched'])} to {max(found['fetched'])} instead of {due}")
        return taken

    def _make_lanes(self, lanes: int) -> None:
        """Until there are so many with a backlog each."""
        new, first = lanes - self._lanes_made, len(self._stack.merchants) + self._lanes_made
        if new <= 0:
            return
        self._stack.inside.order(do="make_lanes", url=self._stack.url("ok/0"), count=new, first=first)
        made = self._stack.database.rows(
            "SELECT DISTINCT merchant_id FROM webhooks_endpoint WHERE api_version = 'bench' AND NOT EXISTS "
            "(SELECT 1 FROM webhooks_delivery d WHERE d.endpoint_id = webhooks_endpoint.id)"
        )
        self._make_backlog([str(row[0]) for row in made], new * OPEN_IN_LANE, due=DUE)
        self._stack.database.execute("VACUUM ANALYZE")
        self._lanes_made = lanes

    # --- what they share ------------------------------------------------------------------------------------------

    def _count(self, each_second: int) -> int:
        return max(round(each_second * self._seconds), LANES)

    def _make_backlog(self, shops: list[str], count: int, *, due: str) -> None:
        values: dict[str, Any] = {"merchants": shops, "count": count, "body": self._stack.body}
        self._stack.database.execute(BACKLOG.format(due=due), values)
        self._stack.database.execute("ANALYZE webhooks_delivery")

    def _wait_for(self, count: int, rows: Rows) -> None:
        """Until so many have come and every one of them is written down."""
        self._wait_until(lambda: self._stack.received() >= count)
        self._wait_until(lambda: rows.open() == 0)

    def _wait_until(self, is_so: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS) -> None:
        """Or until the time is over: what is missing then is found by comparing."""
        deadline = time.monotonic() + seconds
        while not is_so() and time.monotonic() < deadline:
            time.sleep(LOOK_SECONDS)

    def _spend(self, name: str, work: Callable[[], object]) -> Take:
        lost = self._bells_lost()
        taken = spend(name, work, roots=self._stack.roots, processors=self._processors)
        taken.bells_lost = self._bells_lost() - lost
        return taken

    def _bells_lost(self) -> int:
        return int(self._stack.valkey.get(BELLS_LOST) or 0)
