"""Many prompts asked for at once and sent at a measured pace."""

from django.db import models

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from payments.models.payments import Payment
from payments.states import LINE_OPEN, LINE_REFUSED, LINE_SENDING, LINE_SENT, LINE_STATES

Q = models.Q


class BulkRun(KeyedModel):
    """One call that asked for many prompts. `provider_account` is whose pace they keep; None is the platform's."""

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    provider = models.TextField()
    provider_account = models.ForeignKey(
        "merchants.ProviderAccount", models.PROTECT, null=True, related_name="+", db_index=False
    )
    total = models.SmallIntegerField()
    request_id = models.TextField()
    created_by = models.TextField()
    created_at = models.DateTimeField()

    class Meta:
        db_table = "bulk_run"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="bulk_run_mode"),
            models.CheckConstraint(condition=Q(total__gt=0), name="bulk_run_total"),
        ]
        indexes = [models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="bulk_run_newest")]


class BulkLine(models.Model):
    """One prompt of a run: what was asked for, and the payment or refusal it became. `n` counts from 0.

    `lease_until` is how long the worker that took it has it to itself; `tries` how often it was taken.
    """

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(BulkRun, models.PROTECT, related_name="lines", db_index=False)
    n = models.SmallIntegerField()
    request = models.JSONField()
    status = models.TextField()
    # No constraint: a dead test payment may be cleared away, and its line still tells what became of it.
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, related_name="+", db_index=False, db_constraint=False
    )
    problem = models.JSONField(null=True)
    tries = models.SmallIntegerField(default=0)
    taken_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "bulk_line"
        constraints = [
            models.CheckConstraint(condition=Q(status__in=LINE_STATES), name="bulk_line_status"),
            models.CheckConstraint(
                condition=~Q(status=LINE_SENDING) | Q(lease_until__isnull=False), name="bulk_line_leased"
            ),
            models.CheckConstraint(
                condition=~Q(status=LINE_SENT) | Q(payment__isnull=False), name="bulk_line_has_payment"
            ),
            models.CheckConstraint(
                condition=~Q(status=LINE_REFUSED) | Q(problem__isnull=False), name="bulk_line_has_problem"
            ),
            models.UniqueConstraint(fields=["run", "n"], name="bulk_line_once"),
        ]
        indexes = [
            models.Index(fields=["run", "n"], condition=Q(status__in=LINE_OPEN), name="bulk_line_open"),
            models.Index(fields=["taken_at"], condition=Q(taken_at__isnull=False), name="bulk_line_taken"),
        ]
