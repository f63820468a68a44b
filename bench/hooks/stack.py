"""What the webhook figures need: sink, webhook worker and beat, the worker of the tasks, and the controls."""

import json
import time
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import redis

from bench.ground import Ground, Helper, Say
from onpoint_pay.local import programs
from webhooks.bell import ALIVE_SECONDS, DRAINS_KEY

PROCESSES = 2
CONTROLS = ("control-1", "control-2")
OK, HANGING, FAILING = 140, 40, 20
DEADLINE_SECONDS = 5
TASK_QUEUE = "bench-idle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What the sink got: how often each event, and when it came first."""

    times: Counter[str]
    first_at: dict[str, float]

    @property
    def seconds(self) -> float:
        """From the first request to the last that was new."""
        return max(self.first_at.values(), default=0.0) - min(self.first_at.values(), default=0.0)


class HookStack(Ground):
    """PostgreSQL, Valkey, and 200 merchants with one endpoint each: the first OK answer at once, then HANGING that
    never do, then FAILING that answer 500. Workers are as `make run` starts them, with two processes."""

    settings = {"WEBHOOK_DEADLINE_SECONDS": str(DEADLINE_SECONDS)}

    def __init__(self, say: Say) -> None:
        super().__init__(say, ports=("sink",))
        self.merchants: list[str] = []
        self.body = ""
        self.versions: dict[str, str] = {}

    @property
    def inside(self) -> Helper:
        return self.helpers["inside"]

    @cached_property
    def valkey(self) -> "redis.Redis":
        return redis.Redis.from_url(self.environ["REDIS_URL"])

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports['sink']}/{name}"

    def ok_urls(self, count: int) -> list[str]:
        return [self.url(f"ok/{n}") for n in range(count)]

    def received(self) -> int:
        """How many requests came since the last `take`."""
        count: int = self.helpers["sink"].order(do="count")["count"]
        return count

    def take(self) -> Came:
        """What came since the last time, and forget it."""
        path = self.home / "came.json"
        self.helpers["sink"].order(do="take", path=str(path))
        came: list[tuple[str, float]] = json.loads(path.read_text())
        first_at: dict[str, float] = {}
        for name, at in came:
            first_at.setdefault(name, at)
        return Came(times=Counter(name for name, _ in came), first_at=first_at)

    def start_workers(self) -> None:
        """The product's worker and beat, and the worker of the tasks; back when two drains live."""
        self._spawn("worker", programs.worker("webhooks", processes=PROCESSES))
        self._spawn("beat", programs.beat(self.home))
        self._spawn("tasks", task_worker(), {"LOG_LEVEL": "WARNING"})
        self._wait_until(
            "worker", lambda: int(self.valkey.zcount(DRAINS_KEY, time.time() - ALIVE_SECONDS, "+inf")) >= PROCESSES
        )
        self.say(f"{PROCESSES} drains live {self.children['worker'].age_seconds:.1f} s")

    def stop_workers(self) -> None:
        for name in ("beat", "tasks", "worker"):
            self.children[name].ask_to_stop()
        for name in ("beat", "tasks", "worker"):
            self.children.pop(name).process.wait(30)

    def _furnish(self) -> None:
        self.helpers["sink"] = Helper("bench.hooks.sink", str(self.ports["sink"]))
        self.helpers["inside"] = Helper("bench.hooks.inside", environ=self.environ)
        for name in CONTROLS:
            self.helpers[name] = Helper("bench.hooks.controls")
        urls = [*self.ok_urls(OK), *(self.url(f"hang/{n}") for n in range(HANGING))]
        urls += [self.url(f"error/{n}") for n in range(FAILING)]
        answer: dict[str, Any] = self.inside.order(do="begin", urls=urls)
        self.merchants, self.body, self.versions = answer["merchants"], answer["body"], answer["versions"]
        self.database.execute("VACUUM ANALYZE")
        self.say(f"seeded {len(urls)} endpoints, events of {len(self.body)} bytes")


def task_worker() -> list[str]:
    """The product's command line with the thrown-away task and a name the control can be told by."""
    line = programs.worker(TASK_QUEUE, processes=PROCESSES)
    line[line.index("--hostname") + 1] = "bench@%h"
    return [*line, "--include", "bench.hooks.tasks"]
