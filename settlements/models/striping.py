"""Whose pending money is spread over several rows, so that writers of one busy merchant do not queue on one."""

from django.db import models
from django.db.models.functions import Now

from settlements.models.ledger import mode_is_known

Q, F = models.Q, models.F


class PendingStriping(models.Model):
    """Captures of payments made from `since` up to `until` go to the row that the payment's id names, 00 to 15.

    The payment's own time decides, not the moment of posting: the same capture posted again names the same row.
    """

    id = models.BigAutoField(primary_key=True)
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    since = models.DateTimeField(db_default=Now())
    until = models.DateTimeField(null=True)
    created_by = models.TextField()

    class Meta:
        db_table = "ledger_pending_striping"
        constraints = [
            mode_is_known("ledger_pending_striping_mode"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="ledger_pending_striping_range"
            ),
            models.UniqueConstraint(
                fields=["merchant", "mode"], condition=Q(until__isnull=True), name="ledger_pending_striping_open"
            ),
        ]
        indexes = [models.Index(fields=["merchant", "mode"], name="ledger_pending_striping_of")]
