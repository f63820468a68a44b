"""How the gateway is doing, for everybody to read: no merchant, phone or shortcode is named."""

from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import connection

from onpoint_pay.kit.clock import now, rfc3339
from payments import schedule
from payments.models import ShortcodeHealth
from webhooks.selectors.lanes import oldest_due

OPERATIONAL, DEGRADED, DOWN = "operational", "degraded", "down"
# Work that has waited longer than this many seconds of the production schedule is late.
LATE_AFTER_SECONDS = 60

# One reading of everything: what waits, and how long providers took to tell what became of the last prompts.
WAITING = """
SELECT
  (SELECT min(next_check) FROM money_op WHERE status IN ('created', 'sending', 'accepted', 'unknown')
     AND next_check <= now()),
  (SELECT min(next_try) FROM provider_event WHERE status IN ('new', 'orphan') AND next_try <= now())
"""
DELAYS = """
SELECT t.provider, t.mode, count(*),
  percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM e.received_at - o.sent_at)),
  percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM e.received_at - o.sent_at))
FROM provider_event e JOIN money_op o ON o.evidence_id = e.id JOIN transactions t ON t.id = o.payment_id
WHERE e.received_at > %s AND e.status = 'applied' AND o.kind = 'charge' AND o.sent_at IS NOT NULL
GROUP BY 1, 2 ORDER BY 1, 2
"""


def standing() -> dict[str, Any]:
    """The components, each operational, degraded or down, with the incidents that make it so."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(WAITING)
            oldest = (*cursor.fetchone(), oldest_due())
            cursor.execute(DELAYS, [now() - schedule.scaled(900)])
            delays = cursor.fetchall()
    except Exception:  # noqa: BLE001 - that the database is away is what this page is there to say
        return {"status": DOWN, "components": [_component("database", DOWN)], "incidents": [], "providers": []}
    components = [
        _component("database", OPERATIONAL),
        _component("cache", OPERATIONAL if _is_cache_there() else DEGRADED),
        *(_queue(name, due) for name, due in zip(("recovery", "callbacks", "webhooks"), oldest, strict=True)),
    ]
    incidents = _silences()
    is_well = not incidents and all(component["status"] == OPERATIONAL for component in components)
    return {
        "status": OPERATIONAL if is_well else DEGRADED,
        "components": components,
        "providers": [_provider(row, incidents) for row in delays],
        "incidents": incidents,
    }


def _component(name: str, status: str, *, lag_seconds: float | None = None) -> dict[str, Any]:
    return {"name": name, "status": status, "lag_seconds": lag_seconds}


def _queue(name: str, due: datetime | None) -> dict[str, Any]:
    lag = 0.0 if due is None else round((now() - due).total_seconds(), 1)
    return _component(name, OPERATIONAL if lag < LATE_AFTER_SECONDS else DEGRADED, lag_seconds=lag)


def _is_cache_there() -> bool:
    try:
        cache.get("standing")
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is away
        return False
    return True


def _provider(row: tuple[Any, ...], incidents: list[dict[str, Any]]) -> dict[str, Any]:
    provider, mode, told, median, slowest = row
    is_silent = any((incident["provider"], incident["mode"]) == (provider, mode) for incident in incidents)
    return {
        "provider": provider,
        "mode": mode,
        "status": DEGRADED if is_silent else OPERATIONAL,
        "results": told,
        "delay_seconds": {"p50": round(median, 1), "p99": round(slowest, 1)},
    }


def _silences() -> list[dict[str, Any]]:
    """Shortcodes whose callbacks do not arrive, counted by provider and mode; payments are found out by asking."""
    found: dict[tuple[str, str], list[datetime]] = {}
    for health in ShortcodeHealth.objects.filter(silent_since__isnull=False):
        if health.silent_since is not None:
            found.setdefault((health.provider, health.mode), []).append(health.silent_since)
    return [
        {
            "type": "callbacks_silent",
            "provider": provider,
            "mode": mode,
            "shortcodes": len(since),
            "since": rfc3339(min(since)),
            "detail": "Callbacks do not arrive. Payments are still concluded: the provider is asked more often.",
        }
        for (provider, mode), since in sorted(found.items())
    ]
