"""The whole product as `make run` starts it: up, paying, stopped by one signal, nothing left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from onpoint_pay.local import leftovers, ports
from onpoint_pay.local.home import CHECKOUT, make_ephemeral_home

WAIT_SECONDS = 90.0
NOT_FOR_IT = {"DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "ONPOINT_APP_DATABASE_URL", "ONPOINT_DATABASE_ROLE"}


@pytest.fixture
def home() -> Iterator[Path]:
    folder = make_ephemeral_home()
    yield folder
    shutil.rmtree(folder)


def run(home: Path, log: Path) -> "subprocess.Popen[bytes]":
    environ = {name: value for name, value in os.environ.items() if name not in NOT_FOR_IT}
    environ |= {"ONPOINT_HOME": str(home), "PORT": str(ports.choose_free()), "SIMULATOR_PORT": str(ports.choose_free())}
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "manage.py", "run"], cwd=CHECKOUT, env=environ, stdout=output, stderr=subprocess.STDOUT
        )


def wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while "OnPoint Pay is ready" not in log.read_text():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def call(url: str, key: str, body: dict[str, str] | None = None) -> dict[str, object]:
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode() if body else None,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def pay(credentials: dict[str, str]) -> dict[str, object]:
    """Start a payment and return it once it is no longer open."""
    base, key = f"{credentials['base_url']}/api/v1/payments", credentials["secret_key"]
    payment = call(f"{base}/initiate/", key, {"amount": "100.00", "payment_method": "mpesa", "phone": "254712345678"})
    deadline = time.monotonic() + WAIT_SECONDS
    while payment["status"] in ("initiated", "pending"):
        assert time.monotonic() < deadline, payment
        time.sleep(0.2)
        payment = call(f"{base}/{payment['id']}/", key)
    return payment


def test_a_payment_completes_ctrl_c_leaves_nothing_and_the_data_stays(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "run.log"
    payment_ids = []
    for _ in range(2):
        process = run(home, log)
        try:
            wait_until_ready(process, log)
            pids = descendants(process.pid)
            credentials = json.loads((home / "credentials.json").read_text())
            assert credentials["secret_key"] in log.read_text()
            payment_ids.append(pay(credentials)["id"])
            for payment_id in payment_ids:
                url = f"{credentials['base_url']}/api/v1/payments/{payment_id}/"
                assert call(url, credentials["secret_key"])["status"] == "completed"
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        assert len(pids) > 10
        assert not [pid for pid in pids if leftovers.command_of(pid)]


def descendants(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split()
    parent_of = {int(child): int(parent) for child, parent in zip(listed[::2], listed[1::2], strict=True)}
    found = [pid]
    for member in found:
        found += [child for child, parent in parent_of.items() if parent == member]
    return found
