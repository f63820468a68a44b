"""Journeys through the whole product: real processes, real servers, the simulator as the payer and as the judge."""

import json
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from faults.clients import CallFailed, Client, merchant_client, wait_until
from faults.events import received_events
from faults.run import Plan, Runner
from onpoint_pay.supervisor import LocalStack
from tests.stack import listening, running_stack

HANDLED_BY_HAND = "2547990000"


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    with running_stack() as running:
        yield running


@pytest.fixture(scope="module")
def ears(stack: LocalStack) -> Iterator[tuple[str, Path]]:
    with listening(stack) as address_and_log:
        yield address_and_log


@pytest.fixture(scope="module")
def api(stack: LocalStack) -> Client:
    return merchant_client(stack.credentials)


@pytest.fixture(scope="module")
def simulator(stack: LocalStack) -> Client:
    return Client(f"{stack.simulator_url}/control")


def rows(stack: LocalStack, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    connection = psycopg2.connect(stack.environ["DATABASE_OWNER_URL"])
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters or None)
            return cursor.fetchall()
    finally:
        connection.close()


def order(reference: str, phone: str, **more: object) -> dict[str, object]:
    return {"amount": 100, "payment_method": "mpesa", "phone": phone, "reference": reference, **more}


def await_status(api: Client, payment_id: str, status: str, *, seconds: float = 30) -> dict[str, Any]:
    def look() -> bool:
        return bool(api.get(f"/payments/{payment_id}/")["status"] == status)

    wait_until(look, seconds=seconds, every=0.1)
    payment: dict[str, Any] = api.get(f"/payments/{payment_id}/")
    assert payment["status"] == status, payment
    return payment


def prompts(simulator: Client, payment: dict[str, Any]) -> list[dict[str, Any]]:
    checkout = payment["provider_details"]["checkout_request_id"]
    return list(simulator.get(f"/book?checkout_request_id={checkout}")["prompts"])


def captures(stack: LocalStack, reference: str) -> int:
    return int(
        rows(
            stack,
            "SELECT count(*) FROM ledger_transfer l JOIN transactions t ON l.idem = 'pay:' || t.id || ':capture' "
            "WHERE t.merchant_reference = %s",
            reference,
        )[0][0]
    )


def post_raw(url: str, body: bytes) -> int:
    request = urllib.request.Request(url, data=body, method="POST", headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()
        return int(answer.status)


def test_sixty_four_copies_of_a_callback_count_once(
    stack: LocalStack, api: Client, simulator: Client, ears: tuple[str, Path]
) -> None:
    payment = api.post("/payments/initiate/", order("COPIES", f"{HANDLED_BY_HAND}01", callback_url=ears[0]))
    prompt = prompts(simulator, payment)[0]
    body = json.dumps(
        {
            "Body": {
                "stkCallback": {
                    "MerchantRequestID": prompt["merchant_request_id"],
                    "CheckoutRequestID": prompt["checkout_request_id"],
                    "ResultCode": 0,
                    "ResultDesc": "The service request is processed successfully.",
                    "CallbackMetadata": {
                        "Item": [
                            {"Name": "Amount", "Value": 100.00},
                            {"Name": "MpesaReceiptNumber", "Value": "UKLCOPIES1"},
                            {"Name": "TransactionDate", "Value": 20261121103102},
                            {"Name": "PhoneNumber", "Value": 254799000001},
                        ]
                    },
                }
            }
        }
    ).encode()
    with ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(lambda _: post_raw(prompt["callback_url"], body), range(64)))
    assert answers == {200: 64}
    paid = await_status(api, payment["id"], "completed")
    assert paid["provider_receipt"] == "UKLCOPIES1"
    assert captures(stack, "COPIES") == 1
    told = lambda: received_events(ears[1])[payment["id"], "payment.completed"]  # noqa: E731
    assert wait_until(lambda: told() == 1, seconds=15)
    time.sleep(1)
    assert told() == 1
    kept = rows(stack, "SELECT status FROM provider_event WHERE dedupe LIKE '%UKLCOPIES1'")
    assert kept == [("applied",)]


def test_one_key_thirty_two_times_at_once(stack: LocalStack, api: Client, simulator: Client) -> None:
    body = order("ONE-KEY", f"{HANDLED_BY_HAND}02")

    def ask(_: int) -> dict[str, Any]:
        while True:
            try:
                answer: dict[str, Any] = api.post("/payments/initiate/", body, **{"Idempotency-Key": "one-key-for-all"})
                return answer
            except CallFailed as error:
                assert error.status == 409
                assert error.body["code"] == "idempotency_in_progress"
                time.sleep(0.2)

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(32)))
    assert all(answer == answers[0] for answer in answers)
    assert len(prompts(simulator, answers[0])) == 1
    assert simulator.get("/book?phone=254799000002")["prompts"][0]["pushes"] == 1
    assert rows(stack, "SELECT count(*) FROM transactions WHERE merchant_reference = 'ONE-KEY'") == [(1,)]


