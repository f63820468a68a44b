"""`manage.py postman`: run the Postman collection with newman, against a stack of its own or the one BASE_URL names."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand

from onpoint_pay.local.environment import outer_environ
from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import CHECKOUT, default_home, make_ephemeral_home
from onpoint_pay.local.ports import choose_free
from onpoint_pay.supervisor import LocalStack

NEWMAN = "newman@6.2.2"
# Of `make run`, unless SIMULATOR_URL names another; the collection plays the payer there.
SIMULATOR = "http://127.0.0.1:9000"
COLLECTION = CHECKOUT / "postman" / "OnPoint-Pay.postman_collection.json"
LOOK_SECONDS = 2.0
ENVIRONMENT = CHECKOUT / "postman" / "OnPoint-Pay-local.postman_environment.json"


class Command(BaseCommand):
    help = "Run every request of the Postman collection with its tests. Exits 0 only when all of them passed."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            status = self._run()
        except KeyboardInterrupt:
            sys.exit(130)
        except LocalError as error:
            self.stderr.write(f"\n{error}")
            sys.exit(1)
        sys.exit(status)

    def _run(self) -> int:
        command = newman()
        environ = outer_environ(default_home())
        base_url = environ.get("BASE_URL")
        if base_url:
            with operator(os.environ) as emails:
                return run(command, base_url, simulator_url=environ.get("SIMULATOR_URL") or SIMULATOR, emails=emails)
        home = make_ephemeral_home()
        servers = LocalStack(home, port=choose_free(), simulator_port=choose_free())
        with servers as stack, operator(stack.environ) as emails:
            status = run(command, stack.base_url, simulator_url=stack.simulator_url, emails=emails)
        if status:
            self.stderr.write(f"The logs are in {home / 'logs'} until the next run.")
        else:
            shutil.rmtree(home)
        return status


def newman() -> list[str]:
    """How to start newman: an installed one, or by npx, which fetches it. Raises LocalError without either."""
    installed, npx = shutil.which("newman"), shutil.which("npx")
    if installed:
        return [installed]
    if npx:
        return [npx, "--yes", NEWMAN]
    raise LocalError("This needs Node.js: install it, so that there is an `npx`, or install newman.")


@contextmanager
def operator(environ: Mapping[str, str]) -> Iterator[list[str]]:
    """Two addresses, and somebody who takes their owners' word for them once they register: no mail arrives here."""
    emails, is_over = [f"{name}-{uuid4()}@example.com" for name in ("owner", "colleague")], Event()

    def look() -> None:
        waiting = list(emails)
        while waiting and not is_over.wait(LOOK_SECONDS):
            waiting = [email for email in waiting if not verify(email, environ)]

    thread = Thread(target=look)
    thread.start()
    try:
        yield emails
    finally:
        is_over.set()
        thread.join()


def verify(email: str, environ: Mapping[str, str]) -> bool:
    """Whether somebody has registered with the address; then it is theirs."""
    command = [sys.executable, str(CHECKOUT / "manage.py"), "person", email, "--verify-email"]
    return subprocess.run(command, env=dict(environ), check=False, capture_output=True).returncode == 0  # noqa: S603


def run(command: list[str], base_url: str, *, simulator_url: str, emails: list[str]) -> int:
    """Newman's exit status: 0 when every test passed."""
    variables = {
        "baseUrl": f"{base_url.rstrip('/')}/api/v1",
        "simulatorUrl": simulator_url.rstrip("/"),
        "ownerEmail": emails[0],
        "secondEmail": emails[1],
    }
    where = ["--environment", str(ENVIRONMENT)]
    where += [word for name, value in variables.items() for word in ("--env-var", f"{name}={value}")]
    return subprocess.run([*command, "run", str(COLLECTION), *where], check=False).returncode  # noqa: S603
