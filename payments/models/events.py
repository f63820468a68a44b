"""Everything providers told us, kept as it came."""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.caller import MODES

Q = models.Q


class ProviderEvent(models.Model):
    """One thing a provider said: a callback as it came in, or the answer to a question of ours. The claim is kept."""

    id = models.BigAutoField(primary_key=True)
    provider = models.TextField()
    door = models.TextField()
    dedupe = models.TextField()
    mode = models.CharField(max_length=4)
    body = models.BinaryField()
    # Of the body as it came in, once personal fields were taken out of it: a repeat is still known for one.
    body_sha256 = models.BinaryField(null=True)
    headers = models.JSONField(default=dict)
    source_ip = models.GenericIPAddressField(null=True)
    token_ok = models.BooleanField(default=False)
    # Whom the token of its address belongs to: an operation, a question of ours, or a provider account.
    op = models.ForeignKey("MoneyOp", models.PROTECT, null=True, related_name="claims", db_constraint=False)
    question = models.ForeignKey("ProviderQuestion", models.PROTECT, null=True, related_name="+", db_constraint=False)
    provider_account = models.ForeignKey(
        "merchants.ProviderAccount", models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    received_at = models.DateTimeField(db_default=Now())
    status = models.TextField(default="new")
    tries = models.IntegerField(default=0)
    next_try = models.DateTimeField(db_default=Now())
    note = models.TextField(default="")

    STATUSES = ("new", "applied", "duplicate", "orphan", "quarantined", "ignored")

    class Meta:
        db_table = "provider_event"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="provider_event_mode"),
            models.CheckConstraint(
                condition=Q(status__in=("new", "applied", "duplicate", "orphan", "quarantined", "ignored")),
                name="provider_event_status",
            ),
            models.UniqueConstraint(fields=["provider", "mode", "door", "dedupe"], name="provider_event_once"),
        ]
        indexes = [
            models.Index(
                fields=["next_try", "id"], condition=Q(status__in=("new", "orphan")), name="provider_event_due"
            ),
            # Rows come in the order of their time: a few pages of ranges are index enough for "lately".
            BrinIndex(fields=["received_at"], name="provider_event_lately", pages_per_range=16),
            models.Index(
                fields=["source_ip", "received_at"], condition=Q(token_ok=False), name="provider_event_strangers"
            ),
        ]
