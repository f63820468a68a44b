"""What payers asked to have forgotten: who is kept as a keyed digest only, once it is done."""

from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.db import KeyedModel

Q = models.Q
QUEUED, WAITING, DONE = "queued", "waiting", "done"
ERASURE_STATES = (QUEUED, WAITING, DONE)


class Erasure(KeyedModel):
    """One payer of one merchant, in both modes, taken out of every table.

    `subject` is sealed until it is done; `waits_for` says in words why it is not yet; `rows` counts what was changed,
    by table. Until `next_try` nobody looks at it.
    """

    # No foreign key to slow down anything: the row only tells what was done.
    merchant_id = models.UUIDField()
    status = models.TextField(default=QUEUED)
    subject = models.TextField(null=True)
    digest = models.TextField()
    waits_for = models.TextField(null=True)
    rows = models.JSONField(default=dict)
    requested_by = models.TextField()
    request_id = models.TextField(null=True)
    next_try = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    completed_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)

    class Meta:
        db_table = "privacy_erasure"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=ERASURE_STATES), name="privacy_erasure_status"),
            models.CheckConstraint(
                condition=Q(status=DONE, subject__isnull=True, completed_at__isnull=False)
                | (~Q(status=DONE) & Q(subject__isnull=False)),
                name="privacy_erasure_forgets",
            ),
            models.UniqueConstraint(
                fields=["merchant_id", "digest"], condition=~Q(status=DONE), name="privacy_erasure_once"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant_id", "-created_at", "-id"], name="privacy_erasure_newest"),
            models.Index(fields=["next_try"], condition=~Q(status=DONE), name="privacy_erasure_due"),
        ]
