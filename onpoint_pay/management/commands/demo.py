"""`manage.py demo`: pay one payment end to end on a stack of its own, show the evidence, stop everything."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from onpoint_pay.local.demo import pay_once
from onpoint_pay.local.environment import outer_environ
from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import default_home
from onpoint_pay.local.ports import choose_free
from onpoint_pay.supervisor import LocalStack


class Command(BaseCommand):
    help = "Pay one payment end to end and show each step with its evidence. Exits 0 only when all of it happened."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._run()
        except KeyboardInterrupt:
            sys.exit(130)
        except LocalError as error:
            self.stderr.write(f"\n{error}")
            sys.exit(1)

    def _run(self) -> None:
        environ = outer_environ(default_home())
        # Beside the data of `make run`, on ports of its own: both may be up at once.
        home = default_home() / "demo"
        port = int(environ.get("PORT") or choose_free())
        simulator_port = int(environ.get("SIMULATOR_PORT") or choose_free())
        with LocalStack(home, port=port, simulator_port=simulator_port) as stack:
            pay_once(stack.credentials, folder=stack.home, say=stack.say)
        self.stdout.write("\nDone: paid, booked, told. Nothing is left running.")
