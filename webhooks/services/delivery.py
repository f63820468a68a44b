"""The drain: claim, send from threads, settle as results come in, and look again until nothing is due."""

import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias
from uuid import UUID

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction

from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from onpoint_pay.kit.jobs import nudge
from webhooks.channels import Outgoing, Result, request_headers, send
from webhooks.events import MAX_BODY_BYTES
from webhooks.models import ENABLED, FAILED, HELD, INLINE, MANUAL, OPEN, Delivery, Endpoint, Secret
from webhooks.schedule import EXPIRY_HOURS
from webhooks.services.claims import LEASE_SECONDS, START, Claimed, claim_due
from webhooks.services.outbox import DELIVER_DUE
from webhooks.services.secrets import live_secrets, open_secret
from webhooks.services.settle import Try, settle, settle_unsent
from webhooks.signing import sign_headers

log = structlog.get_logger(__name__)
THREADS = 64
# How long new deliveries may wait behind tries that are still under way.
LOOK_SECONDS = 0.1
PAUSE_SECONDS = 0.5
SLOW_SECONDS = 1.0
DATABASE_AWAY = (OperationalError, InterfaceError)

# An endpoint for its own secrets, or a merchant and mode for the default ones.
SecretOwner: TypeAlias = UUID | tuple[UUID, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one run came to, counted in tries; `open` ones will be tried again."""

    delivered: int = 0
    open: int = 0
    failed: int = 0
    held: int = 0


def deliver_due(*, limit: int = 10_000, seconds: float = 20.0) -> Counts:
    """Send what is due until nothing is, `limit` deliveries were taken or `seconds` are over, and tell what it came to.

    A run that is over waits for its last answers, and serves quick endpoints on meanwhile, for one deadline at most.
    May run any number of times at once. Whatever dies in between, a claimed delivery is sent again after its lease.
    Raises RuntimeError when called inside a transaction.
    """
    return _Drain(limit=limit, seconds=seconds).run()


class _Drain:
    """One run. The thread that made it owns the database connection; the pool's threads only send."""

    def __init__(self, *, limit: int, seconds: float) -> None:
        self._left = limit
        self._closes_at = time.monotonic() + seconds
        self._ends_at = self._closes_at + settings.WEBHOOK_DEADLINE_SECONDS
        self._after = START
        self._in_flight: dict[Future[Try], tuple[Claimed, float]] = {}
        self._slow: set[UUID] = set()
        self._counts = Counts()

    def run(self) -> Counts:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="webhooks") as pool:
            self._refill(pool)
            while self._in_flight:
                finished, _ = wait(self._in_flight, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._finish(future.result())
                    del self._in_flight[future]
                self._refill(pool)
        return self._counts

    def _refill(self, pool: ThreadPoolExecutor) -> None:
        """Walk on from where the last look ended, to the last endpoint and once more from the first."""
        laps = 0 if self._after == START else -1
        while laps < 1 and self._room() > 0:
            try:
                claim = claim_due(room=self._room(), busy=self._busy(), after=self._after)
                self._start(claim.deliveries, pool)
            except DATABASE_AWAY as error:
                self._stop_claiming(error)
                return
            self._after = claim.after or START
            laps += claim.after is None

    def _room(self) -> int:
        ends_at = self._ends_at if self._in_flight else self._closes_at
        if time.monotonic() >= ends_at:
            return 0
        return min(THREADS - len(self._in_flight), self._left)

    def _busy(self) -> set[UUID]:
        """Endpoints that still owe an answer get nothing more, so a slow one holds a few threads and no others.

        Once the run should end, one that was ever slow gets nothing more at all.
        """
        moment = time.monotonic()
        waiting = self._in_flight.values()
        self._slow |= {claimed.endpoint_id for claimed, began in waiting if moment - began > SLOW_SECONDS}
        owing = {claimed.endpoint_id for claimed, _ in waiting}
        return owing | self._slow if moment >= self._closes_at else owing

    def _start(self, claims: Sequence[Claimed], pool: ThreadPoolExecutor) -> None:
        self._left -= len(claims)
        signing = _secrets_by_owner(claims)
        for claimed in claims:
            outgoing, refusal = _prepared(claimed, signing.get(_secret_owner(claimed), []))
            if outgoing is not None:
                self._in_flight[pool.submit(_try, claimed, outgoing)] = (claimed, time.monotonic())
            else:
                self._count(settle_unsent(claimed, state=FAILED if refusal else HELD, error=refusal))

    def _finish(self, done: Try) -> None:
        """Write it down, waiting for a database that is away: a result forgotten is a webhook sent twice."""
        gives_up_at = time.monotonic() + LEASE_SECONDS
        while True:
            try:
                self._count(settle(done))
                return
            except DATABASE_AWAY as error:
                self._stop_claiming(error)
                if time.monotonic() > gives_up_at:
                    return
                time.sleep(PAUSE_SECONDS)
            except Exception as error:  # noqa: BLE001 - one result we cannot write must not hold up the rest
                log.error("webhook_not_settled", exc_info=error, delivery=done.claimed.id)
                self._count(settle_unsent(done.claimed, state=FAILED, error="internal"))
                return

    def _stop_claiming(self, error: Exception) -> None:
        log.warning("webhooks_database_away", error=type(error).__name__)
        self._left = 0
        if not connection.in_atomic_block:
            connection.close()

    def _count(self, state: str) -> None:
        self._counts = replace(self._counts, **{state: getattr(self._counts, state) + 1})


def _prepared(claimed: Claimed, signing: Sequence[Secret]) -> tuple[Outgoing | None, str]:
    """What to send, or nothing and why it can never be sent; nothing and no reason while the endpoint is off."""
    if claimed.is_deleted:
        return None, "endpoint_deleted"
    if claimed.endpoint_status != ENABLED:
        return None, ""
    try:
        outgoing = _signed(claimed, signing, at=now())
    except Exception as error:  # noqa: BLE001 - one delivery we cannot prepare must not hold up the rest
        log.error("webhook_not_prepared", exc_info=error, delivery=claimed.id)
        return None, "internal"
    return (outgoing, "") if len(outgoing.body) <= MAX_BODY_BYTES else (None, "body_too_large")


def _signed(claimed: Claimed, signing: Sequence[Secret], *, at: datetime) -> Outgoing:
    signature = sign_headers(
        to_public("evt", claimed.event_id),
        claimed.body,
        signing_secrets=[open_secret(secret) for secret in signing],
        at=at,
    )
    headers = request_headers(signature, attempt=claimed.tries + 1)
    return Outgoing(url=claimed.url, headers=headers, body=claimed.body.encode())


def _try(claimed: Claimed, outgoing: Outgoing) -> Try:
    """One try in a thread of the pool; never raises."""
    started_at, began = now(), time.monotonic()
    try:
        result = send(outgoing)
    except Exception as error:  # noqa: BLE001 - a fault of ours is tried again like one of theirs
        log.error("webhook_not_sent", exc_info=error, delivery=claimed.id)
        result = Result(error="internal")
    total_ms = round((time.monotonic() - began) * 1000)
    return Try(claimed=claimed, result=result, headers=outgoing.headers, started_at=started_at, total_ms=total_ms)


def _secret_owner(claimed: Claimed) -> SecretOwner:
    return (claimed.merchant_id, claimed.mode) if claimed.kind == INLINE else claimed.endpoint_id


def _secrets_by_owner(claims: Sequence[Claimed]) -> dict[SecretOwner, list[Secret]]:
    found: dict[SecretOwner, list[Secret]] = defaultdict(list)
    if not claims:
        return found
    endpoints = {claimed.endpoint_id for claimed in claims if claimed.kind != INLINE}
    merchants = {claimed.merchant_id for claimed in claims if claimed.kind == INLINE}
    for secret in live_secrets(endpoint_ids=endpoints, merchant_ids=merchants, at=now()):
        found[secret.endpoint_id or (secret.merchant_id, secret.mode)].append(secret)
    return found


def resend_delivery(delivery: Delivery) -> Delivery:
    """Send it again now, with the same event id, the schedule and the 76 hours beginning anew; an open one is merely
    tried sooner, and one under way is left to that try.

    Raises Problem state_conflict when its endpoint is deleted or not enabled.
    """
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update().get(pk=delivery.endpoint_id)
        if endpoint.deleted_at is not None or endpoint.status != ENABLED:
            raise Problem("state_conflict", "The endpoint is not enabled.")
        locked: Delivery = Delivery.objects.select_for_update().get(pk=delivery.pk)
        moment = now()
        locked.trigger, locked.next_attempt_at = MANUAL, moment
        if locked.state != OPEN:
            locked.state, locked.tries, locked.delivered_at = OPEN, 0, None
            locked.expires_at = moment + timedelta(hours=EXPIRY_HOURS)
        locked.save(update_fields=["trigger", "next_attempt_at", "state", "tries", "delivered_at", "expires_at"])
        nudge(DELIVER_DUE)
    return locked
