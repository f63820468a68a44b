"""Events, the endpoints that want them, signing secrets, deliveries and every try made."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet

Q = models.Q

NORMAL, INLINE = "normal", "inline"
ENABLED, PAUSED, DISABLED = "enabled", "paused", "disabled"
OPEN, DELIVERED, FAILED, HELD = "open", "delivered", "failed", "held"
AUTO, MANUAL, RECOVER, TEST = "auto", "manual", "recover", "test"

KINDS = (NORMAL, INLINE)
STATUSES = (ENABLED, PAUSED, DISABLED)
STATES = (OPEN, DELIVERED, FAILED, HELD)
TRIGGERS = (AUTO, MANUAL, RECOVER, TEST)


def mode_is_known(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(condition=Q(mode__in=MODES), name=name)


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
        indexes = [models.Index(fields=["merchant", "mode", "-id"], name="webhooks_event_list")]


class Endpoint(KeyedModel):
    """Where a merchant wants events. `inline` ones stand for the `callback_url` of payments and choose no events."""

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    kind = models.TextField(default=NORMAL)
    url = models.TextField()
    events = ArrayField(models.TextField(), default=list)
    status = models.TextField(default=ENABLED)
    description = models.TextField(default="", blank=True)
    api_version = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    version = models.IntegerField(default=1)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            mode_is_known("webhooks_endpoint_mode"),
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="webhooks_endpoint_kind"),
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="webhooks_endpoint_status"),
            models.UniqueConstraint(
                fields=["merchant", "mode", "url"],
                condition=Q(kind=INLINE),
                name="webhooks_endpoint_inline",
            ),
        ]
        indexes = [
            models.Index(
                fields=["merchant", "mode", "id"],
                condition=Q(kind=NORMAL, deleted_at__isnull=True),
                name="webhooks_endpoint_list",
            )
        ]


class Secret(KeyedModel):
    """A signing secret, sealed. Without an endpoint it is the merchant's default, which signs inline deliveries."""

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, null=True, related_name="secrets")
    ciphertext = models.TextField()
    last4 = models.CharField(max_length=4)
    created_at = models.DateTimeField(db_default=Now())
    # Null while it is the current one; several may sign at once during a rotation.
    expires_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            mode_is_known("webhooks_secret_mode"),
            models.UniqueConstraint(
                fields=["endpoint"],
                condition=Q(endpoint__isnull=False, expires_at__isnull=True),
                name="webhooks_secret_current",
            ),
            models.UniqueConstraint(
                fields=["merchant", "mode"],
                condition=Q(endpoint__isnull=True, expires_at__isnull=True),
                name="webhooks_secret_default",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode"], condition=Q(endpoint__isnull=True), name="webhooks_secret_list")
        ]


class Delivery(models.Model):
    """One event on its way to one endpoint. `lease_until` is also the token of the drain that holds it."""

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
    lease_until = models.DateTimeField(null=True)
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
            # Answers "is anything due?" at once; the other finds what is due for one endpoint behind any backlog.
            models.Index(fields=["next_attempt_at", "id"], condition=Q(state=OPEN), name="webhooks_delivery_due"),
            models.Index(
                fields=["endpoint", "next_attempt_at", "id"], condition=Q(state=OPEN), name="webhooks_delivery_lane"
            ),
            models.Index(fields=["merchant", "mode", "-id"], name="webhooks_delivery_list"),
        ]


class Attempt(models.Model):
    """One try and what came back. Appended, never changed; signatures and secrets stay out of the headers."""

    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, models.PROTECT, related_name="attempts")
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="+", db_index=False)
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

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(trigger__in=TRIGGERS), name="webhooks_attempt_trigger"),
            models.CheckConstraint(condition=Q(n__gte=1), name="webhooks_attempt_n"),
        ]
