"""Many prompts in one call: checked whole and stored, then handed over at a measured pace, each an ordinary payment."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson
import structlog
from django.conf import settings
from django.db import connection, transaction

from audit.services import record
from merchants.models import Merchant
from merchants.selectors.records import merchant_card
from merchants.services.live_mode import require_live
from merchants.services.provider_accounts import account_of
from onpoint_pay.kit.caller import LIVE, Caller
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Fault, Invalid, Problem
from onpoint_pay.kit.ids import from_public, to_public
from onpoint_pay.kit.jobs import nudge
from payments.models import BulkLine, BulkRun
from payments.serializers.payments import InitiateSerializer
from payments.services.initiate import ROUTES, check_amount, initiate_payment
from payments.services.limits import check_size
from payments.services.replay import Claim
from payments.states import LINE_REFUSED, LINE_SENDING, LINE_SENT, LINE_WAITING
from webhooks.addresses import check_url

log = structlog.get_logger(__name__)
JOB = "payments.send_bulk"
# A line whose worker said nothing for so long is taken by another; its key keeps it from being sent twice.
LEASE = timedelta(seconds=120)
MOST_TRIES = 5
# How many are at the provider at once for one worker, whoever's they are: each holds a database connection.
AT_ONCE = 16
# A little less than the second between two rings, so that a ring that comes early does not miss its turn.
PACE_WINDOW = timedelta(seconds=0.9)
TAKERS_LOCK = 0x62756C6B

TAKE = """
WITH busy AS (
  SELECT r.provider, r.mode, r.provider_account_id, count(*) AS lines
  FROM bulk_line l JOIN bulk_run r ON r.id = l.run_id
  WHERE l.taken_at > %(window)s OR (l.status = 'sending' AND l.lease_until >= %(at)s)
  GROUP BY 1, 2, 3),
due AS (
  SELECT l.id, r.provider, r.mode, r.provider_account_id,
    row_number() OVER (PARTITION BY r.provider, r.mode, r.provider_account_id ORDER BY l.run_id, l.n) AS place
  FROM bulk_line l JOIN bulk_run r ON r.id = l.run_id
  WHERE l.status = 'waiting' OR (l.status = 'sending' AND l.lease_until < %(at)s))
UPDATE bulk_line SET status = 'sending', taken_at = %(at)s, lease_until = %(lease)s, tries = tries + 1
WHERE id IN (
  SELECT due.id FROM due LEFT JOIN busy ON busy.provider = due.provider AND busy.mode = due.mode
    AND busy.provider_account_id IS NOT DISTINCT FROM due.provider_account_id
  WHERE due.place <= %(pace)s - coalesce(busy.lines, 0) ORDER BY due.place, due.id LIMIT %(most)s)
