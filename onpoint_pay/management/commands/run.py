"""`manage.py run`: the whole product on this machine until Ctrl-C; the work behind `make run`."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from onpoint_pay.local.environment import outer_environ
from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import default_home
from onpoint_pay.local.ports import read_port
from onpoint_pay.local.welcome import welcome
from onpoint_pay.supervisor import LocalStack


class Command(BaseCommand):
    help = "Start embedded servers, web, worker, beat and the simulator on 127.0.0.1; Ctrl-C stops them all."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._run()
        except KeyboardInterrupt:
            return
        except LocalError as error:
            self.stderr.write(f"\n{error}")
            sys.exit(1)

    def _run(self) -> None:
        environ, home = outer_environ(default_home()), default_home()
        port = read_port(environ, "PORT", default=8000)
        simulator_port = read_port(environ, "SIMULATOR_PORT", default=9000)
        with LocalStack(home, port=port, simulator_port=simulator_port) as stack:
            addresses = {"base_url": stack.base_url, "simulator_url": stack.simulator_url}
            stack.say(welcome(stack.credentials, logs=str(stack.home / "logs"), **addresses))
            stack.watch()
