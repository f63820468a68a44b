"""Sequences of anything that may happen to money, at random: after each, every proof of the books must hold.

`python -m faults.sequences COUNT SEED` plays many on the database of the environment, each in a transaction that is
rolled back, and prints what broke.
"""

import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

SHORTEST, LONGEST = 5, 60
SETTINGS = {"DJANGO_SETTINGS_MODULE": "onpoint_pay.settings", "LOG_LEVEL": "CRITICAL"}
SHOWN_FAULTS, SAID_EVERY = 5, 100

# The number of a move, and what it happens to.
Step = tuple[int, int, int]


@dataclass(slots=True)
class Played:
    """What one sequence did, by move: how often, and how often it was refused; how all of it ended, and what broke."""

    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    ends: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def play(steps: Sequence[Step]) -> Played:
    """Do every step in one transaction, ask every proof, compare with our own count, and roll all of it back."""
    from django.db import transaction

    moves, played = _moves(), Played()
    with moves.settled_here, transaction.atomic():
        world = moves.make_world()
        if steps[0][1] % 4:
            moves.earn(world)
        for step in steps:
            if not _do(world, step, played):
                break
        played.faults += broken_proofs() + moves.differences(world)
        played.ends.update(moves.ends())
        transaction.set_rollback(True)
    return played


def _moves() -> Any:
    """Loaded when Django is ready; made of what tests make their rows with."""
    return import_module("faults.moves")


def _do(world: Any, step: Step, played: Played) -> bool:
    """Whether it went as it may: it was done, refused in words, or had nothing to happen to."""
    from django.core.exceptions import ObjectDoesNotExist
    from django.db import DatabaseError, transaction

    from onpoint_pay.kit.errors import Problem

    moves = _moves()
    number, a, b = step
    move = moves.MOVES[number % len(moves.MOVES)]
    try:
        with transaction.atomic():
            move(world, a, b)
            moves.check_now()
    except moves.NothingThere:
        pass
    except Problem:
        played.refused[move.__name__] += 1
    except (
        DatabaseError,
        ObjectDoesNotExist,
        AssertionError,
        LookupError,
        TypeError,
        ValueError,
        RuntimeError,
    ) as error:
        played.faults.append(f"{move.__name__}({a}, {b}) raised {type(error).__name__}: {str(error)[:300]}")
        return False
    else:
        played.done[move.__name__] += 1
    return True


def broken_proofs() -> list[str]:
    """What the invariants find, in words; asked in the open transaction."""
    from django.db import connection

    from payments.invariants import INVARIANTS

    broken = []
    with connection.cursor() as cursor:
        for invariant in INVARIANTS:
            cursor.execute(f"SELECT * FROM ({invariant.sql}) found LIMIT 3")
            rows = cursor.fetchall()
            if rows:
                broken.append(f"{invariant.name} {invariant.meaning}: {rows}")
    return broken


def draw(source: random.Random) -> list[Step]:
    """Steps of one sequence."""
    length = source.randint(SHORTEST, LONGEST)
    return [(source.randrange(256), source.randrange(256), source.randrange(256)) for _ in range(length)]


# --- many of them -----------------------------------------------------------------------------------------------------


def play_many(count: int, seed: int, say: Callable[[str], object]) -> bool:
    """Whether all held. The sequence number N of a seed is drawn from `seed:N`, so that one can be played alone."""
    began, whole, broken = time.monotonic(), Played(), 0
    for number in range(count):
        steps = draw(random.Random(f"{seed}:{number}"))
        played = play(steps)
        whole.done += played.done
        whole.refused += played.refused
        whole.ends += played.ends
        if played.faults:
            broken += 1
            if broken <= SHOWN_FAULTS:
                say(f"sequence {seed}:{number} broke: {played.faults}\n    {steps}")
        if (number + 1) % SAID_EVERY == 0:
            say(f"{number + 1} of {count} sequences of seed {seed}, {broken} broke")
    seconds = time.monotonic() - began
    say(f"{count} sequences of seed {seed} in {seconds:.0f} s, {broken} broke")
    for title, counts in (("done", whole.done), ("refused in words", whole.refused), ("ended as", whole.ends)):
        say(f"    {title}: " + ", ".join(f"{name} {times}" for name, times in sorted(counts.items())))
    return broken == 0


def run_sequences(count: int, *, seed: int, say: Callable[[str], object]) -> bool:
    """In one process for each core, each on servers of its own that are thrown away. Raises LocalError.

    On one database they would wait for each other's receipts and accounts until the end of each sequence.
    """
    workers = os.cpu_count() or 1
    shares = [count // workers + (number < count % workers) for number in range(workers)]
    with ExitStack() as stack:
        children = []
        for number, share in enumerate(shares):
            environ = stack.enter_context(_database(say))
            command = [sys.executable, "-m", "faults.sequences", str(share), str(seed + number)]
            children.append(subprocess.Popen(command, env=environ))
        return not any([child.wait() for child in children])


@contextmanager
def _database(say: Callable[[str], object]) -> Iterator[dict[str, str]]:
    """The environment of a process that works on an empty database of its own, as the application's role."""
    from onpoint_pay.embedded import start_servers
    from onpoint_pay.local import programs
    from onpoint_pay.local.environment import outer_environ, stack_environ
    from onpoint_pay.local.home import CHECKOUT, default_home
    from onpoint_pay.local.ports import choose_free

    with start_servers(Path(), ephemeral=True, environ={}, say=say) as servers:
        outer = outer_environ(default_home())
        own = stack_environ(servers.home, outer=outer, port=choose_free(), simulator_port=choose_free())
        environ = outer | own | servers.environ | SETTINGS | {"PYTHONPATH": str(CHECKOUT)}
        as_owner = environ | {"ONPOINT_DATABASE_ROLE": "owner"}
        subprocess.run(programs.MIGRATE, cwd=CHECKOUT, env=as_owner, check=True, stdout=subprocess.DEVNULL)
        yield environ


def main() -> None:
    import django

    django.setup()
    count, seed = (int(text) for text in sys.argv[1:3])
    sys.exit(0 if play_many(count, seed, partial(print, flush=True)) else 1)


if __name__ == "__main__":
    main()
