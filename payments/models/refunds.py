"""Refunds: money of a payment on its way back to the payer."""

from django.db import models

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from payments.models.events import ProviderEvent
from payments.models.payments import Payment
from payments.states import REFUND_PENDING_REASONS, REFUND_ROUTES, REFUND_STATES

Q = models.Q


class Refund(KeyedModel):
    """A promise to give `amount` minor units back. Held in the ledger while it is open, booked when it is completed."""

    objects = ScopedQuerySet.as_manager()

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="refunds")
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    reference = models.TextField(unique=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.TextField()
    pending_reason = models.TextField(null=True)
    route = models.TextField()
    reason = models.TextField()
    phone = models.TextField(null=True)
    receipt = models.TextField(null=True)
    # Of a refund that a person sent by hand: the receipt or reference it was sent under.
    proof = models.TextField(null=True)
    failure = models.JSONField(null=True)
    evidence = models.ForeignKey(ProviderEvent, models.PROTECT, null=True, related_name="+", db_index=False)
    # The rows the money was held from, to go back to should the refund fail: `available`, `pending:07`, `overpaid`.
    held_from = models.JSONField()
    requested_by = models.TextField()
    approved_by = models.TextField(null=True)
    request_id = models.TextField(null=True)
    created_at = models.DateTimeField()
    expected_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    version = models.IntegerField()

    class Meta:
        db_table = "refunds"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="refunds_mode"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="refunds_amount"),
            models.CheckConstraint(condition=Q(status__in=REFUND_STATES), name="refunds_status"),
            models.CheckConstraint(condition=Q(route__in=REFUND_ROUTES), name="refunds_route"),
            models.CheckConstraint(
                condition=Q(pending_reason__isnull=True)
                | Q(status="pending", pending_reason__in=REFUND_PENDING_REASONS),
                name="refunds_pending_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="refunds_newest"),
            models.Index(
                fields=["merchant", "mode", "receipt"], condition=Q(receipt__isnull=False), name="refunds_by_receipt"
            ),
        ]
