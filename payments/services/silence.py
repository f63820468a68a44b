"""Callback silence: prompts end, and the provider tells nobody. Noticed per shortcode, so that we ask sooner."""

from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import connection

from audit.services import record
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.db import retry_unit
from payments import schedule
from payments.models import ShortcodeHealth
from payments.states import OP_OPEN

log = structlog.get_logger(__name__)
JOB = "payments.listen_for_callbacks"
WINDOW_SECONDS = 900

# What ended lately, by who brought the news: the provider by callback, or we by asking.
TOLD = """
SELECT t.provider, t.mode, t.shortcode,
  count(*) FILTER (WHERE e.door = 'collect') AS told, count(*) FILTER (WHERE e.door IN ('query', 'pull')) AS found,
  max(e.received_at) FILTER (WHERE e.door = 'collect') AS last_callback
FROM provider_event e JOIN money_op o ON o.id = e.op_id JOIN transactions t ON t.id = o.payment_id
WHERE e.received_at > %s AND e.status IN ('applied', 'duplicate') AND o.kind = 'charge'
  AND o.status IN ('succeeded', 'failed', 'expired')
GROUP BY 1, 2, 3
"""

# Prompts of a silent shortcode that wait for a later step of the schedule are asked about now.
BRING_FORWARD = """
UPDATE money_op o SET next_check = now() FROM transactions t
WHERE t.id = o.payment_id AND o.status = ANY(%s) AND o.kind = 'charge' AND o.next_check > now()
  AND t.provider = %s AND t.mode = %s AND t.shortcode = %s AND o.sent_at < %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcode:
    """One shortcode's news of the last quarter of an hour."""

    provider: str
    mode: str
    shortcode: str
    told: int
    found: int
    last_callback: datetime | None


def listen() -> list[Shortcode]:
    """Note how callbacks arrive at each shortcode; returns those that have just fallen silent.

    Silent: several prompts ended, all of them found out by asking. One callback that arrives ends the alarm.
    """
    since = now() - schedule.scaled(WINDOW_SECONDS)
    with connection.cursor() as cursor:
        cursor.execute(TOLD, [since])
        names = [column.name for column in cursor.description]
        heard = [Shortcode(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    fallen = [shortcode for shortcode in heard if retry_unit(lambda seen=shortcode: _note(seen))]  # type: ignore[misc]
    for shortcode in fallen:
        log.error("callbacks_silent", provider=shortcode.provider, mode=shortcode.mode, found=shortcode.found)
        _ask_sooner(shortcode)
    return fallen


def silent_shortcodes() -> frozenset[tuple[str, str, str]]:
    """Provider, mode and shortcode of everybody whose callbacks do not arrive."""
    rows = ShortcodeHealth.objects.filter(silent_since__isnull=False)
    return frozenset(rows.values_list("provider", "mode", "shortcode"))


def _note(seen: Shortcode) -> bool:
    """Store what was seen; True when the alarm begins with it."""
    health, _ = ShortcodeHealth.objects.select_for_update().get_or_create(
        provider=seen.provider,
        mode=seen.mode,
        shortcode=seen.shortcode,
        defaults={"told_by_callback": 0, "found_by_asking": 0, "checked_at": now()},
    )
    was_silent = health.silent_since is not None
    health.told_by_callback, health.found_by_asking, health.checked_at = seen.told, seen.found, now()
    health.last_callback_at = seen.last_callback or health.last_callback_at
    if seen.told:
        health.silent_since = None
    elif seen.found >= settings.CALLBACK_SILENCE_AFTER and not was_silent:
        health.silent_since = now()
    health.save()
    is_silent = health.silent_since is not None
    if is_silent != was_silent:
        _tell_audit(seen, is_silent=is_silent)
    return is_silent and not was_silent


def _tell_audit(seen: Shortcode, *, is_silent: bool) -> None:
    record(
        merchant_id=None,
        actor="system",
        action="provider.callbacks_silent" if is_silent else "provider.callbacks_heard",
        object_id=f"{seen.provider}:{seen.mode}:{seen.shortcode}",
        detail={"told_by_callback": seen.told, "found_by_asking": seen.found},
    )


def _ask_sooner(shortcode: Shortcode) -> None:
    sent_before = now() - schedule.scaled(schedule.SILENT_CHECKS[0])
    with connection.cursor() as cursor:
        cursor.execute(
            BRING_FORWARD,
            [list(OP_OPEN), shortcode.provider, shortcode.mode, shortcode.shortcode, sent_before],
        )
