"""One run from start to table: everything started, rounds taken in turn, results written, everything stopped."""

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import cpu, document, machine, ratios, table
from bench.counting import Count, count_statements
from bench.figures import Take, needed_for
from bench.ground import Ground
from bench.hooks import figures as hook_figures
from bench.hooks import run as hook_run
from bench.hooks.stack import HookStack
from bench.money import figures as money_figures
from bench.money import run as money_run
from bench.money.stack import LedgerStack, WriterStack
from bench.ratios import STATEMENTS
from bench.rounds import Measure, Rounds
from bench.stack import Stack
from onpoint_pay import gunicorn_conf
from onpoint_pay.local.errors import LocalError

NAMES = [*ratios.NAMES, *hook_figures.NAMES, *money_figures.NAMES]
ENTRIES = 1_000_000
RESULTS = Path(__file__).resolve().parent / "results.json"

Say = Callable[[str], object]


def run(*, names: Sequence[str], rounds: int, seconds: float, entries: int, output: Path, say: Say) -> bool:
    """Measure, print and write `output`. False when anything was answered or stored wrongly. Raises LocalError.

    `entries` is how long a ledger is settled.
    """
    if not cpu.PROC.joinpath("stat").exists():
        raise LocalError("The benchmark reads CPU times from /proc, which only Linux has.")
    began, began_at = time.monotonic(), datetime.now(UTC)
    needed, environment = ratios.needed_for(names), {}
    measures: list[Measure] = []
    count: Count | None = None
    takes: list[Take] = []
    money: list[Take] = []
    if needed or STATEMENTS in names:
        with Stack(say) as stack:
            environment = _environment(stack, stack.seed["versions"])
            measures = _take(stack, needed, rounds=rounds, seconds=seconds, say=say)
            count = _count(stack, seconds=seconds, say=say) if STATEMENTS in names else None
    if needed_for(names, hook_figures.FIGURES):
        with HookStack(say) as stack:
            environment = environment or _environment(stack, stack.versions)
            takes = hook_run.take_all(stack, names, rounds=rounds, seconds=seconds)
    if money_run.needs_ledger(names):
        with LedgerStack(say, entries=entries) as stack:
            environment = (environment or _environment(stack, stack.versions)) | {"entries": stack.entries}
            money += money_run.take_ledger(stack, names, rounds=rounds)
    if money_run.needs_writers(names):
        with WriterStack(say) as stack:
            environment = environment or _environment(stack, stack.versions)
            money += money_run.take_writers(stack, names, rounds=rounds, seconds=seconds)
    environment |= {"began_at": began_at.isoformat(timespec="seconds"), "rounds": rounds, "seconds": seconds}
    environment["took_seconds"] = round(time.monotonic() - began, 1)
    result = document.make(measures, count, takes, money, names=list(names), environment=environment)
    output.write_text(json.dumps(result, indent=1) + "\n")
    say("\n" + table.draw(result, measures, [*takes, *money]))
    for fault in result["faults"]:
        say(f"INCORRECT: {fault}")
    verdict = "INCORRECT, its figures mean nothing" if result["faults"] else "every answer and every row was right"
    say(f"\n{environment['took_seconds']:.0f} s, {verdict}; written to {output}")
    return not result["faults"]


def _take(stack: Stack, needed: list[str], *, rounds: int, seconds: float, say: Say) -> list[Measure]:
    """Each round takes every measurement once: a slow minute of the machine meets limits and scenarios alike."""
    taken: list[Measure] = []
    takes = Rounds(stack, seconds=seconds, processors=machine.describe()["processors"])
    takes.warm_up(needed)
    for number in range(1, rounds + 1):
        for name in needed:
            measure = takes.measure(name, number=number)
            taken.append(measure)
            wrong = "  INCORRECT" if measure.faults else ""
            say(
                f"round {number}/{rounds}  {name:18}{measure.per_second:8.0f}/s {measure.cpu_us:8.0f} us CPU"
                f"   others {measure.unrelated:4.0%}{wrong}"
            )
    return taken


def _count(stack: Stack, *, seconds: float, say: Say) -> Count:
    say("counting statements")
    return count_statements(stack, seconds=seconds)


def _environment(stack: Ground, versions: dict[str, str]) -> dict[str, Any]:
    return {
        "machine": machine.describe(),
        "versions": versions,
        "database": stack.database.settings(),
        "workers": gunicorn_conf.workers,
        "threads": gunicorn_conf.threads,
        "fsync_ms": round(machine.fsync_ms(stack.home), 3),
    }
