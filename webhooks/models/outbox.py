"""What is told: events, their deliveries to endpoints, every try made, and the jobs that open deliveries again."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from webhooks.models.endpoints import Endpoint
from webhooks.models.words import (
    AUTO,
    DELIVERED,
    ENDED,
    FAILED,
    HELD,
    OPEN,
    RECOVERABLE,
    RUNNING,
    STATES,
    TRIGGERS,
    mode_is_known,
)

Q = models.Q


class Event(KeyedModel):
    """Something that happened to a merchant's object. `body` is the exact text that is signed and sent."""

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    type = models.TextField()
    # `<type>:<object id>`: the same news of the same object cannot be published twice.
    key = models.TextField(null=True)
    api_version = models.TextField()
    body = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    # Given after commit, never inside the transaction of a payment.
    sequence = models.BigIntegerField(null=True)

    class Meta:
        constraints = [
            mode_is_known("webhooks_event_mode"),
            models.UniqueConstraint(fields=["key"], name="webhooks_event_key"),
            models.UniqueConstraint(
                fields=["merchant", "mode", "sequence"],
                condition=Q(sequence__isnull=False),
                name="webhooks_event_sequence",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-id"], name="webhooks_event_list"),
            models.Index(fields=["id"], condition=Q(sequence__isnull=True), name="webhooks_event_unnumbered"),
        ]


class EventSequence(models.Model):
    """The last number given to an event of one merchant in one mode."""

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    last = models.BigIntegerField()

    class Meta:
        constraints = [
            mode_is_known("webhooks_eventsequence_mode"),
            models.UniqueConstraint(fields=["merchant", "mode"], name="webhooks_eventsequence_once"),
        ]


class Delivery(models.Model):
    """One event on its way to one endpoint. Whoever holds the endpoint's lane sends it; the row itself has no owner."""

    objects = ScopedQuerySet.as_manager()

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(Event, models.PROTECT, related_name="deliveries", db_index=False)
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="deliveries", db_index=False)
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    state = models.TextField(default=OPEN)
    # Tries since it was opened; a resend starts the count again.
    tries = models.SmallIntegerField(default=0, db_default=0)
    # Why the next try is made.
    trigger = models.TextField(default=AUTO, db_default=AUTO)
    next_attempt_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    last_status = models.SmallIntegerField(null=True)
    last_error = models.TextField(default="", db_default="")
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            mode_is_known("webhooks_delivery_mode"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="webhooks_delivery_state"),
            models.CheckConstraint(condition=Q(trigger__in=TRIGGERS), name="webhooks_delivery_trigger"),
            models.CheckConstraint(condition=Q(tries__gte=0), name="webhooks_delivery_tries"),
            models.CheckConstraint(
                condition=~Q(state=DELIVERED) | Q(delivered_at__isnull=False), name="webhooks_delivery_delivered"
            ),
            models.UniqueConstraint(fields=["event", "endpoint"], name="webhooks_delivery_once"),
        ]
        indexes = [
            # The only index a drain uses: what is due for one endpoint, behind any backlog of the others.
            models.Index(
                fields=["endpoint", "next_attempt_at", "id"], condition=Q(state=OPEN), name="webhooks_delivery_lane"
            ),
            models.Index(fields=["merchant", "mode", "-id"], name="webhooks_delivery_list"),
            # What one endpoint missed. A delivery that simply arrives never has an entry here.
            models.Index(
                fields=["endpoint", "id"],
                include=["state"],
                condition=Q(state__in=(FAILED, HELD)),
                name="webhooks_delivery_missed",
            ),
        ]


class Attempt(models.Model):
    """One try and what came back. Appended, never changed; signatures and secrets stay out of the headers.

    A partition per day of `started_at`, dropped whole when it is old enough; its indexes are made by the migration.
    Only the statement that settles tries writes here, joined to the deliveries it settles, so no foreign key is checked
    for each.
    """

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, models.DO_NOTHING, related_name="attempts", db_constraint=False)
    endpoint = models.ForeignKey(Endpoint, models.DO_NOTHING, related_name="+", db_index=False, db_constraint=False)
    n = models.SmallIntegerField()
    trigger = models.TextField()
    started_at = models.DateTimeField()
    connect_ms = models.IntegerField(null=True)
    total_ms = models.IntegerField()
    status = models.SmallIntegerField(null=True)
    error_code = models.TextField(default="")
    request_headers = models.JSONField(default=dict)
    response_headers = models.JSONField(default=dict)
    response_excerpt = models.TextField(default="")
    ip = models.GenericIPAddressField(null=True)
    worker = models.TextField(default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(trigger__in=TRIGGERS), name="webhooks_attempt_trigger"),
            models.CheckConstraint(condition=Q(n__gte=1), name="webhooks_attempt_n"),
        ]


class Recovery(KeyedModel):
    """A job that opens deliveries of one endpoint again, in ranges of keys, paced so that live ones are not behind."""

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="recoveries")
    since = models.DateTimeField()
    until = models.DateTimeField()
    # Patterns as an endpoint's own `events`.
    types = ArrayField(models.TextField(), default=list)
    which = models.TextField()
    state = models.TextField(default=RUNNING)
    # The last delivery looked at, how many were looked at and opened, and when the last of those is due.
    cursor = models.BigIntegerField(default=0)
    seen = models.IntegerField(default=0)
    opened = models.IntegerField(default=0)
    due_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            mode_is_known("webhooks_recovery_mode"),
            models.CheckConstraint(condition=Q(which__in=RECOVERABLE), name="webhooks_recovery_which"),
            models.CheckConstraint(
                condition=Q(state=RUNNING, finished_at__isnull=True) | Q(state__in=ENDED, finished_at__isnull=False),
                name="webhooks_recovery_state",
            ),
            # At most one at a time for an endpoint; also how the running ones are found.
            models.UniqueConstraint(fields=["endpoint"], condition=Q(state=RUNNING), name="webhooks_recovery_running"),
        ]
