"""What owners are told of endpoints that fail for days, and the end of those that fail for too long."""

from datetime import datetime
from uuid import UUID

from webhooks.models import Endpoint, Notice
from webhooks.schedule import DISABLE_EVENTS, DISABLE_LEVEL, DISABLE_TRIES, NOTICE_DAYS, notice_level
from webhooks.services.endpoints import disable_endpoint


def note_failing(
    endpoint_id: UUID,
    *,
    failing_since: datetime,
    failing_tries: int,
    failing_events: int,
    notified_level: int,
    at: datetime,
) -> int:
    """Write the notice that is due, if any, and return the new level: 1 after a day without a success, 2 after 3, 3
    after 5.

    The last disables the endpoint, once enough was tried: 20 tries of 3 events. Asks no table while nothing is due.
    Call it in the transaction that settles the tries: the notice is there with the failure that earned it.
    """
    level = notice_level(failing_since, at=at)
    if level == DISABLE_LEVEL and (failing_tries < DISABLE_TRIES or failing_events < DISABLE_EVENTS):
        level -= 1
    if level <= notified_level:
        return notified_level
    days = NOTICE_DAYS[level - 1]
    if level == DISABLE_LEVEL:
        reason = f"no success for {days} days"
        disable_endpoint(endpoint_id, reason=reason, level=level, days=days, failing_since=failing_since)
    elif Endpoint.objects.filter(pk=endpoint_id, deleted_at=None).exists():
        row = Notice(endpoint_id=endpoint_id, level=level, days=days, failing_since=failing_since)
        Notice.objects.bulk_create([row], ignore_conflicts=True)
    return level
