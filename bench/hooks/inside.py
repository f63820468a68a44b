"""The part of a run that works inside the product: makes merchants, commits events, times the bell and the claims.

Takes orders like every helper; see ORDERS. Ids of events are public, times are `time.time()`.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import django

from bench.hooks.controls import prepared_posts
from bench.hooks.payment import PAYMENT

PAUSE_SECONDS = 0.015
# Nobody listens to this one: its events make no deliveries.
SILENT = UUID("00000000-0000-7000-8000-999999999999")
WEBHOOK_EVENT = "payment.completed"
RELEASE = "UPDATE webhooks_lane SET lease_until = NULL, lease_token = NULL WHERE lease_until IS NOT NULL"


def begin(*, urls: list[str]) -> dict[str, Any]:
    """A merchant with one endpoint for each URL, and what everybody else must know."""
    from bench.seed import merchant_uuid, versions
    from merchants.models import Merchant
    from onpoint_pay.kit.caller import TEST
    from webhooks.services.endpoints import add_endpoint

    ids = [SILENT, *(merchant_uuid(n) for n in range(len(urls)))]
    Merchant.objects.bulk_create(
        Merchant(id=key, business_name=f"Duka {n}", email=f"duka{n}@onpointpay.test") for n, key in enumerate(ids)
    )
    for key, url in zip(ids[1:], urls, strict=True):
        add_endpoint(merchant_id=key, mode=TEST, url=url, events=["*"], actor="system")
    return {"merchants": [str(key) for key in ids[1:]], "body": _body(), "versions": versions()}


def make_lanes(*, url: str, count: int, first: int) -> int:
    """So many more endpoints, each of a merchant of its own, in bulk; how many there are."""
    from bench.seed import merchant_uuid
    from merchants.models import Merchant
    from onpoint_pay.kit.caller import TEST
    from onpoint_pay.kit.crypto import seal
    from webhooks.models import Endpoint, Secret
    from webhooks.signing import new_secret

    ids = [merchant_uuid(first + n) for n in range(count)]
    Merchant.objects.bulk_create(
        Merchant(id=key, business_name="Duka", email=f"lane{key}@onpointpay.test") for key in ids
    )
    endpoints = Endpoint.objects.bulk_create(
        Endpoint(merchant_id=key, mode=TEST, url=url, events=["*"], api_version="bench") for key in ids
    )
    # Never opened: nothing is sent to them.
    sealed = seal(new_secret(), bound_to="nothing")
    Secret.objects.bulk_create(
        Secret(merchant_id=each.merchant_id, mode=TEST, endpoint_id=each.pk, ciphertext=sealed, last4="none")
        for each in endpoints
    )
    return len(endpoints)


def publish(*, merchants: list[str | None], rate: float, seconds: float) -> list[tuple[str, float]]:
    """Commit events for so long at a steady rate, to each merchant in turn; None leaves a turn out.

    Public id and time of each commit, in order; fewer than were to be where the rate cannot be kept.
    """
    return _steadily(merchants, rate=rate, seconds=seconds, work=_publish)


def publish_and_send(*, url: str, rate: float, seconds: float) -> list[tuple[str, float]]:
    """The floor: the same commit, and the same process at once sends the event itself, with nothing in between."""
    adapter, request = prepared_posts([url], body=_body())

    def work(merchant: UUID) -> tuple[str, float]:
        name, committed_at = _publish(merchant)
        request[0].headers["webhook-id"] = name
        _ = adapter.send(request[0], timeout=5).content
        return name, committed_at

    return _steadily([str(SILENT)], rate=rate, seconds=seconds, work=work)


def bell_cost(*, merchants: list[str], times: int) -> dict[str, list[float]]:
    """Milliseconds of so many publishing transactions with the bell and as many without it, in turn."""
    from webhooks.services import outbox

    rings = {"with": outbox.ring_on_commit, "without": lambda: None}
    taken: dict[str, list[float]] = {"with": [], "without": []}
    for n in range(2 * times):
        kind = "without" if n % 2 else "with"
        outbox.ring_on_commit = rings[kind]
        began = time.perf_counter()
        _publish(UUID(merchants[n % len(merchants)]))
        taken[kind].append(1000 * (time.perf_counter() - began))
        # What the bell has set off is over before the next begins.
        time.sleep(PAUSE_SECONDS)
    outbox.ring_on_commit = rings["with"]
    return taken


def claim(*, times: int, lanes: int, room: int) -> dict[str, list[float]]:
    """Milliseconds to claim `lanes` and fetch `room` from each, walking on; and how many were fetched."""
    from django.db import connection

    from webhooks.services.lanes import START, claim_lanes, fetch_due

    taken: dict[str, list[float]] = {"claim": [], "fetch": [], "behind": [], "fetched": []}
    after = START
    for _ in range(times):
        began = time.perf_counter()
        found = claim_lanes(lanes=lanes, drains=2, after=after)
        claimed = time.perf_counter()
        mine = {lane.endpoint_id: lane for lane in found.lanes}
        due = fetch_due(dict.fromkeys(mine, room), mine, flying=[])
        fetched = time.perf_counter()
        for lane in found.lanes:
            lane.is_behind = True
        fetch_due(dict.fromkeys(mine, room), mine, flying=[each.id for each in due])
        taken["behind"].append(1000 * (time.perf_counter() - fetched))
        taken["claim"].append(1000 * (claimed - began))
        taken["fetch"].append(1000 * (fetched - claimed))
        taken["fetched"].append(len(due))
        after = found.after
        with connection.cursor() as cursor:
            cursor.execute(RELEASE)
    return taken


def enqueue(*, deliveries: list[int], queue: str) -> int:
    """One Celery message for each delivery, into a queue nobody reads yet."""
    from bench.hooks.tasks import deliver_one

    for key in deliveries:
        deliver_one.apply_async((key,), queue=queue)
    return len(deliveries)


def let_read(*, queue: str) -> int:
    """Have the workers with `deliver_one` read the queue from now on; how many said yes."""
    from onpoint_pay.celery import app

    return len(app.control.add_consumer(queue, reply=True, timeout=2, pattern="bench@*", matcher="glob"))


def _steadily(
    merchants: list[str] | list[str | None],
    *,
    rate: float,
    seconds: float,
    work: Callable[[UUID], tuple[str, float]],
) -> list[tuple[str, float]]:
    turns = [None if each is None else UUID(each) for each in merchants]
    done, began = [], time.monotonic()
    for n in range(max(round(rate * seconds), 1)):
        turn = turns[n % len(turns)]
        if turn is None:
            continue
        time.sleep(max(began + n / rate - time.monotonic(), 0.0))
        if done and time.monotonic() > began + seconds:
            break
        done.append(work(turn))
    return done


def _publish(merchant: UUID) -> tuple[str, float]:
    from django.db import transaction

    from onpoint_pay.kit.ids import new_id, to_public
    from webhooks.services.outbox import publish_event

    moments: list[float] = []
    with transaction.atomic():
        # Asked for first, so it comes right after the commit and before the bell.
        transaction.on_commit(lambda: moments.append(time.time()))
        key = publish_event(
            merchant_id=merchant,
            mode="test",
            type=WEBHOOK_EVENT,
            object_id=new_id(),
            body_object=PAYMENT,
            previous={"status": "pending"},
            request_id="req_bench",
        )
    return to_public("evt", key), moments[0]


def _body() -> str:
    from onpoint_pay.kit.clock import now
    from webhooks.events import event_body

    return event_body(
        SILENT,
        WEBHOOK_EVENT,
        merchant_id=SILENT,
        mode="test",
        at=now(),
        object=PAYMENT,
        previous={"status": "pending"},
        request_id="req_bench",
        idempotency_key=None,
    )


ORDERS: dict[str, Callable[..., Any]] = {
    order.__name__: order
    for order in (begin, make_lanes, publish, publish_and_send, bell_cost, claim, enqueue, let_read)
}


def main() -> None:
    # Answers have a door of their own: the product writes its log to standard output.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    django.setup()
    for line in sys.stdin:
        order = json.loads(line)
        print(json.dumps(ORDERS[order.pop("do")](**order)), file=answers, flush=True)


if __name__ == "__main__":
    main()