def test_one_reference_thirty_two_times_at_once(stack: LocalStack, api: Client, simulator: Client) -> None:
    def ask(_: int) -> tuple[int, str]:
        try:
            return 201, api.post("/payments/initiate/", order("ONE-REF", f"{HANDLED_BY_HAND}03"))["id"]
        except CallFailed as error:
            assert error.body["code"] == "duplicate_reference"
            return error.status, error.body["existing"]

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(ask, range(32)))
    assert Counter(status for status, _ in answers) == {201: 1, 409: 31}
    assert len({payment_id for _, payment_id in answers}) == 1
    assert len(simulator.get("/book?phone=254799000003")["prompts"]) == 1


@pytest.mark.parametrize(
    ("phone", "status", "confirmed_by", "late"),
    [
        ("254712000001", "completed", "callback", False),
        ("254700000001", "failed", "callback", False),
        ("254700000032", "cancelled", "callback", False),
        ("254700000037", "expired", "callback", False),
        ("254700000040", "completed", "query", False),
        ("254700000041", "completed", "callback", False),
        ("254700000042", "completed", "callback", True),
        ("254700000044", "completed", "query", False),
        ("254700000047", "completed", "callback", False),
    ],
)
def test_every_test_phone_ends_in_the_truth(
    stack: LocalStack, api: Client, phone: str, status: str, confirmed_by: str, late: bool
) -> None:
    reference = f"PHONE-{phone}"
    payment = api.post("/payments/initiate/", order(reference, phone))
    if phone == "254700000047":
        # The hand-over hangs past our deadline; the callback may come first.
        assert payment["status"] == "completed" or payment["pending_reason"] == "reconciling"
    if phone == "254700000042":
        wait_until(lambda: api.get(f"/payments/{payment['id']}/")["late"], seconds=20, every=0.1)
    ended = await_status(api, payment["id"], status)
    assert ended["confirmed_by"] == confirmed_by
    assert ended["late"] is late
    assert captures(stack, reference) == (1 if status == "completed" else 0)


def refunded(simulator: Client, refund: dict[str, Any], receipt: str) -> list[int]:
    """Cents that left for a refund by the provider's own book, movement by movement."""
    moved = simulator.get("/transfers?status=completed&limit=1000")["transfers"]
    ours = [line for line in moved if line["originator_conversation_id"].startswith(f"{refund['reference']}-")]
    undone = [line for line in moved if line["kind"] == "reversal" and line["original"] == receipt]
    return [line["cents"] for line in (*ours, *undone) if line["kind"] in ("b2c", "reversal")]


def test_refunds_under_faults_leave_once_or_not_at_all(stack: LocalStack, api: Client, simulator: Client) -> None:
    started = [api.post("/payments/initiate/", order(f"BACK-{n}", f"2547120990{n:02d}")) for n in range(24)]
    paid = [await_status(api, payment["id"], "completed") for payment in started]
    kinds = ["send_reset", "send_500_after", "send_refused", "status_500", "status_lost", "result_late", "result_lost"]
    kinds += ["result_doubled", "result_early", "timeout_then_success", "timeout_then_failure"]
    simulator.post("/faults", {"seed": 77, "rate": 0.5, "kinds": kinds})
    try:
        parts = [{"amount": 40}, {}] * 12
        asked = [
            api.post("/payments/refund/", {"reference": payment["id"], "reason": "Returned", **part})
            for payment, part in zip(paid, parts, strict=True)
        ]
        assert {refund["status"] for refund in asked} == {"pending"}
        wait_until(lambda: not api.get("/refunds/?status=pending&limit=1")["data"], seconds=90, every=0.3)
    finally:
        simulator.call("DELETE", "/faults")
    for payment, refund in zip(paid, asked, strict=True):
        ended = api.get(f"/refunds/{refund['id']}/")
        whole = int(refund["amount"].replace(".", ""))
        # A payment that a question completed learns its receipt a moment later.
        receipt = api.get(f"/payments/{payment['id']}/")["provider_receipt"]
        left = refunded(simulator, refund, receipt)
        assert (ended["status"], left) in (("completed", [whole]), ("failed", [])), ended
        found = api.get(f"/payments/{payment['id']}/")
        assert found["amount_refunded"] == (refund["amount"] if left else "0.00")
        assert found["refund_status"] == ("none" if not left else "full" if whole == 100_00 else "partial")


def test_smoke_two_hundred_payments_end_as_the_book_says(stack: LocalStack, ears: tuple[str, Path]) -> None:
    runner = Runner(stack.credentials, receiver_log=ears[1], say=lambda line: None)
    runner.listen(ears[0])
    result = runner.run(77, Plan(payments=200, rate=0.3))
    assert result.verdict.faults == []
    assert result.untold == []
    assert result.crashes == 0


def test_the_books_are_proved_at_the_end(stack: LocalStack) -> None:
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "manage.py", "prove"], env=stack.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "All" in done.stdout
