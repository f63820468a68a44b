"""What the figures over HTTP need: web servers, the provider's stand-in, merchants, stored payments and the load."""

import json
import sys
from typing import Any
from uuid import UUID

import redis

from bench.database import INBOX, Database
from bench.ground import Ground, Helper, Say
from bench.pgbench import Pgbench, initiate_script
from bench.plans import token_of
from bench.seed import FIRST_NUMBER
from onpoint_pay.kit.ids import to_public
from onpoint_pay.local import probes, programs
from onpoint_pay.local.errors import LocalError

STORED_PER_CLIENT = 250
NO_LIMIT = "100000000/1m"
RATE_LIMITS = {f"RATE_LIMIT_{name}": NO_LIMIT for name in ("API", "INITIATE", "STATUS", "CALLBACK")}


class Stack(Ground):
    """PostgreSQL, Valkey, the provider's stand-in, the product's web server, the empty one, and the load.

    No worker and no beat: what they use must not be counted as the web's.
    """

    settings = RATE_LIMITS

    def __init__(self, say: Say) -> None:
        super().__init__(say, ports=("web", "empty", "provider"))
        self.seed: dict[str, Any] = {}

    def order(self, plan: str, *, seconds: float) -> dict[str, Any]:
        """Have the load run one plan and wait for its counts."""
        port = self.ports["empty" if plan == "L-web" else "web"]
        answer: dict[str, Any] = self.helpers["load"].order(plan=plan, port=port, seconds=seconds)
        return answer

    def forget_cache(self) -> None:
        """Empty Valkey: kept keys, counters and the provider's token have to be fetched again."""
        with redis.Redis.from_url(self.environ["REDIS_URL"]) as valkey:
            valkey.flushdb()

    def _furnish(self) -> None:
        self._spawn("provider", [sys.executable, "-m", "bench.provider", str(self.ports["provider"])])
        self._spawn("web", programs.web(self.ports["web"]))
        self._spawn("empty", empty_web(self.ports["empty"]), {"DJANGO_SETTINGS_MODULE": "bench.empty"})
        self.database.execute(INBOX)
        self._make_seed()
        self._wait_for("web", probes.WEB_READY)
        self._wait_for("empty", "/")
        self.helpers["load"] = Helper("bench.load", str(self.home / "seed.json"))

    def _make_seed(self) -> None:
        """Merchants and statements through the product; then stored payments by those statements, for P7 and P9."""
        path = self.home / "seed.json"
        self._wait_for("provider", "/")
        self._run("seed", [sys.executable, "-m", "bench.seed", str(path)])
        self.seed = json.loads(path.read_text())
        self.pgbench = Pgbench(self.environ["DATABASE_URL"], self.home)
        numbers = self.pgbench.run_times(
            "store", initiate_script(self.seed["statements"]), times_each=STORED_PER_CLIENT
        )
        self.seed["payments"] = stored_payments(self.database, self.seed["keys"], numbers)
        path.write_text(json.dumps(self.seed))
        self.database.execute("VACUUM ANALYZE")
        self.say(f"seeded {len(self.seed['keys'])} merchants, {len(numbers)} payments")


def empty_web(port: int) -> list[str]:
    """The product's command line with the empty application in its place."""
    return [
        "django.core.wsgi:get_wsgi_application()" if part == "onpoint_pay.wsgi" else part for part in programs.web(port)
    ]


def stored_payments(database: Database, keys: list[str], numbers: list[int]) -> list[dict[str, str]]:
    """Public id, key, checkout id and callback token of each stored payment; the tokens are made good here."""
    found = database.rows(
        "SELECT right(o.id::text, 12)::bigint, o.payment_id, o.provider_ref, right(o.merchant_id::text, 12)::bigint "
        "FROM money_op o WHERE right(o.id::text, 12) = ANY(%s) AND o.status = 'accepted'",
        [[str(number) for number in numbers]],
    )
    if len(found) != len(numbers):
        raise LocalError(f"{len(numbers)} payments were stored, {len(found)} are there.")
    database.execute(
        "UPDATE money_op SET token_hash = sha256(given.token::bytea) "
        "FROM unnest(%s::text[], %s::text[]) AS given(number, token) WHERE right(id::text, 12) = given.number",
        [[str(row[0]) for row in found], [token_of(row[0]) for row in found]],
    )
    return [_stored(row, keys) for row in found]


def _stored(row: tuple[Any, ...], keys: list[str]) -> dict[str, str]:
    number, payment_id, checkout, merchant = row
    return {
        "id": to_public("pay", UUID(str(payment_id))),
        "key": keys[merchant - FIRST_NUMBER],
        "checkout": checkout,
        "token": token_of(number),
    }
