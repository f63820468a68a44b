"""The audit chain, the table of legal state changes, and the history of every change."""

from django.db import models


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
