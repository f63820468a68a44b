"""Sending one delivery again, by hand."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from audit.services import record
from onpoint_pay.kit.clock import now
from onpoint_pay.kit.errors import Problem
from onpoint_pay.kit.ids import to_public
from webhooks.bell import ring_on_commit
from webhooks.models import ENABLED, MANUAL, OPEN, Delivery, Endpoint
from webhooks.schedule import EXPIRY_HOURS
from webhooks.services.urgent import go_first


def resend_delivery(delivery: Delivery, *, actor: str = "system") -> Delivery:
    """Send it again now, before others of its endpoint, with the same event id, the schedule and the 76 hours beginning
    anew. An open one is merely tried sooner, and one under way is left to that try.

    Raises Problem state_conflict when its endpoint is deleted or not enabled.
    """
    with transaction.atomic():
        endpoint = Endpoint.objects.select_for_update(no_key=True).get(pk=delivery.endpoint_id)
        if endpoint.deleted_at is not None or endpoint.status != ENABLED:
            raise Problem("state_conflict", "The endpoint is not enabled.")
        locked: Delivery = Delivery.objects.select_for_update().get(pk=delivery.pk)
        locked.trigger, locked.next_attempt_at = MANUAL, go_first(endpoint.pk)
        if locked.state != OPEN:
            locked.state, locked.tries, locked.delivered_at = OPEN, 0, None
            locked.expires_at = now() + timedelta(hours=EXPIRY_HOURS)
        locked.save(update_fields=["trigger", "next_attempt_at", "state", "tries", "delivered_at", "expires_at"])
        _audit(locked, actor=actor)
        ring_on_commit()
    return locked


def _audit(delivery: Delivery, *, actor: str) -> None:
    name = to_public("whd", UUID(int=delivery.pk))
    record(merchant_id=delivery.merchant_id, actor=actor, action="webhook_delivery.resent", object_id=name)
