"""Payments, the tries made for them at a provider, and everything providers told us."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now

from onpoint_pay.kit.caller import MODES
from onpoint_pay.kit.db import KeyedModel, ScopedQuerySet
from payments.states import CLOSED_UNPAID, OP_OPEN, OP_STATES, PAID, PAYMENT_STATES, PENDING_REASONS

Q = models.Q
REFERENCE_POLICIES = ("unique_unless_failed", "unique", "any")


class ProviderEvent(models.Model):
    """One thing a provider said: a callback as it came in, or the answer to a question of ours. The claim is kept."""

    id = models.BigAutoField(primary_key=True)
    provider = models.TextField()
    door = models.TextField()
    dedupe = models.TextField()
    mode = models.CharField(max_length=4)
    body = models.BinaryField()
    headers = models.JSONField(default=dict)
    source_ip = models.GenericIPAddressField(null=True)
    token_ok = models.BooleanField(default=False)
    op = models.ForeignKey("MoneyOp", models.PROTECT, null=True, related_name="claims", db_constraint=False)
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
            models.Index(
                fields=["source_ip", "received_at"], condition=Q(token_ok=False), name="provider_event_strangers"
            ),
        ]


class Payment(KeyedModel):
    """Money a payer was asked for. Amounts are minor units; `fee` is frozen when the payment is made."""

    objects = ScopedQuerySet.as_manager()

    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    reference = models.TextField(unique=True)
    merchant_reference = models.TextField(null=True)
    reference_policy = models.TextField()
    # What stands on the payer's statement: ours alone, so that a statement line finds its payment.
    account_reference = models.CharField(max_length=12, unique=True)
    shown_reference = models.CharField(max_length=12, null=True)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    fee = models.BigIntegerField()
    tax = models.BigIntegerField()
    captured = models.BigIntegerField()
    refund_held = models.BigIntegerField()
    refunded = models.BigIntegerField()
    payment_method = models.TextField()
    channel = models.TextField()
    provider = models.TextField()
    shortcode = models.TextField()
    simulated = models.BooleanField()
    status = models.TextField()
    pending_reason = models.TextField(null=True)
    failure = models.JSONField(null=True)
    evidence = models.ForeignKey(ProviderEvent, models.PROTECT, null=True, related_name="+", db_index=False)
    provider_reference = models.TextField(null=True)
    provider_details = models.JSONField()
    receipt = models.TextField(null=True)
    confirmed_by = models.TextField(null=True)
    capture_transfer = models.OneToOneField("settlements.LedgerTransfer", models.PROTECT, null=True, related_name="+")
    surplus = models.BooleanField()
    late = models.BooleanField()
    amount_check = models.TextField()
    attempts = models.SmallIntegerField()
    phone = models.TextField(null=True)
    email = models.TextField(null=True)
    description = models.TextField(null=True)
    customer_message = models.TextField(null=True)
    language = models.CharField(max_length=2)
    metadata = models.JSONField()
    callback_url = models.TextField(null=True)
    callback_endpoint = models.UUIDField(null=True)
    request_id = models.TextField(null=True)
    idempotency_key = models.TextField(null=True)
    created_by = models.TextField()
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    version = models.IntegerField()

    class Meta:
        db_table = "transactions"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="transactions_mode"),
            models.CheckConstraint(condition=Q(status__in=PAYMENT_STATES), name="transactions_status"),
            models.CheckConstraint(
                condition=Q(pending_reason__isnull=True) | Q(status="pending", pending_reason__in=PENDING_REASONS),
                name="transactions_pending_reason",
            ),
            models.CheckConstraint(
                condition=Q(reference_policy__in=REFERENCE_POLICIES), name="transactions_reference_policy"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="transactions_amount"),
            models.CheckConstraint(
                condition=Q(fee__gte=0, tax__gte=0, amount__gte=models.F("fee") + models.F("tax")),
                name="transactions_fee",
            ),
            models.CheckConstraint(
                condition=Q(captured=0) | Q(captured=models.F("amount")), name="transactions_captured"
            ),
            models.CheckConstraint(
                condition=Q(
                    refund_held__gte=0,
                    refunded__gte=0,
                    captured__gte=models.F("refund_held") + models.F("refunded"),
                ),
                name="transactions_refund_cap",
            ),
            models.CheckConstraint(
                condition=Q(status__in=PAID, captured__gt=0, capture_transfer__isnull=False)
                | (~Q(status__in=PAID) & Q(captured=0, capture_transfer__isnull=True)),
                name="transactions_completed",
            ),
            models.CheckConstraint(
                condition=Q(amount_check__in=("exact", "under", "over")), name="transactions_amount_check"
            ),
            models.UniqueConstraint(
                fields=["provider", "mode", "receipt"],
                condition=Q(receipt__isnull=False),
                name="transactions_receipt",
            ),
            models.UniqueConstraint(
                fields=["merchant", "mode", "merchant_reference"],
                condition=~Q(status__in=CLOSED_UNPAID) & Q(surplus=False) & ~Q(reference_policy="any"),
                name="transactions_live_reference",
            ),
            models.UniqueConstraint(
                fields=["merchant", "mode", "merchant_reference"],
                condition=Q(reference_policy="unique"),
                name="transactions_unique_reference",
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "mode", "-created_at", "-id"], name="transactions_newest"),
            models.Index(fields=["merchant", "mode", "status", "-created_at", "-id"], name="transactions_by_status"),
            models.Index(fields=["merchant", "mode", "merchant_reference"], name="transactions_by_reference"),
            models.Index(
                fields=["merchant", "mode", "provider_reference"],
                condition=Q(provider_reference__isnull=False),
                name="transactions_by_provider",
            ),
            GinIndex(fields=["metadata"], opclasses=["jsonb_path_ops"], name="transactions_metadata"),
        ]


class MoneyOp(KeyedModel):
    """One try at a provider that can move money: committed before the call, closed by the provider's word."""

    payment = models.ForeignKey(Payment, models.PROTECT, null=True, related_name="ops", db_index=False)
    surplus_payment = models.OneToOneField(Payment, models.PROTECT, null=True, related_name="+")
    merchant = models.ForeignKey("merchants.Merchant", models.PROTECT, related_name="+", db_index=False)
    mode = models.CharField(max_length=4)
    provider = models.TextField()
    kind = models.TextField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    client_ref = models.TextField(unique=True)
    token_hash = models.BinaryField(null=True, unique=True)
    provider_ref = models.TextField(null=True)
    status = models.TextField()
    evidence = models.ForeignKey(ProviderEvent, models.PROTECT, null=True, related_name="+", db_index=False)
    lease_until = models.DateTimeField(null=True)
    next_check = models.DateTimeField(null=True)
    checks = models.IntegerField()
    answered_checks = models.IntegerField()
    last_answer_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "money_op"
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=MODES), name="money_op_mode"),
            models.CheckConstraint(condition=Q(status__in=OP_STATES), name="money_op_status"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="money_op_amount"),
            models.CheckConstraint(
                condition=~Q(status__in=OP_OPEN) | Q(next_check__isnull=False), name="money_op_watched"
            ),
            models.UniqueConstraint(
                fields=["provider", "mode", "kind", "provider_ref"],
                condition=Q(provider_ref__isnull=False),
                name="money_op_provider_ref",
            ),
            models.UniqueConstraint(fields=["payment"], condition=Q(status__in=OP_OPEN), name="money_op_one_payment"),
        ]
        indexes = [
            models.Index(fields=["payment", "id"], name="money_op_of_payment"),
            models.Index(fields=["next_check"], condition=Q(status__in=OP_OPEN), name="money_op_due"),
        ]
