"""A process that does a piece of work again and again, and is killed (kill -9) before the nth step of it."""

import json
import os
import subprocess
import sys
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from django.conf import settings
from django.db import connection

# Who is to die is forked from a process that has loaded everything, best by having done the work once: it begins at once.
# A step is a statement that may change something, or a commit: to die before a read is to die after what came before it.
CHILD = """
import json, os, re, signal, sys
from importlib import import_module
import django
django.setup()
from django.db import connection

READ = re.compile(r'\\\\s*(SELECT "|SET )')
module, name = sys.argv[1].split(":")
work = getattr(import_module(module), name)

def do(arguments, nth):
    steps = 0
    def step():
        nonlocal steps
        steps += 1
        if steps == nth:
            os.kill(os.getpid(), signal.SIGKILL)
    def statement(execute, sql, *more):
        if not READ.match(str(sql)):
            step()
        return execute(sql, *more)
    def last_step(commit=connection._commit):
        step()
        return commit()
    connection._commit = last_step
    with connection.execute_wrapper(statement):
        work(*arguments)
    del connection._commit
    connection.close()
    return steps

for line in sys.stdin:
    nth, arguments = json.loads(line)
    if not nth:
        print(do(arguments, nth), flush=True)
        continue
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(theirs, b"%d" % do(arguments, nth))
        finally:
            os._exit(0)
    os.close(theirs)
    done = os.read(ours, 20)
    os.close(ours)
    _, status = os.waitpid(child, 0)
    print(json.dumps(int(done) if done else os.waitstatus_to_exitcode(status)), flush=True)
"""


class Dying:
    """The work of a function, `module:name`, on the test's own database. Its arguments must be what JSON can say."""

    def __init__(self, work: str, **environ: str) -> None:
        database = connection.settings_dict
        user, password = (quote(database[name], safe="") for name in ("USER", "PASSWORD"))
        url = f"postgres://{user}:{password}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
        own = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "onpoint_pay.settings", "LOG_LEVEL": "CRITICAL"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", CHILD, work],
            env=os.environ | own | environ,
            cwd=settings.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=60)

    def do(self, *arguments: Any) -> int:
        """The work to its end, in the process that the others are forked from; how many steps it had."""
        return self._say(0, arguments)

    def die(self, *arguments: Any, before: int) -> bool:
        """The work, killed before this step of it, the first being 1; False when it had fewer and was done."""
        return self._say(before, arguments) < 0

    def _say(self, nth: int, arguments: Any) -> int:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([nth, arguments]) + "\n")
        self.process.stdin.flush()
        answer = int(json.loads(self.process.stdout.readline()))
        assert answer != 0, "the work ended in an error of its own"
        return answer
