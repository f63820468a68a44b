"""One payment from request to verified webhook, each step with its evidence."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onpoint_pay.local.errors import LocalError
from onpoint_pay.local.home import CHECKOUT
from onpoint_pay.local.ports import choose_free

WAIT_SECONDS = 30.0
PHONE = "254712345678"

Say = Callable[[str], object]


class DemoFailed(LocalError):
    """A step of the demonstration did not happen; the text says which."""


class Api:
    """The public API as a merchant's backend calls it."""

    def __init__(self, base_url: str, key: str) -> None:
        self._base, self._key = f"{base_url}/api/v1", key

    def get(self, path: str) -> dict[str, Any]:
        return self._call("GET", path, None)

    def post(self, path: str, body: dict[str, Any], **headers: str) -> dict[str, Any]:
        return self._call("POST", path, body, **headers)

    def _call(self, method: str, path: str, body: dict[str, Any] | None, **headers: str) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - our own address
            f"{self._base}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._key}", "Content-Type": "application/json", **headers},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 - our own address
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise DemoFailed(f"{method} {path} answered {error.code}: {error.read().decode()[:500]}") from None


@contextmanager
def receiver(secret: str, log: Path) -> Iterator[int]:
    """A receiver process with the secret to verify with; gives its port."""
    port = choose_free()
    command = [sys.executable, "-m", "onpoint_pay.local.receiver", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, cwd=CHECKOUT)
    assert process.stdin is not None  # noqa: S101 - asked for above
    process.stdin.write(f"{secret}\n".encode())
    process.stdin.close()
    try:
        yield port
    finally:
        process.terminate()
        process.wait(10)


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """The first true result of `look`; raises DemoFailed after WAIT_SECONDS."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise DemoFailed(f"{what} did not happen within {WAIT_SECONDS:.0f} s.")


def received(log: Path, payment_id: str, event_type: str) -> dict[str, Any] | None:
    """The verified delivery of an event about this payment, once the receiver has it."""
    for line in log.read_text().splitlines():
        delivery: dict[str, Any] = json.loads(line)
        event = delivery["event"]
        if delivery["verified"] and event["type"] == event_type and event["data"]["object"]["id"] == payment_id:
            return delivery
    return None


def pay_once(credentials: dict[str, str], *, folder: Path, say: Say) -> None:
    """Pay, wait for the outcome, and show payment, timeline, ledger and webhook. Raises DemoFailed."""
    api = Api(credentials["base_url"], credentials["secret_key"])
    log = folder / "receiver.log"
    with receiver(credentials["webhook_secret"], log) as port:
        payment = _initiate(api, port, say)
        payment = _wait_for_money(api, payment, say)
        delivery = wait_for("A verified webhook", lambda: received(log, payment["id"], "payment.completed"))
        wait_for("The delivery on record", lambda: _has_attempt(api, payment["id"]))
        _show_timeline(api, payment["id"], say)
    say("\n4  The webhook the receiver got, verified with the standardwebhooks library")
    event = delivery["event"]
    say(f"   {delivery['webhook_id']}  {event['type']}  {event['data']['object']['amount']} KES  signature good")


def _initiate(api: Api, port: int, say: Say) -> dict[str, Any]:
    reference = f"DEMO-{time.time_ns() // 1_000_000}"
    say("\n1  POST /api/v1/payments/initiate/")
    payment = api.post(
        "/payments/initiate/",
        {
            "amount": 100,
            "payment_method": "mpesa",
            "phone": PHONE,
            "reference": reference,
            "callback_url": f"http://127.0.0.1:{port}/webhook",
        },
        **{"Idempotency-Key": f"demo-{reference}"},
    )
    say(f"   {payment['status']}: {payment['customer_message']}")
    say(f"   {payment['id']}  {payment['reference']}  checkout {payment['provider_details']['checkout_request_id']}")
    return payment


def _wait_for_money(api: Api, payment: dict[str, Any], say: Say) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = api.get(f"/payments/{payment['id']}/")
        return found if found["status"] not in ("initiated", "pending") else None

    paid: dict[str, Any] = wait_for("The outcome of the payment", look)
    if paid["status"] != "completed":
        raise DemoFailed(f"The payment ended {paid['status']}: {paid['failure']}")
    say("\n2  The payer approved, M-Pesa called back, and the books were written")
    say(f"   completed by {paid['confirmed_by']}, receipt {paid['provider_receipt']}")
    say(f"   fee {paid['fee']}, net {paid['net']}")
    return paid


def _has_attempt(api: Api, payment_id: str) -> bool:
    moments = api.get(f"/payments/{payment_id}/timeline/")["data"]
    return any(moment["kind"] == "webhook.attempt" and "completed" in moment["title"] for moment in moments)


def _show_timeline(api: Api, payment_id: str, say: Say) -> None:
    moments = api.get(f"/payments/{payment_id}/timeline/")["data"]
    say("\n3  Its timeline, with the ledger entries")
    for moment in moments:
        say(f"   {moment['at'][11:23]}  {moment['kind']:<22} {moment['title']}")
        for entry in (moment["evidence"] or {}).get("entries", []):
            say(f"   {'':>36} {entry['side']:<7}{entry['amount']:>10}  {entry['account']} {entry['sub']}")
    _require_balance(moments)


def _require_balance(moments: list[dict[str, Any]]) -> None:
    booked = [moment["evidence"]["entries"] for moment in moments if moment["kind"] == "ledger.posted"]
    if len(booked) != 1:
        raise DemoFailed(f"The ledger has {len(booked)} postings for this payment instead of one.")
    cents = {"debit": 0, "credit": 0}
    for entry in booked[0]:
        cents[entry["side"]] += int(entry["amount"].replace(".", ""))
    if cents["debit"] != cents["credit"] or not cents["debit"]:
        raise DemoFailed(f"The ledger entries do not balance: {cents}")
