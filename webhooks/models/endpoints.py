"""Where events go: endpoints, the secrets that sign for them, the lane of each, and what its owner was told."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from webhooks.models.words import BREAKERS, CLOSED, ENABLED, INLINE, KINDS, NORMAL, STATUSES, mode_is_known

Q = models.Q


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
    # Tries per second at most; null sets no limit.
    rate_limit = models.SmallIntegerField(null=True)
    api_version = models.TextField()
    created_at = models.DateTimeField(db_default=Now())
    version = models.IntegerField(default=1)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            mode_is_known("webhooks_endpoint_mode"),
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="webhooks_endpoint_kind"),
            models.CheckConstraint(condition=Q(status__in=STATUSES), name="webhooks_endpoint_status"),
            models.CheckConstraint(
                condition=Q(rate_limit__isnull=True) | Q(rate_limit__gte=1, rate_limit__lte=1000),
                name="webhooks_endpoint_rate",
            ),
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


class Lane(models.Model):
    """Who serves an endpoint now, and how it has been answering. One row per endpoint, made with it by the database.

    No transaction of a payment touches it, so payments of one merchant never wait for each other here.
    """

    endpoint = models.OneToOneField(Endpoint, models.CASCADE, primary_key=True, related_name="lane")
    lease_until = models.DateTimeField(null=True)
    lease_token = models.UUIDField(null=True)
    # How many leases in a row ended without a word while `head` was the first delivery in the lane.
    head = models.BigIntegerField(null=True)
    leases_lost = models.SmallIntegerField(default=0, db_default=0)
    # Tries that may be under way at once, and the milliseconds the last answer took.
    send_window = models.SmallIntegerField(default=4, db_default=4)
    last_ms = models.IntegerField(null=True)
    breaker = models.TextField(default=CLOSED, db_default=CLOSED)
    # Nothing is sent before: the breaker is open, the receiver asked for a pause, or its rate is used up.
    open_until = models.DateTimeField(null=True)
    times_tripped = models.SmallIntegerField(default=0, db_default=0)
    failures_in_row = models.IntegerField(default=0, db_default=0)
    # Since the last success: when failing began, over how many tries, of how many events.
    failing_since = models.DateTimeField(null=True)
    failing_tries = models.IntegerField(default=0, db_default=0)
    failing_events = models.IntegerField(default=0, db_default=0)
    last_success_at = models.DateTimeField(null=True)
    notified_level = models.SmallIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(breaker__in=BREAKERS), name="webhooks_lane_breaker"),
            models.CheckConstraint(condition=Q(send_window__gte=1, send_window__lte=32), name="webhooks_lane_window"),
        ]


class Notice(models.Model):
    """What the owner of an endpoint is told of it, once per level and outage: failing for so many days, or disabled."""

    id = models.BigAutoField(primary_key=True)
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="notices")
    level = models.SmallIntegerField()
    # Days without a success when it was written; the last level disables.
    days = models.SmallIntegerField()
    failing_since = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())
    # Null until the mail went out; the dashboard shows it from the start.
    mailed_at = models.DateTimeField(null=True)
    # Whoever sends the mail has the notice to itself until then.
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "failing_since", "level"], name="webhooks_notice_once")
        ]
        indexes = [models.Index(fields=["id"], condition=Q(mailed_at__isnull=True), name="webhooks_notice_unsent")]
