"""One fault run after another on a running stack: pay, wait for the truth, judge."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from faults.clients import CallFailed, Client, every_payment, merchant_client, wait_until
from faults.events import final_moments, untold
from faults.judge import Verdict, judge, times_to_truth

MIX = {"0": 0.7, "1032": 0.12, "1": 0.08, "1037": 0.05, "2001": 0.05}
# Eight hours of the production schedule: longer than its longest step.
CONCLUDE_SECONDS = 480.0
CLIENTS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much, and how bad: payments per seed, and the share of provider calls that fail."""

    payments: int
    rate: float


@dataclass(slots=True, kw_only=True)
class Result:
    """One seed's run: what was answered, how the comparison came out, and the seconds to the last truth."""

    seed: int
    answers: Counter[str] = field(default_factory=Counter)
    verdict: Verdict = field(default_factory=Verdict)
    untold: list[str] = field(default_factory=list)
    truths: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def is_clean(self) -> bool:
        return not self.verdict.faults and not self.untold and not self.crashes

    @property
    def crashes(self) -> int:
        """Answers no merchant should ever get: an error of ours, or none at all."""
        return self.answers["500"] + self.answers["0"]


class Runner:
    """Pays through the public API, steers the simulator, and compares."""

    def __init__(self, credentials: dict[str, str], *, receiver_log: Path, say: Callable[[str], object]) -> None:
        self.api = merchant_client(credentials)
        self.simulator = Client(f"{credentials['simulator_url']}/control")
        self.receiver_log = receiver_log
        self.say = say
        self.webhook_url = ""
        # The database may know earlier runs of the same seed.
        self.name = str(time.time_ns())

    def start_afresh(self) -> None:
        """An empty book: a seed replays its faults only from there."""
        self.simulator.post("/reset", {})

    def listen(self, url: str) -> None:
        """Have every event of a payment sent to `url`, signed with the default secret the receiver knows."""
        self.webhook_url = url

    def run(self, seed: int, plan: Plan) -> Result:
        result, began = Result(seed=seed), time.monotonic()
        self.simulator.post("/outcomes", {"mix": MIX, "seed": seed})
        self.simulator.post("/faults", {"seed": seed, "rate": plan.rate, "slow_seconds": 1.5, "late_seconds": 60.0})
        with ThreadPoolExecutor(CLIENTS) as pool:
            for answer in pool.map(lambda n: self._pay(seed, n), range(plan.payments)):
                result.answers[answer] += 1
        self._await_truth(seed, result)
        result.seconds = time.monotonic() - began
        return result

    def _pay(self, seed: int, n: int) -> str:
        """Ask as a careful merchant does: with a key, and once more when told that nothing was sent."""
        account = f"S{seed % 1000}N{n}"
        body = {
            "amount": 10 + (seed * 7 + n) % 900,
            "payment_method": "mpesa",
            "phone": f"2547{10_000_000 + (seed % 1000) * 10_000 + n}",
            "reference": f"run-{self.name}-{seed}-{n}",
            "account_reference": account,
            "callback_url": self.webhook_url,
            "metadata": {"run": f"{self.name}-{seed}", "account_reference": account},
        }
        try:
            return str(
                self.api.post("/payments/initiate/", body, **{"Idempotency-Key": f"{body['reference']}"})["status"]
            )
        except CallFailed as error:
            return str(error.status)

    def _payments(self, seed: int) -> list[dict[str, Any]]:
        return every_payment(self.api, **{"metadata[run]": f"{self.name}-{seed}"})

    def _is_concluded(self, seed: int) -> bool:
        query = f"limit=1&status=initiated,pending&metadata[run]={self.name}-{seed}"
        return not self.api.get(f"/payments/transactions/?{query}")["data"]

    def _await_truth(self, seed: int, result: Result) -> None:
        """Until nothing is open and everything is told, or the time is over; the comparison says what is missing."""
        wait_until(lambda: self._is_concluded(seed), seconds=CONCLUDE_SECONDS)
        # Late callbacks may still turn a failure into the truth.
        deadline = time.monotonic() + CONCLUDE_SECONDS
        while not self._compare(seed, result) and time.monotonic() < deadline:
            time.sleep(0.5)

    def _compare(self, seed: int, result: Result) -> bool:
        payments, book = self._payments(seed), self._book(seed)
        result.verdict = judge(payments, book)
        result.untold = untold(payments, self.receiver_log)
        result.truths = times_to_truth(payments, book, final_moments(self.receiver_log))
        return not result.verdict.faults and not result.untold

    def _book(self, seed: int) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        after = ""
        prefix = f"S{seed % 1000}N"
        while True:
            page = self.simulator.get(f"/book?limit=1000{after}")
            for prompt in page["prompts"]:
                if prompt["account_reference"].startswith(prefix):
                    found.setdefault(prompt["account_reference"], []).append(prompt)
            if not page["has_more"]:
                return found
            after = f"&after={page['prompts'][-1]['checkout_request_id']}"
