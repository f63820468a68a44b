"""What the load sends: one endless stream of whole HTTP requests per plan, no two of them alike where that matters."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

# Numbers never come back within a run, so a warm-up cannot leave answers for the measured part to find.
_numbers = count(1)
_run = f"{time.time_ns() // 1_000_000:x}"


@dataclass(frozen=True, slots=True)
class Plan:
    """Requests to send, the one status a right answer has, and bytes its body must hold."""

    requests: Iterator[bytes]
    status: int
    holds: bytes


def _message(method: str, path: str, *, headers: Mapping[str, str] | None = None, body: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "User-Agent: bench", "Accept: */*"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body.encode())}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def empty(seed: Mapping[str, Any]) -> Plan:
    """The empty view."""
    request = _message("GET", "/")
    return Plan((request for _ in count()), 200, b"{}")


def initiate(seed: Mapping[str, Any]) -> Plan:
    """A payment of each merchant in turn."""
    return Plan(_initiate_requests(seed["keys"]), 201, b'"status":"pending"')


def initiate_webhook(seed: Mapping[str, Any]) -> Plan:
    """The same for merchants with one webhook endpoint, as most have."""
    return Plan(_initiate_requests(seed["webhook_keys"]), 201, b'"status":"pending"')


def _initiate_requests(keys: list[str]) -> Iterator[bytes]:
    for key, n in zip(cycle(keys), _numbers, strict=False):
        unique = f"{_run}-{n:07d}"
        body = {
            "amount": 100 + n % 900,
            "payment_method": "mpesa",
            "phone": f"2547{n % 100_000_000:08d}",
            "reference": f"ORDER-{unique}",
            "description": "Two loaves and milk",
            "account_reference": "DUKA-BORA",
            "metadata": {"order_id": unique, "till": "3"},
        }
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"bench-{unique}"}
        yield _message("POST", "/api/v1/payments/initiate/", headers=headers, body=json.dumps(body))


def status(seed: Mapping[str, Any]) -> Plan:
    """A look at each of the stored payments in turn, with its own merchant's key."""
    requests = [
        _message("GET", f"/api/v1/payments/{payment['id']}/", headers={"Authorization": f"Bearer {payment['key']}"})
        for payment in seed["payments"]
    ]
    return Plan(cycle(requests), 200, b'"object":"payment"')


def callback(seed: Mapping[str, Any]) -> Plan:
    """A claim of success with a receipt of its own, at the address of each stored operation in turn."""
    return Plan(_callback_requests(seed["payments"]), 200, b"ResultCode")


def _callback_requests(payments: list[dict[str, str]]) -> Iterator[bytes]:
    for payment, n in zip(cycle(payments), _numbers, strict=False):
        body = callback_body(payment["checkout"], receipt=f"B{n:09d}", amount=100)
        yield _message("POST", f"/api/v1/hooks/{payment['token']}/collect/", body=body)


def callback_body(checkout: str, *, receipt: str, amount: int) -> str:
    """What M-Pesa sends for a prompt that was paid."""
    items = [
        {"Name": "Amount", "Value": float(amount)},
        {"Name": "MpesaReceiptNumber", "Value": receipt},
        {"Name": "Balance"},
        {"Name": "TransactionDate", "Value": 20261121090000},
        {"Name": "PhoneNumber", "Value": 254712345678},
    ]
    result = {
        "MerchantRequestID": "29115-34620561-1",
        "CheckoutRequestID": checkout,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": items},
    }
    return json.dumps({"Body": {"stkCallback": result}})


def token_of(number: int) -> str:
    """The token in the callback address of a stored operation, 32 hex digits like the product's own."""
    return hashlib.sha256(f"bench-{number}".encode()).hexdigest()[:32]


PLANS: dict[str, Callable[[Mapping[str, Any]], Plan]] = {
    "L-web": empty,
    "initiate": initiate,
    "initiate+webhook": initiate_webhook,
    "status": status,
    "callback": callback,
}
