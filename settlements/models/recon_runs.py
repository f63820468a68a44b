"""Runs of reconciliation on merchants' own accounts: statements that were brought, and what each comparison found."""

from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from settlements.models.ledger import mode_is_known
from settlements.models.recon import ReconFile
from settlements.states import RECON_RUN_STATES

Q = models.Q


class ReconRun(KeyedModel):
    """One comparison of an account with the books. `account` is `provider:shortcode`, of the merchant's own.

    `source` and `name` are of the statement that was brought, None where nothing was; `first_day` and `last_day` what a
    card provider's list tells whole. `found` is what the comparison came to, `lease_until` until when a worker has it.
    """

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    account = models.TextField()
    currency = models.CharField(max_length=3, default="KES")
    source = models.TextField(null=True)
    name = models.TextField(null=True)
    batch = models.TextField(default="")
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    file = models.ForeignKey(ReconFile, models.PROTECT, null=True, related_name="runs")
    status = models.TextField()
    failure = models.TextField(null=True)
    found = models.JSONField(default=dict)
    requested_by = models.TextField()
    decided_by = models.TextField(null=True)
    tries = models.SmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)

    class Meta:
        db_table = "recon_run"
        constraints = [
            mode_is_known("recon_run_mode"),
            models.CheckConstraint(condition=Q(status__in=RECON_RUN_STATES), name="recon_run_status"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=models.F("requested_by")),
                name="recon_run_two_people",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="recon_run_newest"),
            models.Index(fields=["id"], condition=Q(status="queued"), name="recon_run_queued"),
        ]


class ReconRunPart(models.Model):
    """The bytes of a statement until a worker has taken it in, in compressed and sealed pieces."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ReconRun, models.CASCADE, related_name="parts", db_index=False)
    number = models.IntegerField()
    body = models.BinaryField()

    class Meta:
        db_table = "recon_run_part"
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="recon_run_part_once")]
