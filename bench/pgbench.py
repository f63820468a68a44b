"""The limits of the database, taken with pgbench: initiate's own statements, and a bare insert with a unique key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench.plans import callback_body
from bench.seed import FIRST_NUMBER, MERCHANTS
from onpoint_pay.local.children import run_program, server_environ
from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.packages import postgres_package

CLIENTS = 8
# Numbers one run of pgbench may use: no two runs meet.
NUMBERS_PER_RUN = 100_000_000
CLIENT_STEP = 100
DRAWN_FROM = 900_000_000_000
# Each client counts its own transactions in n. u grows like the product's time-ordered ids, r is scattered like its
# random references and token hashes; both have twelve digits and never come twice.
VARIABLES = f"""
\\set n :n + 1
\\set u :base + :n * {CLIENT_STEP} + :client_id
\\set r {FIRST_NUMBER} + permute(:u - {FIRST_NUMBER}, {DRAWN_FROM})
\\set m {FIRST_NUMBER} + (:n * {CLIENTS} + :client_id) % {MERCHANTS}
\\set e 2 * :u
\\set f 2 * :u + 1
"""


@dataclass(frozen=True, slots=True)
class Tally:
    """Transactions done, and how many per second without the time to connect."""

    done: int
    per_second: float


def initiate_script(statements: list[str]) -> str:
    """The two commits of initiate, each a transaction of its own as the product has them."""
    return VARIABLES + "".join(f"{statement.strip()};\n" for statement in statements)


def insert_script() -> str:
    """One row: a callback's body under a unique key."""
    body = callback_body("ws_CO_21112026090000000712345678", receipt="BENCH00001", amount=100)
    return VARIABLES + f"INSERT INTO bench_inbox (key, body) VALUES ('ws_CO_21112026070000:u', '{body}');\n"


class Pgbench:
    """Runs scripts as the application role over TCP, in simple protocol like the product's driver."""

    def __init__(self, url: str, folder: Path) -> None:
        self._address, self._folder, self._runs = urlsplit(url), folder, 0
        self._program = postgres_package() / "pginstall" / "bin" / "pgbench"

    def run(self, name: str, script: str, *, seconds: float, clients: int = CLIENTS) -> Tally:
        """For whole seconds, at least one. Raises LocalError when any transaction failed."""
        return self._run(name, script, ["-T", str(max(1, round(seconds)))], clients=clients)

    def run_times(self, name: str, script: str, *, times_each: int) -> list[int]:
        """Each client `times_each` times; the values u took."""
        base = self._next_base()
        self._run(name, script, ["-t", str(times_each)])
        return [base + n * CLIENT_STEP + client for n in range(1, times_each + 1) for client in range(CLIENTS)]

    def _next_base(self) -> int:
        return FIRST_NUMBER + self._runs * NUMBERS_PER_RUN

    def _run(self, name: str, script: str, length: list[str], *, clients: int = CLIENTS) -> Tally:
        path = self._folder / f"{name}.sql"
        path.write_text(script)
        variables = ["-D", "n=0", "-D", f"base={self._next_base()}"]
        self._runs += 1
        finished = run_program(
            [
                str(self._program),
                "-n",
                "-M",
                "simple",
                "-c",
                str(clients),
                "-j",
                "2",
                *length,
                *variables,
                "-f",
                str(path),
            ],
            environ={**server_environ(), **self._connection()},
        )
        failed = _number(finished.stdout, r"number of failed transactions: (\d+)")
        if finished.returncode or failed:
            raise LocalError(f"pgbench {name} failed:\n{(finished.stderr or finished.stdout)[-2000:]}")
        return Tally(
            int(_number(finished.stdout, r"number of transactions actually processed: (\d+)")),
            _number(finished.stdout, r"tps = ([0-9.]+)"),
        )

    def _connection(self) -> Mapping[str, str]:
        address = self._address
        return {
            "PGHOST": str(address.hostname),
            "PGPORT": str(address.port),
            "PGUSER": str(address.username),
            "PGPASSWORD": str(address.password),
            "PGDATABASE": address.path.lstrip("/"),
        }


def _number(text: str, pattern: str) -> float:
    found = re.search(pattern, text)
    return float(found[1]) if found else 0.0
