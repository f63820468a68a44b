"""Wake-up calls. They are only hints: the book says what is due, so a stale or repeated call does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from simulator.identifiers import Clock


class Timers:
    """Runs a job at a time, or a coroutine beside the request that asked for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def at(self, due: float, job: Callable[[], object]) -> None:
        """Calls `job` once the clock has reached `due` (epoch seconds), unless stopped by then."""
        asyncio.get_running_loop().call_later(max(0.0, due - self._clock.now()), self._run, job)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        # The loop keeps only weak references to tasks.
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _run(self, job: Callable[[], object]) -> None:
        if not self._stopped:
            job()

    async def stop(self) -> None:
        """Cancels what is under way and calls nothing any more; what is still due stays in the book."""
        self._stopped = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
