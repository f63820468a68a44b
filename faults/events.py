"""What the merchant's receiver got: verified webhooks by payment and type."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any


def received_events(log: Path) -> Counter[tuple[str, str]]:
    """How often each verified event came, by payment id and event type; an unverified delivery counts as `refused`."""
    found: Counter[tuple[str, str]] = Counter()
    for line in log.read_text().splitlines():
        delivery = json.loads(line)
        if not delivery["verified"]:
            found["refused", ""] += 1
        else:
            event = delivery["event"]
            found[event["data"]["object"]["id"], event["type"]] += 1
    return found


def final_moments(log: Path) -> dict[str, datetime]:
    """When the state that a payment ended in was reached, by payment id: the time inside the last event about it."""
    found: dict[str, datetime] = {}
    for line in log.read_text().splitlines():
        delivery = json.loads(line)
        if not delivery["verified"]:
            continue
        event = delivery["event"]
        payment, at = event["data"]["object"], datetime.fromisoformat(event["timestamp"])
        if payment["status"] not in ("initiated", "pending"):
            found[payment["id"]] = max(at, found.get(payment["id"], at))
    return found


def untold(payments: Iterable[Mapping[str, Any]], log: Path) -> list[str]:
    """The payments whose final state no verified webhook has told."""
    told = received_events(log)
    return [
        payment["reference"]
        for payment in payments
        if payment["status"] not in ("initiated", "pending") and not told[payment["id"], f"payment.{payment['status']}"]
    ]
