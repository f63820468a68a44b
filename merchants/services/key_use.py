"""When and from where keys were used last: noted by the worker that stores the request log, never by a request."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from audit.services.request_log import forget_read, read_waiting, store
from merchants.models import ApiKey
from merchants.services.key_news import note_key
from onpoint_pay.kit.request_queue import Call

NOTED_EVERY = timedelta(seconds=60)
# So many batches a run: whoever waits longer is taken by the next.
MOST_BATCHES = 40


def keep_requests() -> int:
    """Store the calls that wait, with the uses of keys among them; returns how many calls. May run twice at once."""
    stored = 0
    for _ in range(MOST_BATCHES):
        waiting = read_waiting()
        if not waiting.entries:
            break
        with transaction.atomic():
            stored += store(waiting.calls)
            note_uses(waiting.calls)
        forget_read(waiting)
    return stored


def note_uses(calls: Iterable[Call]) -> None:
    """Remember the last use of each key, at most once a minute; a first use is audited."""
    latest: dict[UUID, tuple[datetime, str]] = {}
    for call in calls:
        if call.key_id is not None:
            latest[call.key_id] = max(latest.get(call.key_id, (call.at, call.address)), (call.at, call.address))
    # In one order everywhere, so that two workers never wait for each other.
    for key in ApiKey.objects.filter(id__in=latest).select_for_update(skip_locked=True).order_by("id"):
        at, place = latest[key.id]
        if key.last_used_at is None:
            note_key(key, actor=key.public_id, action="api_key.first_used")
        elif at - key.last_used_at < NOTED_EVERY:
            continue
        ApiKey.objects.filter(id=key.id).update(last_used_at=at, last_used_place=place)