RETURNING id
"""


# --- asking -----------------------------------------------------------------------------------------------------------


def start_bulk(caller: Caller, items: Sequence[dict[str, Any]], *, request_id: str) -> BulkRun:
    """Store a run of prompts and wake a worker; nothing is sent here. `items` are InitiateSerializer's checked input.

    Raises Invalid with every fault of every item, and nothing is stored then.
    """
    faults = [*_item_faults(caller, items), *_shared_references(caller, items)]
    if faults:
        raise Invalid(faults)
    code, _ = ROUTES[items[0]["payment_method"]]
    with transaction.atomic():
        run: BulkRun = BulkRun.objects.create(
            merchant_id=caller.merchant_id,
            mode=caller.mode,
            provider=code,
            provider_account_id=account_of(caller, code),
            total=len(items),
            request_id=request_id,
            created_by=caller.actor,
            created_at=now(),
        )
        BulkLine.objects.bulk_create(
            BulkLine(run=run, n=n, request=_plain(item), status=LINE_WAITING) for n, item in enumerate(items)
        )
        blk = to_public("blk", run.id)
        detail = {"lines": run.total}
        record(merchant_id=run.merchant_id, actor=caller.actor, action="bulk.created", object_id=blk, detail=detail)
        nudge(JOB)
    return run


def _item_faults(caller: Caller, items: Sequence[dict[str, Any]]) -> Iterator[Fault]:
    for n, item in enumerate(items):
        try:
            check_amount(item["money"])
            check_size(item["money"], caller)
        except Invalid as invalid:
            yield from (_of_item(n, fault) for fault in invalid.faults)
        except Problem as problem:
            yield _of_item(n, Fault(param=problem.param, code=problem.code, detail=problem.detail))
        url = item.get("callback_url")
        try:
            if url is not None:
                check_url(url, mode=caller.mode, allow_private=settings.WEBHOOK_ALLOW_PRIVATE, param="callback_url")
        except Problem as problem:
            yield _of_item(n, Fault(param=problem.param, code=problem.code, detail=problem.detail))


def _of_item(n: int, fault: Fault) -> Fault:
    return Fault(param=f"items[{n}].{fault.param}", code=fault.code, detail=fault.detail)


def _shared_references(caller: Caller, items: Sequence[dict[str, Any]]) -> Iterator[Fault]:
    """Two lines with one reference could not both become payments."""
    if caller.merchant.reference_policy == "any":
        return
    first: dict[str, int] = {}
    for n, item in enumerate(items):
        reference = item.get("reference")
        if reference in first:
            detail = f"items[{first[reference]}] has this reference too."
            yield Fault(param=f"items[{n}].reference", code="reference_invalid", detail=detail)
        elif reference is not None:
            first[reference] = n


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    """The item as it can be stored, and checked again when its turn comes."""
    return {name: value for name, value in item.items() if name != "money"} | {"amount": item["money"].decimal_text()}


# --- sending ----------------------------------------------------------------------------------------------------------


def send_bulk() -> int:
    """Hand over the lines whose turn it is, a second's worth for each account at a provider; returns how many.

    A worker that dies leaves its lines to the next one, which continues each where it stood.
    """
    taken = retry_unit(_take)
    if taken:
        with ThreadPoolExecutor(max_workers=len(taken), thread_name_prefix="bulk") as pool:
            list(pool.map(_send_in_thread, taken))
    return len(taken)


def _take() -> list[int]:
    with connection.cursor() as cursor:
        # One taker at a time: two that counted at once would each take a whole second's worth.
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TAKERS_LOCK])
        at = now()
        cursor.execute(
            TAKE,
            {
                "at": at,
                "window": at - PACE_WINDOW,
                "lease": at + LEASE,
                "pace": settings.BULK_PER_SECOND,
                "most": AT_ONCE,
            },
        )
        return [row[0] for row in cursor.fetchall()]


def _send_in_thread(line_id: int) -> None:
    try:
        send_line(line_id)
    except Exception:
        # It comes back when its lease ends; the others must not wait for it.
        log.exception("bulk_line_not_sent", line=line_id)
    finally:
        connection.close()


def send_line(line_id: int) -> None:
    """Make one taken line a payment, under a key of its own: taken again after a crash it is not sent again."""
    line = BulkLine.objects.select_related("run__merchant").get(id=line_id)
    if line.status != LINE_SENDING:
        return
    if line.tries > MOST_TRIES:
        _refuse(line, Problem("internal_error", f"The line could not be sent in {MOST_TRIES} tries."))
        return
    try:
        caller = _caller_of(line.run)
        stored = initiate_payment(caller, _checked(line), request_id=line.run.request_id, claim=_claim_of(line))
    except Problem as problem:
        # Somebody may still be at it: then the line waits for the end of its lease.
        if problem.code != "idempotency_in_progress":
            _refuse(line, problem)
        return
    body = orjson.loads(stored.body)
    if stored.status == 402:
        failure = body["failure"] or {}
        _refuse(line, Problem("payment_failed", failure.get("reason") or "", extra={"payment": body}))
    else:
        _finish(line, LINE_SENT, payment_id=from_public("pay", body["id"]))


def _caller_of(run: BulkRun) -> Caller:
    """Whoever asked, as far as they may still ask.

    Raises Problem merchant_suspended, kyc_required and live_mode_disabled.
    """
    card = merchant_card(run.merchant)
    if card.status == Merchant.Status.SUSPENDED:
        raise Problem("merchant_suspended")
    if run.mode == LIVE:
        require_live(card)
    return Caller(merchant=card, mode=run.mode, actor=run.created_by, kind="bulk")


def _checked(line: BulkLine) -> dict[str, Any]:
    serializer = InitiateSerializer(data=line.request)
    serializer.is_valid(raise_exception=True)
    checked: dict[str, Any] = serializer.validated_data
    return checked


def _claim_of(line: BulkLine) -> Claim:
    key = f"{to_public('blk', line.run_id)}:{line.n}"
    return Claim(key=key, fingerprint=sha256(key.encode()).hexdigest(), request_id=line.run.request_id)


def _refuse(line: BulkLine, problem: Problem) -> None:
    told = {"code": problem.code, "detail": problem.detail, "param": problem.param}
    payment = problem.extra.get("payment", {}).get("id")
    if problem.code == "provider_unavailable":
        payment = problem.extra.get("existing")
    _finish(line, LINE_REFUSED, payment_id=from_public("pay", payment) if payment else None, problem=told)


def _finish(line: BulkLine, status: str, *, payment_id: UUID | None, problem: dict[str, Any] | None = None) -> None:
    BulkLine.objects.filter(id=line.id, status=LINE_SENDING).update(
        status=status, payment_id=payment_id, problem=problem, lease_until=None, finished_at=now()
    )
