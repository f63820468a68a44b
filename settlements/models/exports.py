"""Files of a merchant's rows, made on request and kept for a day."""

from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from settlements.models.ledger import mode_is_known
from settlements.states import EXPORT_FORMATS, EXPORT_STATES, EXPORT_TYPES

Q = models.Q


class Export(KeyedModel):
    """One file: what was asked for, and what was made. `filters` as they were sent, `bytes` of the file.

    `lease_until` is until when a worker has it. The file is gone once it is `expired`.
    """

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    type = models.TextField()
    format = models.TextField()
    filters = models.JSONField(default=dict)
    status = models.TextField(default="queued")
    rows = models.BigIntegerField(null=True)
    bytes = models.BigIntegerField(null=True)
    sha256 = models.TextField(null=True)
    failure = models.TextField(null=True)
    requested_by = models.TextField()
    tries = models.SmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        db_table = "export"
        constraints = [
            mode_is_known("export_mode"),
            models.CheckConstraint(condition=Q(type__in=EXPORT_TYPES), name="export_type"),
            models.CheckConstraint(condition=Q(format__in=EXPORT_FORMATS), name="export_format"),
            models.CheckConstraint(condition=Q(status__in=EXPORT_STATES), name="export_status"),
            models.CheckConstraint(
                condition=~Q(status="ready")
                | Q(rows__isnull=False, bytes__isnull=False, sha256__isnull=False, expires_at__isnull=False),
                name="export_ready",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-id"], name="export_of_merchant"),
            models.Index(fields=["id"], condition=Q(status="queued"), name="export_queued"),
            models.Index(fields=["expires_at"], condition=Q(status="ready"), name="export_due"),
        ]
