"""Runs once inside the product before anything is measured: merchants, their keys, and the two statements of initiate.

`python -m bench.seed FILE` writes what the load and the limits need to FILE. The statements are not copied from the
product's source: one payment is made through its API, and what went to the database is kept as it was sent.
"""

import json
import platform
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

import django

MERCHANTS = 200
WEBHOOK_MERCHANTS = 20
# Twelve digits each: a pgbench script can count them, and the last group of a UUID has room for them.
FIRST_NUMBER = 100_000_000_000
STATEMENTS = ("payment_begin(", "payment_handed_over(")
CAPTURE = "bench-capture-0001"
# Never called: no worker runs while the benchmark does.
WEBHOOK_URL = "http://127.0.0.1:9/webhook"


def merchant_uuid(number: int) -> UUID:
    return UUID(f"00000000-0000-7000-8000-{FIRST_NUMBER + number:012d}")


def make_merchants() -> list[str]:
    """Rows in bulk, one test key each through the product's own service; the clear keys in the order of merchants."""
    from merchants.models import Merchant
    from merchants.services.api_keys import create_api_key
    from onpoint_pay.kit.caller import TEST

    numbers = range(MERCHANTS + WEBHOOK_MERCHANTS)
    rows = [
        Merchant(id=merchant_uuid(n), business_name=f"Duka {n}", email=f"duka{n}@onpointpay.test", fee_bps=150)
        for n in numbers
    ]
    Merchant.objects.bulk_create(rows)
    return [
        create_api_key(merchant_id=merchant_uuid(n), mode=TEST, name="Bench", created_by="system")[1] for n in numbers
    ]


def make_endpoints() -> None:
    """One webhook endpoint for each of the last WEBHOOK_MERCHANTS."""
    from onpoint_pay.kit.caller import TEST
    from webhooks.services.endpoints import add_endpoint

    for n in range(MERCHANTS, MERCHANTS + WEBHOOK_MERCHANTS):
        add_endpoint(merchant_id=merchant_uuid(n), mode=TEST, url=WEBHOOK_URL, events=["*"], actor="system")


def capture(key: str) -> list[str]:
    """The two statements of one initiate as the driver sent them, what is unique in them put as pgbench variables."""
    from django.db import connection
    from django.test import Client

    sent: list[str] = []

    def keep(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        if any(name in sql for name in STATEMENTS):
            sent.append(context["cursor"].cursor.mogrify(sql, parameters).decode())
        return execute(sql, parameters, many, context)

    body = {
        "amount": 100,
        "payment_method": "mpesa",
        "phone": "254712345678",
        "reference": CAPTURE,
        "description": "Two loaves and milk",
        "account_reference": "DUKA-BORA",
        "metadata": {"order_id": CAPTURE, "till": "3"},
    }
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": CAPTURE, "Host": "127.0.0.1"}
    with connection.execute_wrapper(keep):
        answer = Client(headers=headers).post("/api/v1/payments/initiate/", json.dumps(body), "application/json")
    if answer.status_code != 201 or len(sent) != len(STATEMENTS):
        raise SystemExit(
            f"The first payment answered {answer.status_code} with {len(sent)} statements: {answer.content!r}"
        )
    return [with_variables(statement, unique_parts()) for statement in sent]


def unique_parts() -> dict[str, str]:
    """Text of the captured payment -> text with variables: u counts up, r is drawn, e and f number the two events."""
    from payments.models import MoneyOp, Payment
    from webhooks.models import Event

    op, payment = MoneyOp.objects.get(), Payment.objects.get()
    created, pending = Event.objects.order_by("id")
    return {
        bytes(op.token_hash or b"").hex(): "0" * 52 + ":r",
        str(payment.id): "00000001-0000-7000-8000-:u",
        str(op.id): "00000002-0000-7000-8000-:u",
        str(created.id): "00000003-0000-7000-8000-:e",
        str(pending.id): "00000003-0000-7000-8000-:f",
        str(payment.merchant_id): "00000000-0000-7000-8000-:m",
        str(op.provider_ref): "ws_CO_21112026070000:u",
        payment.reference: "TXN20:r",
        payment.account_reference: ":r",
        CAPTURE: "bench-limit-:u",
    }


def with_variables(statement: str, parts: dict[str, str]) -> str:
    for text, variable in parts.items():
        statement = statement.replace(text, variable)
    return statement


def versions() -> dict[str, str]:
    """What served the run. Django silently prefers psycopg 3 where both drivers are there, so the driver is named."""
    from django.db import connection

    driver: Any = connection.Database  # type: ignore[attr-defined]
    return {
        "Python": platform.python_version(),
        "Django": django.get_version(),
        "driver": f"{driver.__name__} {driver.__version__.split()[0]}",
        "gunicorn": version("gunicorn"),
    }


def main() -> None:
    django.setup()
    keys = make_merchants()
    make_endpoints()
    seed = {
        "keys": keys[:MERCHANTS],
        "webhook_keys": keys[MERCHANTS:],
        "statements": capture(keys[0]),
        "versions": versions(),
    }
    Path(sys.argv[1]).write_text(json.dumps(seed))


if __name__ == "__main__":
    main()
