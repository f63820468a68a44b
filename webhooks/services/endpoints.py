"""Endpoints and their secrets: add, change, delete, rotate, and the hidden ones behind a payment's callback_url."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F, QuerySet

from audit.services import record
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from onpoint_pay.kit.errors import Fault, Invalid, NotFound, Problem
from onpoint_pay.kit.ids import to_public
from webhooks.addresses import check_url
from webhooks.bell import ring_on_commit
from webhooks.events import ENDPOINT_DISABLED, PATTERNS
from webhooks.models import CLOSED, DISABLED, ENABLED, INLINE, NORMAL, Delivery, Endpoint, Lane, Notice, Secret
from webhooks.pace import FIRST_WINDOW
from webhooks.schedule import GONE_LEVEL
from webhooks.serializers.endpoints import endpoint_body
from webhooks.services import secrets
from webhooks.services.holding import give_up, hold_open
from webhooks.services.outbox import publish_event

MAX_ENDPOINTS = 16
MAX_OVERLAP_HOURS = 168
CHANGEABLE = ("url", "events", "description", "status", "rate_limit", "api_version")
# An inline endpoint stands for an address named by payments: these are not its own to change.
FIXED_INLINE = {"url", "events", "api_version"}
# Nothing is known against an endpoint that is new, was enabled again or has moved.
FRESH_LANE: dict[str, Any] = {
    "send_window": FIRST_WINDOW,
    "last_ms": None,
    "breaker": CLOSED,
    "open_until": None,
    "times_tripped": 0,
    "failures_in_row": 0,
    "failing_since": None,
    "failing_tries": 0,
    "failing_events": 0,
    "notified_level": 0,
}
INLINE_URLS_KEPT = 10_000

_inline_keys: dict[tuple[UUID, str, str], UUID] = {}


def add_endpoint(
    *,
    merchant_id: UUID,
    mode: str,
    url: str,
    events: Sequence[str],
    actor: str,
    description: str = "",
    rate_limit: int | None = None,
    api_version: str | None = None,
) -> tuple[Endpoint, str]:
    """A new endpoint and its secret in clear, shown this once. `rate_limit` is in tries per second.

    Raises Problem callback_url_invalid, callback_url_forbidden, parameter_invalid, or limit_exceeded at 16 endpoints.
    """
    check_url(url, mode=mode, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
    check_events(events)
    with transaction.atomic():
        _lock_merchant(merchant_id, mode)
        if _normal(merchant_id, mode).count() >= MAX_ENDPOINTS:
            raise Problem("limit_exceeded", f"At most {MAX_ENDPOINTS} endpoints in each mode.")
        endpoint = Endpoint.objects.create(
            merchant_id=merchant_id,
            mode=mode,
            url=url,
            events=list(dict.fromkeys(events)),
            description=description,
            rate_limit=rate_limit,
            api_version=api_version or settings.API_VERSION,
        )
        clear = secrets.keep_secret(merchant_id=merchant_id, mode=mode, endpoint_id=endpoint.pk)
        _audit(endpoint, actor=actor, action="created", detail={"events": endpoint.events})
    return endpoint, clear


def check_events(events: Sequence[str], *, param: str = "events") -> None:
    """Raises Invalid naming every entry that is not in the catalogue."""
    faults = [
        Fault(param=f"{param}[{place}]", code="parameter_invalid", detail=f"{name[:60]!r} is not an event type.")
        for place, name in enumerate(events)
        if name not in PATTERNS
    ]
    if not events:
        faults = [Fault(param=param, code="parameter_invalid", detail='Name at least one event type, or "*".')]
    if faults:
        raise Invalid(faults)


def update_endpoint(endpoint: Endpoint, *, changes: Mapping[str, Any], actor: str) -> Endpoint:
    """Change url, events, description, rate_limit, api_version or status (`enabled` or `paused`).

    Pausing holds what is open; what is under way may still arrive. Enabling sends what happens from then on, with
    nothing held against the endpoint; held deliveries wait to be recovered.

    Raises what add_endpoint raises, NotFound, and Problem state_conflict for changes an inline endpoint does not take.
    """
    if "url" in changes:
        check_url(changes["url"], mode=endpoint.mode, allow_private=settings.WEBHOOK_ALLOW_PRIVATE)
    if "events" in changes:
        check_events(changes["events"])
    given = {name: changes[name] for name in CHANGEABLE if name in changes}
    return retry_unit(lambda: _update(endpoint, given, actor=actor))


def _update(endpoint: Endpoint, given: Mapping[str, Any], *, actor: str) -> Endpoint:
    locked = _locked(endpoint)
    wanted = {name: value for name, value in given.items() if value != getattr(locked, name)}
    if not wanted:
        return locked
    if FIXED_INLINE & set(wanted):
        _require_normal(locked)
    _apply(locked, wanted)
    if locked.status != ENABLED:
        hold_open(locked.pk)
    elif "status" in wanted or "url" in wanted:
        Lane.objects.filter(endpoint=locked).update(**FRESH_LANE)
        ring_on_commit()
    _audit(locked, actor=actor, action="updated", detail={"changed": sorted(wanted)})
    return locked


def disable_endpoint(
    endpoint_id: UUID,
    *,
    reason: str,
    level: int = GONE_LEVEL,
    days: int = 0,
    failing_since: datetime | None = None,
) -> None:
    """Switch off an endpoint that asked for it or has failed for too long; its open deliveries are held, its owner is
    told, and so are the merchant's other endpoints. Silent when it is off already.

    `level` and `days` are those of the notice. Call it in the transaction that settles the tries.
    """
    with transaction.atomic():
        found = Endpoint.objects.select_for_update(no_key=True).filter(pk=endpoint_id, deleted_at=None).first()
        if found is None or found.status != ENABLED:
            return
        _apply(found, {"status": DISABLED})
        hold_open(found.pk)
        since = failing_since or found.lane.failing_since or now()
        notice = Notice(endpoint=found, level=level, days=days, failing_since=since)
        Notice.objects.bulk_create([notice], ignore_conflicts=True)
        _tell_others(found)
        _audit(found, actor="system", action="disabled", detail={"reason": reason})


def _tell_others(endpoint: Endpoint) -> None:
    event_id = publish_event(
        merchant_id=endpoint.merchant_id,
        mode=endpoint.mode,
        type=ENDPOINT_DISABLED,
        object_id=endpoint.pk,
        body_object=endpoint_body(endpoint),
        previous={"status": ENABLED},
        request_id=None,
        # It may be enabled and disabled again.
        nth=endpoint.version,
    )
    Delivery.objects.filter(event_id=event_id, endpoint=endpoint).delete()


def delete_endpoint(endpoint: Endpoint, *, actor: str) -> None:
    """Forget the endpoint; what was still to be sent to it fails.

    Raises NotFound, and Problem state_conflict for an inline endpoint.
    """
    retry_unit(lambda: _delete(endpoint, actor=actor))


def _delete(endpoint: Endpoint, *, actor: str) -> None:
    locked = _locked(endpoint)
    _require_normal(locked)
    _apply(locked, {"deleted_at": now()})
    give_up(locked.pk)
    Secret.objects.filter(endpoint=locked).delete()
    _audit(locked, actor=actor, action="deleted")


# --- secrets ------------------------------------------------------------------------------------------------------


def rotate_secret(endpoint: Endpoint, *, overlap_hours: int, actor: str) -> str:
    """The clear text of a new secret; earlier ones sign along for `overlap_hours`, 0 to 168.

    Raises NotFound, and Problem state_conflict at five live secrets or for an inline endpoint.
    """
    _check_overlap(overlap_hours)
    with transaction.atomic():
        locked = _locked(endpoint)
        _require_normal(locked)
        clear = secrets.replace_secret(
            merchant_id=locked.merchant_id, mode=locked.mode, endpoint_id=locked.pk, overlap_hours=overlap_hours
        )
        _audit(locked, actor=actor, action="secret_rotated", detail={"overlap_hours": overlap_hours})
    return clear


def ensure_default_secret(*, merchant_id: UUID, mode: str) -> str | None:
    """The clear text when a default secret had to be made; None when there was one."""
    if _current_default(merchant_id, mode).exists():
        return None
    try:
        with transaction.atomic():
            return secrets.keep_secret(merchant_id=merchant_id, mode=mode, endpoint_id=None)
    except IntegrityError:
        # Somebody else made it in between; any other fault shows as there still being none.
        if not _current_default(merchant_id, mode).exists():
            raise
        return None


def rotate_default_secret(*, merchant_id: UUID, mode: str, overlap_hours: int = 24, actor: str = "system") -> str:
    """The clear text of a new default secret; earlier ones sign along for `overlap_hours`, 0 to 168.

    Raises Problem state_conflict at five live secrets.
    """
    _check_overlap(overlap_hours)
    with transaction.atomic():
        _lock_merchant(merchant_id, mode)
        clear = secrets.replace_secret(
            merchant_id=merchant_id, mode=mode, endpoint_id=None, overlap_hours=overlap_hours
        )
        detail = {"mode": mode, "overlap_hours": overlap_hours}
        record(merchant_id=merchant_id, actor=actor, action="webhook_secret.rotated", detail=detail)
    return clear


def default_secret(merchant_id: UUID, mode: str) -> str:
    """The current default secret in clear, made when missing: for seeding a demonstration, never for an answer."""
    made = ensure_default_secret(merchant_id=merchant_id, mode=mode)
    return made or secrets.open_secret(_current_default(merchant_id, mode).get())


def _current_default(merchant_id: UUID, mode: str) -> QuerySet[Secret]:
    return Secret.objects.filter(merchant_id=merchant_id, mode=mode, endpoint=None, expires_at=None)


def _check_overlap(hours: int) -> None:
    if not 0 <= hours <= MAX_OVERLAP_HOURS:
        detail = f"overlap_hours must be a whole number from 0 to {MAX_OVERLAP_HOURS}."
        raise Problem("parameter_invalid", detail, param="overlap_hours")


# --- inline endpoints ---------------------------------------------------------------------------------------------


def inline_endpoint(*, merchant_id: UUID, mode: str, url: str, param: str = "callback_url") -> UUID:
    """The key of the hidden endpoint for this URL, made on first sight, with the default secret that signs for it.

    A repeat in the same process asks no table. Raises Problem callback_url_invalid or callback_url_forbidden.
    """
    name = (merchant_id, mode, url)
    if name in _inline_keys:
        return _inline_keys[name]
    check_url(url, mode=mode, allow_private=settings.WEBHOOK_ALLOW_PRIVATE, param=param)
    with transaction.atomic():
        ensure_default_secret(merchant_id=merchant_id, mode=mode)
        key = _find_or_make_inline(merchant_id, mode, url)
        # Not before commit: a key whose row was rolled back would lose every delivery in silence.
        transaction.on_commit(lambda: _remember_inline(name, key))
    return key


def _find_or_make_inline(merchant_id: UUID, mode: str, url: str) -> UUID:
    own = Endpoint.objects.scoped(merchant_id, mode).filter(kind=INLINE, url=url)
    found: UUID | None = own.values_list("pk", flat=True).first()
    if found is not None:
        return found
    fresh = Endpoint(merchant_id=merchant_id, mode=mode, kind=INLINE, url=url, api_version=settings.API_VERSION)
    # Two first payments at once: the unique index lets one insert through and both read it.
    Endpoint.objects.bulk_create([fresh], ignore_conflicts=True)
    made: UUID = own.values_list("pk", flat=True).get()
    return made


def _remember_inline(name: tuple[UUID, str, str], key: UUID) -> None:
    while len(_inline_keys) >= INLINE_URLS_KEPT:
        _inline_keys.pop(next(iter(_inline_keys)), None)
    _inline_keys[name] = key


# --- shared -------------------------------------------------------------------------------------------------------


def _normal(merchant_id: UUID, mode: str) -> QuerySet[Endpoint]:
    return Endpoint.objects.scoped(merchant_id, mode).filter(kind=NORMAL, deleted_at=None)


def _locked(endpoint: Endpoint) -> Endpoint:
    # Publishing an event refers to the endpoint's key and does not wait for this lock.
    rows = Endpoint.objects.select_for_update(no_key=True)
    found: Endpoint | None = rows.filter(pk=endpoint.pk, deleted_at=None).first()
    if found is None:
        raise NotFound
    return found


def _lock_merchant(merchant_id: UUID, mode: str) -> None:
    """Keeps two counters of one merchant's endpoints apart without touching the merchant's own row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"webhooks:{merchant_id}:{mode}"])


def _apply(endpoint: Endpoint, values: Mapping[str, Any]) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(version=F("version") + 1, **values)
    endpoint.refresh_from_db()


def _require_normal(endpoint: Endpoint) -> None:
    if endpoint.kind == INLINE:
        raise Problem(
            "state_conflict",
            "It stands for the callback_url of payments; only status, description and rate_limit change.",
        )


def _audit(endpoint: Endpoint, *, actor: str, action: str, detail: dict[str, Any] | None = None) -> None:
    record(
        merchant_id=endpoint.merchant_id,
        actor=actor,
        action=f"webhook_endpoint.{action}",
        object_id=to_public("whe", endpoint.pk),
        detail=detail,
    )
