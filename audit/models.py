"""The audit chain with origins and checkpoints, the request log, state changes and their history, data keys."""

from typing import Any

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.db import ScopedQuerySet


class AuditHead(models.Model):
    """The newest link of one chain: `m<merchant key>` for a merchant, `platform` for the rest."""

    stream = models.TextField(primary_key=True)
    seq = models.BigIntegerField()
    hash = models.BinaryField()

    class Meta:
        db_table = "audit_head"


class AuditEvent(models.Model):
    """One link: a trigger sets `seq`, `prev`, `at` and `hash`; nothing is ever changed or removed."""

    pk = models.CompositePrimaryKey("stream", "seq")
    stream = models.TextField()
    seq = models.BigIntegerField()
    at = models.DateTimeField()
    actor = models.TextField()
    action = models.TextField()
    object = models.TextField(default="")
    detail = models.JSONField(default=dict)
    prev = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        db_table = "audit_event"
        indexes = [
            models.Index(fields=["stream", "object", "seq"], name="audit_event_of_object"),
            # Rows come in the order of their time: a few pages of ranges are index enough for a span of days.
            BrinIndex(fields=["at"], name="audit_event_lately", pages_per_range=32),
        ]

    @property
    def told(self) -> dict[str, Any]:
        """`detail` without where the request came from."""
        return {name: value for name, value in self.detail.items() if name != "origin"}


class AuditOrigin(models.Model):
    """Where the request behind a link came from, in clear. The chain holds keyed digests only: this may be deleted."""

    pk = models.CompositePrimaryKey("stream", "seq")
    stream = models.TextField()
    seq = models.BigIntegerField()
    at = models.DateTimeField(db_default=Now())
    address = models.TextField()
    user_agent = models.TextField()

    class Meta:
        db_table = "audit_origin"
        indexes = [BrinIndex(fields=["at"], name="audit_origin_lately", pages_per_range=32)]


class AuditCheckpoint(models.Model):
    """A copy of a signed checkpoint, for receipts; the one that proves anything lies outside the database.

    `statement` is the exact text that was signed, `heads` the streams it speaks of as JSON, `mailed_at` when the
    operators got it.
    """

    number = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    statement = models.TextField()
    signature = models.TextField()
    public_key = models.TextField()
    heads = models.TextField()
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "audit_checkpoint"


class DataKey(models.Model):
    """A key that seals the rows of one merchant (None: the platform's), itself sealed under a key of the keyring.

    `ring_key` names that key. Without `wrapped` the key is destroyed, and with it what it sealed.
    """

    id = models.BigAutoField(primary_key=True)
    merchant_id = models.UUIDField(null=True)
    ring_key = models.TextField()
    wrapped = models.TextField(null=True)
    is_current = models.BooleanField(default=True, db_default=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "data_key"
        indexes = [models.Index(fields=["ring_key"], name="data_key_by_ring_key")]
        constraints = [
            models.UniqueConstraint(
                fields=["merchant_id"],
                condition=models.Q(is_current=True),
                nulls_distinct=False,
                name="data_key_current",
            )
        ]


class RequestLog(models.Model):
    """One call of the API by somebody known, for its merchant. Written by a worker after the answer, never changed.

    `id` is the key in the request's public id. `actor` is the key or person, `address` the IPv4 address or the /64 of
    an IPv6 address. Bodies are JSON without secrets and without what tells of a person. A partition per day of `at`,
    dropped whole after 30 days; its one index is made by the migration.
    """

    id = models.UUIDField(primary_key=True)
    at = models.DateTimeField()
    merchant_id = models.UUIDField()
    mode = models.TextField()
    actor = models.TextField()
    method = models.TextField()
    path = models.TextField()
    status = models.SmallIntegerField()
    ms = models.IntegerField()
    address = models.TextField(default="")
    error_code = models.TextField(default="")
    idempotency_digest = models.TextField(default="")
    client_request_id = models.TextField(default="")
    request_body = models.TextField(null=True)
    answer_body = models.TextField(null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "request_log"


class StateRule(models.Model):
    """A legal move of one state machine. Filled by migrations from each app's `states.py`, read by `state_guard`."""

    pk = models.CompositePrimaryKey("entity", "from_state", "to_state")
    entity = models.TextField()
    from_state = models.TextField()
    to_state = models.TextField()
    evidence = models.BooleanField()

    class Meta:
        # Part of the schema rather than data: emptying the database for a test must leave it.
        managed = False
        db_table = "state_rule"


class StateHistory(models.Model):
    """One move that happened, with the evidence that allowed it. Written by `state_guard` only."""

    id = models.BigAutoField(primary_key=True)
    entity = models.TextField()
    entity_id = models.UUIDField()
    from_state = models.TextField()
    to_state = models.TextField()
    evidence_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "state_history"
        indexes = [models.Index(fields=["entity_id", "id"], name="state_history_entity")]
        constraints = [
            # One piece of evidence moves one row of a kind once: it cannot be used again for another payment.
            models.UniqueConstraint(
                fields=["entity", "evidence_id"],
                condition=models.Q(evidence_id__isnull=False),
                name="state_history_evidence",
            )
        ]
