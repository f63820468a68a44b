"""`manage.py faults`: payments through a provider that fails on purpose, or webhooks while everything dies."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from faults.judge import share_below
from faults.run import Plan, Result, Runner
from faults.sequences import run_sequences
from faults.webhooks.run import Plan as WebhookPlan
from faults.webhooks.run import run_webhooks
from onpoint_pay.local.demo import receiver
from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import CHECKOUT, default_home
from onpoint_pay.local.ports import choose_free
from onpoint_pay.supervisor import LocalStack, say_on_stdout

STATEMENT_TEST = "tests/test_statement_faults.py"
PACE = {
    "SWEEP_SPEED": "60",
    "PROVIDER_DEADLINE_SECONDS": "1",
    "SIMULATOR_APPROVE_SECONDS": "0.3",
    "SIMULATOR_HANG_SECONDS": "3",
    "RATE_LIMIT_API": "1000000/1m",
    "RATE_LIMIT_INITIATE": "1000000/1m",
    "RATE_LIMIT_STATUS": "1000000/1m",
}


class Command(BaseCommand):
    help = (
        "Run payments through a provider that fails on purpose; every one must end as the simulator's book says. "
        "With --statement: reconcile a long statement with planted breaks; each must be found, and nothing else. "
        "With --webhooks: kill what delivers them, under load; every event must still reach everybody it is owed to. "
        "With --sequences: anything that may happen to money, at random; every proof of the books must hold."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seeds", type=int, default=1, help="How many runs, each with its own seed (default 1).")
        parser.add_argument("--first-seed", type=int, default=1, help="The first seed (default 1).")
        parser.add_argument("--payments", type=int, default=10_000, help="Payments per seed (default 10000).")
        parser.add_argument("--rate", type=float, default=0.3, help="Share of provider calls that fail (default 0.3).")
        parser.add_argument("--webhooks", action="store_true", help="Try webhooks in place of payments.")
        parser.add_argument(
            "--statement", action="store_true", help="Try a long statement with planted breaks in place of payments."
        )
        parser.add_argument("--lines", type=int, default=50_000, help="Statement: how long it is (default 50000).")
        parser.add_argument("--seconds", type=int, default=60, help="Webhooks: how long to go on killing (default 60).")
        parser.add_argument(
            "--backlog", type=int, default=50_000, help="Webhooks: what one receiver missed (default 50000)."
        )

        parser.add_argument("--sequences", type=int, default=0, help="Play so many sequences in place of payments.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            sys.exit(0 if self._chosen(options) else 1)
        except KeyboardInterrupt:
            sys.exit(130)
        except LocalError as error:
            self.stderr.write(f"\n{error}")
            sys.exit(1)

    def _chosen(self, options: dict[str, Any]) -> bool:
        if options["sequences"]:
            return run_sequences(options["sequences"], seed=options["first_seed"], say=say_on_stdout)
        if options["statement"]:
            return self._try_statement(options)
        return self._try_webhooks(options) if options["webhooks"] else self._run(options)

    def _try_webhooks(self, options: dict[str, Any]) -> bool:
        plan = WebhookPlan(seconds=options["seconds"], backlog=options["backlog"], seed=options["first_seed"])
        return run_webhooks(plan, folder=default_home() / "faults" / "webhooks", say=say_on_stdout)

    def _try_statement(self, options: dict[str, Any]) -> bool:
        """The suite's own test of it, longer: on a throw-away database that nothing else writes to."""
        environ = os.environ | {"STATEMENT_LINES": str(options["lines"]), "STATEMENT_SEED": str(options["first_seed"])}
        command = [sys.executable, "-m", "pytest", "-n", "0", "-q", "-s", "--timeout", "1800", STATEMENT_TEST]
        return subprocess.run(command, cwd=CHECKOUT, env=environ, check=False).returncode == 0

    def _run(self, options: dict[str, Any]) -> bool:
        home = default_home() / "faults"
        environ = {**PACE, "SIMULATOR_SPEED": PACE["SWEEP_SPEED"]}
        plan = Plan(payments=options["payments"], rate=options["rate"])
        with LocalStack(home, port=choose_free(), simulator_port=choose_free(), extra_env=environ) as stack:
            log = home / "receiver.log"
            with (
                receiver(stack.credentials["webhook_secret"], log) as port,
                proving(stack, home / "prove.log") as proof,
            ):
                runner = Runner(stack.credentials, receiver_log=log, say=stack.say)
                runner.start_afresh()
                runner.listen(f"http://127.0.0.1:{port}/webhook")
                clean = True
                for seed in range(options["first_seed"], options["first_seed"] + options["seeds"]):
                    result = runner.run(seed, plan)
                    self._show(result)
                    stack.require_all_alive()
                    clean = clean and result.is_clean
                is_proved = proof.poll() is None
            said = "silent throughout" if is_proved else (home / "prove.log").read_text()
            self.stdout.write(f"prove, every second: {said}")
            return clean and is_proved

    def _show(self, result: Result) -> None:
        verdict = result.verdict
        states = ", ".join(f"{n} {state}" for state, n in sorted(verdict.states.items()))
        by = ", ".join(f"{n} {source}" for source, n in sorted(verdict.confirmed_by.items()))
        found = "equal to the book" if result.is_clean else "DIFFERS"
        self.stdout.write(f"seed {result.seed}: {found} after {result.seconds:.0f} s; {states} ({verdict.late} late)")
        self.stdout.write(f"    decided by {by}; {verdict.booked} prompts, {verdict.paid} paid")
        median, slowest = share_below(result.truths, 0.5), share_below(result.truths, 0.99)
        self.stdout.write(
            f"    time to truth, from the payer's decision: p50 {median:.2f} s, p99 {slowest:.2f} s "
            f"(schedules run {PACE['SWEEP_SPEED']} times as fast as in production)"
        )
        for fault in [*verdict.faults, *(f"{reference}: final state not told" for reference in result.untold)][:20]:
            self.stdout.write(f"    {fault}")
        if result.crashes:
            self.stdout.write(f"    answers: {dict(result.answers)}")


@contextmanager
def proving(stack: LocalStack, log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    """`manage.py prove` once a second for as long as the block lasts; it ends by itself when it finds something."""
    command = [sys.executable, "manage.py", "prove", "--quiet", "--every", "1"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=stack.environ, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)
